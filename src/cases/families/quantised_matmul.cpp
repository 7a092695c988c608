// Products with block-quantised weights: kernels/matmul.
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "cases/block_codes.hpp"
#include "cases/case_list.hpp"
#include "cases/products.hpp"
#include "cases/shapes.hpp"
#include "ops/kernel_params.hpp"

namespace anymetal::cases {
namespace {

using Values = Problem::Values;

struct Shape {
  std::size_t m, n, k;
  Batches batches = {};
};

/// y[b, m, n] = sum over k of w[b / r2, n, k] x[b, m, k], and beside it the sum of absolute products.
Expected product(const Shape& s, const Values& w, const Values& x) {
  return products(
      s.batches.count() * s.m, s.n, s.k,
      [&](std::size_t row, std::size_t n) { return &w[(s.batches.weight_of(row / s.m) * s.n + n) * s.k]; },
      [&](std::size_t row, std::size_t) { return &x[row * s.k]; });
}

/// Only f32 accumulation is rounded: so many roundings of the sum of absolute products. More terms do not need more, as
/// their errors cancel.
constexpr Tolerance f32_sums(double roundings) { return {.magnitude = roundings * 0x1p-24}; }

/// Products of a form. A super-block's terms come in more partial sums than those of a block of 32.
struct Tolerances {
  Tolerance mat_vec, mat_mat;
};

/// The weights of `mat_mat` pass through f16, as on matrix hardware.
Tolerances tolerances_of(DType type) {
  if (ops::info(type).block_elements == 256) {
    return {f32_sums(2.2), {.absolute = 2e-6, .magnitude = 0.19 * 0x1p-10}};
  }
  return {f32_sums(2.75), {.absolute = 5e-6, .magnitude = 0.55 * 0x1p-10}};
}

ops::MatVecParams mat_vec_params(const Shape& s) {
  const auto i64 = [](std::size_t v) { return static_cast<std::int64_t>(v); };
  return {.ne00 = i64(s.k),
          .ne01 = i64(s.n),
          .ne02 = i64(s.batches.weights),
          .ne10 = i64(s.k),
          .ne12 = i64(s.batches.inner()),
          .ne0 = i64(s.n),
          .ne1 = i64(s.m),
          .r2 = static_cast<std::uint32_t>(s.batches.r2),
          .r3 = static_cast<std::uint32_t>(s.batches.r3)};
}

ops::MatMatParams mat_mat_params(const Shape& s, DType type) {
  const auto i32 = [](std::size_t v) { return static_cast<std::int32_t>(v); };
  const std::uint64_t row = ops::bytes_of(type, s.k), x_row = 4 * s.k;
  return {.ne00 = i32(s.k),
          .ne02 = i32(s.batches.weights),
          .nb01 = row,
          .nb02 = row * s.n,
          .nb03 = row * s.n * s.batches.weights,
          .ne12 = i32(s.batches.inner()),
          .nb11 = x_row,
          .nb12 = x_row * s.m,
          .nb13 = x_row * s.m * s.batches.inner(),
          .ne0 = i32(s.n),
          .ne1 = i32(s.m),
          .r2 = static_cast<std::int16_t>(s.batches.r2),
          .r3 = static_cast<std::int16_t>(s.batches.r3)};
}

struct Data {
  Values weight, x;
  Problem::Handle out;
};

/// Binds weight, x and dst at these indices.
Data operands(Problem& p, const Shape& s, DType type, unsigned weight, unsigned x, unsigned dst) {
  const std::size_t batches = s.batches.count();
  Data data;
  data.weight = p.input(weight, type, s.batches.weight_count() * s.n * s.k, uniform(-1, 1));
  data.x = p.input(x, DType::F32, batches * s.m * s.k, normal());
  data.out = p.output(dst, DType::F32, batches * s.m * s.n);
  return data;
}

std::string label(const Shape& s) {
  const std::string batches = s.batches.name();
  return fmt::format("M={} N={} K={}{}{}", s.m, s.n, s.k, batches.empty() ? "" : " batches=", batches);
}

/// Vectors of `k` normal numbers each, all but the first with something a form with scaled numbers must take another way:
/// NaN, infinities, nothing but zeros, only small or only large numbers, large numbers among zeros.
constexpr std::size_t kUnusualVectors = 8;
std::vector<double> unusual_vectors(std::size_t k) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  constexpr std::array factors = {1.0, 1.0, 1.0, 1.0, 0.0, 0x1p-100, 0x1p+90, 0.0};
  std::vector<double> x(kUnusualVectors * k);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = factors[i / k] * (static_cast<double>((i * 40503U + 17) % 2048) / 1024 - 1);
  }
  x[2 * k - 1] = std::numeric_limits<double>::quiet_NaN();
  x[2 * k + k / 2] = kInfinity;
  x[3 * k] = -kInfinity;
  for (std::size_t i = 7 * k; i < 8 * k; i += 8) x[i] = 0x1p+100;
  return x;
}

void mat_vec_cases(CaseList& list, std::string_view kernel, DType type, const Tolerance& tolerance,
                   std::size_t rows_per_group, Size group) {
  const std::size_t block = ops::info(type).block_elements;
  const std::array shapes = {Shape{1, 1, block},
                             Shape{1, 2, 3 * block},
                             Shape{3, 7, 2 * block},
                             Shape{2, 33, 5 * block},
                             Shape{8, 17, block * 9},
                             Shape{1, 9, 1280},
                             Shape{1, 71, 8960},
                             Shape{2, 3, 33024},
                             Shape{2, 5, 2 * block, {2, 3}},
                             Shape{2, 3, block, {2, 2, 2, 2}}};
  const auto build = [=](Problem& p, const Shape& s, const Tolerance& allowed) {
    const Data data = operands(p, s, type, 0, 1, 2);
    p.value(3, mat_vec_params(s));
    p.threadgroups({divide_up(s.n, rows_per_group), s.m, s.batches.count()}, group);
    p.expect(data.out, allowed, [=] { return product(s, data.weight, data.x); });
  };
  for (const Shape& s : shapes) list.add(kernel, label(s), [=](Problem& p) { build(p, s, tolerance); });
  for (std::size_t m = 4; m < 10; ++m) {
    list.add(kernel, label({m, 3, block}), [=](Problem& p) { build(p, {m, 3, block}, tolerance); });
  }
  // So many rows that a form for them may take another way.
  if (block == 32) {
    const Shape many = {1, 12301, 3 * block};
    list.add(kernel, label(many), [=](Problem& p) { build(p, many, tolerance); });
  }
  list.add(kernel, "every code", [=](Problem& p) {
    p.given_bytes(0, every_code(type, Scales::Any));
    p.given(1, positive(4 * block));
    build(p, {4, kCodeBlocks, block}, kCancellingWeights);
  });
  if (block == 32) {
    list.add(kernel, "every code, rows of four blocks", [=](Problem& p) {
      p.given_bytes(0, every_code(type, Scales::Any));
      p.given(1, positive(4 * 4 * block));
      build(p, {4, kCodeBlocks / 4, 4 * block}, kCancellingWeights);
    });
  }
  // Sums that are whole numbers where a form has some have the largest ones here.
  list.add(kernel, "equal codes and elements", [=](Problem& p) {
    constexpr std::size_t kBlocks = 4;
    p.given_bytes(0, equal_bytes(type, kBlocks));
    std::vector<double> x(4 * kBlocks * block, 1.0);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const std::size_t row = i / (kBlocks * block);
      if (row == 1 || (row == 2 && i % 2 == 0)) x[i] = -1.0;
      if (row == 3) x[i] = i % 8 == 0 ? 1.0 : -32767.0 / 8355700.0;  // as three bytes 0, -128 and 1
    }
    p.given(1, x);
    build(p, {4, 256, kBlocks * block}, f32_accumulation(kBlocks * block));
  });
  list.add(kernel, "unusual vectors", [=](Problem& p) {
    p.given(1, unusual_vectors(5 * block));
    build(p, {kUnusualVectors, 5, 5 * block}, kCancellingWeights);
  });
  if (type == DType::MXFP4) {
    // Powers of two up to the last; codes of larger magnitudes than 1 go beyond f32 there.
    list.add(kernel, "largest scales", [=](Problem& p) {
      std::vector<std::byte> blocks;
      for (unsigned e = 240; e < 256; ++e) {
        blocks.push_back(static_cast<std::byte>(e));
        for (unsigned i = 0; i < 16; ++i) blocks.push_back(std::array{std::byte{0x91}, std::byte{0x08}}[i * e % 7 % 2]);
      }
      p.given_bytes(0, blocks);
      p.given(1, identity(block));
      build(p, {block, 16, block}, Tolerance::exact());
    });
  }
  const Shape large = {1, 4096, 14336};  // larger than caches
  list.add(
      kernel, label(large), [=](Problem& p) { build(p, large, tolerance); }, Purpose::Benchmark);
}

void mat_mat_cases(CaseList& list, std::string_view kernel, DType type, const Tolerance& tolerance) {
  const std::size_t block = ops::info(type).block_elements;
  const std::array shapes = {Shape{1, 1, block},
                             Shape{9, 3, 3 * block},
                             Shape{31, 63, 2 * block},
                             Shape{33, 65, block},
                             Shape{50, 130, 5 * block},
                             Shape{32, 64, 1280},
                             Shape{10, 5, 2 * block, {2, 3}},
                             Shape{9, 3, block, {2, 2, 2, 2}}};
  const auto build = [=](Problem& p, const Shape& s, const Tolerance& allowed) {
    p.value(0, mat_mat_params(s, type));
    const Data data = operands(p, s, type, 1, 2, 3);
    const std::size_t batches = s.batches.count();
    p.threadgroup_memory(0, 8192);
    p.threadgroups({divide_up(s.m, 32), divide_up(s.n, 64), batches}, {128});
    p.flops(2.0 * static_cast<double>(batches * s.m) * static_cast<double>(s.n * s.k));
    p.expect(data.out, allowed, [=] { return product(s, data.weight, data.x); });
  };
  for (const Shape& s : shapes) list.add(kernel, label(s), [=](Problem& p) { build(p, s, tolerance); });
  for (std::size_t m = 2; m < 9; ++m) {
    list.add(kernel, label({m, 5, block}), [=](Problem& p) { build(p, {m, 5, block}, tolerance); });
  }
  // So many tiles that a threadgroup may take the place of several, with parts of tiles at the edges.
  if (type == DType::Q8_0) {
    for (const Shape& s : {Shape{97, 1285, block}, Shape{545, 1941, block}}) {
      list.add(kernel, label(s), [=](Problem& p) { build(p, s, tolerance); });
    }
  }
  list.add(kernel, "every code", [=](Problem& p) {
    p.given_bytes(1, every_code(type, Scales::Moderate));
    p.given(2, identity(block));
    build(p, {block, kCodeBlocks, block}, kOneWeight);
  });
  const Shape large = {256, 1024, 2048};
  list.add(
      kernel, label(large), [=](Problem& p) { build(p, large, tolerance); }, Purpose::Benchmark);
}

}  // namespace

void quantised_matmul_cases(CaseList& list) {
  for (const DType type : kBlockFormats) {
    const std::string name = fmt::format("{}_f32", ops::name(type));
    const bool super_blocks = ops::info(type).block_elements == 256;
    const Tolerances tolerances = tolerances_of(type);
    mat_vec_cases(list, "kernel_mul_mv_" + name, type, tolerances.mat_vec, super_blocks ? 2 : 8,
                  super_blocks ? Size{2, 32} : Size{8, 8});
    mat_mat_cases(list, "kernel_mul_mm_" + name, type, tolerances.mat_mat);
  }
  mat_vec_cases(list, "kernel_mul_mv_q6_K_f32_nr2", DType::Q6_K, tolerances_of(DType::Q6_K).mat_vec, 4, {2, 32});
}

}  // namespace anymetal::cases
