#pragma once
/// \file
/// The disk cache of compiled kernels, seen from outside.

#include <anymetal/registry.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace anymetal {

/// What is kept, or what an operation found.
struct DiskCacheUsage {
  bool enabled = false;           ///< false where it is turned off or no directory is known
  std::string directory;
  std::string problem;            ///< why the directory cannot be used; empty where it can
  std::uint64_t size_limit = 0;   ///< bytes
  std::size_t entries = 0;
  std::uint64_t bytes = 0;
  std::size_t damaged = 0;        ///< removed by verify_disk_cache
  std::size_t left = 0;           ///< could not be removed by clear_disk_cache
};

/// Counts entries; reads none of them.
DiskCacheUsage disk_cache_usage(const DiskCacheOptions& options = {});
/// Reads every entry and removes those that are damaged.
DiskCacheUsage verify_disk_cache(const DiskCacheOptions& options = {});
/// Removes every entry; returns what there was. Pipelines in memory stay.
DiskCacheUsage clear_disk_cache(const DiskCacheOptions& options = {});

}  // namespace anymetal
