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

float from_half_bits(std::uint16_t bits) {
  const int exponent = (bits >> 10) & 31;
  const float significand = static_cast<float>(bits & 0x3ff);
  float magnitude = exponent == 0 ? std::ldexp(significand, -24) : std::ldexp(significand + 1024.0f, exponent - 25);
  if (exponent == 31) magnitude = significand == 0 ? HUGE_VALF : std::numeric_limits<float>::quiet_NaN();
  return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

std::uint16_t to_half_bits(float x) {
  const unsigned sign = std::signbit(x) ? 0x8000u : 0u;
  const float magnitude = std::fabs(x);
  unsigned bits = 0x7e00u;
  if (std::isinf(x)) {
    bits = 0x7c00u;
  } else if (magnitude < 0x1p-14f) {
    bits = static_cast<unsigned>(std::ldexp(magnitude, 24));
  } else if (!std::isnan(x)) {
    const int exponent = std::ilogb(magnitude);
    bits = (static_cast<unsigned>(exponent + 15) << 10) + static_cast<unsigned>(std::ldexp(magnitude, 10 - exponent)) -
           1024u;
  }
  return static_cast<std::uint16_t>(sign | bits);
}

void Worst::merge(const Worst& other) {
  if (other.error > error) error = other.error, x = other.x, y = other.y;
  absolute = std::max(absolute, other.absolute);
  if (first_failure.empty()) first_failure = other.first_failure;
  failures += other.failures;
}

Worst compare(const Case& test, Format format, std::span<const float> x, std::span<const float> y,
              std::span<const float> got) {
  Worst worst;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const float a = x[i], b = y.empty() ? 0.0f : y[i];
    const bool half = format == Format::Half;
    if (!half && std::isfinite(a) && (a < test.from || a > test.to)) continue;
    if (!half && !test.subnormals && a != 0 && std::fabs(a) < 0x1p-126f) continue;
    const long double expected = test.reference(a, b);
    const Limit limit = half ? Limit{.ulp = test.half_ulp} : test.limit;
    bool failed;
    double error;
    if (limit.absolute > 0 && a >= static_cast<float>(limit.absolute_from) &&
        a <= static_cast<float>(limit.absolute_to)) {
      error = static_cast<double>(std::fabs(got[i] - expected));
      worst.absolute = std::max(worst.absolute, error);
      failed = !(error <= limit.absolute);
    } else {
      error = half ? half_ulp_error(got[i], expected) : ulp_error(got[i], expected);
      const double growth =
          limit.ulp_growth == 0 ? 0 : std::floor(limit.ulp_growth * std::fabs(static_cast<double>(a)));
      failed = error != 0 && !(error <= limit.ulp + growth);
      if (error > worst.error) worst.error = error, worst.x = a, worst.y = b;
    }
    if (failed && worst.failures++ == 0) {
      worst.first_failure = fmt::format("{}({:a} = {:.9g}, {:a} = {:.9g}) = {:.9g}, expected {:.12g}: off by {}",
                                        test.name, a, a, b, b, got[i], static_cast<double>(expected), error);
    }
  }
  return worst;
}

Worst measure(const Case& test, const Evaluator& function, std::span<const float> x, std::span<const float> y) {
  std::vector<float> got(x.size());
  function.run(x.data(), y.data(), got.data(), x.size());
  return compare(test, Format::Float, x, y, got);
}

std::string summary(const Case& test, const Worst& worst) {
  std::string text = fmt::format("{:24} {:8.3f} ULP at {:a} ({:.9g})", test.name, worst.error, worst.x, worst.x);
  if (test.binary) text += fmt::format(", {:.9g}", worst.y);
  if (test.limit.absolute > 0) text += fmt::format("; absolute 2^{:.1f}", std::log2(worst.absolute));
  return text;
}

const Evaluator* find_evaluator(const Evaluator* table, const char* name) {
  for (; table->name != nullptr; ++table) {
    if (std::strcmp(table->name, name) == 0) return table;
  }
  return nullptr;
}

}  // namespace msl_math
