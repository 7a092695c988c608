#pragma once
/// \file
/// The rule by which logits are held against the golden file.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <span>
#include <vector>

#include "model/golden.hpp"
#include "model/sampler.hpp"

namespace anymetal::test {

/// Where two tokens are this close, either may win: the golden file's own arithmetic is no better.
inline constexpr float kUndecided = 0.005F;
inline constexpr float kLogitTolerance = 0.02F;

/// The prompt, then the reference's own continuation up to its first undecided step: what follows that is arbitrary.
inline std::vector<std::uint32_t> decided_text(const Golden& golden) {
  auto text = golden.tokens;
  for (std::size_t step = 0; step + 1 < golden.reference_tokens.size(); ++step) {
    if (golden.margin[step] < kUndecided) break;
    text.push_back(golden.reference_tokens[step]);
  }
  return text;
}

/// `rows` are the logits [size of decided_text][vocabulary] of that text. Returns the largest error of a known logit.
inline float check_logits(const Golden& golden, std::size_t text_size, std::span<const float> rows) {
  const auto vocabulary = rows.size() / text_size;
  const auto row = [&](std::size_t t) { return rows.subspan(t * vocabulary, vocabulary); };
  const auto prompt = golden.tokens.size();
  for (std::size_t t = 0; t < prompt; ++t) {
    const auto best = model::likeliest(row(t));
    // The file gives no margins here: another winner is right if it ties with the recorded one.
    EXPECT_LT(row(t)[best] - row(t)[golden.prefill_argmax[t]], kUndecided) << golden.prompt << ", position " << t;
  }
  for (std::size_t t = prompt - 1; t < text_size; ++t) {
    const auto step = t - (prompt - 1);
    if (golden.margin[step] < kUndecided) continue;
    EXPECT_EQ(model::likeliest(row(t)), golden.reference_tokens[step]) << golden.prompt << ", step " << step;
    auto sorted = std::vector<float>(row(t).begin(), row(t).end());
    std::ranges::nth_element(sorted, sorted.begin() + 1, std::greater{});
    EXPECT_NEAR(row(t)[golden.reference_tokens[step]] - sorted[1], golden.margin[step], 2 * kLogitTolerance)
        << golden.prompt << ", step " << step;
  }
  float worst = 0.0F;
  for (const auto& [token, logit] : golden.prefill_last_top) {
    EXPECT_NEAR(row(prompt - 1)[token], logit, kLogitTolerance) << golden.prompt << ", token " << token;
    worst = std::max(worst, std::abs(row(prompt - 1)[token] - logit));
  }
  return worst;
}

}  // namespace anymetal::test
