#pragma once
/// \file
/// Where `fetch` keeps the model.

#include <filesystem>

namespace anymetal::cli {

/// $XDG_CACHE_HOME/anymetal/models/gemma-3-270m-q4_k_m.gguf, with ~/.cache for an unset or relative variable.
std::filesystem::path default_model_path();

}  // namespace anymetal::cli
