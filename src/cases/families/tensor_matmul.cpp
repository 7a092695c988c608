// Products on matrix hardware: kernels/matmul/mul_mm_tensor.metal.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "cases/block_codes.hpp"
#include "cases/case_list.hpp"
#include "cases/products.hpp"
#include "cases/shapes.hpp"
#include "ops/kernel_params.hpp"

namespace anymetal::cases {
namespace {

using Values = Problem::Values;

/// What stands in the activations: rows of the most different magnitudes, each with an outlier, show a type's range;
/// rows that grow along K, whether sums follow a scale that changes on the way.
enum class Data : std::uint8_t { Plain, WideRange, SmallWeights, Special, Growing };

struct Shape {
  std::size_t m, n, k;
  Batches batches = {};
  Data data = Data::Plain;
  std::size_t gap = 0;  ///< unused elements after every dense row and every row of x
  Purpose purpose = Purpose::Test;
};

constexpr std::array kDataNames = {"", " wide range", " small weights", " special", " growing"};

std::string label(const Shape& s) {
  const std::string batches = s.batches.name();
  return fmt::format("M={} N={} K={}{}{}{}{}", s.m, s.n, s.k, batches.empty() ? "" : " batches=", batches,
                     kDataNames[static_cast<std::size_t>(s.data)], s.gap == 0 ? "" : " gaps");
}

Fill weights(Data data) {
  const double largest = data == Data::SmallWeights ? 1e-4 : 1;
  return uniform(-largest, largest);
}

/// `largest` is the highest power of two of a row; rows have `k` elements.
Fill activations(Data data, std::size_t k, int largest) {
  if (data == Data::SmallWeights) return normal(0, 1e4);
  if (data == Data::WideRange) {
    return [k, largest, plain = normal()](Random& random, std::size_t i) {
      const int exponent = largest - static_cast<int>(i / k * 17 % 140);
      const double value = std::ldexp(plain(random, i), exponent - 10);
      return i % k == i / k % k ? std::ldexp(value < 0 ? -1 : 1, exponent) : value;
    };
  }
  if (data == Data::Growing) {
    // By so many powers of two every 32 elements.
    return [k, plain = normal()](Random& random, std::size_t i) {
      const int rate = std::array{0, 3, 7, 10, -7}[i / k % 5];
      return std::ldexp(plain(random, i), rate * static_cast<int>(i % k / 32) - 60);
    };
  }
  if (data == Data::Special) {
    return [k, plain = normal()](Random& random, std::size_t i) {
      const double value = plain(random, i);
      const std::size_t row = i / k, column = i % k;
      if (row % 8 == 1) return 0.0;
      if (row % 8 == 2 && column == k / 2) return HUGE_VAL;
      if (row % 8 == 3 && column == 0) return std::nan("");
      if (row % 8 == 4) return column == 1 ? -HUGE_VAL : value * 1e30;
      if (row % 8 == 5) return value * 1e-40;
      return value;
    };
  }
  return normal();
}

void dispatch(Problem& p, const Shape& s, DType weight) {
  p.threadgroup_memory(0, weight == DType::F32 ? 16384 : 8192);
  p.threadgroups({divide_up(s.m, 32), divide_up(s.n, 64), s.batches.count()}, {128});
  p.flops(2.0 * static_cast<double>(s.batches.count() * s.m) * static_cast<double>(s.n * s.k));
}

void product(Problem& p, const Shape& s, DType type, const Tolerance& tolerance) {
  const std::size_t row = s.k + (ops::is_quantised(type) ? 0 : s.gap), x_row = s.k + s.gap;
  p.value(0, ops::MatMatParams{.ne00 = static_cast<std::int32_t>(s.k),
                               .ne02 = static_cast<std::int32_t>(s.batches.weights),
                               .nb01 = ops::bytes_of(type, row),
                               .nb02 = ops::bytes_of(type, row * s.n),
                               .nb03 = ops::bytes_of(type, row * s.n * s.batches.weights),
                               .ne12 = static_cast<std::int32_t>(s.batches.inner()),
                               .nb11 = 4 * x_row,
                               .nb12 = 4 * x_row * s.m,
                               .nb13 = 4 * x_row * s.m * s.batches.inner(),
                               .ne0 = static_cast<std::int32_t>(s.n),
                               .ne1 = static_cast<std::int32_t>(s.m),
                               .r2 = static_cast<std::int16_t>(s.batches.r2),
                               .r3 = static_cast<std::int16_t>(s.batches.r3)});
  const auto weight = p.input(1, type, s.batches.weight_count() * s.n * row, weights(s.data));
  const auto x = p.input(2, DType::F32, s.batches.count() * s.m * x_row, activations(s.data, x_row, 120));
  const auto out = p.output(3, DType::F32, s.batches.count() * s.m * s.n);
  dispatch(p, s, type);
  p.expect(out, tolerance, [=] {
    return products(
        s.batches.count() * s.m, s.n, s.k,
        [&](std::size_t r, std::size_t n) { return &weight[(s.batches.weight_of(r / s.m) * s.n + n) * row]; },
        [&](std::size_t r, std::size_t) { return &x[r * x_row]; });
  });
}

struct PermutedParams {
  std::int32_t ne00, ne02;
  std::uint64_t nb01, nb02, nb03;
  std::int32_t ne12, pad0;
  std::uint64_t nb10, nb11, nb12, nb13;
  std::int32_t ne0, ne1;
  std::int16_t r2, r3;
  std::int32_t head_dim, seq_len, pad1;
};
static_assert(sizeof(PermutedParams) == 96);

/// x as attention leaves it, [K / head_dim, M, head_dim].
void permuted_product(Problem& p, const Shape& s, DType type, std::size_t head_dim, const Tolerance& tolerance) {
  const auto i32 = [](std::size_t v) { return static_cast<std::int32_t>(v); };
  p.value(0, PermutedParams{i32(s.k), 1, ops::bytes_of(type, s.k), ops::bytes_of(type, s.k * s.n), 0, 1, 0, 2, 0, 0, 0,
                            i32(s.n), i32(s.m), 1, 1, i32(head_dim), i32(s.m), 0});
  const auto weight = p.input(1, type, s.n * s.k, weights(s.data));
  const auto x = p.input(2, DType::BF16, s.m * s.k, activations(s.data, head_dim, 120));
  const auto out = p.output(3, DType::F32, s.m * s.n);
  dispatch(p, s, type);
  p.expect(out, tolerance, [=] {
    Values rows(s.m * s.k);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::size_t t = i / s.k, k = i % s.k;
      rows[i] = x[(k / head_dim * s.m + t) * head_dim + k % head_dim];
    }
    return products(
        s.m, s.n, s.k, [&](std::size_t, std::size_t n) { return &weight[n * s.k]; },
        [&](std::size_t t, std::size_t) { return &rows[t * s.k]; });
  });
}

/// `unit` bounds the relative error of a product's rounded factors. Over many terms of a kind the errors cancel, but
/// not where one row's outlier or the last of a growing row make up the sum.
Tolerance rounded_factors(double unit, const Shape& s) {
  const double cancelled =
      s.data == Data::WideRange || s.data == Data::Growing ? 1 : 5.5 / std::sqrt(static_cast<double>(s.k));
  return {.absolute = s.data == Data::Growing ? 0 : 1e-6, .magnitude = unit * std::min(1.0, cancelled)};
}

void add_quantised(CaseList& list, DType type) {
  const std::size_t block = ops::info(type).block_elements;
  const std::string kernel = fmt::format("kernel_mul_mm_{}_tensor_f32", ops::name(type));
  for (const Shape& s : {Shape{1, 1, block}, Shape{31, 63, 3 * block}, Shape{32, 64, 2 * block}, Shape{33, 65, block},
                         Shape{9, 130, 512}, Shape{10, 5, block, {2, 3}}, Shape{9, 3, block, {2, 2, 2, 2}},
                         Shape{40, 7, 512, {}, Data::WideRange}, Shape{8, 9, 256, {}, Data::SmallWeights},
                         Shape{40, 9, 512, {}, Data::Growing}, Shape{9, 3, 256, {}, Data::Special},
                         Shape{256, 1024, 2048, {}, Data::Plain, 0, Purpose::Benchmark}}) {
    list.add(
        kernel, label(s), [=](Problem& p) { product(p, s, type, rounded_factors(0x1p-10, s)); }, s.purpose);
  }
  list.add(kernel, "every code", [=](Problem& p) {
    p.given_bytes(1, every_code(type, Scales::Moderate));
    p.given(2, identity(block));
    product(p, {block, kCodeBlocks, block}, type, kOneWeight);
  });
}

void add_permuted(CaseList& list, DType type) {
  struct Heads {
    Shape shape;
    std::size_t head_dim;
  };
  for (const Heads& h : {Heads{{1, 1, 256}, 256}, Heads{{33, 65, 256}, 32}, Heads{{31, 7, 768}, 96},
                         Heads{{70, 130, 768}, 12}, Heads{{40, 9, 512}, 128},
                         Heads{{40, 5, 512, {}, Data::WideRange}, 64}, Heads{{9, 3, 256, {}, Data::Special}, 64},
                         Heads{{256, 1024, 2048, {}, Data::Plain, 0, Purpose::Benchmark}, 128}}) {
    list.add(
        fmt::format("kernel_mul_mm_{}_tensor_bf16_perm021", ops::name(type)),
        fmt::format("{} head_dim={}", label(h.shape), h.head_dim),
        [=](Problem& p) { permuted_product(p, h.shape, type, h.head_dim, rounded_factors(0x1p-10, h.shape)); },
        h.shape.purpose);
  }
  const std::size_t block = ops::info(type).block_elements;
  list.add(fmt::format("kernel_mul_mm_{}_tensor_bf16_perm021", ops::name(type)), "every code", [=](Problem& p) {
    p.given_bytes(1, every_code(type, Scales::Moderate));
    p.given(2, identity(block));
    permuted_product(p, {block, kCodeBlocks, block}, type, block, kOneWeight);
  });
}

void add_dense(CaseList& list, DType type) {
  for (const Shape& s :
       {Shape{1, 1, 1}, Shape{31, 63, 31}, Shape{33, 65, 33}, Shape{32, 64, 96}, Shape{5, 130, 291},
        Shape{7, 5, 34, {2, 3}}, Shape{5, 3, 40, {2, 2, 2, 2}}, Shape{34, 3, 66, {1, 2}, Data::Plain, 3},
        Shape{40, 7, 512, {}, Data::WideRange}, Shape{40, 9, 320, {}, Data::Growing},
        Shape{9, 3, 70, {}, Data::Special}, Shape{256, 1024, 2048, {}, Data::Plain, 0, Purpose::Benchmark}}) {
    Tolerance tolerance = f32_accumulation(s.k);
    if (type == DType::F16) tolerance = rounded_factors(0x1p-11, s);
    if (type == DType::BF16) tolerance = rounded_factors(0x1p-8, s);
    list.add(
        fmt::format("hf2q_dense_mm_{}_f32_tensor", ops::name(type)), label(s),
        [=](Problem& p) { product(p, s, type, tolerance); }, s.purpose);
  }
}

}  // namespace

void tensor_matmul_cases(CaseList& list) {
  for (const DType type : kBlockFormats) {
    add_quantised(list, type);
  }
  for (const DType type : {DType::Q4_0, DType::Q8_0, DType::Q6_K}) add_permuted(list, type);
  for (const DType type : {DType::BF16, DType::F16, DType::F32}) add_dense(list, type);
}

}  // namespace anymetal::cases
