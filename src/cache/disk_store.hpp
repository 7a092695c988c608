#pragma once
/// \file
/// Keys to payloads on disk, shared by any number of threads and processes.

#include "cache/settings.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace anymetal::cache {

class PrivateDirectory;
class Seal;

/// Work done since the store was opened.
struct StoreCounters {
  std::size_t hits = 0;
  std::size_t misses = 0;      ///< corrupt entries included
  std::size_t corrupt = 0;     ///< entries found damaged, foreign or unusable, and removed
  std::size_t writes = 0;
  std::size_t failed_writes = 0;
  std::size_t refused = 0;     ///< puts of what alone is larger than the limit
  std::size_t evictions = 0;
  std::uint64_t bytes_read = 0;
  std::uint64_t bytes_written = 0;
};

/// What is on disk.
struct StoreUsage {
  std::size_t entries = 0;
  std::uint64_t bytes = 0;
  std::size_t damaged = 0;  ///< found, and removed, by `verify`
  std::size_t left = 0;     ///< could not be removed by `clear`
  std::string problem;      ///< why the directory cannot be used; empty where it can
};

/// Files are published by rename: a reader sees a whole file or none, and a killed writer leaves at most a temporary file
/// that a later run sweeps away. Any doubt about a file is a miss; one that the system could not read (no descriptor left, an
/// error of the disk's) is a miss, too, but stays. Nothing here fails: without a usable directory, or without memory, `get`
/// finds nothing, `put` does nothing, and one warning tells why where it is the directory.
///
/// A file's data is forced to the disk before its name, so that a power failure leaves no torn file under a good name. The
/// name itself is not: it is lost or kept, and either is right.
///
/// A put that goes beyond the limit removes the files that were used longest ago, never the one it has just written. What
/// alone is larger than the limit is not written.
///
/// Thread contract: safe from any thread.
class DiskStore {
 public:
  explicit DiskStore(StoreSettings settings);
  ~DiskStore();

  [[nodiscard]] std::optional<std::string> get(std::string_view key);
  void put(std::string_view key, std::string_view payload);
  /// The payload of `key` turned out unusable: counts it as corrupt and removes it.
  void reject(std::string_view key);

  [[nodiscard]] StoreCounters counters() const;
  [[nodiscard]] StoreUsage usage();
  /// Reads every entry; removes the damaged ones.
  StoreUsage verify();
  /// Removes every entry; returns what there was.
  StoreUsage clear();
  [[nodiscard]] const std::string& directory() const { return settings_.directory; }

 private:
  struct Listed;
  // What a usable store works with.
  struct Opened {
    std::shared_ptr<const PrivateDirectory> directory;
    std::shared_ptr<const Seal> seal;  // nullptr without a key file
    [[nodiscard]] std::string file_of(std::string_view key) const;
  };
  /// nullptr where the directory cannot be used; then `problem_` says why.
  [[nodiscard]] const Opened* open();
  [[nodiscard]] std::vector<Listed> list(const PrivateDirectory& directory) const;
  void discard(const PrivateDirectory& directory, const std::string& name);
  void make_room(const PrivateDirectory& directory, const std::string& name, std::uint64_t added);
  void warn_unread(const std::string& problem) const;
  void warn_once(std::atomic<bool>& told, const std::string& text) const;
  void step(PublishStep now) const;

  const StoreSettings settings_;
  std::mutex mutex_;  // guards what follows
  bool tried_ = false;                        // to open it
  std::optional<Opened> opened_;              // neither this
  std::string problem_;                       // nor this changes once tried
  std::optional<std::uint64_t> known_bytes_;  // counted at the first put, then kept up

  struct Atomic {
    std::atomic<std::size_t> hits{0}, misses{0}, corrupt{0}, writes{0}, failed_writes{0}, refused{0},
        evictions{0};
    std::atomic<std::uint64_t> bytes_read{0}, bytes_written{0};
  } counts_;
  mutable std::atomic<bool> told_directory_{false}, told_write_{false}, told_size_{false}, told_corrupt_{false}, told_unread_{false};
};

}  // namespace anymetal::cache
