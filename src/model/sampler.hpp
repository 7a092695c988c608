#pragma once
/// \file
/// Chooses the next token from a model's logits.

#include <anymetal/error.hpp>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "model/vocabulary.hpp"

namespace anymetal::model {

/// Filters apply in the order listed here; each at its default lets everything through.
struct SamplingOptions {
  float temperature = 0.0F;  ///< 0: always the likeliest token (the smallest number among equals)
  std::uint32_t top_k = 0;   ///< keep the k likeliest tokens; 0: all
  float top_p = 1.0F;        ///< keep the likeliest tokens that together reach this probability
  float min_p = 0.0F;        ///< keep tokens at least this likely relative to the likeliest one
  std::uint64_t seed = 0;
};

/// InvalidArgument where an option lies outside its range (temperature >= 0, top_p in (0, 1], min_p in [0, 1]).
Result<void> check(const SamplingOptions& options);

/// Whether the options always choose the likeliest token.
[[nodiscard]] constexpr bool is_greedy(const SamplingOptions& options) {
  return options.temperature == 0.0F || options.top_k == 1;
}

/// Thread contract: one thread. Equal options and logits give equal tokens on every machine.
class Sampler {
 public:
  explicit Sampler(const SamplingOptions& options) : options_(options), random_(options.seed) {}

  /// InvalidArgument where `logits` has no number in it (all NaN, or empty).
  Result<Token> next(std::span<const float> logits);

 private:
  struct Candidate {
    Token token;
    double weight;  ///< probability, up to a common factor: the likeliest candidate weighs 1
  };
  static bool is_likelier(const Candidate& a, const Candidate& b);
  void weigh(std::span<const float> logits, float top);
  void keep_top_k();
  void keep_top_p();
  Token draw();

  SamplingOptions options_;
  std::mt19937_64 random_;
  std::vector<Candidate> candidates_;  ///< kept between calls for its memory
};

/// The token with the largest logit, the smallest number among equals; NaN never wins. Size of `logits` if none does.
Token likeliest(std::span<const float> logits);

}  // namespace anymetal::model
