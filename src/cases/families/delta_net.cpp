// The gated delta rule, token by token and by chunks of 64 tokens: kernels/recurrent.
#include <array>
#include <functional>
#include <limits>

#include "cases/case_list.hpp"
#include "cases/delta_net_reference.hpp"
#include "cases/in_place.hpp"
#include "cases/shapes.hpp"

namespace anymetal::cases {
namespace {

using Values = Problem::Values;

constexpr std::size_t kChunk = 64;

std::uint32_t u32(std::size_t value) { return static_cast<std::uint32_t>(value); }

/// Log-decays of one token. Strong ones show a decay that is missing somewhere, and overflow where a gate that is not
/// to be used is used.
const Fill kStrong = uniform(-2, -0.001), kWeak = uniform(-0.05, -0.001);

/// One dispatch of the recurrence; `decode` gives the kernel of a simdgroup per row, with that many cells a lane.
void recurrence(Problem& p, const DeltaShape& s, const Fill& log_decay, std::size_t decode, bool in_place = false) {
  DeltaInputs in;
  in.q = p.input(0, DType::F32, unit_rows(p.random(), s.keys(), s.key_dim));
  in.k = p.input(1, DType::F32, unit_rows(p.random(), s.keys(), s.key_dim));
  in.v = p.input(2, DType::F32, s.values(), normal());
  const auto g =
      p.input(3, DType::F32, s.gates(), [=](Random& random, std::size_t i) { return -log_decay(random, i); });
  in.beta = p.input(4, DType::F32, s.gates(), uniform(0.1, 1));
  const auto state = input_and_output(p, 5, 7, DType::F32, s.states(), normal(0, 0.1), in_place, in.state);
  for (const double each : g) in.log_decay.push_back(-each);
  const auto out = p.output(6, DType::F32, s.values());
  p.value(8, std::array{u32(s.key_dim), u32(s.value_dim), u32(s.key_heads), u32(s.heads), u32(s.tokens), u32(s.batches),
                        0u, 0u});
  // A threadgroup too many in every direction.
  if (decode == 0) {
    p.threadgroup_memory(0, 2 * (s.key_dim + s.value_dim) * sizeof(float));
    p.threadgroups({s.heads + p.spare(1), s.batches + p.spare(1)}, {s.value_dim});
  } else {
    p.threadgroups({s.value_dim / decode + p.spare(1), s.heads + p.spare(1), s.batches + p.spare(1)}, {32, decode});
  }
  p.flops(static_cast<double>(s.values() * s.key_dim) * 6);
  const double state_error = decode == 0 ? 7.5e-7 : 4e-7;
  p.expect(out, {.absolute = 3e-8, .magnitude = 1e-6},
           [=] { return against_peak(gated_delta_rule(s, in, KeyHeads::Tiled).out); });
  p.expect(state, {.absolute = 0.03 * state_error, .magnitude = state_error},
           [=] { return against_peak(gated_delta_rule(s, in, KeyHeads::Tiled).state); });
}

/// Sizes the kernel cannot hold: it must leave everything alone.
void refused(Problem& p, const DeltaShape& s, std::size_t decode) {
  for (unsigned index = 0; index < 8; ++index) {
    const std::array counts = {s.keys(),  s.keys(),   s.values(), s.gates(),
                               s.gates(), s.states(), s.values(), s.states()};
    p.untouched(index, DType::F32, counts[index]);
  }
  p.value(8, std::array{u32(s.key_dim), u32(s.value_dim), u32(s.key_heads), u32(s.heads), u32(s.tokens), u32(s.batches),
                        0u, 0u});
  if (decode == 0)
    p.threadgroups({s.heads, s.batches}, {s.value_dim});
  else
    p.threadgroups({s.value_dim / decode, s.heads, s.batches}, {32, decode});
}

// ---- by chunks ----

/// A product of factors in f32, rounded to bf16: exact products of two f32 are the same on every device.
double bf16(float value) { return from_bfloat_bits(to_bfloat_bits(static_cast<double>(value))); }
float f32(double value) { return static_cast<float>(value); }

/// The tensors' places, and the chunks: [begin, end) tokens of sequence b and head h.
struct Chunked : DeltaShape {
  [[nodiscard]] std::size_t chunks() const { return divide_up(tokens, kChunk); }
  [[nodiscard]] std::size_t blocks() const { return gates() * kChunk; }
  [[nodiscard]] std::size_t snapshots() const { return batches * chunks() * heads * value_dim * key_dim; }

  [[nodiscard]] std::size_t gate(std::size_t b, std::size_t t, std::size_t h) const {
    return (b * tokens + t) * heads + h;
  }
  [[nodiscard]] std::size_t key(std::size_t b, std::size_t t, std::size_t h) const {
    return ((b * tokens + t) * key_heads + key_head(*this, KeyHeads::Blocks, h)) * key_dim;
  }
  [[nodiscard]] std::size_t snapshot(std::size_t b, std::size_t n, std::size_t h) const {
    return ((b * chunks() + n) * heads + h) * value_dim * key_dim;
  }
  template <class Visit>  // (b, h, n, begin, end)
  void for_each_chunk(Visit visit) const {
    for (std::size_t b = 0; b < batches; ++b) {
      for (std::size_t h = 0; h < heads; ++h) {
        for (std::size_t n = 0; n < chunks(); ++n) visit(b, h, n, n * kChunk, std::min(tokens, (n + 1) * kChunk));
      }
    }
  }
};

struct ChunkCase {
  Chunked shape;
  Fill log_decay = kStrong;
  const char* name = "";
  double scale = 1;  ///< of the data; 0: zeros
  Purpose purpose = Purpose::Test;
  bool in_place = false;
  bool poison = false;  ///< a value of the last token is not finite; earlier tokens must not show it
};

/// Keys or queries as the kernels read them.
Values keys(Problem& p, unsigned index, const ChunkCase& c) {
  Values rows = unit_rows(p.random(), c.shape.keys(), c.shape.key_dim);
  for (double& each : rows) each *= c.scale;
  return p.input(index, DType::BF16, rows);
}

/// Sums of the log-decay from each chunk's start.
Values summed_decay(Problem& p, unsigned index, const ChunkCase& c) {
  Values sums(c.shape.gates());
  for (double& each : sums) each = c.log_decay(p.random(), 0);
  for (std::size_t i = 0; i < sums.size(); ++i) {
    if (i / c.shape.heads % c.shape.tokens % kChunk != 0) sums[i] += sums[i - c.shape.heads];
  }
  return p.input(index, DType::F32, sums);
}

void kkt(Problem& p, const ChunkCase& c) {
  const Chunked s = c.shape;
  const auto k = keys(p, 0, c);
  const auto beta = p.input(1, DType::F32, s.gates(), uniform(0.1, 1));
  const auto sums = summed_decay(p, 2, c);
  const auto out = p.output(3, DType::F32, s.blocks());
  p.value(4, std::array{u32(s.batches), u32(s.tokens), u32(s.key_heads), u32(s.heads), u32(s.key_dim), 64u,
                        u32(s.chunks()), 64u});
  p.threadgroup_memory(0, 8192);
  p.threadgroup_memory(1, 16384);
  p.threadgroups({s.chunks() + p.spare(1), s.heads + p.spare(1), s.batches + p.spare(1)}, {256});
  p.flops(static_cast<double>(s.blocks() * s.key_dim));
  p.expect(out, {.absolute = 1e-37, .magnitude = 1e-6}, [=] {
    Values a(s.blocks(), 0.0), magnitude(s.blocks(), 0.0);
    s.for_each_chunk([&](std::size_t b, std::size_t h, std::size_t, std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) {
        const std::size_t row = s.gate(b, i, h);
        for (std::size_t j = begin; j < i; ++j) {
          const double exponent = sums[row] - sums[s.gate(b, j, h)];
          const double gate = std::exp(exponent), carried = 1 + std::fabs(exponent) / 16;  // its rounding, times 2^20
          for (std::size_t x = 0; x < s.key_dim; ++x) {
            const double term = gate * bf16(f32(k[s.key(b, i, h) + x]) * f32(beta[row])) * k[s.key(b, j, h) + x];
            a[row * kChunk + j - begin] += term;
            magnitude[row * kChunk + j - begin] += std::fabs(term) * carried;
          }
        }
      }
    });
    return Expected(a, magnitude);
  });
}

void recompute_wu(Problem& p, const ChunkCase& c) {
  const Chunked s = c.shape;
  const auto k = keys(p, 0, c);
  const auto v = p.input(1, DType::BF16, s.values(), normal(0, c.scale));
  const auto beta = p.input(2, DType::F32, s.gates(), uniform(0.1, 1));
  const auto sums = summed_decay(p, 3, c);
  const Fill below = uniform(-0.3, 0.3);
  const auto inverse = p.input(4, DType::F32, s.blocks(), [=](Random& random, std::size_t i) {
    const std::size_t row = i / kChunk / s.heads % s.tokens % kChunk, column = i % kChunk;
    return column < row ? below(random, i) : column == row ? 1 : 0;
  });
  const auto w = p.output(5, DType::BF16, s.gates() * s.key_dim);
  const auto u = p.output(6, DType::BF16, s.values());
  p.value(7, std::array{u32(s.batches), u32(s.tokens), u32(s.key_heads), u32(s.heads), u32(s.key_dim), u32(s.value_dim),
                        64u, u32(s.chunks())});
  p.threadgroup_memory(0, 16384);
  p.threadgroup_memory(1, 8192);
  p.threadgroups({s.chunks() + p.spare(1), s.heads + p.spare(1), s.batches + p.spare(1)}, {256});
  p.flops(static_cast<double>(s.blocks() * (s.key_dim + s.value_dim)) * 2);

  // X times the chunk's rows factor(b, token, h, column).
  const auto product = [=](std::size_t dim, auto factor) {
    Values out(s.gates() * dim, 0.0), magnitude(out.size(), 0.0);
    s.for_each_chunk([&](std::size_t b, std::size_t h, std::size_t, std::size_t begin, std::size_t end) {
      for (std::size_t m = begin; m < end; ++m) {
        for (std::size_t column = 0; column < dim; ++column) {
          const double f = factor(b, m, h, column);
          for (std::size_t i = m; i < end; ++i) {
            const double term = inverse[s.gate(b, i, h) * kChunk + m - begin] * f;
            out[s.gate(b, i, h) * dim + column] += term;
            double& largest = magnitude[s.gate(b, i, h) * dim + column];
            largest = std::max(largest, std::fabs(term));
          }
        }
      }
    });
    return Expected(out, magnitude);
  };
  // The magnitude is the largest term. A factor of w next to the middle between two bf16 values may round the other way
  // where exp differs in the last place; the factors of u are the same everywhere.
  const Tolerance u_tolerance = {.absolute = 1e-37, .relative = 0x1.01p-8, .magnitude = 4e-6};
  const Tolerance w_tolerance = {.absolute = 1e-37, .relative = 0x1.01p-8, .magnitude = 0x1.1p-7};
  p.expect(u, u_tolerance, [=] {
    return product(s.value_dim, [&](std::size_t b, std::size_t t, std::size_t h, std::size_t y) {
      return bf16(f32(v[s.gate(b, t, h) * s.value_dim + y]) * f32(beta[s.gate(b, t, h)]));
    });
  });
  p.expect(w, w_tolerance, [=] {
    return product(s.key_dim, [&](std::size_t b, std::size_t t, std::size_t h, std::size_t x) {
      const std::size_t at = s.gate(b, t, h);
      return bf16(f32(k[s.key(b, t, h) + x]) * f32(beta[at]) * f32(std::exp(sums[at])));
    });
  });
}

struct StateResult {
  Values snapshots, writes, last;
};

/// h[n] = S; D = u - w S^T; S = exp(G_last) S + sum of bf16(D[r] exp(G_last - G[r])) k[r]^T.
StateResult chunk_states(const Chunked& s, const Values& k, const Values& w, const Values& u, const Values& sums,
                         const Values& h0) {
  StateResult r = {Values(s.snapshots()), Values(s.values()), h0};
  s.for_each_chunk([&](std::size_t b, std::size_t h, std::size_t n, std::size_t begin, std::size_t end) {
    const double g_last = sums[s.gate(b, end - 1, h)];
    for (std::size_t y = 0; y < s.value_dim; ++y) {
      double* state = &r.last[((b * s.heads + h) * s.value_dim + y) * s.key_dim];
      Values next(s.key_dim);
      for (std::size_t x = 0; x < s.key_dim; ++x) {
        r.snapshots[s.snapshot(b, n, h) + y * s.key_dim + x] = state[x];
        next[x] = std::exp(g_last) * state[x];
      }
      for (std::size_t t = begin; t < end; ++t) {
        const std::size_t at = s.gate(b, t, h);
        double d = u[at * s.value_dim + y];
        for (std::size_t x = 0; x < s.key_dim; ++x) d -= w[at * s.key_dim + x] * state[x];
        r.writes[at * s.value_dim + y] = d;
        const double gated = bf16(f32(d * std::exp(g_last - sums[at])));
        for (std::size_t x = 0; x < s.key_dim; ++x) next[x] += gated * k[s.key(b, t, h) + x];
      }
      std::copy(next.begin(), next.end(), state);
    }
  });
  return r;
}

void inter_state(Problem& p, const ChunkCase& c) {
  const Chunked s = c.shape;
  const auto k = keys(p, 0, c);
  const double spread = c.scale * 0.5 / std::sqrt(static_cast<double>(s.key_dim));
  const auto w = p.input(1, DType::BF16, s.gates() * s.key_dim, normal(0, spread));
  Values u, h0;
  const auto v_new = input_and_output(p, 2, 6, DType::BF16, s.values(), normal(0, c.scale), c.in_place, u);
  const auto sums = summed_decay(p, 3, c);
  const auto last = input_and_output(p, 4, 7, DType::F32, s.states(), normal(0, 0.1 * c.scale), c.in_place, h0);
  const auto h = p.output(5, DType::BF16, s.snapshots());
  p.value(8, std::array{u32(s.batches), u32(s.tokens), u32(s.key_heads), u32(s.heads), u32(s.key_dim), u32(s.value_dim),
                        64u, u32(s.chunks())});
  p.threadgroup_memory(0, 32 * s.key_dim * 4 + 32 * kChunk * 2);
  p.threadgroups({s.value_dim / 32 + p.spare(1), s.heads + p.spare(1), s.batches + p.spare(1)}, {128});
  p.flops(static_cast<double>(s.values() * s.key_dim) * 4);
  const auto result = [=] { return chunk_states(s, k, w, u, sums, h0); };
  const Tolerance bf16_tolerance = {.relative = 0x1.01p-8, .magnitude = 2e-3};
  p.expect(h, bf16_tolerance, [=] { return against_peak(result().snapshots); });
  p.expect(v_new, bf16_tolerance, [=] { return against_peak(result().writes); });
  p.expect(last, {.magnitude = 2.2e-3}, [=] { return against_peak(result().last); });
}

void chunk_o(Problem& p, const ChunkCase& c, float scale) {
  const Chunked s = c.shape;
  const auto q = keys(p, 0, c);
  const auto k = keys(p, 1, c);
  const Fill values = normal(0, c.scale);
  const auto v = p.input(2, DType::BF16, s.values(), [&](Random& random, std::size_t i) {
    const bool is_last = i / (s.heads * s.value_dim) % s.tokens + 1 == s.tokens;
    const double value = values(random, i);
    return !c.poison || !is_last ? value : i % 3 == 0 ? std::numeric_limits<double>::quiet_NaN() : i % 3 == 1 ? std::numeric_limits<double>::infinity() : value;
  });
  const auto h = p.input(3, DType::BF16, s.snapshots(), normal(0, 0.3 * c.scale));
  const auto sums = summed_decay(p, 4, c);
  const auto o = p.output(5, DType::BF16, s.values());
  struct Params {
    std::array<std::uint32_t, 10> sizes;
    float scale;
  };
  static_assert(sizeof(Params) == 44);
  p.value(6, Params{{u32(s.batches), u32(s.tokens), u32(s.key_heads), u32(s.heads), u32(s.key_dim), u32(s.value_dim),
                     64, u32(s.chunks()), 32, 32},
                    scale});
  p.threadgroup_memory(0, 8192);
  p.threadgroups({s.value_dim / 32 + p.spare(1), s.chunks() + p.spare(1), s.batches * s.heads + p.spare(1)}, {256});
  p.flops(static_cast<double>(s.values()) * static_cast<double>(2 * s.key_dim + kChunk) +
          static_cast<double>(s.blocks() * s.key_dim * (s.value_dim / 32)));
  p.expect(o, {.relative = 0x1.01p-8, .magnitude = 2e-3}, [=] {
    Values out(s.values());
    s.for_each_chunk([&](std::size_t b, std::size_t head, std::size_t n, std::size_t begin, std::size_t end) {
      const auto dot = [&](const double* x, const double* y) {
        double sum = 0;
        for (std::size_t i = 0; i < s.key_dim; ++i) sum += x[i] * y[i];
        return sum;
      };
      for (std::size_t r = begin; r < end; ++r) {
        const std::size_t row = s.gate(b, r, head);
        const double* query = &q[s.key(b, r, head)];
        double* to = &out[row * s.value_dim];
        for (std::size_t y = 0; y < s.value_dim; ++y) {
          to[y] = std::exp(sums[row]) * dot(query, &h[s.snapshot(b, n, head) + y * s.key_dim]);
        }
        for (std::size_t i = begin; i <= r; ++i) {
          const std::size_t other = s.gate(b, i, head);
          const double weight = bf16(f32(std::exp(sums[row] - sums[other]) * dot(query, &k[s.key(b, i, head)])));
          for (std::size_t y = 0; y < s.value_dim; ++y) to[y] += weight * v[other * s.value_dim + y];
        }
        for (std::size_t y = 0; y < s.value_dim; ++y) to[y] *= static_cast<double>(scale);
      }
    });
    return against_peak(out);
  });
}

}  // namespace

void delta_net_cases(CaseList& list) {
  const auto add = [&](const std::string& kernel, const DeltaShape& s, std::size_t decode,
                       Purpose purpose = Purpose::Test) {
    list.add(
        kernel, s.label(), [=](Problem& p) { recurrence(p, s, kStrong, decode); }, purpose);
  };
  const std::string kernel = "gated_delta_net_f32";
  for (const DeltaShape& s :
       {DeltaShape{1, 1, 1, 1, 1, 1}, DeltaShape{2, 5, 1, 3, 33, 31}, DeltaShape{1, 33, 2, 4, 64, 48},
        DeltaShape{2, 3, 2, 6, 128, 128}, DeltaShape{1, 2, 1, 2, 127, 129}, DeltaShape{1, 40, 2, 2, 7, 9}}) {
    add(kernel, s, 0);
  }
  add(kernel, {1, 256, 2, 4, 128, 128}, 0, Purpose::Full);
  add(kernel, {1, 256, 16, 32, 128, 128}, 0, Purpose::Benchmark);
  list.add(kernel, "weak decay", [](Problem& p) { recurrence(p, {1, 32, 2, 4, 32, 32}, kWeak, 0); });
  list.add(kernel, "no decay", [](Problem& p) { recurrence(p, {1, 9, 1, 2, 16, 8}, constant(0), 0); });
  list.add(kernel, "all forgotten", [](Problem& p) { recurrence(p, {1, 9, 1, 2, 16, 8}, constant(-200), 0); });
  list.add(kernel, "in place", [](Problem& p) { recurrence(p, {2, 3, 1, 2, 64, 33}, kStrong, 0, true); });
  list.add(kernel, "K > 128", [](Problem& p) { refused(p, {1, 2, 1, 2, 129, 8}, 0); });
  for (const std::size_t cells : {1UZ, 2UZ, 4UZ}) {
    const std::string decode = fmt::format("gated_delta_net_decode_f32_{}", cells);
    for (const auto& [batches, tokens, key_heads, heads, rows] :
         {std::array<std::size_t, 5>{1, 1, 1, 1, 1}, {2, 1, 2, 6, 5}, {1, 3, 1, 3, 33}, {2, 32, 2, 4, 8}}) {
      add(decode, {batches, tokens, key_heads, heads, 32 * cells, cells * rows}, cells);
    }
    add(decode, {1, 1, 2, 4, 32 * cells, 128}, cells);
    add(decode, {8, 1, 16, 32, 32 * cells, 128}, cells, Purpose::Benchmark);
    add(decode, {64, 1, 16, 32, 32 * cells, 128}, cells, Purpose::LargeBenchmark);
    list.add(decode, "in place", [=](Problem& p) {
      recurrence(p, {2, 3, 1, 2, 32 * cells, 16}, kStrong, cells, true);
    });
    list.add(decode, "another K", [=](Problem& p) { refused(p, {1, 2, 1, 2, 96, 8}, cells); });
  }

  using Build = void (*)(Problem&, const ChunkCase&);
  const auto add_chunked = [&](const char* name, Build build, std::initializer_list<ChunkCase> cases) {
    for (const ChunkCase& c : cases) {
      list.add(
          name, fmt::format("{} {}", c.shape.label(), c.name), [=](Problem& p) { build(p, c); }, c.purpose);
    }
  };
  const Chunked one = {{1, 64, 1, 1, 128, 64}}, grouped = {{2, 128, 2, 4, 128, 64}},
                shorter = {{1, 100, 1, 2, 128, 32}}, few = {{1, 3, 1, 1, 128, 32}}, wide = {{1, 64, 2, 2, 256, 256}},
                narrow = {{1, 130, 3, 3, 64, 64}}, large = {{1, 1024, 16, 32, 128, 128}}, larger = {{1, 4096, 16, 32, 128, 128}};
  for (const auto& [name, build] :
       {std::pair<const char*, Build>{"gated_delta_net_kkt_bf16", kkt},
        {"gated_delta_net_recompute_wu_bf16", recompute_wu},
        {"gated_delta_net_chunk_inter_state_bf16", inter_state},
        {"gated_delta_net_chunk_o_bf16", [](Problem&p, const ChunkCase&c) { chunk_o(p, c, 1); }}}) {
    const bool state = build == inter_state;  // its threadgroup memory grows with K
    add_chunked(name, build,
                {{one},
                 {grouped},
                 {shorter},
                 {few},
                 {state ? narrow : wide, kWeak},
                 {narrow, kWeak, "weak decay"},
                 {one, constant(0), "no decay"},
                 {one, constant(-20), "all forgotten"},
                 {one, kStrong, "zeros", 0},
                 {large, kStrong, "", 1, Purpose::Benchmark},
                 {larger, kStrong, "", 1, Purpose::LargeBenchmark}});
  }
  list.add("gated_delta_net_chunk_inter_state_bf16", "in place", [=](Problem& p) {
    inter_state(p, {grouped, kStrong, "", 1, Purpose::Test, true});
  });
  list.add("gated_delta_net_chunk_o_bf16", "nan", [=](Problem& p) {
    chunk_o(p, {.shape = shorter, .poison = true}, 1);
  });
  list.add("gated_delta_net_chunk_o_bf16", "scale", [=](Problem& p) { chunk_o(p, {grouped}, 0.08838834764f); });
}

}  // namespace anymetal::cases
