#pragma once
/// \file
/// The disk store a registry uses by default.

#include <anymetal/registry.hpp>

#include "cache/settings.hpp"

#include <optional>

namespace anymetal::registry {

/// Options over environment; nothing where the cache is off or no directory is known.
std::optional<cache::StoreSettings> store_settings(const DiskCacheOptions& options);

}  // namespace anymetal::registry
