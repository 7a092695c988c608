// Per-head normalisation fused with rotary embedding: kernels/rope/fused_head_norm_rope_*.metal.
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <tuple>

#include "cases/case_list.hpp"
#include "cases/in_place.hpp"
#include "cases/rope_reference.hpp"
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
  bool in_place = false;

  [[nodiscard]] std::size_t elements() const { return tokens * heads * dim; }
};

void dispatch(Problem& p, const Setup& s, std::size_t scratch) {
  p.threadgroup_memory(0, 4 * scratch);
  p.threadgroups({s.tokens * s.heads}, {s.threads == 0 ? row_threads(s.dim) : s.threads});
}

struct Params {
  std::uint32_t head_dim, n_heads, half_rope_dim;
  float eps;
  std::uint32_t has_weight;
  float theta;
  std::uint32_t has_freq_factors, has_bf16_output, bf16_permuted, seq_len, has_f32_perm_output;
};
static_assert(sizeof(Params) == 44);

constexpr float kEps = 1e-6f;
constexpr double kAngleError = 0x1p-20;

/// Per head x / sqrt(mean(x^2) + eps) * w.
Values normalised(const Setup& s, const Values& x, const Values& w) {
  Values y(x.size());
  for (std::size_t base = 0; base < x.size(); base += s.dim) {
    double squares = 0;
    for (std::size_t i = 0; i < s.dim; ++i) squares += x[base + i] * x[base + i];
    const double r = 1.0 / std::sqrt(squares / static_cast<double>(s.dim) + static_cast<double>(kEps));
    for (std::size_t i = 0; i < s.dim; ++i) y[base + i] = x[base + i] * r * (s.weight ? w[i] : 1.0);
  }
  return y;
}

/// Values, and per element what an error of the angle can move.
Expected reference(const Setup& s, const Values& x, const Values& w, const Values& positions, const Values& factors) {
  Expected e = {normalised(s, x, w), Values(x.size(), 0.0)};
  for (std::size_t head = 0; head < s.tokens * s.heads; ++head) {
    for (std::size_t i = 0; i < s.half_rope; ++i) {
      const std::size_t first = head * s.dim + i;
      const double angle = rope_angle(positions[head / s.heads], i, s.dim, static_cast<double>(s.theta));
      turn(e, first, first + s.dim / 2, s.factors ? angle / factors[i] : angle);
    }
  }
  return e;
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
  const std::size_t n = s.elements();
  Values x;
  const auto out = input_and_output(p, 0, 1, DType::F32, n, normal(), s.in_place, x);
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
  p.expect(out, {.absolute = 1e-6, .relative = 2e-6, .magnitude = kAngleError}, natural);
  p.traffic(static_cast<double>(n) * (8 + (s.bf16 ? 2 : 0) + (s.f32_copy ? 4 : 0)));
  if (s.bf16) {
    p.expect(p.output(6, DType::BF16, n), {.absolute = 1e-6, .relative = 0x1p-8, .magnitude = kAngleError}, copy);
  } else {
    p.untouched(6, DType::BF16, n);
  }
  if (s.f32_copy) {
    p.expect(p.output(7, DType::F32, n), {.absolute = 1e-6, .relative = 2e-6, .magnitude = kAngleError}, copy);
  } else {
    p.untouched(7, DType::F32, n);
  }
  if (vectors) {
    p.align(0, 16);
    p.align(1, 16);
  }
  dispatch(p, s, std::max(row_threads(s.dim), s.dim));
}

struct BatchParams {
  std::uint32_t head_dim, n_heads, half_rope_dim;
  float eps;
  std::uint32_t has_weight;
  float theta;
  std::uint32_t has_freq_factors, pad;
};
static_assert(sizeof(BatchParams) == 32);

constexpr Tolerance kBf16 = {.absolute = 1e-6, .relative = 0x1p-8, .magnitude = kAngleError};

void build_batch_bf16(Problem& p, const Setup& s) {
  Values x;
  const auto out = input_and_output(p, 0, 1, DType::BF16, s.elements(), normal(), s.in_place, x);
  const auto w = p.input(2, DType::BF16, s.dim, uniform(0.5, 1.5));
  p.value(3, BatchParams{static_cast<std::uint32_t>(s.dim), static_cast<std::uint32_t>(s.heads),
                         static_cast<std::uint32_t>(s.half_rope), kEps, s.weight, s.theta, s.factors, 0});
  const auto positions = p.input(4, DType::U32, s.tokens, integers(0, static_cast<std::int64_t>(s.top_position)));
  const auto factors = p.input(5, DType::F32, std::max<std::size_t>(1, s.half_rope), uniform(1, 8));
  dispatch(p, s, std::max(row_threads(s.dim), s.dim));
  p.expect(out, kBf16, [=] { return reference(s, x, w, positions, factors); });
}

struct CachedParams {
  std::uint32_t head_dim, n_heads, half_rope_dim;
  float eps;
  std::uint32_t has_weight;
};
static_assert(sizeof(CachedParams) == 20);

/// One token; the cosines and sines need not belong to one angle, so that a swap of the two shows.
void build_cached_bf16(Problem& p, const Setup& s) {
  Values x;
  const auto out = input_and_output(p, 0, 1, DType::BF16, s.elements(), normal(), s.in_place, x);
  const auto w = p.input(2, DType::BF16, s.dim, uniform(0.5, 1.5));
  const std::size_t entries = std::max<std::size_t>(1, s.half_rope);
  const auto cosines = p.input(3, DType::F32, entries, uniform(-1, 1));
  const auto sines = p.input(4, DType::F32, entries, uniform(-1, 1));
  p.value(5, CachedParams{static_cast<std::uint32_t>(s.dim), static_cast<std::uint32_t>(s.heads),
                          static_cast<std::uint32_t>(s.half_rope), kEps, s.weight});
  dispatch(p, s, s.threads == 0 ? row_threads(s.dim) : s.threads);
  p.expect(out, {.absolute = 1e-6, .relative = 0x1p-8}, [=] {
    Values y = normalised(s, x, w);
    for (std::size_t base = 0; base < y.size(); base += s.dim) {
      for (std::size_t i = 0; i < s.half_rope; ++i) {
        double &a = y[base + i], &b = y[base + i + s.half_rope];
        std::tie(a, b) = std::pair(a * cosines[i] - b * sines[i], b * cosines[i] + a * sines[i]);
      }
    }
    return y;
  });
}

std::string label(const Setup& s) {
  return fmt::format("{}x{}x{} rope={} theta={}{}{}{}{}{}{} tg={}", s.tokens, s.heads, s.dim, 2 * s.half_rope, s.theta,
                     s.weight ? "" : " no-weight", s.factors ? " factors" : "", s.bf16 ? " bf16" : "",
                     s.permuted ? " permuted" : "", s.f32_copy ? " f32-copy" : "", s.in_place ? " in place" : "",
                     s.threads);
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
      Setup{.tokens = 2, .heads = 3, .dim = 320, .half_rope = 100, .in_place = true},
  };
  for (const Setup& s : setups) {
    list.add("fused_head_norm_rope_f32", label(s), [=](Problem& p) { build(p, s, false); });
    list.add("fused_head_norm_rope_f32_v2", label(s), [=](Problem& p) { build(p, s, true); });
    if (!s.bf16 && !s.f32_copy)
      list.add("fused_head_norm_rope_batch_bf16", label(s), [=](Problem& p) { build_batch_bf16(p, s); });
  }
  const std::array single = {
      Setup{.tokens = 1, .heads = 1, .dim = 2, .half_rope = 1},
      Setup{.tokens = 1, .heads = 4, .dim = 128, .half_rope = 64},
      Setup{.tokens = 1, .heads = 3, .dim = 128, .half_rope = 16},
      Setup{.tokens = 1, .heads = 3, .dim = 96, .half_rope = 0},
      Setup{.tokens = 1, .heads = 2, .dim = 256, .half_rope = 128, .weight = false},
      // Heads longer than the threadgroup.
      Setup{.tokens = 1, .heads = 3, .dim = 257, .half_rope = 100},
      Setup{.tokens = 1, .heads = 3, .dim = 512, .half_rope = 256},
      Setup{.tokens = 1, .heads = 2, .dim = 640, .half_rope = 33, .in_place = true},
      Setup{.tokens = 1, .heads = 2, .dim = 200, .half_rope = 100, .threads = 32},
      Setup{.tokens = 1, .heads = 2, .dim = 200, .half_rope = 50, .threads = 96},
  };
  for (const Setup& s : single) {
    list.add("fused_head_norm_rope_bf16", label(s), [=](Problem& p) { build_cached_bf16(p, s); });
  }
  const Setup odd = {.tokens = 3, .heads = 2, .dim = 37, .half_rope = 18};
  list.add("fused_head_norm_rope_f32", label(odd), [=](Problem& p) { build(p, odd, false); });
  list.add("fused_head_norm_rope_batch_bf16", label(odd), [=](Problem& p) { build_batch_bf16(p, odd); });
  const auto add_timed = [&](std::size_t tokens, std::size_t heads, Purpose purpose) {
    const Setup s = {.tokens = tokens, .heads = heads, .dim = 256, .half_rope = 128};
    for (const bool vectors : {false, true}) {
      list.add(
          vectors ? "fused_head_norm_rope_f32_v2" : "fused_head_norm_rope_f32", label(s),
          [=](Problem& p) { build(p, s, vectors); }, purpose);
    }
    list.add(
        "fused_head_norm_rope_batch_bf16", label(s), [=](Problem& p) { build_batch_bf16(p, s); }, purpose);
    const Setup one_token = {.tokens = 1, .heads = tokens * heads, .dim = 256, .half_rope = 128};
    list.add(
        "fused_head_norm_rope_bf16", label(one_token), [=](Problem& p) { build_cached_bf16(p, one_token); }, purpose);
  };
  add_timed(512, 4, Purpose::Benchmark);
  add_timed(16384, 8, Purpose::LargeBenchmark);
}

}  // namespace anymetal::cases
