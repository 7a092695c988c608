// Affine products with scales in bf16: kernels/matmul/quantized_matmul.metal.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "cases/affine.hpp"
#include "cases/case_list.hpp"
#include "cases/products.hpp"
#include "cases/shapes.hpp"

namespace anymetal::cases {
namespace {

using Values = Problem::Values;
constexpr std::uint32_t u32(std::size_t v) { return static_cast<std::uint32_t>(v); }

struct Shape {
  std::size_t m, n, k, group, bits;
  std::size_t slots = 1, experts = 1;
  [[nodiscard]] std::size_t groups() const { return divide_up(k, group); }
  [[nodiscard]] std::size_t matrix_bytes() const { return n * affine_row_bytes(k, bits); }
};

struct Data {
  Values x, codes, scales, biases;
};

/// Buffers 0 to 3. `spare` bytes and elements stand before the matrices.
Data operands(Problem& p, const Shape& s, DType type, std::size_t spare = 0) {
  Data d;
  d.x = p.input(0, type, s.m * s.k, normal());
  d.codes = affine_codes(p.random(), s.experts * s.n * s.k, s.bits);
  std::vector<std::byte> packed = pack_affine(d.codes, s.k, s.bits);
  packed.insert(packed.begin(), spare, std::byte{0xff});
  p.input_bytes(1, DType::U8, std::move(packed));
  if (s.bits % 3 != 0) p.align(1, 4);
  const auto stacked = [&](unsigned index, const Fill& fill) {
    Values values = p.input(index, DType::BF16, spare + s.experts * s.n * s.groups(), fill);
    values.erase(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(spare));
    return values;
  };
  d.scales = stacked(2, normal(0, 0.1));
  d.biases = stacked(3, normal());
  return d;
}

/// Row r of the result multiplies activation row r / slots with expert(r); experts that do not exist give zeros. S is
/// the sum of |x| (|code scale| + |bias|).
template <class Expert>
Expected reference(const Shape& s, const Data& d, Expert expert) {
  Values y(s.m * s.slots * s.n), magnitude(y.size());
  for (std::size_t i = 0; i < y.size(); ++i) {
    const std::size_t e = expert(i / s.n), n = i % s.n;
    if (e >= s.experts) continue;
    for (std::size_t k = 0; k < s.k; ++k) {
      const std::size_t at = (e * s.n + n) * s.groups() + k / s.group;
      const double scaled = d.codes[(e * s.n + n) * s.k + k] * d.scales[at], x = d.x[i / s.n / s.slots * s.k + k];
      y[i] += x * (scaled + d.biases[at]);
      magnitude[i] += std::fabs(x) * (std::fabs(scaled) + std::fabs(d.biases[at]));
    }
  }
  return {std::move(y), std::move(magnitude)};
}

void scalar_geometry(Problem& p, std::size_t columns, std::size_t rows) {
  const std::size_t tx = std::min<std::size_t>(16, columns), ty = std::min<std::size_t>(16, rows);
  p.threadgroups({divide_up(columns, tx), divide_up(rows, ty)}, {tx, ty});
}

std::array<std::uint32_t, 5> params(const Shape& s) {
  return {u32(s.m), u32(s.k), u32(s.n), u32(s.group), u32(s.bits)};
}

void parameter_buffer(Problem& p, unsigned index, const auto& values) {
  p.input(index, DType::U32, Values(values.begin(), values.end()));
}

void scalar(Problem& p, const Shape& s) {
  const Data d = operands(p, s, DType::F32);
  const auto out = p.output(4, DType::F32, s.m * s.n);
  parameter_buffer(p, 5, params(s));
  scalar_geometry(p, s.n, s.m);
  p.expect(out, {.magnitude = 0x1.02p-8}, [=] { return reference(s, d, [](std::size_t) { return 0u; }); });
}

void lanes(Problem& p, const Shape& s, DType type, bool stacked) {
  const Data d = operands(p, s, type, stacked ? 12 : 0);
  const auto out = p.output(4, type, s.m * s.n);
  parameter_buffer(p, 5, params(s));
  if (stacked) {
    for (const unsigned index : {6u, 7u, 8u}) p.input(index, DType::U32, Values{index == 6 ? 12.0 : 24.0});
  }
  p.threadgroups({s.m, divide_up(s.n, 8)}, {32, 2});
  const bool rounded = type == DType::BF16;  // then x is exact, and the result is rounded
  p.expect(out, {.relative = rounded ? 0x1.01p-8 : 0, .magnitude = rounded ? 1e-5 : 0x1.02p-8},
           [=] { return reference(s, d, [](std::size_t) { return 0u; }); });
}

void routed(Problem& p, const Shape& s) {
  const Data d = operands(p, s, DType::F32);
  // One id in a few is past the last expert.
  const auto ids = p.input(4, DType::U32, s.m * s.slots, integers(0, static_cast<std::int64_t>(s.experts)));
  const auto out = p.output(5, DType::F32, s.m * s.slots * s.n);
  const auto p5 = params(s);
  const std::size_t scales = s.n * s.groups();
  parameter_buffer(p, 6,
                   std::array{p5[0], p5[1], p5[2], p5[3], p5[4], u32(s.slots), u32(s.experts), u32(s.matrix_bytes()),
                              u32(scales), u32(scales)});
  scalar_geometry(p, s.n, s.m * s.slots);
  p.expect(out, {.magnitude = 0x1.02p-8},
           [=] { return reference(s, d, [&](std::size_t row) { return static_cast<std::size_t>(ids[row]); }); });
}

}  // namespace

void affine_matmul_cases(CaseList& list) {
  for (const std::size_t bits : kAffineBits) {
    // Rows that end within a word, groups that end within a row or are smaller than a lane's run.
    const std::array shapes = {Shape{1, 1, 32, 32, bits},  Shape{3, 17, 64, 32, bits}, Shape{17, 9, 45, 32, bits},
                               Shape{2, 8, 512, 64, bits}, Shape{5, 33, 300, 4, bits}, Shape{1, 7, 1024, 128, bits}};
    for (const Shape& s : shapes) {
      const std::string label = fmt::format("M={} N={} K={} group={} bits={}", s.m, s.n, s.k, s.group, s.bits);
      list.add("quantized_matmul", label, [=](Problem& p) { scalar(p, s); });
      list.add("quantized_matmul_simd", label, [=](Problem& p) { lanes(p, s, DType::F32, false); });
      list.add("quantized_matmul_simd_bf16", label, [=](Problem& p) { lanes(p, s, DType::BF16, false); });
      list.add("quantized_matmul_simd_bf16_expert", label, [=](Problem& p) { lanes(p, s, DType::BF16, true); });
      Shape experts = s;
      experts.slots = 3;
      experts.experts = 4;
      list.add("quantized_matmul_id", label, [=](Problem& p) { routed(p, experts); });
    }
  }
  const Shape large = {1, 2048, 4096, 64, 4}, experts = {4, 704, 2048, 64, 4, 2, 8};
  list.add(
      "quantized_matmul", "M=1 N=2048 K=4096 bits=4", [=](Problem& p) { scalar(p, large); }, Purpose::Benchmark);
  list.add(
      "quantized_matmul_simd_bf16_expert", "M=1 N=2048 K=4096 bits=4",
      [=](Problem& p) { lanes(p, large, DType::BF16, true); }, Purpose::Benchmark);
  list.add(
      "quantized_matmul_id", "M=4x2 N=704 K=2048 bits=4", [=](Problem& p) { routed(p, experts); }, Purpose::Benchmark);
  for (const auto& [name, type] :
       {std::pair{"quantized_matmul_simd", DType::F32}, std::pair{"quantized_matmul_simd_bf16", DType::BF16}}) {
    list.add(
        name, "M=1 N=2048 K=4096 bits=4", [=](Problem& p) { lanes(p, large, type, false); }, Purpose::Benchmark);
  }
}

}  // namespace anymetal::cases
