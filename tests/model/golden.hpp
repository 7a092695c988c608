#pragma once
/// \file
/// The real model file and what an exact-arithmetic reference made of it.

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace anymetal::test {

/// One prompt of tests/data/gemma3-270m/golden.json.
struct Golden {
  std::string prompt;
  std::vector<std::uint32_t> tokens;                              ///< of the prompt, <bos> first
  std::vector<std::uint32_t> reference_tokens;                    ///< greedy continuation
  std::vector<float> margin;                                      ///< between first and second logit at each step
  std::vector<std::uint32_t> prefill_argmax;                      ///< at each prompt position
  std::vector<std::pair<std::uint32_t, float>> prefill_last_top;  ///< (token, logit) after the prompt
};

inline std::vector<Golden> load_golden() {
  std::ifstream stream(ANYMETAL_SOURCE_DIR "/tests/data/gemma3-270m/golden.json");
  const auto json = nlohmann::json::parse(stream);
  std::vector<Golden> result;
  for (const auto& entry : json) {
    Golden golden;
    entry.at("prompt").get_to(golden.prompt);
    entry.at("tokens").get_to(golden.tokens);
    entry.at("reference_tokens").get_to(golden.reference_tokens);
    entry.at("margin").get_to(golden.margin);
    entry.at("prefill_argmax").get_to(golden.prefill_argmax);
    entry.at("prefill_last_top").get_to(golden.prefill_last_top);
    result.push_back(std::move(golden));
  }
  return result;
}

/// Where the model is: ANYMETAL_MODEL, else where scripts/fetch_model.py puts it.
inline std::filesystem::path model_path() {
  if (const char* stated = std::getenv("ANYMETAL_MODEL"); stated != nullptr && *stated != '\0') return stated;
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  const auto base = cache != nullptr && *cache == '/' ? std::filesystem::path(cache)
                                                      : std::filesystem::path(home == nullptr ? "" : home) / ".cache";
  return base / "anymetal" / "models" / "gemma-3-270m-q4_k_m.gguf";
}

}  // namespace anymetal::test

/// Skips the test, and says how to have it run, where the model has not been fetched.
#define ANYMETAL_NEED_MODEL()                                 \
  if (!std::filesystem::exists(anymetal::test::model_path())) \
  GTEST_SKIP() << "SKIPPED: no model at " << anymetal::test::model_path() << "; run scripts/fetch_model.py"
