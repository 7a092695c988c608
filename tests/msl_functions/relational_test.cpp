// Relational functions (MSL book 5.5): truthful about NaN and infinities in every math mode.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>

#include "kernel_runner.hpp"
#include "msl_math/measure.hpp"
#include "msl_math/samples.hpp"

namespace msl_functions {
namespace {

struct Row {
  const char* call;  ///< of a, b; converted to B, an integer of the same width
  bool (*reference)(float a, float b);
  bool half = true;  ///< means the same on a half
};

const Row kRows[] = {
    {"isnan(a)", [](float a, float) { return std::isnan(a); }},
    {"isinf(a)", [](float a, float) { return std::isinf(a); }},
    {"isfinite(a)", [](float a, float) { return std::isfinite(a); }},
    {"isnormal(a)", [](float a, float) { return std::isnormal(a); }, false},
    {"signbit(a)", [](float a, float) { return (std::bit_cast<std::uint32_t>(a) >> 31) != 0; }},
    {"isordered(a, b)", [](float a, float b) { return !std::isnan(a) && !std::isnan(b); }},
    {"isunordered(a, b)", [](float a, float b) { return std::isnan(a) || std::isnan(b); }},
    {"a == b", [](float a, float b) { return a == b; }},
    {"a != a", [](float a, float) { return std::isnan(a); }},
    {"a < b", [](float a, float b) { return a < b; }},
    {"a >= T(-INFINITY)", [](float a, float) { return !std::isnan(a); }},
    {"select(a, b, a < b) == fmax(a, b)", [](float a, float) { return !std::isnan(a); }},
};

std::string source(const std::string& type, const std::string& result) {
  std::string text = fmt::format("typedef {} T;\ntypedef {} B;\n", type, result);
  std::size_t row = 0;
  for (const Row& r : kRows) {
    text += fmt::format(
        "kernel void row{}(device const T* x [[buffer(0)]], device const T* y [[buffer(1)]], device B* out "
        "[[buffer(2)]],\n"
        "    uint i [[thread_position_in_grid]]) {{\n  const T a = x[i], b = y[i];\n  out[i] = B({});\n}}\n",
        row++, r.call);
  }
  return text;
}

template <class Stored>
void check(const std::string& type, const std::string& result, std::size_t width, anymetal::MathMode mode) {
  constexpr bool kHalf = sizeof(Stored) == 2;
  KernelRunner runner(source(type, result), mode);
  msl_math::Pairs at = msl_math::pairs();
  std::vector<Stored> x, y;
  for (std::size_t i = 0; i < at.x.size() / 4 * 4; ++i) {
    if constexpr (kHalf) {
      at.x[i] = msl_math::round_to_half(at.x[i]);
      at.y[i] = msl_math::round_to_half(at.y[i]);
      x.push_back(msl_math::to_half_bits(at.x[i]));
      y.push_back(msl_math::to_half_bits(at.y[i]));
    } else {
      x.push_back(at.x[i]);
      y.push_back(at.y[i]);
    }
  }
  std::size_t index = 0;
  for (const Row& row : kRows) {
    const std::string kernel = fmt::format("row{}", index++);
    if (kHalf && !row.half) continue;
    const auto got = run_kernel<std::int32_t>(runner, kernel, x.size(), x.size() / width, x, y);
    ASSERT_TRUE(got) << type << " " << row.call << ": " << got.error().message();
    std::size_t failures = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const bool expected = row.reference(at.x[i], at.y[i]);
      if ((*got)[i] == (expected ? 1 : 0) || failures++ != 0) continue;
      ADD_FAILURE() << fmt::format("{} {} = {} at {:a}, {:a}", type, row.call, (*got)[i], at.x[i], at.y[i]);
    }
    EXPECT_EQ(failures, 0u) << type << " " << row.call;
  }
}

TEST(Relational, Float) {
  for (const auto mode : {anymetal::MathMode::Fast, anymetal::MathMode::Relaxed, anymetal::MathMode::Safe}) {
    check<float>("float", "int", 1, mode);
  }
}
TEST(Relational, FloatVectors) { check<float>("float4", "int4", 4, anymetal::MathMode::Fast); }
TEST(Relational, Half) { check<std::uint16_t>("half", "int", 1, anymetal::MathMode::Fast); }
TEST(Relational, HalfVectors) { check<std::uint16_t>("half2", "int2", 2, anymetal::MathMode::Fast); }

TEST(Relational, AllAndAny) {
  KernelRunner runner(
      "kernel void reduce(device const int* x, device int* out, uint i [[thread_position_in_grid]]) {\n"
      "  const bool4 b = bool4(x[i] & 1, x[i] & 2, x[i] & 4, x[i] & 8);\n"
      "  out[i] = int(all(b)) | int(any(b)) << 1 | int(all(not(b))) << 2 | int(select(3, 5, b.x)) << 3;\n}\n",
      anymetal::MathMode::Fast);
  std::vector<std::int32_t> x;
  for (int i = 0; i < 16; ++i) x.push_back(i);
  const auto got = run_kernel<std::int32_t>(runner, "reduce", x.size(), x.size(), x);
  ASSERT_TRUE(got) << got.error().message();
  for (int i = 0; i < 16; ++i) {
    EXPECT_EQ((*got)[static_cast<std::size_t>(i)],
              int{i == 15} | int{i != 0} << 1 | int{i == 0} << 2 | ((i & 1) != 0 ? 5 : 3) << 3);
  }
}

}  // namespace
}  // namespace msl_functions
