#include <anymetal/registry.hpp>

#include "cache/disk_store.hpp"
#include "registry/compiler.hpp"
#include "registry/default_store.hpp"

#include <utility>

namespace anymetal {

namespace {

std::shared_ptr<cache::DiskStore> open_store(const DiskCacheOptions& options) {
  auto settings = registry::store_settings(options);
  return settings ? std::make_shared<cache::DiskStore>(std::move(*settings)) : nullptr;
}

}  // namespace

KernelRegistry::KernelRegistry() : KernelRegistry(DiskCacheOptions{}) {}
KernelRegistry::KernelRegistry(const DiskCacheOptions& cache)
    : KernelRegistry(registry::make_clang_compiler(), open_store(cache)) {}

}  // namespace anymetal
