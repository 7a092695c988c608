#pragma once
/// \file
/// What a registry did, for `--json`.

#include <anymetal/registry.hpp>
#include <nlohmann/json_fwd.hpp>

namespace anymetal::cli {

/// Every counter under its own name.
nlohmann::ordered_json to_json(const KernelRegistry::Statistics& statistics);

}  // namespace anymetal::cli
