// Block-quantised products with a few activation rows: kernels/matmul/mul_mv_ext.metal.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "cases/block_codes.hpp"
#include "cases/case_list.hpp"
#include "cases/products.hpp"
#include "cases/shapes.hpp"

namespace anymetal::cases {
namespace {

struct Shape {
  std::size_t m, n, blocks, lanes_per_row;
  std::size_t simdgroups = 2, weight_batches = 1, r2 = 1, batches = 1;
  std::size_t outer = 1, r3 = 1;  ///< as often weights, and activations for each of them, one after the other
  [[nodiscard]] std::size_t all_batches() const { return batches * outer * r3; }
  /// Weights with fewer batches than the activations need are used again from the first one.
  [[nodiscard]] std::size_t weight_of(std::size_t batch) const {
    return batch % batches / r2 % weight_batches + batch / batches / r3 * weight_batches;
  }
};

struct Params {
  std::int32_t ne00, ne01, ne02, pad0;
  std::uint64_t nb00, nb01, nb02, nb03;
  std::int32_t ne10, ne11, ne12, pad1;
  std::uint64_t nb10, nb11, nb12, nb13;
  std::int32_t ne0, ne1;
  std::int16_t r2, r3;
  std::int32_t pad2;
};
static_assert(sizeof(Params) == 112);

/// Roundings of the sum of absolute products; those of a super-block come in more partial sums.
Tolerance f32_sums(DType type) { return {.magnitude = (ops::info(type).block_elements == 32 ? 4.5 : 2.2) * 0x1p-24}; }

void product(Problem& p, const Shape& s, DType type, std::size_t rows_per_group, const Tolerance& tolerance) {
  const auto i32 = [](std::size_t v) { return static_cast<std::int32_t>(v); };
  const std::size_t k = s.blocks * ops::info(type).block_elements;
  const std::uint64_t row = ops::bytes_of(type, k), x_row = 4 * k;
  p.value(0, Params{i32(k),
                    i32(s.n),
                    i32(s.weight_batches),
                    0,
                    ops::info(type).block_bytes,
                    row,
                    row * s.n,
                    row * s.n * s.weight_batches,
                    i32(k),
                    i32(s.m),
                    i32(s.batches),
                    0,
                    4,
                    x_row,
                    x_row * s.m,
                    x_row * s.m * s.batches,
                    i32(s.n),
                    i32(s.m),
                    static_cast<std::int16_t>(s.r2),
                    static_cast<std::int16_t>(s.r3),
                    0});
  const auto weight = p.input(1, type, s.weight_batches * s.outer * s.n * k, uniform(-1, 1));
  const auto x = p.input(2, DType::F32, s.all_batches() * s.m * k, normal());
  const auto out = p.output(3, DType::F32, s.all_batches() * s.m * s.n);
  p.constant(600, static_cast<std::int32_t>(s.simdgroups));
  p.constant(601, static_cast<std::int32_t>(s.lanes_per_row));
  p.threadgroups({divide_up(s.n, 32 / s.lanes_per_row * s.simdgroups), divide_up(s.m, rows_per_group), s.all_batches()},
                 {32, s.simdgroups});
  p.flops(2.0 * static_cast<double>(s.all_batches() * s.m) * static_cast<double>(s.n * k));
  p.expect(out, tolerance, [=] {
    return products(
        s.all_batches() * s.m, s.n, k,
        [&](std::size_t r, std::size_t n) { return &weight[(s.weight_of(r / s.m) * s.n + n) * k]; },
        [&](std::size_t r, std::size_t) { return &x[r * k]; });
  });
}

// Odd block counts of 32 leave a remainder of 64; some shapes have fewer weight batches than activation batches.
constexpr std::array kShapes = {Shape{1, 1, 1, 4},
                                Shape{2, 17, 3, 4},
                                Shape{3, 16, 2, 8},
                                Shape{8, 33, 4, 8},
                                Shape{7, 3, 1, 8},
                                Shape{5, 15, 5, 16},
                                Shape{3, 9, 3, 4, 2, 1, 1, 3},
                                Shape{2, 5, 1, 8, 2, 2, 2, 4},
                                Shape{3, 4, 1, 8, 2, 2, 2, 4, 2, 2}};
/// Geometry no host code asks for; every one is a compilation of its own.
constexpr std::array kUnusual = {Shape{8, 33, 4, 8, 1}, Shape{7, 3, 1, 32, 3}, Shape{4, 65, 3, 1}};

}  // namespace

void matmul_few_rows_cases(CaseList& list) {
  for (const DType type : kBlockFormats) {
    for (const std::size_t rows : {2u, 3u, 4u, 5u}) {
      const std::string kernel = fmt::format("kernel_mul_mv_ext_{}_f32_r1_{}", ops::name(type), rows);
      const auto add = [&](const Shape& s) {
        const std::string label =
            fmt::format("M={} N={} blocks={} lanes={}x{} batches={}/{}", s.m, s.n, s.blocks, s.lanes_per_row,
                        s.simdgroups, s.all_batches(), s.weight_batches * s.outer);
        list.add(kernel, label, [=](Problem& p) { product(p, s, type, rows, f32_sums(type)); });
      };
      for (const Shape& s : kShapes) add(s);
      list.add(kernel, "every code", [=](Problem& p) {
        p.given_bytes(1, every_code(type, Scales::Any));
        p.given(2, positive(4 * ops::info(type).block_elements));
        product(p, {4, kCodeBlocks, 1, 8}, type, rows, kCancellingWeights);
      });
      if (rows == 3) std::ranges::for_each(kUnusual, add);
      const Shape large = {rows, 2048, 4096 / ops::info(type).block_elements, 8};
      list.add(
          kernel, fmt::format("M={} N=2048 K=4096", rows),
          [=](Problem& p) { product(p, large, type, rows, f32_sums(type)); }, Purpose::Benchmark);
    }
  }
}

}  // namespace anymetal::cases
