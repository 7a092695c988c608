// Affine products with scales in f32: kernels/matmul/qmm_affine.metal.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "cases/affine.hpp"
#include "cases/case_list.hpp"
#include "cases/products.hpp"
#include "cases/shapes.hpp"

namespace anymetal::cases {
namespace {

struct Kernel {
  std::string name;
  std::size_t group, tile, threadgroup_bytes;
  std::size_t bits;  ///< of packed codes, or 0: a byte each
  Size threads;
};

struct Shape {
  std::size_t m, n, groups;
  Purpose purpose = Purpose::Test;
};

void product(Problem& p, const Kernel& kernel, const Shape& s) {
  const std::size_t group = kernel.group, k = s.groups * group;
  const auto x = p.input(0, DType::F32, s.m * k, normal());
  const auto codes = affine_codes(p.random(), s.n * k, kernel.bits != 0 ? kernel.bits : 8);
  if (kernel.bits != 0) {
    p.input_bytes(1, DType::U8, pack_affine(codes, k, kernel.bits));
    if (kernel.bits % 3 != 0) p.align(1, 4);
  } else {
    p.input(1, DType::U8, codes);  // rows of bytes without padding
  }
  const auto scales = p.input(2, DType::F32, s.n * s.groups, normal(0, 0.02));
  const auto biases = p.input(3, DType::F32, s.n * s.groups, normal());
  const auto y = p.output(4, DType::F32, s.m * s.n);
  p.input(5, DType::U32,
          Problem::Values{static_cast<double>(s.m), static_cast<double>(s.n), static_cast<double>(k),
                          static_cast<double>(group)});
  if (kernel.tile == 0) {
    const std::size_t tx = std::min<std::size_t>(16, s.m), ty = std::min<std::size_t>(16, s.n);
    p.threadgroups({divide_up(s.m, tx), divide_up(s.n, ty)}, {tx, ty});
  } else {
    p.threadgroup_memory(0, kernel.threadgroup_bytes);
    p.threadgroups({divide_up(s.m, kernel.tile), divide_up(s.n, kernel.tile)}, kernel.threads);
  }
  p.flops(2.0 * static_cast<double>(s.m) * static_cast<double>(s.n * k));
  p.expect(y, {.magnitude = 13 * 0x1p-24}, [=] {
    Problem::Values weights(codes.size()), sizes(codes.size()), inputs(x.size());
    for (std::size_t i = 0; i < codes.size(); ++i) {
      const double scaled = codes[i] * scales[i / group];
      weights[i] = scaled + biases[i / group];
      sizes[i] = std::fabs(scaled) + std::fabs(biases[i / group]);
    }
    for (std::size_t i = 0; i < x.size(); ++i) inputs[i] = std::fabs(x[i]);
    const auto multiply = [&](const Problem::Values& a, const Problem::Values& b) {
      return products(
          s.m, s.n, k, [&](std::size_t m, std::size_t) { return &a[m * k]; },
          [&](std::size_t, std::size_t n) { return &b[n * k]; });
    };
    return Expected(multiply(x, weights).values, multiply(inputs, sizes).values);
  });
}

}  // namespace

void qmm_affine_cases(CaseList& list) {
  std::vector<Kernel> kernels = {{"qmm_affine_t_f32", 32, 0, 0, 0, {}},
                                 {"qmm_affine_t_f32", 2, 0, 0, 0, {}},
                                 {"qmm_affine_t_f32", 128, 0, 0, 0, {}},
                                 {"qmm_affine_t_f32_tiled", 32, 16, 2688, 0, {16, 16}},
                                 {"qmm_affine_t_f32_simd", 32, 8, 2048, 0, {32}},
                                 {"qmm_affine_t_f32_simd4", 32, 32, 8192, 0, {128}},
                                 {"qmm_affine_t_f32_simd4_gs64", 64, 32, 16384, 0, {128}}};
  for (const std::size_t bits : kAffineBits) {
    for (const std::size_t group : {32u, 64u, 128u}) {
      const std::string suffix = group == 32 ? "" : fmt::format("_gs{}", group);
      kernels.push_back({fmt::format("qmm_affine_t_packed_simd4_b{}{}", bits, suffix), group, 32, 8192, bits, {128}});
    }
  }
  constexpr std::array kShapes = {Shape{1, 1, 1},
                                  Shape{7, 9, 3},
                                  Shape{16, 8, 2},
                                  Shape{33, 31, 5},
                                  Shape{31, 65, 1},
                                  Shape{17, 100, 4},
                                  Shape{128, 256, 16, Purpose::Benchmark}};
  for (const Kernel& kernel : kernels) {
    for (const Shape& s : kShapes) {
      list.add(
          kernel.name, fmt::format("M={} N={} K={}x{}", s.m, s.n, s.groups, kernel.group),
          [=](Problem& p) { product(p, kernel, s); }, s.purpose);
    }
  }
}

}  // namespace anymetal::cases
