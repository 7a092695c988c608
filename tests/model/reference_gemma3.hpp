#pragma once
/// \file
/// Gemma 3 in plain loops on the host, sharing nothing with the kernels: an independent check, and a place to look when
/// a layer of the real one goes wrong.

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "model/gemma3_config.hpp"
#include "model/gguf.hpp"

namespace anymetal::test {

/// Thread contract: one thread at a time.
class ReferenceGemma3 {
 public:
  /// `file` must outlive it and be a sound Gemma 3 file.
  ReferenceGemma3(const model::Gguf& file, const model::Gemma3Config& config) : file_(file), config_(config) {}

  /// Logits [rows][vocabulary] after the last `rows` tokens of a whole text (0: after each of them).
  std::vector<float> forward(std::span<const std::uint32_t> tokens, std::size_t rows = 0);

  /// Where set, sees every intermediate result: "embedding", "0.query", "0.attended", ..., rows being tokens.
  std::function<void(const std::string& name, std::span<const float> rows)> tap;

 private:
  std::vector<float> vector(const std::string& name) const;
  std::vector<float> multiply(const std::string& matrix, const std::vector<float>& x, std::size_t rows) const;
  void norm(std::vector<float>& x, const std::vector<float>& weight) const;
  void rotate(std::vector<float>& x, std::size_t heads, float theta) const;
  std::vector<float> attend(const std::vector<float>& q, const std::vector<float>& k, const std::vector<float>& v,
                            std::size_t count, std::size_t window) const;
  void layer(std::vector<float>& x, std::size_t index, std::size_t count) const;
  void see(const std::string& name, const std::vector<float>& rows) const;

  const model::Gguf& file_;
  model::Gemma3Config config_;
};

}  // namespace anymetal::test
