// Half functions are the float functions between two conversions: all 65536 arguments of each, within the half limits.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "measure.hpp"

namespace msl_math {
namespace {

std::vector<float> all_halves() {
  std::vector<float> values;
  for (unsigned bits = 0; bits < 0x10000u; ++bits) values.push_back(from_half_bits(static_cast<std::uint16_t>(bits)));
  return values;
}

TEST(Half, BitsSurviveTheWayThere) {
  for (unsigned bits = 0; bits < 0x10000u; ++bits) {
    const float value = from_half_bits(static_cast<std::uint16_t>(bits));
    if (std::isnan(value)) continue;
    EXPECT_EQ(to_half_bits(value), bits);
  }
}

TEST(Half, EveryArgumentWithinTheLimit) {
  const std::vector<float> x = all_halves();
  std::vector<float> result(x.size());
  for (const Case& test : cases()) {
    if (test.half_ulp < 0) continue;
    find_evaluator(evaluators_relaxed, test.name)->run(x.data(), x.data(), result.data(), x.size());
    const Worst worst = compare(test, Format::Half, x, {}, result);
    fmt::print("{:24} {:6.4f} half ULP at {:.6g}\n", test.name, worst.error, worst.x);
    EXPECT_EQ(worst.failures, 0u) << worst.first_failure;
  }
}

}  // namespace
}  // namespace msl_math
