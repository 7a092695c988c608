#include "parts/model_path.hpp"

#include <cstdlib>

namespace anymetal::cli {

std::filesystem::path default_model_path() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  const std::filesystem::path stated = cache != nullptr ? cache : "";
  const auto base = stated.is_absolute() ? stated : std::filesystem::path(home != nullptr ? home : "/") / ".cache";
  return base / "anymetal" / "models" / "gemma-3-270m-q4_k_m.gguf";
}

}  // namespace anymetal::cli
