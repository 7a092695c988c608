#include "model/sampler.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace anymetal::test {
namespace {

using model::Sampler;
using model::SamplingOptions;
using model::Token;
using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr int kDraws = 40000;

/// How often each token comes out of many draws, as fractions.
std::vector<double> frequencies(const std::vector<float>& logits, const SamplingOptions& options) {
  Sampler sampler(options);
  std::vector<double> counts(logits.size());
  for (int i = 0; i < kDraws; ++i) counts[*sampler.next(logits)] += 1.0 / kDraws;
  return counts;
}

std::vector<Token> possible(const std::vector<float>& logits, const SamplingOptions& options) {
  std::vector<Token> result;
  const auto seen = frequencies(logits, options);
  for (Token i = 0; i < seen.size(); ++i) {
    if (seen[i] > 0) result.push_back(i);
  }
  return result;
}

// Probabilities 0.5, 0.25, 0.125, 0.125 at temperature 1, in another order than the tokens.
const std::vector<float> kHalves{std::log(0.125F), std::log(0.5F), std::log(0.125F), std::log(0.25F)};

TEST(Sampler, GreedyTakesTheFirstLargest) {
  Sampler greedy({});
  EXPECT_EQ(*greedy.next(std::vector<float>{1, 3, 3, 2}), 1U);
  EXPECT_EQ(*greedy.next(std::vector<float>{kNan, -kInf, -5, kNan}), 2U);
  EXPECT_EQ(*greedy.next(std::vector<float>{kNan, -kInf, -kInf}), 1U);
  EXPECT_EQ(*greedy.next(std::vector<float>{0, kInf, 3}), 1U);
}

TEST(Likeliest, IsFoundAnywhere) {
  for (const std::size_t size : {1U, 31U, 32U, 33U, 64U, 100U, 1027U}) {
    for (std::size_t at = 0; at < size; ++at) {
      std::vector<float> logits(size, -2.0F);
      for (std::size_t i = 0; i < size; i += 3) logits[i] = kNan;
      logits[at] = -1.0F;
      ASSERT_EQ(model::likeliest(logits), at) << "of " << size;
      logits.back() = -1.0F;  // a later equal one does not win
      ASSERT_EQ(model::likeliest(logits), at) << "of " << size;
    }
    EXPECT_EQ(model::likeliest(std::vector<float>(size, kNan)), size);
    EXPECT_EQ(model::likeliest(std::vector<float>(size, -kInf)), 0U);
  }
}

TEST(Sampler, NothingToChooseByIsAnError) {
  for (const float temperature : {0.0F, 1.0F}) {
    Sampler sampler({.temperature = temperature});
    const auto nan = sampler.next(std::vector<float>{kNan, kNan});
    ASSERT_FALSE(nan);
    EXPECT_EQ(nan.error().code(), ErrorCode::InvalidArgument);
    EXPECT_FALSE(sampler.next({}));
  }
}

TEST(Sampler, DrawsWithTheProbabilitiesOfTheSoftmax) {
  const auto seen = frequencies(kHalves, {.temperature = 1.0F, .seed = 1});
  const std::vector<double> wanted{0.125, 0.5, 0.125, 0.25};
  // Five standard deviations of the widest of them.
  for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(seen[i], wanted[i], 5 * std::sqrt(0.25 / kDraws)) << i;
}

TEST(Sampler, TemperatureSharpensAndFlattens) {
  const auto sharp = frequencies(kHalves, {.temperature = 0.5F, .seed = 2});
  EXPECT_NEAR(sharp[1], 0.25 / 0.34375, 0.0125) << "probabilities squared, renormalised";
  const auto flat = frequencies(kHalves, {.temperature = 1e6F, .seed = 2});
  for (const auto f : flat) EXPECT_NEAR(f, 0.25, 0.0125);
  EXPECT_THAT(possible(kHalves, {.temperature = 1e-30F}), ElementsAre(1));
}

TEST(Sampler, TopKKeepsTheLikeliest) {
  EXPECT_THAT(possible(kHalves, {.temperature = 1.0F, .top_k = 1}), ElementsAre(1));
  EXPECT_THAT(possible(kHalves, {.temperature = 1.0F, .top_k = 2}), UnorderedElementsAre(1, 3));
  EXPECT_THAT(possible(kHalves, {.temperature = 1.0F, .top_k = 3}), UnorderedElementsAre(0, 1, 3));
  EXPECT_THAT(possible(kHalves, {.temperature = 1.0F, .top_k = 100}), UnorderedElementsAre(0, 1, 2, 3));
}

TEST(Sampler, TopPKeepsTheSmallestSetThatReachesTheMass) {
  EXPECT_THAT(possible(kHalves, {.temperature = 1.0F, .top_p = 0.01F}), ElementsAre(1));
  EXPECT_THAT(possible(kHalves, {.temperature = 1.0F, .top_p = 0.49F}), ElementsAre(1));
  EXPECT_THAT(possible(kHalves, {.temperature = 1.0F, .top_p = 0.6F}), UnorderedElementsAre(1, 3));
  EXPECT_THAT(possible(kHalves, {.temperature = 1.0F, .top_p = 0.8F}), UnorderedElementsAre(0, 1, 3));
}

TEST(Sampler, MinPComparesWithTheLikeliest) {
  EXPECT_THAT(possible(kHalves, {.temperature = 1.0F, .min_p = 0.6F}), ElementsAre(1));
  EXPECT_THAT(possible(kHalves, {.temperature = 1.0F, .min_p = 0.4F}), UnorderedElementsAre(1, 3));
  EXPECT_THAT(possible(kHalves, {.temperature = 1.0F, .min_p = 0.2F}), UnorderedElementsAre(0, 1, 2, 3));
}

TEST(Sampler, ImpossibleTokensAreNeverDrawn) {
  EXPECT_THAT(possible({0, -kInf, kNan, 0}, {.temperature = 1.0F}), UnorderedElementsAre(0, 3));
}

TEST(Sampler, TheSeedDecides) {
  std::vector<float> logits(1000);
  for (std::size_t i = 0; i < logits.size(); ++i) logits[i] = static_cast<float>(i % 17) * 0.1F;
  const auto draw = [&](SamplingOptions options) {
    Sampler sampler(options);
    std::vector<Token> tokens(50);
    for (auto& token : tokens) token = *sampler.next(logits);
    return tokens;
  };
  for (const auto& base : {SamplingOptions{.temperature = 1.0F}, SamplingOptions{.temperature = 0.7F, .top_k = 40},
                           SamplingOptions{.temperature = 1.3F, .top_p = 0.9F, .min_p = 0.05F}}) {
    auto first = base;
    auto second = base;
    first.seed = 42;
    second.seed = 43;
    EXPECT_EQ(draw(first), draw(first));
    EXPECT_NE(draw(first), draw(second));
  }
}

TEST(Sampler, OptionsOutOfRangeAreRefused) {
  EXPECT_TRUE(model::check({}));
  EXPECT_TRUE(model::check({.temperature = 0.8F, .top_k = 40, .top_p = 0.95F, .min_p = 0.05F}));
  for (const auto& options :
       {SamplingOptions{.temperature = -1.0F}, SamplingOptions{.temperature = kNan},
        SamplingOptions{.temperature = kInf}, SamplingOptions{.top_p = 0.0F}, SamplingOptions{.top_p = 1.1F},
        SamplingOptions{.top_p = kNan}, SamplingOptions{.min_p = -0.1F}, SamplingOptions{.min_p = 1.5F}}) {
    const auto result = model::check(options);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), ErrorCode::InvalidArgument);
  }
}

}  // namespace
}  // namespace anymetal::test
