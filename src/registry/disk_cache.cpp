#include <anymetal/disk_cache.hpp>

#include "cache/disk_store.hpp"
#include "observe/environment.hpp"
#include "observe/log.hpp"
#include "registry/default_store.hpp"

namespace anymetal {

namespace {

// Runs one operation of the store and tells what it returned together with where the store is.
DiskCacheUsage on_store(const DiskCacheOptions& options, cache::StoreUsage (cache::DiskStore::*operation)()) {
  const auto settings = registry::store_settings(options);
  if (!settings) return {};
  cache::DiskStore store(*settings);
  const auto found = (store.*operation)();
  return {.enabled = true,
          .directory = settings->directory,
          .problem = found.problem,
          .size_limit = settings->size_limit,
          .entries = found.entries,
          .bytes = found.bytes,
          .damaged = found.damaged,
          .left = found.left};
}

}  // namespace

std::optional<cache::StoreSettings> registry::store_settings(const DiskCacheOptions& options) {
  environment::check();
  if (!options.enabled) return std::nullopt;
  auto settings = cache::settings_from_environment();
  if (!options.directory.empty()) {
    if (!settings) settings.emplace();
    settings->directory = options.directory;
  }
  if (!settings) {
    if (!cache::turned_off_by_environment()) {
      log::warning("no disk cache: none of ANYMETAL_CACHE_DIR, XDG_CACHE_HOME and HOME names a directory");
    }
    return settings;
  }
  if (options.size_limit != 0) settings->size_limit = options.size_limit;
  if (!options.key_file.empty()) settings->key_file = options.key_file;
  settings->warn = &log::warning;
  return settings;
}

DiskCacheUsage disk_cache_usage(const DiskCacheOptions& options) { return on_store(options, &cache::DiskStore::usage); }
DiskCacheUsage verify_disk_cache(const DiskCacheOptions& options) { return on_store(options, &cache::DiskStore::verify); }
DiskCacheUsage clear_disk_cache(const DiskCacheOptions& options) { return on_store(options, &cache::DiskStore::clear); }

}  // namespace anymetal
