// Half functions are the float functions between two conversions: all 65536 arguments of each, within the half limits.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "measure.hpp"

namespace msl_math {
namespace {

std::vector<float> all_halves() {
  std::vector<float> values;
  for (std::uint32_t bits = 0; bits < 0x10000u; ++bits) {
    const int exponent = static_cast<int>(bits >> 10) & 31;
    const float significand = static_cast<float>(bits & 0x3ffu);
    float magnitude = exponent == 0 ? std::ldexp(significand, -24) : std::ldexp(significand + 1024.0f, exponent - 25);
    if (exponent == 31) magnitude = significand == 0 ? HUGE_VALF : std::numeric_limits<float>::quiet_NaN();
    values.push_back(bits & 0x8000u ? -magnitude : magnitude);
  }
  return values;
}

TEST(Half, EveryArgumentWithinTheLimit) {
  const std::vector<float> x = all_halves();
  std::vector<float> result(x.size());
  for (const Case& test : cases()) {
    if (test.half_ulp < 0) continue;
    find_evaluator(evaluators_relaxed, test.name)->run(x.data(), x.data(), result.data(), x.size());
    double worst = 0;
    float at = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double error = half_ulp_error(result[i], test.reference(x[i], 0));
      if (error > worst) worst = error, at = x[i];
    }
    fmt::print("{:24} {:6.4f} half ULP at {:.6g}\n", test.name, worst, at);
    EXPECT_LE(worst, test.half_ulp) << test.name << "(" << at << ")";
  }
}

}  // namespace
}  // namespace msl_math
