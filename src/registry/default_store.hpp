#pragma once
/// \file
/// The disk store a registry uses by default.

#include <anymetal/registry.hpp>
#include <memory>

#include "cache/settings.hpp"

#include <optional>

namespace anymetal::cache {
class DiskStore;
}

namespace anymetal::registry {

/// Options over environment; nothing where the cache is off or no directory is known.
std::optional<cache::StoreSettings> store_settings(const DiskCacheOptions& options);

/// The store there; nullptr where there is none.
std::shared_ptr<cache::DiskStore> open_store(const DiskCacheOptions& options);

}  // namespace anymetal::registry
