#pragma once
/// \file
/// Compiler messages in the format of code-scanning services: SARIF 2.1.0 (OASIS Static Analysis Results Interchange
/// Format).

#include <anymetal/error.hpp>
#include <nlohmann/json_fwd.hpp>
#include <vector>

namespace anymetal::cli {

/// One log with one run. Notes become related locations of the message before them; columns count code points.
nlohmann::ordered_json to_sarif(const std::vector<Diagnostic>& diagnostics);

}  // namespace anymetal::cli
