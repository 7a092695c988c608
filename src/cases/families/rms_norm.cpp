// Root-mean-square normalisation and its fusions: kernels/norm.
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <string_view>

#include "cases/case_list.hpp"
#include "cases/in_place.hpp"
#include "cases/shapes.hpp"

namespace anymetal::cases {
namespace {

using Values = Problem::Values;

constexpr float kEps = 1e-6f;

/// x / sqrt(mean(x^2) + eps) per row of `dim`.
Values normed(const Values& x, std::size_t dim) {
  Values y(x.size());
  for (std::size_t base = 0; base < x.size(); base += dim) {
    double squares = 0;
    for (std::size_t i = 0; i < dim; ++i) squares += x[base + i] * x[base + i];
    const double r = 1.0 / std::sqrt(squares / static_cast<double>(dim) + static_cast<double>(kEps));
    for (std::size_t i = 0; i < dim; ++i) y[base + i] = x[base + i] * r;
  }
  return y;
}

/// The same times a weight per column.
Values normed(const Values& x, const Values& weight) {
  Values y = normed(x, weight.size());
  for (std::size_t i = 0; i < y.size(); ++i) y[i] *= weight[i % weight.size()];
  return y;
}

struct Shape {
  std::size_t rows, dim;
  std::size_t threads = 0;  ///< 0: the usual
};

const std::array kShapes = {Shape{1, 1},       Shape{3, 2},       Shape{2, 31},  Shape{5, 33},
                            Shape{1, 255},     Shape{2, 257},     Shape{3, 640}, Shape{1, 5000},
                            Shape{2, 100, 32}, Shape{2, 100, 96}, Shape{7, 64},  Shape{2, 1000, 1024},
                            Shape{1, 9000}};
const std::array kVectorShapes = {Shape{1, 4},        Shape{3, 36},       Shape{2, 640},  Shape{5, 1028},
                                  Shape{1, 2048, 32}, Shape{2, 640, 512}, Shape{2, 64, 8}};

std::size_t threads_of(const Shape& shape, bool vectors) {
  if (shape.threads != 0) return shape.threads;
  return vectors ? std::max<std::size_t>(32, row_threads(shape.dim)) : row_threads(shape.dim);
}

/// Threadgroup memory as the reference dispatch gives it: a float per thread, or per simdgroup for the vector forms.
/// `overhang` threadgroups more than rows.
void dispatch_rows(Problem& p, const Shape& shape, bool vectors, std::size_t overhang = 0) {
  const std::size_t threads = threads_of(shape, vectors);
  p.threadgroup_memory(0, (vectors ? divide_up(threads, 32) : threads) * sizeof(float));
  p.threadgroups({shape.rows + overhang}, {threads});
}

std::string label(const Shape& shape) {
  return shape.threads == 0 ? fmt::format("{}x{}", shape.rows, shape.dim)
                            : fmt::format("{}x{} tg={}", shape.rows, shape.dim, shape.threads);
}

struct Variant {
  std::string_view suffix;
  DType data, weight;
  Tolerance tolerance;
  bool vectors = false;
};

template <class Build>
void for_each(CaseList& list, std::string_view stem, std::initializer_list<Variant> variants, Build build,
              std::size_t overhang = 0) {
  const auto build_all = [build, overhang](Problem& p, const Variant& v, const Shape& shape) {
    build(p, v, shape.rows * shape.dim, shape);
    if (v.vectors) {
      for (unsigned index = 0; index < 4; ++index) p.align(index, 16);
    }
    dispatch_rows(p, shape, v.vectors, overhang);
  };
  for (const Variant& v : variants) {
    const std::string kernel = fmt::format("{}{}", stem, v.suffix);
    const auto add = [&](const Shape& shape) {
      list.add(kernel, label(shape), [=](Problem& p) { build_all(p, v, shape); });
    };
    if (v.vectors) {
      for (const Shape& shape : kVectorShapes) add(shape);
    } else {
      for (const Shape& shape : kShapes) add(shape);
    }
    const auto add_timed = [&](const Shape& shape, Purpose purpose) {
      list.add(
          kernel, label(shape), [=](Problem& p) { build_all(p, v, shape); }, purpose);
    };
    add_timed({2048, 2048}, Purpose::Benchmark);
    add_timed({16384, 2048}, Purpose::LargeBenchmark);
  }
}

std::array<float, 2> eps_and_dim(const Shape& shape) { return {kEps, static_cast<float>(shape.dim)}; }

}  // namespace

void rms_norm_cases(CaseList& list) {
  const Tolerance f32 = {.absolute = 2e-7, .relative = 6e-7}, added = {.absolute = 1e-6, .relative = 3e-6},
                  f16 = {.absolute = 1e-4, .relative = 1e-3}, bf16 = {.absolute = 1e-3, .relative = 8e-3};

  for_each(list, "rms_norm_",
           {{"f32", DType::F32, DType::F32, f32},
            {"f16", DType::F16, DType::F32, f16},
            {"bf16", DType::BF16, DType::BF16, bf16},
            {"f32_v2", DType::F32, DType::F32, f32, true}},
           [](Problem& p, const Variant& v, std::size_t n, const Shape& shape) {
             const auto x = p.input(0, v.data, n, normal());
             const auto w = p.input(1, v.weight, shape.dim, uniform(0.5, 1.5));
             const auto y = p.output(2, v.data, n);
             p.value(3, eps_and_dim(shape));
             p.expect(y, v.tolerance, [=] { return normed(x, w); });
           });

  for_each(list, "rms_norm_no_scale_",
           {{"f32", DType::F32, DType::F32, f32},
            {"bf16", DType::BF16, DType::BF16, bf16},
            {"f32_v2", DType::F32, DType::F32, f32, true}},
           [](Problem& p, const Variant& v, std::size_t n, const Shape& shape) {
             const auto x = p.input(0, v.data, n, normal(0, 100));
             const auto y = p.output(1, v.data, n);
             p.value(2, eps_and_dim(shape));
             p.expect(y, v.tolerance, [=] { return normed(x, shape.dim); });
           });

  for_each(list, "rms_norm_mul_",
           {{"f32", DType::F32, DType::F32, f32},
            {"f16", DType::F16, DType::F32, f16},
            {"bf16", DType::BF16, DType::BF16, bf16}},
           [](Problem& p, const Variant& v, std::size_t n, const Shape& shape) {
             const auto x = p.input(0, v.data, n, normal());
             const auto w = p.input(1, v.weight, shape.dim, uniform(0.5, 1.5));
             const auto s = p.input(2, v.data, n, normal());
             const auto y = p.output(3, v.data, n);
             p.value(4, eps_and_dim(shape));
             p.expect(y, v.tolerance, [=] {
               Values out = normed(x, w);
               for (std::size_t i = 0; i < out.size(); ++i) out[i] *= s[i];
               return out;
             });
           });

  list.add("rms_norm_f32", "zeros", [=](Problem& p) {
    p.input(0, DType::F32, 3 * 40, constant(0));
    p.input(1, DType::F32, 40, uniform(0.5, 1.5));
    const auto y = p.output(2, DType::F32, 3 * 40);
    p.value(3, std::array<float, 2>{kEps, 40.0f});
    dispatch_rows(p, {3, 40}, false);
    p.expect(y, Tolerance::exact(), [] { return Values(120, 0.0); });
  });

  const auto norm_add = [](Problem& p, const Variant& v, std::size_t n, const Shape& shape) {
    const auto residual = p.input(0, DType::F32, n, normal());
    const auto x = p.input(1, DType::F32, n, normal(0, 3));
    const auto w = p.input(2, DType::F32, shape.dim, uniform(0.5, 1.5));
    const auto out = p.output(3, DType::F32, n);
    p.value(4, static_cast<std::uint32_t>(shape.dim));
    p.value(5, static_cast<std::uint32_t>(shape.rows));
    p.value(6, kEps);
    p.expect(out, v.tolerance, [=] {
      Values y = normed(x, w);
      for (std::size_t i = 0; i < y.size(); ++i) y[i] += residual[i];
      return y;
    });
  };
  for_each(list, "fused_norm_add_",
           {{"f32", DType::F32, DType::F32, added}, {"f32_v2", DType::F32, DType::F32, added, true}}, norm_add, 1);

  const auto residual_norm = [=](Problem& p, const Shape& shape, std::uint32_t write_sum, bool in_place = false) {
    const std::size_t n = shape.rows * shape.dim;
    Values residual;
    const auto sum = input_and_output(p, 0, 4, DType::F32, n, normal(), in_place || write_sum == 0, residual);
    const auto x = p.input(1, DType::F32, n, normal());
    const auto w = p.input(2, DType::F32, shape.dim, uniform(0.5, 1.5));
    const auto out = p.output(3, DType::F32, n);
    const auto sum_of = [=] {
      Values s(n);
      for (std::size_t i = 0; i < n; ++i) s[i] = residual[i] + x[i];
      return s;
    };
    // Without a sum the kernel leaves alone what is bound in its place: here the residual.
    if (write_sum != 0)
      p.expect(sum, {.relative = 0x1p-23}, sum_of);
    else
      p.expect(sum, Tolerance::exact(), [=] { return residual; });
    struct {
      std::uint32_t dim, rows;
      float eps;
      std::uint32_t write;
    } const params = {static_cast<std::uint32_t>(shape.dim), static_cast<std::uint32_t>(shape.rows), kEps, write_sum};
    p.value(5, params);
    dispatch_rows(p, shape, false, 1);
    p.expect(out, f32, [=] { return normed(sum_of(), w); });
  };
  for (const std::uint32_t write_sum : {0u, 1u}) {
    for (const Shape& shape : kShapes) {
      list.add("fused_residual_norm_f32", fmt::format("{} sum={}", label(shape), write_sum),
               [=](Problem& p) { residual_norm(p, shape, write_sum); });
    }
  }
  list.add("fused_residual_norm_f32", "sum over the residual",
           [=](Problem& p) { residual_norm(p, {3, 333}, 1, true); });
  const auto add_timed = [&](const Shape& shape, Purpose purpose) {
    list.add(
        "fused_residual_norm_f32", fmt::format("{} sum=1", label(shape)), [=](Problem& p) { residual_norm(p, shape, 1); },
        purpose);
  };
  add_timed({2048, 2048}, Purpose::Benchmark);
  add_timed({16384, 2048}, Purpose::LargeBenchmark);
}

}  // namespace anymetal::cases
