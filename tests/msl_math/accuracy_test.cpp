// Every function of the MSL math library against libm in double precision, within the limits of the language, compiled
// as strict code and with fast-math flags, which must not change a bit.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "measure.hpp"
#include "samples.hpp"

namespace msl_math {

namespace {

class Accuracy : public testing::TestWithParam<Case> {
 protected:
  static const Pairs& arguments(bool binary) {
    static const Pairs two = pairs();
    static const Pairs one = {samples(), {}};
    return binary ? two : one;
  }
};

TEST_P(Accuracy, WithinTheLimitsOfTheLanguage) {
  const Case& test = GetParam();
  const Evaluator* function = find_evaluator(evaluators_relaxed, test.name);
  ASSERT_NE(function, nullptr);
  const Pairs& at = arguments(test.binary);
  const Worst worst = measure(test, *function, at.x, at.y);
  fmt::print("{}\n", summary(test, worst));
  EXPECT_EQ(worst.failures, 0u) << worst.first_failure;
  RecordProperty("worst_ulp", fmt::format("{:.3f}", worst.error));
}

TEST_P(Accuracy, SameBitsUnderFastMathFlags) {
  const Case& test = GetParam();
  const Pairs& at = arguments(test.binary);
  std::vector<float> strict(at.x.size()), relaxed(at.x.size());
  find_evaluator(evaluators_strict, test.name)->run(at.x.data(), at.y.data(), strict.data(), at.x.size());
  find_evaluator(evaluators_relaxed, test.name)->run(at.x.data(), at.y.data(), relaxed.data(), at.x.size());
  std::size_t different = 0, first = 0;
  for (std::size_t i = 0; i < strict.size(); ++i) {
    const bool same = std::bit_cast<std::uint32_t>(strict[i]) == std::bit_cast<std::uint32_t>(relaxed[i]) ||
                      (std::isnan(strict[i]) && std::isnan(relaxed[i])) || (strict[i] == 0 && relaxed[i] == 0);
    if (!same && different++ == 0) first = i;
  }
  EXPECT_EQ(different, 0u) << test.name << "(" << at.x[first] << ") = " << strict[first] << " or " << relaxed[first];
}

INSTANTIATE_TEST_SUITE_P(Functions, Accuracy, testing::ValuesIn(cases().begin(), cases().end()),
                         [](const auto& parameter) { return identifier(parameter.param); });

TEST(AccuracyTable, CoversEveryFunction) {
  for (const Evaluator* function = evaluators_strict; function->name != nullptr; ++function) {
    if (std::string_view(function->name) == "fast::fmod") continue;  // the language leaves its result undefined
    bool found = false;
    for (const Case& test : cases()) found = found || std::string_view(test.name) == function->name;
    EXPECT_TRUE(found) << function->name;
  }
}

// Multiplying x by 4 halves the result and changes nothing else: all significands over two binades are all there is.
TEST(ReciprocalRoot, IsCorrectlyRoundedForEverySignificand) {
  constexpr std::uint32_t kOne = 0x3f800000u, kFour = 0x40800000u, kBlock = 4096;
  const Evaluator* function = find_evaluator(evaluators_relaxed, "precise::rsqrt");
  std::vector<float> x(kBlock), result(kBlock);
  std::size_t wrong = 0;
  for (std::uint32_t block = kOne; block < kFour; block += kBlock) {
    for (std::uint32_t i = 0; i < kBlock; ++i) x[i] = std::bit_cast<float>(block + i);
    function->run(x.data(), x.data(), result.data(), kBlock);
    for (std::uint32_t i = 0; i < kBlock; ++i)
      wrong += result[i] != static_cast<float>(1 / std::sqrt(static_cast<double>(x[i])));
  }
  EXPECT_EQ(wrong, 0u);
}

// Softmax and its like rely on these in every mode.
TEST(SpecialValues, AreExact) {
  struct Row {
    const char* name;
    float x, y, expected;
  };
  const float inf = HUGE_VALF;
  const Row rows[] = {
      {"exp", -inf, 0, 0},
      {"exp", inf, 0, inf},
      {"exp", 0, 0, 1},
      {"exp", -0.0f, 0, 1},
      {"exp", -200, 0, 0},
      {"exp", 100, 0, inf},
      {"exp", -1e30f, 0, 0},
      {"exp", 3e38f, 0, inf},
      {"exp2", 10, 0, 1024},
      {"exp2", -inf, 0, 0},
      {"exp2", 128, 0, inf},
      {"exp2", -126, 0, 0x1p-126f},
      {"exp10", -inf, 0, 0},
      {"exp10", inf, 0, inf},
      {"exp10", 0, 0, 1},
      {"log", 0, 0, -inf},
      {"log", -0.0f, 0, -inf},
      {"log", 1, 0, 0},
      {"log", inf, 0, inf},
      {"log2", 8, 0, 3},
      {"log2", 0x1p-100f, 0, -100},
      {"log10", 0, 0, -inf},
      {"log2", 0, 0, -inf},
      {"rsqrt", 0, 0, inf},
      {"rsqrt", inf, 0, 0},
      {"rsqrt", 4, 0, 0.5f},
      {"sqrt", 9, 0, 3},
      {"tanh", 1e30f, 0, 1},
      {"tanh", -1e30f, 0, -1},
      {"tanh", inf, 0, 1},
      {"tanh", -inf, 0, -1},
      {"sinh", inf, 0, inf},
      {"cosh", -inf, 0, inf},
      {"atan", inf, 0, 1.57079637f},
      {"acos", 1, 0, 0},
      {"sinpi", 7, 0, 0},
      {"cospi", 3, 0, -1},
      {"cospi", 1.5f, 0, 0},
      {"tanpi", 0.25f, 0, 1},
      {"atanh", 1, 0, inf},
      {"acosh", 1, 0, 0},
      {"pow", 0, 0, 1},
      {"pow", 2, 10, 1024},
      {"pow", -2, 3, -8},
      {"pow", -3, 2, 9},
      {"pow", 0, -2, inf},
      {"pow", -0.0f, -3, -inf},
      {"pow", inf, -1, 0},
      {"pow", 1, NAN, 1},
      {"pow", NAN, 0, 1},
      {"pow", -1, inf, 1},
      {"pow", 0.5f, inf, 0},
      {"pow", -inf, 3, -inf},
      {"atan2", 0, -1, 3.14159274f},
      {"atan2", -1, 0, -1.57079637f},
      {"atan2", inf, inf, 0.785398163f},
      {"powr", 2, 0.5f, 1.41421354f},
      {"divide", 1, 0, inf},
      {"divide", 6, 3, 2},
  };
  for (const Row& row : rows) {
    for (const char* space : {"precise::", "fast::"}) {
      for (const Evaluator* table : {evaluators_strict, evaluators_relaxed}) {
        const Evaluator* function = find_evaluator(table, (std::string(space) + row.name).c_str());
        ASSERT_NE(function, nullptr) << row.name;
        float result = NAN;
        function->run(&row.x, &row.y, &result, 1);
        EXPECT_EQ(result, row.expected) << space << row.name << "(" << row.x << ", " << row.y << ")";
      }
    }
  }
}

TEST(SpecialValues, PowersOfTwoAreExact) {
  for (const char* name : {"precise::exp2", "fast::exp2"}) {
    for (const Evaluator* table : {evaluators_strict, evaluators_relaxed}) {
      for (int exponent = -149; exponent <= 127; ++exponent) {
        const auto x = static_cast<float>(exponent);
        float result = NAN;
        find_evaluator(table, name)->run(&x, &x, &result, 1);
        EXPECT_EQ(result, std::ldexp(1.0f, exponent)) << name << "(" << exponent << ")";
      }
    }
  }
}

TEST(SpecialValues, SignsOfZerosAreKept) {
  for (const char* name :
       {"precise::sin", "precise::tan", "precise::sinpi", "precise::asin", "precise::atan", "precise::sinh",
        "precise::tanh", "precise::asinh", "precise::atanh", "precise::sqrt", "modf part", "fmod"}) {
    const float zero = -0.0f, one = 1.0f;
    float result = 1;
    find_evaluator(evaluators_strict, name)->run(&zero, &one, &result, 1);
    EXPECT_TRUE(result == 0 && std::signbit(result)) << name;
  }
}

}  // namespace
}  // namespace msl_math
