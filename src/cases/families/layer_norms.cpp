// Norms with several inputs, weights or outputs: kernels/norm/row_norms.metal, fused_layer_norms.metal, expert_norms.metal.
#include "cases/case_list.hpp"
#include "cases/shapes.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>

namespace anymetal::cases {
namespace {

using Values = Problem::Values;

constexpr float kEps = 1e-6f;
/// Of results of about unit size, in parts of what a norm times a weight is off by.
constexpr Tolerance f32(double norms) { return {.absolute = 4e-7 * norms, .relative = 5e-7 * norms}; }
constexpr Tolerance kBf16 = {.absolute = 1e-5, .relative = 0x1p-8 + 1e-5};

struct Shape {
  std::size_t rows, dim;
  std::size_t threads = 0;  ///< 0: the usual
  Purpose purpose = Purpose::Test;
};
constexpr std::array kShapes = {Shape{1, 1},     Shape{3, 2},       Shape{2, 31},      Shape{5, 33},        Shape{1, 255},
                                Shape{2, 257},   Shape{3, 640},     Shape{2, 100, 32}, Shape{2, 100, 96},   Shape{7, 64},
                                Shape{2, 256, 32}, Shape{3, 256, 64},
                                Shape{1, 3000, 1024}, Shape{1, 9000},    Shape{1300, 2056, 0, Purpose::Full},
                                Shape{2048, 2048, 0, Purpose::Benchmark}, Shape{16384, 2048, 0, Purpose::LargeBenchmark}};

Values scaled(const Values& x, std::size_t dim, bool mean) {
  Values y(x.size());
  for (std::size_t base = 0; base < x.size(); base += dim) {
    double squares = 0;
    for (std::size_t i = 0; i < dim; ++i) squares += x[base + i] * x[base + i];
    const double r = 1 / std::sqrt(squares / (mean ? static_cast<double>(dim) : 1.0) + static_cast<double>(kEps));
    for (std::size_t i = 0; i < dim; ++i) y[base + i] = x[base + i] * r;
  }
  return y;
}
Values rms(const Values& x, std::size_t dim) { return scaled(x, dim, true); }
Values rms(const Values& x, const Values& w) {
  Values y = scaled(x, w.size(), true);
  for (std::size_t i = 0; i < y.size(); ++i) y[i] *= w[i % w.size()];
  return y;
}
Values plus(Values a, const Values& b) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] += b[i];
  return a;
}
/// Times one number, or one per column.
Values times(Values a, const Values& scale) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] *= scale[i % scale.size()];
  return a;
}

std::uint32_t u32(std::size_t value) { return static_cast<std::uint32_t>(value); }

/// Threadgroups past the last row, for kernels that know how many rows there are.
constexpr std::size_t kOverhang = 1;

/// One row kernel over all shapes; `build` adds buffers and expectations.
template <class Build>
void rows_of(CaseList& list, const std::string& kernel, const std::string& note, Build build, std::size_t overhang = 0,
             bool large = true) {
  for (const Shape& s : kShapes) {
    if (s.purpose == Purpose::LargeBenchmark && !large) continue;
    const std::string name = fmt::format("{}x{}{}{}", s.rows, s.dim, s.threads == 0 ? "" : fmt::format(" tg={}", s.threads), note);
    list.add(kernel, name, [=](Problem& p) {
      build(p, s, s.rows * s.dim);
      const std::size_t threads = s.threads == 0 ? row_threads(s.dim) : s.threads;
      p.threadgroup_memory(0, threads * sizeof(float));
      p.threadgroups({s.rows + (is_timed(s.purpose) ? 0 : overhang)}, {threads});
    }, s.purpose);
  }
}

std::array<float, 2> eps_and_dim(const Shape& s) { return {kEps, static_cast<float>(s.dim)}; }
Values weight(Problem& p, unsigned index, DType type, std::size_t dim) { return p.input(index, type, dim, uniform(0.5, 1.5)); }

void l2_cases(CaseList& list) {
  for (const DType type : {DType::F32, DType::F16, DType::BF16}) {
    const Tolerance tolerance = type == DType::F32   ? f32(0.35)
                                : type == DType::F16 ? Tolerance{.absolute = 1e-6, .relative = 1e-3}
                                                     : kBf16;
    rows_of(list, fmt::format("l2_norm_{}", ops::name(type)), "", [=](Problem& p, const Shape& s, std::size_t n) {
      const auto x = p.input(0, type, n, normal());
      const auto y = p.output(1, type, n);
      p.value(2, eps_and_dim(s));
      p.expect(y, tolerance, [=] { return scaled(x, s.dim, false); });
    });
    list.add(fmt::format("l2_norm_{}", ops::name(type)), "zeros", [=](Problem& p) {
      p.input(0, type, 66, constant(0));
      const auto y = p.output(1, type, 66);
      p.value(2, std::array{kEps, 33.0f});
      p.threadgroup_memory(0, 256);
      p.threadgroups({2}, {64});
      p.expect(y, Tolerance::exact(), [] { return Values(66, 0.0); });
    });
  }
}

void several_outputs(CaseList& list) {
  for (const bool permuted : {false, true}) {
    rows_of(list, permuted ? "rms_norm_no_scale_f32_dual_perm" : "rms_norm_no_scale_f32_dual", "", [=](Problem& p, const Shape& s, std::size_t n) {
      // Rows are tokens of one head, or heads of one token: the largest divisor pair with more than one head where there is one.
      const std::size_t heads = s.rows % 3 == 0 ? 3 : s.rows % 2 == 0 ? 2 : 1, tokens = s.rows / heads;
      const auto x = p.input(0, DType::F32, n, normal(0, 3));
      const auto y = p.output(1, DType::F32, n);
      p.value(2, eps_and_dim(s));
      const auto copy = p.output(3, DType::BF16, n);
      if (permuted) p.value(4, std::array{u32(heads), u32(tokens)});
      p.expect(y, f32(1), [=] { return rms(x, s.dim); });
      p.expect(copy, kBf16, [=] {
        const Values natural = rms(x, s.dim);
        if (!permuted) return natural;
        Values out(n);
        for (std::size_t row = 0; row < s.rows; ++row) {
          for (std::size_t i = 0; i < s.dim; ++i) out[(row % heads * tokens + row / heads) * s.dim + i] = natural[row * s.dim + i];
        }
        return out;
      });
    }, permuted ? kOverhang : 0);
  }
  rows_of(list, "rms_norm_f32_triple", "", [](Problem& p, const Shape& s, std::size_t n) {
    const auto x = p.input(0, DType::F32, n, normal());
    for (unsigned k = 0; k < 3; ++k) {
      const auto w = weight(p, 1 + k, DType::F32, s.dim);
      p.expect(p.output(4 + k, DType::F32, n), f32(1), [=] { return rms(x, w); });
    }
    p.value(7, eps_and_dim(s));
  });
  rows_of(list, "fused_post_attn_triple_norm_f32", "", [](Problem& p, const Shape& s, std::size_t n) {
    const auto hidden = p.input(0, DType::F32, n, normal());
    const auto attn = p.input(1, DType::F32, n, normal(0, 3));
    const auto w = weight(p, 2, DType::F32, s.dim);
    const auto sum = [=] { return plus(hidden, rms(attn, w)); };
    p.expect(p.output(6, DType::F32, n), f32(3), sum);
    for (unsigned k = 0; k < 3; ++k) {
      const auto w_k = weight(p, 3 + k, DType::F32, s.dim);
      p.expect(p.output(7 + k, DType::F32, n), f32(3), [=] { return rms(sum(), w_k); });
    }
    struct {
      float eps;
      std::uint32_t dim;
    } const params = {kEps, u32(s.dim)};
    p.value(10, params);
  });
}

struct ScaledNormParams {
  std::uint32_t dim, rows;
  float eps;
  std::uint32_t per_column;
};
static_assert(sizeof(ScaledNormParams) == 16);

void residual_cases(CaseList& list) {
  for (const bool weighted : {true, false}) {
    rows_of(list, weighted ? "fused_norm_add_bf16" : "fused_norm_add_no_weight_bf16", "", [=](Problem& p, const Shape& s, std::size_t n) {
      const auto residual = p.input(0, DType::BF16, n, normal());
      const auto x = p.input(1, DType::BF16, n, normal(0, 3));
      const auto w = weighted ? weight(p, 2, DType::BF16, s.dim) : Values(s.dim, 1.0);
      const unsigned first = weighted ? 3 : 2;
      const auto out = p.output(first, DType::BF16, n);
      p.value(first + 1, u32(s.dim));
      p.value(first + 2, u32(s.rows));
      p.value(first + 3, kEps);
      p.expect(out, kBf16, [=] { return plus(rms(x, w), residual); });
    }, kOverhang);
  }
  for (const bool per_column : {false, true}) {
    const char* note = per_column ? " scale per column" : "";
    for (const bool sum_first : {false, true}) {
      rows_of(list, sum_first ? "fused_residual_norm_scalar_f32" : "fused_norm_add_scalar_f32", note, [=](Problem& p, const Shape& s, std::size_t n) {
        const auto residual = p.input(0, DType::F32, n, normal());
        const auto x = p.input(1, DType::F32, n, normal(0, 3));
        const auto w = weight(p, 2, DType::F32, s.dim);
        const auto out = p.output(3, DType::F32, n);
        const auto scale = p.input(4, DType::F32, per_column ? s.dim : 1, normal());
        p.value(5, ScaledNormParams{u32(s.dim), u32(s.rows), kEps, per_column});
        p.expect(out, f32(sum_first ? 1.4 : 5.5),
                 [=] { return times(sum_first ? rms(plus(residual, x), w) : plus(rms(x, w), residual), scale); });
      }, kOverhang);
    }
    rows_of(list, "fused_post_ff_norm2_endlayer_f32", note, [=](Problem& p, const Shape& s, std::size_t n) {
      const auto attn = p.input(0, DType::F32, n, normal());
      const auto m = p.input(1, DType::F32, n, normal(0, 3));
      const auto residual = p.input(2, DType::F32, n, normal());
      const auto w2 = weight(p, 3, DType::F32, s.dim), w3 = weight(p, 4, DType::F32, s.dim);
      const auto scale = p.input(5, DType::F32, per_column ? s.dim : 1, normal());
      const auto v = [=] { return plus(attn, rms(m, w2)); };
      p.expect(p.output(6, DType::F32, n), f32(3.5), v);
      p.expect(p.output(7, DType::F32, n), f32(6.5), [=] { return times(plus(residual, rms(v(), w3)), scale); });
      struct {
        float eps;
        std::uint32_t dim, per_column;
      } const params = {kEps, u32(s.dim), per_column};
      p.value(8, params);
    });
  }
}

void expert_cases(CaseList& list) {
  for (const std::size_t slots : {1u, 3u, 8u}) {
    const std::string note = fmt::format(" K={}", slots);
    for (const bool both : {false, true}) {
      rows_of(list, both ? "fused_moe_wsum_dnorm_add_f32" : "fused_moe_wsum_norm_add_f32", note, [=](Problem& p, const Shape& s, std::size_t n) {
        const auto experts = p.input(0, DType::F32, n * slots, normal());
        const auto weights = p.input(1, DType::F32, s.rows * slots, uniform(0.1, 1));
        const auto residual = p.input(2, DType::F32, n, normal(0, 2));
        const auto w = weight(p, 3, DType::F32, s.dim);
        const auto w_moe = both ? weight(p, 4, DType::F32, s.dim) : w;
        const unsigned first = both ? 5 : 4;
        const auto out = p.output(first, DType::F32, n);
        p.value(first + 1, u32(s.dim));
        p.value(first + 2, u32(slots));
        p.value(first + 3, u32(s.rows));
        p.value(first + 4, kEps);
        // Where a sum's terms cancel, the norm brings their rounding up to unit size.
        Tolerance tolerance = f32(4.9);
        tolerance.magnitude = 0x1p-23;
        p.expect(out, tolerance, [=] {
          Values v(n, 0.0), sizes(n, 0.0);
          for (std::size_t i = 0; i < n; ++i) {
            const std::size_t row = i / s.dim;
            for (std::size_t k = 0; k < slots; ++k) {
              const double term = experts[(row * slots + k) * s.dim + i % s.dim] * weights[row * slots + k];
              v[i] += term;
              sizes[i] += std::fabs(term);
            }
          }
          const Values normed = rms(v, w_moe);
          for (std::size_t i = 0; i < n; ++i) sizes[i] *= v[i] == 0 ? 0 : std::fabs(normed[i] / v[i]);
          return Expected(plus(normed, both ? rms(residual, w) : residual), sizes);
        });
      }, kOverhang, slots == 1);
    }
  }
}

}  // namespace

void layer_norms_cases(CaseList& list) {
  l2_cases(list);
  several_outputs(list);
  residual_cases(list);
  expert_cases(list);
}

}  // namespace anymetal::cases
