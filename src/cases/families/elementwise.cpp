// Element-wise kernels: kernels/elementwise.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>

#include "cases/case_list.hpp"
#include "cases/shapes.hpp"

namespace anymetal::cases {
namespace {

using Values = Problem::Values;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
const std::array<std::size_t, 6> kSizes = {1, 31, 33, 255, 257, 5000};
constexpr std::size_t kLarge = 1u << 24, kLarger = 1u << 25;

/// Half a unit in the last place, relative, and half the smallest subnormal.
Tolerance one_rounding(DType type) {
  switch (type) {
    case DType::F16:
      return {.absolute = 0x1p-25, .relative = 0x1p-11};
    case DType::BF16:
      return {.absolute = 0x1p-134, .relative = 0x1p-8};
    default:
      return {.absolute = 0x1p-150, .relative = 0x1p-24};
  }
}

std::string_view suffix(DType type) { return ops::name(type); }

struct Data {
  std::string label;
  std::size_t n;
  Fill fill;
  Purpose purpose = Purpose::Test;
};

std::vector<Data> data_sets() {
  std::vector<Data> sets;
  for (const std::size_t n : kSizes) sets.push_back({fmt::format("n={}", n), n, normal(0, 3)});
  sets.push_back({"special", 9, listed({0.0, -0.0, kInfinity, -kInfinity, kNan, 1e-7, -60000, 65504, 3e38})});
  sets.push_back({fmt::format("n={}", kLarge), kLarge, normal(0, 3), Purpose::Benchmark});
  sets.push_back({fmt::format("n={}", kLarger), kLarger, normal(0, 3), Purpose::LargeBenchmark});
  return sets;
}

/// A value as the type stores it, for outputs that overflow.
double rounded(DType type, double value) { return decode(type, encode(type, std::array{value}))[0]; }

void binary(CaseList& list, std::string_view stem, DType type, double (*op)(double, double), Tolerance tolerance,
            bool special) {
  for (const Data& data : data_sets()) {
    if (data.label == "special" && !special) continue;
    list.add(
        fmt::format("{}{}", stem, type == DType::F32 && stem.back() != '_' ? "" : suffix(type)), data.label,
        [=](Problem& p) {
          const auto a = p.input(0, type, data.n, data.fill);
          const auto b = p.input(1, type, data.n, normal());
          const auto out = p.output(2, type, data.n);
          p.value(3, static_cast<std::uint32_t>(data.n));
          p.threads({data.n}, {flat_threads(data.n)});
          p.expect(out, tolerance, [=] {
            Values y(data.n);
            for (std::size_t i = 0; i < data.n; ++i) {
              const double value = op(a[i], b[i]);
              y[i] = std::isinf(rounded(type, value)) ? rounded(type, value) : value;
            }
            return y;
          });
        },
        data.purpose);
  }
}

/// y = op(x), params after the output.
template <class Params>
void unary(CaseList& list, const std::string& kernel, DType from, DType to, Params params, double (*op)(double),
           Tolerance tolerance) {
  for (const Data& data : data_sets()) {
    list.add(
        kernel, data.label,
        [=](Problem& p) {
          const auto x = p.input(0, from, data.n, data.fill);
          const auto out = p.output(1, to, data.n);
          p.value(2, params(static_cast<std::uint32_t>(data.n)));
          p.threads({data.n}, {flat_threads(data.n)});
          p.expect(out, tolerance, [=] {
            Values y(data.n);
            for (std::size_t i = 0; i < data.n; ++i) {
              const double value = op(x[i]);
              y[i] = std::isinf(rounded(to, value)) ? rounded(to, value) : value;
            }
            return y;
          });
        },
        data.purpose);
  }
}

double gelu_times(double x, double up) {
  const double z = std::clamp(std::sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x), -15.0, 15.0);
  return 0.5 * x * (1 + std::tanh(z)) * up;
}

struct ScalarAndCount {
  float scalar;
  std::uint32_t count;
};

}  // namespace

void elementwise_cases(CaseList& list) {
  for (const DType type : {DType::F32, DType::F16, DType::BF16}) {
    binary(list, "elementwise_add_", type, [](double a, double b) { return a + b; }, one_rounding(type), true);
    binary(list, "elementwise_mul_", type, [](double a, double b) { return a * b; }, one_rounding(type), true);
  }
  binary(list, "fused_gelu_mul", DType::F32, gelu_times, {.absolute = 1.8e-7, .relative = 7.2e-7}, false);
  binary(list, "fused_gelu_mul_", DType::BF16, gelu_times, {.absolute = 1e-5, .relative = 0x1p-8 + 1e-5}, false);

  const auto count = [](std::uint32_t n) { return n; };
  const auto identity = [](double x) { return x; };
  unary(list, "cast_f16_to_f32", DType::F16, DType::F32, count, identity, Tolerance::exact());
  unary(list, "cast_bf16_to_f32", DType::BF16, DType::F32, count, identity, Tolerance::exact());
  unary(list, "cast_f32_to_f16", DType::F32, DType::F16, count, identity, one_rounding(DType::F16));
  unary(list, "cast_f32_to_bf16", DType::F32, DType::BF16, count, identity, one_rounding(DType::BF16));

  for (const DType type : {DType::F32, DType::BF16}) {
    unary(
        list, fmt::format("scalar_mul_{}", suffix(type)), type, type,
        [](std::uint32_t n) { return ScalarAndCount{-1.75f, n}; }, [](double x) { return -1.75 * x; },
        one_rounding(type));
  }
  for (const DType type : {DType::F32, DType::F16, DType::BF16}) {
    const Tolerance rounding = one_rounding(type);
    unary(
        list, fmt::format("softcap_{}", suffix(type)), type, type,
        [](std::uint32_t n) { return ScalarAndCount{30.0f, n}; }, [](double x) { return 30 * std::tanh(x / 30); },
        {.absolute = rounding.absolute + 7e-7, .relative = rounding.relative + 7e-7});
  }
}

}  // namespace anymetal::cases
