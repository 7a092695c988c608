// Gates, prefix sums, short convolutions and triangular solves of recurrent layers: kernels/recurrent.
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <limits>

#include "cases/case_list.hpp"
#include "cases/in_place.hpp"
#include "cases/shapes.hpp"

namespace anymetal::cases {
namespace {

using Values = Problem::Values;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

double logistic(double x) { return 1 / (1 + std::exp(-x)); }
double silu(double x) { return x * logistic(x); }
double softplus(double x) { return std::fmax(x, 0.0) + std::log1p(std::exp(-std::fabs(x))); }

/// Half a unit in the last place on top of what f32 arithmetic costs.
Tolerance stored_as(DType type, Tolerance tolerance) {
  if (type == DType::BF16) tolerance.relative += 0x1.01p-8;
  return tolerance;
}
const char* suffix(DType type) { return type == DType::F32 ? "f32" : "bf16"; }

struct Gates {
  std::size_t tokens, heads;
  Fill alpha = normal(0, 4), b = normal(0, 4);
  const char* name = "";
  Purpose purpose = Purpose::Test;
  bool in_place = false;
};

void g_beta(Problem& p, const Gates& s) {
  const std::size_t n = s.tokens * s.heads;
  Values alpha, b;
  const auto g = input_and_output(p, 0, 4, DType::F32, n, s.alpha, s.in_place, alpha);
  const auto beta = input_and_output(p, 1, 5, DType::F32, n, s.b, s.in_place, b);
  const auto bias = p.input(2, DType::F32, s.heads, *s.name ? constant(0) : uniform(-1, 1));
  const auto a = p.input(3, DType::F32, s.heads, uniform(-16, -0.5));
  p.value(6, std::array{static_cast<std::uint32_t>(s.heads), static_cast<std::uint32_t>(s.tokens)});
  p.threads({n + p.spare(5)}, {flat_threads(n)});
  // The sum of logit and bias is rounded before the exponential: that costs e^x a relative |x| 2^-24.
  p.expect(g, {.absolute = 1e-36, .relative = 5e-7, .magnitude = 0x1p-24}, [=] {
    Values out(n), slope(n);
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t head = i % s.heads;
      const double x = alpha[i] + bias[head];
      out[i] = softplus(x) * -a[head];
      slope[i] = std::isfinite(x) ? -a[head] * logistic(x) * (std::fabs(alpha[i]) + std::fabs(bias[head])) : 0;
    }
    return Expected(out, slope);
  });
  p.expect(beta, {.absolute = 1e-37, .relative = 4.6e-7}, [=] {
    Values out(n);
    for (std::size_t i = 0; i < n; ++i) out[i] = logistic(b[i]);
    return out;
  });
}

struct Rows {
  std::size_t rows, columns;
  std::size_t threads = 0;  ///< 0: the usual
  Purpose purpose = Purpose::Test;
};

std::string label(const Rows& s) {
  return s.threads == 0 ? fmt::format("{}x{}", s.rows, s.columns)
                        : fmt::format("{}x{} tg={}", s.rows, s.columns, s.threads);
}

void row_kernel(Problem& p, const Rows& s) {
  const std::size_t threads = s.threads == 0 ? row_threads(s.columns) : s.threads;
  p.threadgroup_memory(0, threads * sizeof(float));
  p.threadgroups({s.rows}, {threads});
}

/// The output may be x or z.
enum class Place : std::uint8_t { Own, X, Z };

void norm_gate(Problem& p, const Rows& s, const Fill& x_fill, const Fill& z_fill, Place place = Place::Own) {
  constexpr float kEps = 1e-6f;
  const std::size_t n = s.rows * s.columns;
  const auto w = p.input(1, DType::F32, s.columns, uniform(0.5, 1.5));
  Values x, z;
  Problem::Handle y;
  if (place == Place::Z) {
    x = p.input(0, DType::F32, n, x_fill);
    y = input_and_output(p, 2, 3, DType::F32, n, z_fill, true, z);
  } else {
    z = p.input(2, DType::F32, n, z_fill);
    y = input_and_output(p, 0, 3, DType::F32, n, x_fill, place == Place::X, x);
  }
  p.value(4, std::array{kEps, static_cast<float>(s.columns)});
  row_kernel(p, s);
  p.expect(y, {.absolute = 1e-37, .relative = 1e-6}, [=] {
    Values out(n);
    for (std::size_t base = 0; base < n; base += s.columns) {
      double squares = 0;
      for (std::size_t i = 0; i < s.columns; ++i) squares += x[base + i] * x[base + i];
      const double r = 1 / std::sqrt(squares / static_cast<double>(s.columns) + static_cast<double>(kEps));
      for (std::size_t i = 0; i < s.columns; ++i) out[base + i] = x[base + i] * r * w[i] * silu(z[base + i]);
    }
    return out;
  });
}

void cumsum(Problem& p, DType type, const Rows& s, const Fill& fill, bool in_place = false) {
  const std::size_t n = s.rows * s.columns;
  Values x;
  const auto y = input_and_output(p, 0, 1, type, n, fill, in_place, x);
  p.value(2, static_cast<std::uint32_t>(s.columns));
  row_kernel(p, s);
  p.expect(y, stored_as(type, {.magnitude = 0x1p-22}), [=] {
    Values out(n), magnitude(n);
    for (std::size_t i = 0; i < n; ++i) {
      const bool first = i % s.columns == 0;
      out[i] = (first ? 0 : out[i - 1]) + x[i];
      magnitude[i] = (first ? 0 : magnitude[i - 1]) + (std::isfinite(x[i]) ? std::fabs(x[i]) : 0);
    }
    return Expected(out, magnitude);
  });
}

struct Chunks {
  std::uint32_t batches, tokens, heads, chunk = 64;
  Purpose purpose = Purpose::Test;
  [[nodiscard]] std::uint32_t count() const { return (tokens + chunk - 1) / chunk; }
  [[nodiscard]] std::string label() const { return fmt::format("B={} T={} H={} BT={}", batches, tokens, heads, chunk); }
};

void chunk_cumsum(Problem& p, const Chunks& s, const Fill& fill, bool in_place = false) {
  const std::size_t n = std::size_t{s.batches} * s.tokens * s.heads;
  Values g;
  const auto sums = input_and_output(p, 0, 1, DType::F32, n, fill, in_place, g);
  p.value(2, std::array{s.batches, s.tokens, s.heads, s.chunk, s.count()});
  p.threadgroups({1 + p.spare(1), s.heads + p.spare(1), s.batches * s.count() + p.spare(1)}, {s.chunk});
  p.expect(sums, {.magnitude = 1e-6}, [=] {
    Values out(n), magnitude(n);
    for (std::size_t i = 0; i < n; ++i) {
      const bool first = i / s.heads % s.tokens % s.chunk == 0;
      out[i] = (first ? 0 : out[i - s.heads]) + g[i];
      magnitude[i] = (first ? 0 : magnitude[i - s.heads]) + std::fabs(g[i]);
    }
    return Expected(out, magnitude);
  });
}

struct Conv {
  std::uint32_t sequences, tokens, channels, width;
  Purpose purpose = Purpose::Test;
  [[nodiscard]] std::string label() const {
    return fmt::format("S={} T={} C={} K={}", sequences, tokens, channels, width);
  }
  [[nodiscard]] std::size_t data() const { return std::size_t{sequences} * tokens * channels; }
  [[nodiscard]] std::size_t state() const { return std::size_t{sequences} * channels * (width - 1); }
  [[nodiscard]] std::array<std::uint32_t, 4> params() const { return {channels, tokens, sequences, width}; }
};

/// Element i of a channel's state followed by its tokens.
double past_and_present(const Conv& s, const Values& x, const Values& state, std::size_t sequence, std::size_t channel,
                        std::size_t i) {
  const std::size_t past = s.width - 1;
  return i < past ? state[(sequence * s.channels + channel) * past + i]
                  : x[(sequence * s.tokens + i - past) * s.channels + channel];
}

void conv_forward(Problem& p, DType type, const Conv& s, const Fill& fill) {
  const auto x = p.input(0, type, s.data(), fill);
  const auto w = p.input(1, type, std::size_t{s.channels} * s.width, normal());
  const auto state = p.input(2, type, s.state(), normal());
  const auto y = p.output(3, type, s.data());
  p.value(4, s.params());
  const std::size_t a = std::min<std::size_t>(s.channels, 256), b = std::min<std::size_t>(s.tokens, 256 / a);
  p.threads({s.channels + p.spare(1), s.tokens + p.spare(2), s.sequences + p.spare(1)}, {a, b, std::min<std::size_t>(s.sequences, 256 / (a * b))});
  p.expect(y, stored_as(type, {.absolute = 1e-37, .relative = 5e-7, .magnitude = 2e-7}), [=] {
    Values out(s.data()), magnitude(s.data());
    for (std::size_t i = 0; i < out.size(); ++i) {
      const std::size_t c = i % s.channels, t = i / s.channels % s.tokens, sequence = i / s.channels / s.tokens;
      double sum = 0;
      for (std::size_t k = 0; k < s.width; ++k) {
        const double term = w[c * s.width + k] * past_and_present(s, x, state, sequence, c, t + k);
        sum += term;
        magnitude[i] += std::fabs(term);
      }
      out[i] = silu(sum);
    }
    return Expected(out, magnitude);
  });
}

void conv_state(Problem& p, DType type, const Conv& s) {
  const auto x = p.input(0, type, s.data(), normal());
  const auto old_state = p.input(1, type, s.state(), normal());
  const auto new_state = p.output(2, type, s.state());
  p.value(3, s.params());
  const std::size_t i = s.width - 1, a = std::min<std::size_t>(s.channels, 256 / i);
  p.threads({i + p.spare(1), s.channels + p.spare(2), s.sequences + p.spare(1)}, {i, a, std::min<std::size_t>(s.sequences, 256 / (i * a))});
  p.traffic(2.0 * static_cast<double>(ops::bytes_of(type, s.state())));  // of the tokens only the last ones are read
  p.expect(new_state, Tolerance::exact(), [=] {
    Values out(s.state());
    for (std::size_t at = 0; at < out.size(); ++at) {
      out[at] = past_and_present(s, x, old_state, at / i / s.channels, at / i % s.channels, s.tokens + at % i);
    }
    return out;
  });
}

/// x = b - L x below the diagonal, for one column. The magnitude is what a relative error of 1 in every term, carried
/// through the later rows, can come to at most.
template <class Lower, class Right>
void substitute(std::size_t n, Lower lower, Right right, double* x, double* magnitude, std::size_t stride) {
  for (std::size_t i = 0; i < n; ++i) {
    double sum = right(i), carried = std::fabs(sum);
    for (std::size_t j = 0; j < i; ++j) {
      const double l = lower(i, j);
      sum -= l * x[j * stride];
      carried += std::fabs(l) * (std::fabs(x[j * stride]) + magnitude[j * stride]);
    }
    x[i * stride] = sum;
    magnitude[i * stride] = carried;
  }
}

struct Solve {
  std::uint32_t n, m, batches;
  double spread = 0.3;  ///< of the elements below the diagonal
  Purpose purpose = Purpose::Test;
  bool in_place = false;
};

void tri_solve(Problem& p, DType type, const Solve& s) {
  const std::size_t square = std::size_t{s.n} * s.n, block = std::size_t{s.n} * s.m;
  // What must not be read is NaN.
  const Fill below = uniform(-s.spread, s.spread);
  const auto l = p.input(0, type, s.batches * square, [=](Random& random, std::size_t i) {
    const double value = below(random, i);
    return i % square % s.n < i % square / s.n ? value : kNan;
  });
  Values b;
  const auto x = input_and_output(p, 1, 2, type, s.batches * block, normal(), s.in_place, b);
  p.value(3, std::array{s.n, s.m, s.batches});
  const std::size_t a = std::min<std::size_t>(s.m, 256);
  p.threads({s.m + p.spare(1), s.batches + p.spare(1)}, {a, std::min<std::size_t>(s.batches, 256 / a)});
  p.flops(static_cast<double>(s.batches) * s.n * s.n * s.m);
  p.expect(x, {.magnitude = type == DType::F32 ? 0x1p-21 : 0x1.01p-8}, [=] {
    Values out(s.batches * block), magnitude(out.size());
    for (std::size_t batch = 0; batch < s.batches; ++batch) {
      for (std::size_t column = 0; column < s.m; ++column) {
        const std::size_t at = batch * block + column;
        substitute(
            s.n, [&](std::size_t i, std::size_t j) { return l[batch * square + i * s.n + j]; },
            [&](std::size_t i) { return b[at + i * s.m]; }, &out[at], &magnitude[at], s.m);
      }
    }
    return Expected(out, magnitude);
  });
}

void invert(Problem& p, const Chunks& s, double spread, bool in_place = false) {
  const std::size_t step = std::size_t{s.heads} * s.chunk, n = std::size_t{s.batches} * s.tokens * step;
  // What must not be read is NaN.
  const Fill below = uniform(-spread, spread);
  const Fill strict = [=](Random& random, std::size_t i) {
    const double value = below(random, i);
    return i % s.chunk < i / step % s.tokens % s.chunk ? value : kNan;
  };
  Values a;
  const auto x = input_and_output(p, 0, 1, DType::F32, n, strict, in_place, a);
  p.value(2, std::array{s.batches, s.tokens, s.heads, s.chunk});
  p.threadgroup_memory(0, std::size_t{2} * s.chunk * s.chunk * sizeof(float));
  p.threadgroups({s.count() + p.spare(1), s.heads + p.spare(1), s.batches + p.spare(1)}, {s.chunk});
  p.expect(x, {.magnitude = 0x1p-22}, [=] {
    Values out(n), magnitude(n);
    for (std::size_t batch = 0; batch < s.batches; ++batch) {
      for (std::size_t begin = 0; begin < s.tokens; begin += s.chunk) {
        for (std::size_t column = 0; column < step; ++column) {
          const std::size_t at = (batch * s.tokens + begin) * step, head = column / s.chunk * s.chunk;
          substitute(
              std::min<std::size_t>(s.chunk, s.tokens - begin),
              [&](std::size_t i, std::size_t j) { return a[at + i * step + head + j]; },
              [&](std::size_t i) { return i == column % s.chunk ? 1.0 : 0.0; }, &out[at + column],
              &magnitude[at + column], step);
        }
      }
    }
    return Expected(out, magnitude);
  });
}

}  // namespace

void recurrent_cases(CaseList& list) {
  const Fill extremes = listed({0, -0.0, 20, 21, -8, -15, -20, -21, -60, 60, 100, kInfinity, -kInfinity, kNan, 1e-30});
  for (const Gates& s :
       {Gates{1, 1}, Gates{3, 31}, Gates{8, 32}, Gates{1, 257}, Gates{33, 48},
        Gates{1, 15, extremes, extremes, "extremes"}, Gates{4, 64, uniform(-19, -8), uniform(-80, -20), "small"},
        Gates{5, 33, normal(), normal(), "in place", Purpose::Test, true},
        Gates{16384, 32, normal(0, 4), normal(0, 4), "", Purpose::Benchmark},
        Gates{262144, 32, normal(0, 4), normal(0, 4), "", Purpose::LargeBenchmark}}) {
    list.add(
        "compute_g_beta_f32", fmt::format("{}x{} {}", s.tokens, s.heads, s.name), [=](Problem& p) { g_beta(p, s); },
        s.purpose);
  }

  for (const Rows& s : {Rows{1, 1}, Rows{3, 2}, Rows{2, 31}, Rows{5, 33}, Rows{7, 128}, Rows{2, 255}, Rows{2, 257},
                        Rows{1, 5000}, Rows{2, 100, 96}, Rows{65536, 128, 0, Purpose::Benchmark}}) {
    list.add(
        "ssm_norm_gate_f32", label(s), [=](Problem& p) { norm_gate(p, s, normal(), normal(0, 3)); }, s.purpose);
  }
  for (const auto& [name, place] : {std::pair{"into x", Place::X}, {"into z", Place::Z}}) {
    list.add("ssm_norm_gate_f32", name, [where = place](Problem& p) {
      norm_gate(p, {3, 300}, normal(), normal(0, 3), where);
    });
  }
  list.add("ssm_norm_gate_f32", "zeros", [](Problem& p) { norm_gate(p, {3, 65}, constant(0), normal()); });
  list.add("ssm_norm_gate_f32", "wide gates", [](Problem& p) {
    norm_gate(p, {2, 64}, normal(0, 1e8), listed({0, 20, -20, 85, -85, 1000, -1000}));
  });

  for (const DType type : {DType::F32, DType::BF16}) {
    const std::string kernel = fmt::format("cumsum_{}", suffix(type));
    for (const Rows& s : {Rows{1, 1}, Rows{3, 2}, Rows{2, 31}, Rows{2, 33}, Rows{5, 255}, Rows{2, 257}, Rows{3, 511},
                          Rows{1, 8192}, Rows{1, 8193}, Rows{1, 20000}, Rows{2, 100, 96}, Rows{2, 1000, 1024}, Rows{3, 512, 32}, Rows{2, 1024, 64},
                          Rows{1, 70, 48}, Rows{2100, 2056, 0, Purpose::Full}, Rows{4096, 4096, 0, Purpose::Benchmark}, Rows{8192, 4096, 0, Purpose::LargeBenchmark}}) {
      list.add(
          kernel, label(s), [=](Problem& p) { cumsum(p, type, s, uniform(-1, 1)); }, s.purpose);
    }
    list.add(kernel, "in place", [=](Problem& p) { cumsum(p, type, {3, 700}, uniform(-1, 1), true); });
    list.add(kernel, "ones", [=](Problem& p) { cumsum(p, type, {2, 5000}, constant(1)); });
    list.add(kernel, "a huge element", [=](Problem& p) {
      cumsum(p, type, {1, 300}, [](Random& random, std::size_t i) { return i == 200 ? 1e30 : random.unit(); });
    });
    list.add(kernel, "infinity and NaN", [=](Problem& p) {
      cumsum(p, type, {1, 300}, [](Random& random, std::size_t i) {
        return i == 100 ? kInfinity : i == 280 ? -kInfinity : random.unit();
      });
    });

    for (const Conv& s : {Conv{1, 1, 1, 2}, Conv{1, 1, 33, 4}, Conv{2, 3, 31, 4}, Conv{3, 2, 257, 4}, Conv{2, 40, 9, 3},
                          Conv{1, 7, 300, 9}, Conv{1, 2100, 2064, 4, Purpose::Full}, Conv{1, 2048, 2048, 4, Purpose::Benchmark},
                          Conv{4, 4096, 2048, 4, Purpose::LargeBenchmark}}) {
      list.add(
          fmt::format("ssm_conv_forward_{}", suffix(type)), s.label(),
          [=](Problem& p) { conv_forward(p, type, s, normal()); }, s.purpose);
      const Conv moved = s.purpose == Purpose::LargeBenchmark ? Conv{4096, 1, 2048, 4} : s;  // only states move
      list.add(
          fmt::format("ssm_conv_state_update_{}", suffix(type)), moved.label(),
          [=](Problem& p) { conv_state(p, type, moved); }, s.purpose);
    }
    list.add(fmt::format("ssm_conv_forward_{}", suffix(type)), "saturated", [=](Problem& p) {
      conv_forward(p, type, {1, 9, 33, 4}, listed({0, 50, -50, 3000, -3000, 1e-30}));
    });

    const std::string solve = fmt::format("tri_solve_lower_unit_{}", suffix(type));
    for (const Solve& s : {Solve{1, 1, 1}, Solve{3, 2, 1}, Solve{31, 33, 2}, Solve{64, 64, 3}, Solve{65, 1, 5},
                           Solve{17, 257, 2}, Solve{40, 5, 2, 0}, Solve{33, 32, 2, 0.3, Purpose::Test, true},
                           Solve{64, 4096, 32, 0.05, Purpose::Benchmark}, Solve{64, 4096, 128, 0.05, Purpose::LargeBenchmark}}) {
      list.add(
          solve, fmt::format("N={} M={} batch={} {}{}", s.n, s.m, s.batches, s.spread, s.in_place ? " in place" : ""),
          [=](Problem& p) { tri_solve(p, type, s); }, s.purpose);
    }
  }

  for (const Chunks& s : {Chunks{1, 64, 1}, Chunks{2, 128, 3}, Chunks{1, 192, 65}, Chunks{1, 64, 130},
                          Chunks{2, 100, 4}, Chunks{1, 9, 5, 4}, Chunks{1, 2100, 32, 64, Purpose::Full}, Chunks{1, 8192, 32, 64, Purpose::Benchmark}}) {
    list.add(
        "chunk_local_cumsum_g_f32", s.label(), [=](Problem& p) { chunk_cumsum(p, s, uniform(-2, 0)); }, s.purpose);
    list.add(
        "chunk_tri_solve_invert_f32", s.label(), [=](Problem& p) { invert(p, s, 0.3); }, s.purpose);
  }
  const Chunks many = {8, 65536, 32};
  list.add(
      "chunk_local_cumsum_g_f32", many.label(), [=](Problem& p) { chunk_cumsum(p, many, uniform(-2, 0)); },
      Purpose::LargeBenchmark);
  list.add("chunk_local_cumsum_g_f32", "in place", [](Problem& p) {
    chunk_cumsum(p, {2, 100, 3}, uniform(-2, 0), true);
  });
  list.add("chunk_tri_solve_invert_f32", "in place", [](Problem& p) { invert(p, {1, 100, 3}, 0.3, true); });
  list.add("chunk_local_cumsum_g_f32", "zeros", [](Problem& p) { chunk_cumsum(p, {1, 64, 2}, constant(0)); });
  list.add("chunk_tri_solve_invert_f32", "zeros", [](Problem& p) { invert(p, {1, 128, 2}, 0); });
  list.add("chunk_tri_solve_invert_f32", "wide", [](Problem& p) { invert(p, {1, 64, 2}, 0.5); });
}

}  // namespace anymetal::cases
