// Products with dense weights: kernels/matmul/dense_matvec.metal, dense_gemm_f16.metal.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "cases/case_list.hpp"
#include "cases/products.hpp"
#include "cases/shapes.hpp"

namespace anymetal::cases {
namespace {

constexpr std::uint32_t u32(std::size_t v) { return static_cast<std::uint32_t>(v); }

struct Shape {
  std::size_t m, n, k;
  Batches batches = {};
  Purpose purpose = Purpose::Test;
};

std::string label(const Shape& s) {
  const std::string batches = s.batches.name();
  return fmt::format("M={} N={} K={}{}{}", s.m, s.n, s.k, batches.empty() ? "" : " batches=", batches);
}

/// Where only the accumulation in f32 is rounded.
constexpr Tolerance kF32Sums = {.magnitude = 4 * 0x1p-24};

struct Types {
  std::string_view kernel;
  DType a, b, c;
};

void matvec(Problem& p, const Types& t, const Shape& s) {
  const auto a = p.input(0, t.a, s.k, normal());
  const auto b = p.input(1, t.b, s.n * s.k, uniform(-1, 1));
  const auto c = p.output(2, t.c, s.n);
  p.value(3, std::array{1u, u32(s.n), u32(s.k)});
  p.threadgroups({divide_up(s.n, 8)}, {32, 2});
  Tolerance tolerance = kF32Sums;
  if (t.c == DType::F16) {
    tolerance = f32_accumulation(s.k);
    tolerance.relative = 0x1.01p-11;
  }
  p.expect(c, tolerance, [=] {
    return products(
        1, s.n, s.k, [&](std::size_t, std::size_t n) { return &b[n * s.k]; },
        [&](std::size_t, std::size_t) { return a.data(); });
  });
}

void gemm(Problem& p, const Shape& s) {
  const auto a = p.input(0, DType::F16, s.m * s.k, normal());
  const auto b = p.input(1, DType::F16, s.n * s.k, uniform(-1, 1));
  const auto c = p.output(2, DType::F16, s.m * s.n);
  p.value(3, std::array{u32(s.m), u32(s.n), u32(s.k)});
  p.threadgroups({divide_up(s.n, 32), divide_up(s.m, 32)}, {128});
  p.flops(2.0 * static_cast<double>(s.m) * static_cast<double>(s.n * s.k));
  p.expect(c, {.absolute = 1e-7, .relative = 0x1.01p-11, .magnitude = 0x1p-20}, [=] {
    return products(
        s.m, s.n, s.k, [&](std::size_t m, std::size_t) { return &a[m * s.k]; },
        [&](std::size_t, std::size_t n) { return &b[n * s.k]; });
  });
}

struct GemvParams {
  std::int32_t ne00, ne01, ne02, pad0;
  std::uint64_t nb00, nb01, nb02, nb03;
  std::int32_t ne10, ne11, ne12, pad1;
  std::uint64_t nb10, nb11, nb12, nb13;
  std::int32_t ne0, ne1, nr0;
  std::int16_t r2, r3;
};
static_assert(sizeof(GemvParams) == 112);

void gemv(Problem& p, const Shape& s) {
  const auto i32 = [](std::size_t v) { return static_cast<std::int32_t>(v); };
  const std::size_t batches = s.batches.count();
  p.value(0, GemvParams{i32(s.k),
                        i32(s.n),
                        i32(s.batches.weights),
                        0,
                        2,
                        2 * s.k,
                        2 * s.k * s.n,
                        2 * s.k * s.n * s.batches.weights,
                        i32(s.k),
                        i32(s.m),
                        i32(s.batches.inner()),
                        0,
                        4,
                        4 * s.k,
                        4 * s.k * s.m,
                        4 * s.k * s.m * s.batches.inner(),
                        i32(s.n),
                        i32(s.m),
                        2,
                        static_cast<std::int16_t>(s.batches.r2),
                        static_cast<std::int16_t>(s.batches.r3)});
  const auto weight = p.input(1, DType::BF16, s.batches.weight_count() * s.n * s.k, uniform(-1, 1));
  const auto x = p.input(2, DType::F32, batches * s.m * s.k, normal());
  const auto out = p.output(3, DType::F32, batches * s.m * s.n);
  p.threadgroup_memory(0, 256);
  p.threadgroups({divide_up(s.n, 2), s.m, batches}, {32, std::min<std::size_t>(4, divide_up(s.k, 128))});
  p.expect(out, kF32Sums, [=] {
    return products(
        batches * s.m, s.n, s.k,
        [&](std::size_t r, std::size_t n) { return &weight[(s.batches.weight_of(r / s.m) * s.n + n) * s.k]; },
        [&](std::size_t r, std::size_t) { return &x[r * s.k]; });
  });
}

}  // namespace

void dense_matmul_cases(CaseList& list) {
  constexpr std::array kTypes = {Types{"dense_matvec_f32", DType::F32, DType::F32, DType::F32},
                                 Types{"dense_matvec_f16", DType::F16, DType::F16, DType::F16},
                                 Types{"dense_matvec_f16w_f32io", DType::F32, DType::F16, DType::F32},
                                 Types{"dense_matvec_bf16w_f32io", DType::F32, DType::BF16, DType::F32}};
  // Lengths with every remainder of 8.
  constexpr std::array kVectors = {Shape{1, 1, 1},    Shape{1, 7, 2},    Shape{1, 8, 7},
                                   Shape{1, 9, 67},   Shape{1, 17, 253}, Shape{1, 5, 258},
                                   Shape{1, 33, 516}, Shape{1, 3, 1285}, Shape{1, 9, 1288}, Shape{1, 4096, 4096, {}, Purpose::Benchmark},
                                   Shape{1, 16384, 4096, {}, Purpose::LargeBenchmark}};
  for (const Types& t : kTypes) {
    for (const Shape& s : kVectors)
      list.add(
          t.kernel, label(s), [=](Problem& p) { matvec(p, t, s); }, s.purpose);
  }
  constexpr std::array kMatrices = {Shape{1, 1, 1},     Shape{31, 33, 15},
                                    Shape{33, 31, 17},  Shape{64, 32, 64},
                                    Shape{5, 70, 100},  Shape{1, 65600, 3, {}, Purpose::Full},
                                    Shape{2, 32769, 2}, Shape{256, 512, 512, {}, Purpose::Benchmark}};
  for (const Shape& s : kMatrices)
    list.add(
        "dense_gemm_f16", label(s), [=](Problem& p) { gemm(p, s); }, s.purpose);
  constexpr std::array kFew = {Shape{1, 1, 4},
                               Shape{3, 7, 132},
                               Shape{2, 5, 31},
                               Shape{4, 33, 388},
                               Shape{1, 9, 1282},
                               Shape{2, 7, 264},
                               Shape{2, 3, 260, {2, 3}},
                               Shape{2, 3, 36, {2, 2, 2, 2}},
                               Shape{1, 4096, 4096, {}, Purpose::Benchmark},
                               Shape{1, 16384, 4096, {}, Purpose::LargeBenchmark}};
  for (const Shape& s : kFew)
    list.add(
        "hf2q_dense_gemv_bf16_f32_4", label(s), [=](Problem& p) { gemv(p, s); }, s.purpose);
}

}  // namespace anymetal::cases
