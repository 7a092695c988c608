// Geometric functions (MSL book 5.7) on vectors of 2 to 4, against double precision; errors relative to the size of
// what is summed.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <random>

#include "kernel_runner.hpp"

namespace msl_functions {
namespace {

using Vector = std::array<double, 4>;  ///< unused components are 0

double dot(const Vector& a, const Vector& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3]; }
Vector scaled(const Vector& a, double s) { return {a[0] * s, a[1] * s, a[2] * s, a[3] * s}; }
Vector sum(const Vector& a, const Vector& b) { return {a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3]}; }
Vector unit(const Vector& a) { return scaled(a, 1 / std::sqrt(dot(a, a))); }
Vector scalar(double v) { return {v, v, v, v}; }
Vector refract(const Vector& i, const Vector& n, double eta) {
  const double cosine = dot(n, i), k = 1 - eta * eta * (1 - cosine * cosine);
  return k < 0 ? scalar(0) : sum(scaled(i, eta), scaled(n, -(eta * cosine + std::sqrt(k))));
}

struct Row {
  const char* call;  ///< of vectors a and b; converted to V
  Vector (*reference)(const Vector& a, const Vector& b);
  int width = 0;  ///< 0: all
};

const Row kRows[] = {
    {"V(dot(a, b))", [](const Vector& a, const Vector& b) { return scalar(dot(a, b)); }},
    {"V(length(a))", [](const Vector& a, const Vector&) { return scalar(std::sqrt(dot(a, a))); }},
    {"V(precise::length(a))", [](const Vector& a, const Vector&) { return scalar(std::sqrt(dot(a, a))); }},
    {"V(fast::length(a))", [](const Vector& a, const Vector&) { return scalar(std::sqrt(dot(a, a))); }},
    {"V(length_squared(a))", [](const Vector& a, const Vector&) { return scalar(dot(a, a)); }},
    {"V(distance(a, b))",
     [](const Vector& a, const Vector& b) {
       const Vector d = sum(a, scaled(b, -1));
       return scalar(std::sqrt(dot(d, d)));
     }},
    {"V(distance_squared(a, b))",
     [](const Vector& a, const Vector& b) {
       const Vector d = sum(a, scaled(b, -1));
       return scalar(dot(d, d));
     }},
    {"normalize(a)", [](const Vector& a, const Vector&) { return unit(a); }},
    {"precise::normalize(a)", [](const Vector& a, const Vector&) { return unit(a); }},
    {"fast::normalize(a)", [](const Vector& a, const Vector&) { return unit(a); }},
    {"cross(a, b)",
     [](const Vector& a, const Vector& b) {
       return Vector{a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0], 0};
     },
     3},
    {"faceforward(a, b, a)", [](const Vector& a, const Vector& b) { return dot(a, b) < 0 ? a : scaled(a, -1); }},
    {"reflect(a, b)", [](const Vector& a, const Vector& b) { return sum(a, scaled(unit(b), -2 * dot(unit(b), a))); }},
    {"refract(normalize(a), normalize(b), S(0.7))",
     [](const Vector& a, const Vector& b) { return refract(unit(a), unit(b), 0.7); }},
};

void check(int width) {
  std::string text = fmt::format("typedef float S;\ntypedef float{} V;\n", width);
  for (std::size_t row = 0; row < std::size(kRows); ++row) {
    if (kRows[row].width != 0 && kRows[row].width != width) continue;
    text += fmt::format(
        "kernel void row{0}(device const packed_float{1}* x [[buffer(0)]], device const packed_float{1}* y "
        "[[buffer(1)]],\n"
        "    device packed_float{1}* out [[buffer(2)]], uint i [[thread_position_in_grid]]) {{\n"
        "  const V a = V(x[i]), b = V(y[i]);\n  const V r = {2};\n  out[i] = packed_float{1}(r);\n}}\n",
        row, width, kRows[row].call);
  }
  KernelRunner runner(text, anymetal::MathMode::Fast);
  constexpr std::size_t kCount = 1021;
  const auto components = static_cast<std::size_t>(width);
  std::mt19937 random(7);
  std::uniform_real_distribution<float> inside(-3.0f, 3.0f);
  std::vector<float> x, y;
  for (std::size_t i = 0; i < kCount * components; ++i) {
    x.push_back(inside(random));
    y.push_back(inside(random));
  }
  for (std::size_t row = 0; row < std::size(kRows); ++row) {
    if (kRows[row].width != 0 && kRows[row].width != width) continue;
    const auto got = run_kernel<float>(runner, fmt::format("row{}", row), x.size(), kCount, x, y);
    ASSERT_TRUE(got) << kRows[row].call << ": " << got.error().message();
    double worst = 0;
    for (std::size_t i = 0; i < kCount; ++i) {
      Vector a{}, b{};
      for (std::size_t k = 0; k < components; ++k) a[k] = x[i * components + k], b[k] = y[i * components + k];
      const Vector expected = kRows[row].reference(a, b);
      const double size = std::max({1.0, dot(a, a), dot(b, b), std::fabs(expected[0])});
      for (std::size_t k = 0; k < components; ++k) {
        const double error = std::fabs(static_cast<double>((*got)[i * components + k]) - expected[k]) / size;
        worst = std::isnan(error) ? HUGE_VAL : std::max(worst, error);
      }
    }
    fmt::print("float{} {:45} 2^{:.1f}\n", width, kRows[row].call, std::log2(worst));
    EXPECT_LE(worst, 0x1p-20) << "float" << width << " " << kRows[row].call;
  }
}

TEST(Geometric, Float2) { check(2); }
TEST(Geometric, Float3) { check(3); }
TEST(Geometric, Float4) { check(4); }

}  // namespace
}  // namespace msl_functions
