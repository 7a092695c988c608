#include <anymetal/registry.hpp>

#include "cache/disk_store.hpp"
#include "registry/compiler.hpp"
#include "registry/default_store.hpp"

#include <utility>

namespace anymetal {

std::shared_ptr<cache::DiskStore> registry::open_store(const DiskCacheOptions& options) {
  auto settings = store_settings(options);
  return settings ? std::make_shared<cache::DiskStore>(std::move(*settings)) : nullptr;
}

KernelRegistry::KernelRegistry() : KernelRegistry(DiskCacheOptions{}) {}
KernelRegistry::KernelRegistry(const DiskCacheOptions& cache)
    : KernelRegistry(registry::make_clang_compiler(), registry::open_store(cache)) {}

}  // namespace anymetal
