#pragma once
/// \file
/// From a source and a key to a pipeline: from disk where it is there, else parse, pick the entry, generate; then load.

#include <anymetal/pipeline.hpp>
#include <anymetal/registry.hpp>

#include "cache/disk_store.hpp"
#include "registry/compiler.hpp"
#include "registry/pipeline_key.hpp"
#include "registry/source.hpp"
#include "registry/stored_form.hpp"
#include "registry/stored_key.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace anymetal::registry {

/// Where kernels and pipelines are kept between processes; nullptr for nowhere.
using StorePtr = std::shared_ptr<cache::DiskStore>;

/// Thread contract: safe from any thread; several pipelines are built at once.
class PipelineBuilder {
 public:
  PipelineBuilder(std::shared_ptr<const Compiler> compiler, StorePtr store);

  /// Asked between steps; no ends the build with Cancelled.
  using StillWanted = std::function<bool()>;
  /// Errors carry kernel, device and key.
  [[nodiscard]] Result<PipelinePtr> build(Source& source, const PipelineKey& key, const std::shared_ptr<device::Backend>& backend,
                                          const StillWanted& still_wanted);
  /// The index of the function constant `constant`; FunctionConstantError lists those the source declares.
  [[nodiscard]] Result<std::uint32_t> resolve_constant(Source& source, std::string_view kernel, std::string_view constant,
                                                       msl::Target target);
  /// Fills in what was built and what the disk did.
  void count(KernelRegistry::Statistics& statistics) const;

 private:
  struct Request;
  [[nodiscard]] Result<PipelinePtr> build(Request& request);
  /// `key` is where the pipeline is on the disk; empty for nowhere.
  [[nodiscard]] Result<PipelinePtr> load(Request& request, StoredPipeline stored, const std::string& key);
  [[nodiscard]] PipelinePtr from_disk(Request& request, const std::string& key);
  /// What the source finds in its include directories; empty where only a parse can tell.
  [[nodiscard]] std::optional<FileDependencies> known_files(Source& source, msl::Target target);
  /// Parses the source where that was not done, and keeps the list of its files.
  [[nodiscard]] Result<Source::UnitPtr> parse(Source& source, msl::Target target);
  /// `files` are the source's known_files(), looked at once a request.
  [[nodiscard]] Result<StoredEntry> find_entry(Source& source, std::string_view kernel, msl::Target target, std::span<const KeyConstant> constants,
                                               const std::optional<FileDependencies>& files);

  const std::shared_ptr<const Compiler> compiler_;
  const StorePtr store_;
  std::atomic<std::size_t> parses_{0};
  std::atomic<std::size_t> entries_{0};
  std::atomic<std::size_t> compiles_{0};
  std::atomic<std::size_t> loads_{0};
  std::atomic<std::size_t> failures_{0};
  std::atomic<std::size_t> cancelled_{0};
  std::atomic<std::size_t> disk_hits_{0};
};

/// UnsupportedByDevice where the kernel's name asks for matrix hardware the device lacks.
Result<void> check_capability(std::string_view name, const device::Backend& backend);

}  // namespace anymetal::registry
