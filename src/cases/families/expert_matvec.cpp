// Products with one expert's block-quantised matrix per row: kernels/matmul/mul_mv_id.metal.
#include <fmt/format.h>

#include <array>
#include <cmath>

#include "cases/block_codes.hpp"
#include "cases/case_list.hpp"
#include "cases/products.hpp"
#include "cases/shapes.hpp"

namespace anymetal::cases {
namespace {

using Values = Problem::Values;

struct Shape {
  std::size_t tokens, top_k, experts, n, blocks;
  std::size_t spare_rows = 0;  // between experts
  bool counted = false;        // the kernel is told how many experts there are, and one id in a few names none
  [[nodiscard]] std::size_t rows() const { return tokens * top_k; }
};

struct Params {
  std::int64_t ne00, ne01, ne02, ne10, ne12, ne0, ne1;
  std::uint32_t r2, r3, top_k, n_tokens;
  std::int64_t expert_stride;
};
static_assert(sizeof(Params) == 80);

Params params_of(const Shape& s, DType type) {
  const auto i64 = [](std::size_t v) { return static_cast<std::int64_t>(v); };
  const std::size_t k = s.blocks * ops::info(type).block_elements;
  return {i64(k),
          i64(s.n),
          1,
          i64(k),
          1,
          i64(s.n),
          i64(s.rows()),
          1,
          1,
          static_cast<std::uint32_t>(s.top_k),
          static_cast<std::uint32_t>(s.tokens),
          i64((s.n + s.spare_rows) * ops::bytes_of(type, k))};
}

Values ids_of(Problem& p, unsigned index, const Shape& s) {
  if (s.counted) p.constant(330, static_cast<std::int32_t>(s.experts));
  return p.input(index, DType::U32, s.rows(),
                 integers(0, static_cast<std::int64_t>(s.counted ? s.experts + s.experts / 2 : s.experts) - 1));
}

struct Geometry {
  std::size_t rows_per_group;
  Size group;
};

/// Roundings of the sum of absolute products; those of a super-block come in more partial sums.
Tolerance tolerance_of(DType type) {
  return {.magnitude = (ops::info(type).block_elements == 32 ? 4.5 : 2.2) * 0x1p-24};
}

void routed(Problem& p, const Shape& s, DType type, const Geometry& g, const Tolerance& tolerance) {
  const std::size_t k = s.blocks * ops::info(type).block_elements, stride = (s.n + s.spare_rows) * k;
  const auto weight = p.input(0, type, s.experts * stride, uniform(-1, 1));
  const auto x = p.input(1, DType::F32, s.tokens * k, normal());
  const auto out = p.output(2, DType::F32, s.rows() * s.n);
  const auto ids = ids_of(p, 3, s);
  p.value(4, params_of(s, type));
  // One row of threadgroups more than there are rows: it must do nothing.
  p.threadgroups({divide_up(s.n, g.rows_per_group), s.rows() + p.spare(1)}, g.group);
  p.expect(out, tolerance, [=] {
    const Values none(k);
    return products(
        s.rows(), s.n, k,
        [&](std::size_t r, std::size_t n) {
          const auto expert = static_cast<std::size_t>(ids[r]);
          return expert < s.experts ? &weight[expert * stride + n * k] : none.data();
        },
        [&](std::size_t r, std::size_t) { return &x[r / s.top_k * k]; });
  });
}

void swiglu(Problem& p, const Shape& s) {
  const std::size_t k = s.blocks * 32, stride = (s.n + s.spare_rows) * k;
  const auto weight = p.input(0, DType::Q4_0, s.experts * stride, uniform(-1, 1));
  const auto gate = p.input(1, DType::F32, s.rows() * k, normal(0, 3));
  const auto up = p.input(2, DType::F32, s.rows() * k, normal());
  const auto out = p.output(3, DType::F32, s.rows() * s.n);
  const auto ids = ids_of(p, 4, s);
  p.value(5, params_of(s, DType::Q4_0));
  p.threadgroups({divide_up(s.n, 8), s.rows() + p.spare(1)}, {8, 8});
  p.expect(out, {.absolute = 7e-7, .magnitude = 3.5e-7}, [=] {
    Values h(gate.size());
    for (std::size_t i = 0; i < h.size(); ++i) h[i] = gate[i] / (1 + std::exp(-gate[i])) * up[i];
    const Values none(k);
    return products(
        s.rows(), s.n, k,
        [&](std::size_t r, std::size_t n) {
          const auto expert = static_cast<std::size_t>(ids[r]);
          return expert < s.experts ? &weight[expert * stride + n * k] : none.data();
        },
        [&](std::size_t r, std::size_t) { return &h[r * k]; });
  });
}

constexpr std::array kShapes = {Shape{1, 1, 1, 1, 1},         Shape{1, 8, 8, 7, 3},      Shape{3, 2, 5, 9, 2, 3},
                                Shape{5, 8, 4, 17, 1},        Shape{2, 3, 300, 2, 1, 1}, Shape{7, 1, 3, 33, 9},
                                Shape{5, 4, 4, 9, 2, 0, true}};
constexpr Shape kLarge = {1, 8, 16, 704, 8};

}  // namespace

void expert_matvec_cases(CaseList& list) {
  const auto label = [](const Shape& s) {
    return fmt::format("tokens={}x{} experts={} N={} blocks={}{}", s.tokens, s.top_k, s.experts, s.n, s.blocks,
                       s.counted ? " counted" : "");
  };
  const auto add = [&](const std::string& kernel, DType type, const Geometry& g) {
    for (const Shape& s : kShapes)
      list.add(kernel, label(s), [=](Problem& p) { routed(p, s, type, g, tolerance_of(type)); });
    list.add(kernel, "every code", [=](Problem& p) {
      p.given_bytes(0, every_code(type, Scales::Any));
      p.given(1, positive(4 * ops::info(type).block_elements));
      routed(p, {4, 1, 2, kCodeBlocks / 2, 1}, type, g, kCancellingWeights);
    });
    list.add(
        kernel, label(kLarge), [=](Problem& p) { routed(p, kLarge, type, g, tolerance_of(type)); }, Purpose::Benchmark);
  };
  for (const DType type : kBlockFormats) {
    const bool super_blocks = ops::info(type).block_elements == 256;
    add(fmt::format("kernel_mul_mv_id_{}_f32", ops::name(type)), type,
        super_blocks ? Geometry{2, {2, 32}} : Geometry{8, {8, 8}});
  }
  add("kernel_mul_mv_id_q6_K_f32_nr2", DType::Q6_K, {4, {2, 32}});
  for (const Shape& s : kShapes)
    list.add("kernel_mul_mv_id_q4_0_f32_swiglu", label(s), [=](Problem& p) { swiglu(p, s); });
  list.add(
      "kernel_mul_mv_id_q4_0_f32_swiglu", label(kLarge), [=](Problem& p) { swiglu(p, kLarge); }, Purpose::Benchmark);
}

}  // namespace anymetal::cases
