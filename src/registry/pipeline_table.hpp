#pragma once
/// \file
/// The pipelines in memory.

#include <anymetal/pipeline.hpp>

#include "registry/pipeline_key.hpp"
#include "registry/reader_epochs.hpp"

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <vector>

namespace anymetal::registry {

/// Maps keys to pipelines. Readers probe an immutable table; a writer publishes the next one and frees the old one when
/// no reader is in it.
///
/// Thread contract: safe from any thread; `find` takes no lock and allocates nothing.
class PipelineTable {
 public:
  PipelineTable();
  ~PipelineTable();
  PipelineTable(const PipelineTable&) = delete;
  PipelineTable& operator=(const PipelineTable&) = delete;

  /// nullptr where there is none.
  [[nodiscard]] PipelinePtr find(const PipelineKeyView& key) const;
  /// The same for writers: waits for them, and is not counted.
  [[nodiscard]] PipelinePtr peek(const PipelineKeyView& key) const;
  /// An entry with the same key is replaced. Here and below, std::bad_alloc leaves the table as it was.
  void insert(PipelineKey key, PipelinePtr pipeline);
  /// Drops all specialisations of a kernel on all devices.
  void erase_kernel(std::string_view name);

  [[nodiscard]] bool contains_label(std::string_view label) const;
  [[nodiscard]] std::size_t size() const;
  /// Calls of `find` since construction.
  [[nodiscard]] std::size_t lookups() const;

 private:
  struct Node {
    PipelineKey key;
    PipelinePtr pipeline;
  };
  // Open addressing, at most half full; a power of two of slots.
  struct Table {
    explicit Table(std::span<const std::unique_ptr<const Node>> nodes);
    [[nodiscard]] const Node* find(const PipelineKeyView& key) const;
    std::size_t mask;
    std::vector<const Node*> slots;
  };

  /// Lets readers find the first `kept` nodes alone, then drops the others: no reader has them any more.
  void publish(std::size_t kept);

  ReaderEpochs readers_;
  std::atomic<const Table*> current_{nullptr};
  mutable std::mutex writer_;                        // guards what follows and publication
  std::unique_ptr<const Table> owner_;               // of current_
  std::vector<std::unique_ptr<const Node>> nodes_;
};

}  // namespace anymetal::registry
