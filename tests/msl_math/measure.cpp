#include "measure.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

namespace msl_math {
namespace {

/// ULP of a format with `digits` significant bits, smallest normal exponent and overflow threshold as given.
double error_in(double got, long double expected, int digits, int minimum_exponent, double overflow) {
  if (std::isnan(expected) || std::isnan(got)) return std::isnan(expected) && std::isnan(got) ? 0 : HUGE_VAL;
  const auto capped = [overflow](long double v) {
    return std::fabs(v) > overflow ? std::copysign(overflow, static_cast<double>(v)) : v;
  };
  const long double reference = capped(expected), result = capped(got);
  if (reference == result) return 0;
  const int exponent = reference == 0 ? minimum_exponent : std::max(std::ilogb(reference), minimum_exponent);
  return static_cast<double>(std::fabs(result - reference) / std::ldexp(1.0L, exponent + 1 - digits));
}

}  // namespace

double ulp_error(float got, long double expected) { return error_in(got, expected, 24, -126, 0x1p128); }

double half_ulp_error(float got, long double expected) {
  return error_in(round_to_half(got), expected, 11, -14, 0x1p16);
}

float round_to_half(float x) {
  if (!std::isfinite(x) || x == 0) return x;
  const int quantum = std::max(std::ilogb(x), -14) - 10;
  const float rounded = std::ldexp(std::nearbyint(std::ldexp(x, -quantum)), quantum);
  return std::fabs(rounded) >= 65520.0f ? std::copysign(std::numeric_limits<float>::infinity(), x) : rounded;
}

void Worst::merge(const Worst& other) {
  if (other.error > error) error = other.error, x = other.x, y = other.y;
  absolute = std::max(absolute, other.absolute);
  if (first_failure.empty()) first_failure = other.first_failure;
  failures += other.failures;
}

Worst measure(const Case& test, const Evaluator& function, std::span<const float> x, std::span<const float> y) {
  std::vector<float> got(x.size());
  function.run(x.data(), y.data(), got.data(), x.size());
  Worst worst;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const float a = x[i], b = y.empty() ? 0.0f : y[i];
    if (std::isfinite(a) && (a < test.from || a > test.to)) continue;
    if (!test.subnormals && a != 0 && std::fabs(a) < 0x1p-126f) continue;
    const long double expected = test.reference(a, b);
    const double error = ulp_error(got[i], expected);
    const Limit& limit = test.limit;
    bool failed;
    if (limit.absolute > 0 && a >= static_cast<float>(limit.absolute_from) &&
        a <= static_cast<float>(limit.absolute_to)) {
      const double absolute = static_cast<double>(std::fabs(got[i] - expected));
      worst.absolute = std::max(worst.absolute, absolute);
      failed = !(absolute <= limit.absolute);
    } else {
      const double growth =
          limit.ulp_growth == 0 ? 0 : std::floor(limit.ulp_growth * std::fabs(static_cast<double>(a)));
      failed = error != 0 && !(error <= limit.ulp + growth);
      if (error > worst.error) worst.error = error, worst.x = a, worst.y = b;
    }
    if (failed && worst.failures++ == 0) {
      worst.first_failure = fmt::format("{}({:a} = {:.9g}, {:a} = {:.9g}) = {:.9g}, expected {:.12g}: {} ULP",
                                        test.name, a, a, b, b, got[i], static_cast<double>(expected), error);
    }
  }
  return worst;
}

const Evaluator* find_evaluator(const Evaluator* table, const char* name) {
  for (; table->name != nullptr; ++table) {
    if (std::strcmp(table->name, name) == 0) return table;
  }
  return nullptr;
}

}  // namespace msl_math
