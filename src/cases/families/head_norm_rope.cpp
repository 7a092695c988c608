// Per-head normalisation fused with rotary embedding: kernels/rope/fused_head_norm_rope_f32.metal.
#include <fmt/format.h>

#include <array>
#include <cmath>

#include "cases/case_list.hpp"
#include "cases/shapes.hpp"

namespace anymetal::cases {
namespace {

using Values = Problem::Values;

struct Setup {
  std::size_t tokens, heads, dim, half_rope;
  float theta = 10000;
  bool weight = true, factors = false, bf16 = false, permuted = false, f32_copy = false;
  double top_position = 600;
  std::size_t threads = 0;
};

struct Params {
  std::uint32_t head_dim, n_heads, half_rope_dim;
  float eps;
  std::uint32_t has_weight;
  float theta;
  std::uint32_t has_freq_factors, has_bf16_output, bf16_permuted, seq_len, has_f32_perm_output;
};
static_assert(sizeof(Params) == 44);

constexpr float kEps = 1e-6f;

/// Values, and per element the size of its pair: an error of the angle moves both by as much.
Expected reference(const Setup& s, const Values& x, const Values& w, const Values& positions, const Values& factors) {
  Values y(x.size()), pair(x.size());
  for (std::size_t head = 0; head < s.tokens * s.heads; ++head) {
    const std::size_t base = head * s.dim, half = s.dim / 2;
    double squares = 0;
    for (std::size_t i = 0; i < s.dim; ++i) squares += x[base + i] * x[base + i];
    const double r = 1.0 / std::sqrt(squares / static_cast<double>(s.dim) + static_cast<double>(kEps));
    for (std::size_t i = 0; i < s.dim; ++i) y[base + i] = x[base + i] * r * (s.weight ? w[i] : 1.0);
    for (std::size_t i = 0; i < s.half_rope; ++i) {
      const double exponent = 2.0 * static_cast<double>(i) / static_cast<double>(s.dim);
      double angle = positions[head / s.heads] / std::pow(static_cast<double>(s.theta), exponent);
      if (s.factors) angle /= factors[i];
      const double a = y[base + i], b = y[base + i + half];
      pair[base + i] = pair[base + i + half] = std::fabs(a) + std::fabs(b);
      y[base + i] = a * std::cos(angle) - b * std::sin(angle);
      y[base + i + half] = b * std::cos(angle) + a * std::sin(angle);
    }
  }
  return {std::move(y), std::move(pair)};
}

/// [S, H, D] to [H, S, D].
Values head_major(const Setup& s, const Values& y) {
  Values out(y.size());
  for (std::size_t t = 0; t < s.tokens; ++t) {
    for (std::size_t h = 0; h < s.heads; ++h) {
      for (std::size_t i = 0; i < s.dim; ++i) out[(h * s.tokens + t) * s.dim + i] = y[(t * s.heads + h) * s.dim + i];
    }
  }
  return out;
}

void build(Problem& p, const Setup& s, bool vectors) {
  const std::size_t n = s.tokens * s.heads * s.dim;
  const auto x = p.input(0, DType::F32, n, normal());
  const auto out = p.output(1, DType::F32, n);
  const auto w = p.input(2, DType::F32, s.dim, uniform(0.5, 1.5));
  p.value(3, Params{static_cast<std::uint32_t>(s.dim), static_cast<std::uint32_t>(s.heads),
                    static_cast<std::uint32_t>(s.half_rope), kEps, s.weight, s.theta, s.factors, s.bf16, s.permuted,
                    static_cast<std::uint32_t>(s.tokens), s.f32_copy});
  const auto positions = p.input(4, DType::U32, s.tokens, integers(0, static_cast<std::int64_t>(s.top_position)));
  const auto factors = p.input(5, DType::F32, std::max<std::size_t>(1, s.half_rope), uniform(1, 8));
  const auto natural = [=] { return reference(s, x, w, positions, factors); };
  const auto copy = [=] {
    Expected e = natural();
    if (s.permuted) e = {head_major(s, e.values), head_major(s, e.magnitude)};
    return e;
  };
  const double angle_error = s.top_position * 0x1p-23;
  p.expect(out, {.absolute = 1e-6, .relative = 2e-6, .magnitude = angle_error}, natural);
  if (s.bf16) {
    p.expect(p.output(6, DType::BF16, n), {.absolute = 1e-6, .relative = 0x1p-8, .magnitude = angle_error}, copy);
  } else {
    p.untouched(6, DType::BF16, n);
  }
  if (s.f32_copy) {
    p.expect(p.output(7, DType::F32, n), {.absolute = 1e-6, .relative = 2e-6, .magnitude = angle_error}, copy);
  } else {
    p.untouched(7, DType::F32, n);
  }
  if (vectors) {
    p.align(0, 16);
    p.align(1, 16);
  }
  const std::size_t threads = s.threads == 0 ? row_threads(s.dim) : s.threads;
  p.threadgroup_memory(0, 4 * std::max(threads, s.dim));
  p.threadgroups({s.tokens * s.heads}, {threads});
}

std::string label(const Setup& s) {
  return fmt::format("{}x{}x{} rope={} theta={}{}{}{}{}{} tg={}", s.tokens, s.heads, s.dim, 2 * s.half_rope, s.theta,
                     s.weight ? "" : " no-weight", s.factors ? " factors" : "", s.bf16 ? " bf16" : "",
                     s.permuted ? " permuted" : "", s.f32_copy ? " f32-copy" : "", s.threads);
}

}  // namespace

void head_norm_rope_cases(CaseList& list) {
  const std::array setups = {
      Setup{.tokens = 1, .heads = 1, .dim = 4, .half_rope = 2},
      Setup{.tokens = 5, .heads = 4, .dim = 256, .half_rope = 128},
      Setup{.tokens = 3, .heads = 1, .dim = 256, .half_rope = 128, .theta = 1e6f, .threads = 32},
      Setup{.tokens = 2, .heads = 3, .dim = 64, .half_rope = 8, .weight = false},
      Setup{.tokens = 3, .heads = 2, .dim = 36, .half_rope = 18, .factors = true},
      Setup{.tokens = 3, .heads = 2, .dim = 512, .half_rope = 256, .bf16 = true, .permuted = true, .f32_copy = true},
      Setup{.tokens = 2, .heads = 2, .dim = 128, .half_rope = 0, .bf16 = true, .threads = 96},
      Setup{.tokens = 3, .heads = 2, .dim = 132, .half_rope = 60, .f32_copy = true, .top_position = 30000},
  };
  for (const Setup& s : setups) {
    list.add("fused_head_norm_rope_f32", label(s), [=](Problem& p) { build(p, s, false); });
    list.add("fused_head_norm_rope_f32_v2", label(s), [=](Problem& p) { build(p, s, true); });
  }
  const Setup odd = {.tokens = 3, .heads = 2, .dim = 37, .half_rope = 18};
  list.add("fused_head_norm_rope_f32", label(odd), [=](Problem& p) { build(p, odd, false); });
  const Setup large = {.tokens = 512, .heads = 4, .dim = 256, .half_rope = 128};
  for (const bool vectors : {false, true}) {
    list.add(
        vectors ? "fused_head_norm_rope_f32_v2" : "fused_head_norm_rope_f32", label(large),
        [=](Problem& p) { build(p, large, vectors); }, Purpose::Benchmark);
  }
}

}  // namespace anymetal::cases
