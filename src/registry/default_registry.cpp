#include <anymetal/registry.hpp>

#include "cache/disk_store.hpp"
#include "registry/compiler.hpp"

#include <utility>

namespace anymetal {

namespace {

std::shared_ptr<cache::DiskStore> open_store(const DiskCacheOptions& options) {
  if (!options.enabled) return nullptr;
  auto settings = cache::settings_from_environment();
  if (!options.directory.empty()) {
    if (!settings) settings.emplace();
    settings->directory = options.directory;
  }
  if (!settings) return nullptr;
  if (options.size_limit != 0) settings->size_limit = options.size_limit;
  return std::make_shared<cache::DiskStore>(std::move(*settings));
}

}  // namespace

KernelRegistry::KernelRegistry() : KernelRegistry(DiskCacheOptions{}) {}
KernelRegistry::KernelRegistry(const DiskCacheOptions& cache)
    : KernelRegistry(registry::make_clang_compiler(), open_store(cache)) {}

}  // namespace anymetal
