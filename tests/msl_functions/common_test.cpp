// Rounding, selection and interpolation functions on float and half (MSL book 5.3, 5.6), elementwise on vectors.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "kernel_runner.hpp"
#include "msl_math/measure.hpp"
#include "msl_math/samples.hpp"

namespace msl_functions {
namespace {

using Real = long double;

struct Row {
  const char* call;  ///< of a, b, c
  Real (*reference)(Real a, Real b, Real c);
  double ulp;       ///< 0: exact; of the result, or of `scale` where there is one
  bool nan = true;  ///< NaN arguments have a defined result
  Real (*scale)(Real a, Real b, Real c) = nullptr;
};

Real smallest(Real a, Real b) { return std::fmin(a, b); }
Real largest(Real a, Real b) { return std::fmax(a, b); }
Real middle(Real a, Real b, Real c) { return largest(smallest(a, b), smallest(largest(a, b), c)); }
Real sign(Real a) { return std::isnan(a) ? 0 : a > 0 ? 1 : a < 0 ? -1 : a; }
Real smoothstep(Real x) {
  const Real t = smallest(largest(x, 0), 1);
  return t * t * (3 - 2 * t);
}

constexpr double kRounded = 0.5000001;
constexpr double kTwice = 0x1p-12;  // a half may be rounded to float on its way

const Row kRows[] = {
    {"floor(a)", [](Real a, Real, Real) { return std::floor(a); }, 0},
    {"ceil(a)", [](Real a, Real, Real) { return std::ceil(a); }, 0},
    {"trunc(a)", [](Real a, Real, Real) { return std::trunc(a); }, 0},
    {"round(a)", [](Real a, Real, Real) { return std::round(a); }, 0},
    {"rint(a)", [](Real a, Real, Real) { return std::nearbyint(a); }, 0},
    {"fabs(a)", [](Real a, Real, Real) { return std::fabs(a); }, 0},
    {"abs(a)", [](Real a, Real, Real) { return std::fabs(a); }, 0},
    {"copysign(a, b)", [](Real a, Real b, Real) { return std::copysign(a, b); }, 0, false},
    {"fmin(a, b)", [](Real a, Real b, Real) { return smallest(a, b); }, 0},
    {"fmax(a, b)", [](Real a, Real b, Real) { return largest(a, b); }, 0},
    {"min(a, b)", [](Real a, Real b, Real) { return smallest(a, b); }, 0},
    {"max(a, b)", [](Real a, Real b, Real) { return largest(a, b); }, 0},
    {"fmin3(a, b, c)", [](Real a, Real b, Real c) { return smallest(smallest(a, b), c); }, 0},
    {"fmax3(a, b, c)", [](Real a, Real b, Real c) { return largest(largest(a, b), c); }, 0},
    {"min3(a, b, c)", [](Real a, Real b, Real c) { return smallest(smallest(a, b), c); }, 0},
    {"max3(a, b, c)", [](Real a, Real b, Real c) { return largest(largest(a, b), c); }, 0},
    {"median3(a, b, c)", middle, 0, false},
    {"fmedian3(a, b, c)", middle, 0, false},
    {"fma(a, b, c)", [](Real a, Real b, Real c) { return std::fma(a, b, c); }, kRounded},
    {"clamp(a, T(-1.5), T(2.5))", [](Real a, Real, Real) { return smallest(largest(a, -1.5L), 2.5L); }, 0},
    {"saturate(a)", [](Real a, Real, Real) { return smallest(largest(a, 0), 1); }, 0},
    {"sign(a)", [](Real a, Real, Real) { return sign(a); }, 0},
    {"step(a, b)", [](Real a, Real b, Real) { return b < a ? Real{0} : Real{1}; }, 0},
    {"smoothstep(T(0), T(1), a)", [](Real a, Real, Real) { return smoothstep(a); }, 4, false},
    {"mix(fmin(fmax(a, T(-8)), T(8)), fmin(fmax(b, T(-8)), T(8)), saturate(c))",
     [](Real a, Real b, Real c) {
       const Real x = smallest(largest(a, -8), 8), y = smallest(largest(b, -8), 8);
       return x + (y - x) * smallest(largest(c, 0), 1);
     },
     3, true, [](Real, Real, Real) { return Real{8}; }},
};

struct Arguments {
  std::vector<float> a, b, c;
};

Arguments arguments(bool half) {
  const msl_math::Pairs pairs = msl_math::pairs();
  Arguments at;
  const std::size_t count = pairs.x.size() / 4 * 4;
  for (std::size_t i = 0; i < count; ++i) {
    const auto fit = [half](float v) { return half ? msl_math::round_to_half(v) : v; };
    at.a.push_back(fit(pairs.x[i]));
    at.b.push_back(fit(pairs.y[i]));
    at.c.push_back(fit(pairs.x[(i * 7919 + 13) % count]));
  }
  return at;
}

std::string source(const std::string& type) {
  std::string text = fmt::format("typedef {} T;\n", type);
  std::size_t row = 0;
  for (const Row& r : kRows) {
    text += fmt::format(
        "kernel void row{}(device const T* x [[buffer(0)]], device const T* y [[buffer(1)]], device const T* z "
        "[[buffer(2)]],\n"
        "    device T* out [[buffer(3)]], uint i [[thread_position_in_grid]]) {{\n"
        "  const T a = x[i], b = y[i], c = z[i];\n  out[i] = {};\n}}\n",
        row++, r.call);
  }
  return text;
}

double error_of(const Row& row, bool half, float got, Real a, Real b, Real c) {
  const Real expected = row.reference(a, b, c);
  if (row.scale == nullptr || std::isnan(expected) || std::isnan(got)) {
    return half ? msl_math::half_ulp_error(got, expected) : msl_math::ulp_error(got, expected);
  }
  const Real unit = std::ldexp(Real{1}, std::ilogb(row.scale(a, b, c)) - (half ? 10 : 23));
  return static_cast<double>(std::fabs(got - expected) / unit);
}

template <class Stored>
void check(const std::string& type, std::size_t width, anymetal::MathMode mode) {
  constexpr bool kHalf = sizeof(Stored) == 2;
  KernelRunner runner(source(type), mode);
  const Arguments at = arguments(kHalf);
  const auto stored = [](const std::vector<float>& values) {
    std::vector<Stored> result;
    for (const float v : values) {
      if constexpr (kHalf)
        result.push_back(msl_math::to_half_bits(v));
      else
        result.push_back(v);
    }
    return result;
  };
  std::size_t index = 0;
  for (const Row& row : kRows) {
    const auto got = run_kernel<Stored>(runner, fmt::format("row{}", index++), at.a.size(), at.a.size() / width,
                                        stored(at.a), stored(at.b), stored(at.c));
    ASSERT_TRUE(got) << row.call << ": " << got.error().message();
    std::size_t failures = 0;
    for (std::size_t i = 0; i < at.a.size(); ++i) {
      const Real a = at.a[i], b = at.b[i], c = at.c[i];
      if (!row.nan && (std::isnan(a) || std::isnan(b) || std::isnan(c))) continue;
      float value;
      if constexpr (kHalf)
        value = msl_math::from_half_bits((*got)[i]);
      else
        value = (*got)[i];
      const double limit = kHalf && row.ulp != 0 ? row.ulp + kTwice : row.ulp;
      if (error_of(row, kHalf, value, a, b, c) <= limit) continue;
      if (failures++ == 0) {
        ADD_FAILURE() << type << " " << row.call << " = " << value << " at " << at.a[i] << ", " << at.b[i] << ", "
                      << at.c[i] << "; expected " << static_cast<double>(row.reference(a, b, c));
      }
    }
    EXPECT_EQ(failures, 0u) << type << " " << row.call;
  }
}

TEST(Common, Float) {
  for (const auto mode : {anymetal::MathMode::Fast, anymetal::MathMode::Safe}) check<float>("float", 1, mode);
}
TEST(Common, FloatVectors) {
  check<float>("float2", 2, anymetal::MathMode::Fast);
  check<float>("float4", 4, anymetal::MathMode::Fast);
}
TEST(Common, Half) {
  check<std::uint16_t>("half", 1, anymetal::MathMode::Fast);
  check<std::uint16_t>("half4", 4, anymetal::MathMode::Fast);
}

}  // namespace
}  // namespace msl_functions
