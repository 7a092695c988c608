// The gated delta rule, token by token and by chunks: kernels/recurrent/gated_delta_net.metal, delta_net_*.metal.
#include <algorithm>

#include "cases/plain/types.hpp"

namespace anymetal::cases::plain {
namespace {

using U32 = std::uint32_t;

template <class X, class Y>
float dot(const X* x, const Y* y, std::size_t n) {
  float sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += float(x[i]) * float(y[i]);
  return sum;
}

void recurrence(const Arguments& a) {
  struct Params {
    U32 key_dim, value_dim, key_heads, heads, tokens, sequences;
  };
  const auto p = a.value<Params>(8);
  std::copy_n(a.at<float>(5), a.elements(7), a.at<float>(7));
  for (std::size_t s = 0; s < p.sequences; ++s) {
    for (std::size_t t = 0; t < p.tokens; ++t) {
      for (std::size_t h = 0; h < p.heads; ++h) {
        const std::size_t token = s * p.tokens + t, at = token * p.heads + h;
        const std::size_t key = (token * p.key_heads + h % p.key_heads) * p.key_dim;
        const float *q = a.at<float>(0) + key, *k = a.at<float>(1) + key, *v = a.at<float>(2) + at * p.value_dim;
        const float decay = std::exp(-a.at<float>(3)[at]), beta = a.at<float>(4)[at];
        for (std::size_t y = 0; y < p.value_dim; ++y) {
          float* row = a.at<float>(7) + ((s * p.heads + h) * p.value_dim + y) * p.key_dim;
          const float write = beta * (v[y] - decay * dot(row, k, p.key_dim));
          float out = 0;
          for (std::size_t x = 0; x < p.key_dim; ++x) {
            row[x] = decay * row[x] + write * k[x];
            out += row[x] * q[x];
          }
          a.at<float>(6)[at * p.value_dim + y] = out;
        }
      }
    }
  }
}

/// A chunk of one head: where its tokens lie.
struct Chunk {
  std::size_t batch, head, index, begin, end, first_gate, first_key, heads, key_heads;
  [[nodiscard]] std::size_t count() const { return end - begin; }
  /// Of the chunk's token r.
  [[nodiscard]] std::size_t gate(std::size_t r) const { return first_gate + r * heads; }
  [[nodiscard]] std::size_t key(std::size_t r) const { return first_key + r * key_heads; }
};
constexpr std::size_t kChunk = 64;

/// Sizes all stages begin with.
struct Sizes {
  U32 batches, tokens, key_heads, heads;
};

template <class Visit>
void each_chunk(const Sizes& s, Visit visit) {
  for (std::size_t b = 0; b < s.batches; ++b) {
    for (std::size_t h = 0; h < s.heads; ++h) {
      for (std::size_t n = 0; n * kChunk < s.tokens; ++n) {
        const std::size_t begin = n * kChunk, token = b * s.tokens + begin;
        visit(Chunk{b, h, n, begin, std::min<std::size_t>(s.tokens, begin + kChunk), token * s.heads + h,
                    token * s.key_heads + h / (s.heads / s.key_heads), s.heads, s.key_heads});
      }
    }
  }
}

void kkt(const Arguments& a) {
  struct Params {
    Sizes sizes;
    U32 key_dim;
  };
  const auto p = a.value<Params>(4);
  const Bfloat* k = a.at<Bfloat>(0);
  const float *beta = a.at<float>(1), *g = a.at<float>(2);
  float* out = a.at<float>(3);
  Row<float> scaled(p.key_dim);
  each_chunk(p.sizes, [&](const Chunk& c) {
    for (std::size_t i = 0; i < c.count(); ++i) {
      const std::size_t row = c.gate(i);
      for (std::size_t x = 0; x < p.key_dim; ++x) {
        scaled[x] = float(Bfloat(float(k[c.key(i) * p.key_dim + x]) * beta[row]));
      }
      std::fill_n(out + row * kChunk, kChunk, 0.0f);
      for (std::size_t j = 0; j < i; ++j) {
        out[row * kChunk + j] =
            std::exp(g[row] - g[c.gate(j)]) * dot(scaled.data(), k + c.key(j) * p.key_dim, p.key_dim);
      }
    }
  });
}

void recompute_wu(const Arguments& a) {
  struct Params {
    Sizes sizes;
    U32 key_dim, value_dim;
  };
  const auto p = a.value<Params>(7);
  const Bfloat *k = a.at<Bfloat>(0), *v = a.at<Bfloat>(1);
  const float *beta = a.at<float>(2), *g = a.at<float>(3), *inverse = a.at<float>(4);
  Row<float> factors(kChunk * std::max(p.key_dim, p.value_dim)), sums(std::max(p.key_dim, p.value_dim));
  const auto product = [&](const Chunk& c, std::size_t dim, Bfloat* out) {
    for (std::size_t i = 0; i < c.count(); ++i) {
      std::ranges::fill(sums, 0.0f);
      for (std::size_t m = 0; m < c.count(); ++m) {
        const float weight = inverse[c.gate(i) * kChunk + m];
        for (std::size_t x = 0; x < dim; ++x) sums[x] += weight * factors[m * dim + x];
      }
      for (std::size_t x = 0; x < dim; ++x) out[c.gate(i) * dim + x] = Bfloat(sums[x]);
    }
  };
  each_chunk(p.sizes, [&](const Chunk& c) {
    for (std::size_t m = 0; m < c.count(); ++m) {
      const float b = beta[c.gate(m)], decay = std::exp(g[c.gate(m)]);
      for (std::size_t x = 0; x < p.key_dim; ++x) {
        factors[m * p.key_dim + x] = float(Bfloat(float(k[c.key(m) * p.key_dim + x]) * b * decay));
      }
    }
    product(c, p.key_dim, a.at<Bfloat>(5));
    for (std::size_t m = 0; m < c.count(); ++m) {
      for (std::size_t y = 0; y < p.value_dim; ++y) {
        factors[m * p.value_dim + y] = float(Bfloat(float(v[c.gate(m) * p.value_dim + y]) * beta[c.gate(m)]));
      }
    }
    product(c, p.value_dim, a.at<Bfloat>(6));
  });
}

void inter_state(const Arguments& a) {
  struct Params {
    Sizes sizes;
    U32 key_dim, value_dim;
  };
  const auto p = a.value<Params>(8);
  const Bfloat *k = a.at<Bfloat>(0), *w = a.at<Bfloat>(1), *u = a.at<Bfloat>(2);
  const float* g = a.at<float>(3);
  const std::size_t block = std::size_t{p.value_dim} * p.key_dim, chunks = (p.sizes.tokens + kChunk - 1) / kChunk;
  float* states = a.at<float>(7);
  std::copy_n(a.at<float>(4), a.elements(7), states);
  Row<float> next(p.key_dim);
  each_chunk(p.sizes, [&](const Chunk& c) {
    const float last = g[c.gate(c.count() - 1)];
    float* state = states + (c.batch * c.heads + c.head) * block;
    Bfloat* snapshot = a.at<Bfloat>(5) + ((c.batch * chunks + c.index) * c.heads + c.head) * block;
    for (std::size_t i = 0; i < block; ++i) snapshot[i] = Bfloat(state[i]);
    for (std::size_t y = 0; y < p.value_dim; ++y) {
      float* row = state + y * p.key_dim;
      for (std::size_t x = 0; x < p.key_dim; ++x) next[x] = row[x] * std::exp(last);
      for (std::size_t r = 0; r < c.count(); ++r) {
        const std::size_t at = c.gate(r);
        const float delta = float(u[at * p.value_dim + y]) - dot(w + at * p.key_dim, row, p.key_dim);
        a.at<Bfloat>(6)[at * p.value_dim + y] = Bfloat(delta);
        const float gated = float(Bfloat(delta * std::exp(last - g[at])));
        for (std::size_t x = 0; x < p.key_dim; ++x) next[x] += gated * float(k[c.key(r) * p.key_dim + x]);
      }
      std::copy_n(next.data(), p.key_dim, row);
    }
  });
}

void chunk_o(const Arguments& a) {
  struct Params {
    Sizes sizes;
    U32 key_dim, value_dim, chunk, chunks, tiles[2];
    float scale;
  };
  const auto p = a.value<Params>(6);
  const Bfloat *q = a.at<Bfloat>(0), *k = a.at<Bfloat>(1), *v = a.at<Bfloat>(2), *h = a.at<Bfloat>(3);
  const float* g = a.at<float>(4);
  Row<float> sums(p.value_dim);
  each_chunk(p.sizes, [&](const Chunk& c) {
    const Bfloat* state = h + ((c.batch * p.chunks + c.index) * c.heads + c.head) * p.value_dim * p.key_dim;
    for (std::size_t r = 0; r < c.count(); ++r) {
      const Bfloat* query = q + c.key(r) * p.key_dim;
      const float decay = std::exp(g[c.gate(r)]);
      for (std::size_t y = 0; y < p.value_dim; ++y) sums[y] = decay * dot(query, state + y * p.key_dim, p.key_dim);
      for (std::size_t i = 0; i <= r; ++i) {
        const float gate = std::exp(g[c.gate(r)] - g[c.gate(i)]);
        const float weight = float(Bfloat(gate * dot(query, k + c.key(i) * p.key_dim, p.key_dim)));
        for (std::size_t y = 0; y < p.value_dim; ++y) sums[y] += weight * float(v[c.gate(i) * p.value_dim + y]);
      }
      for (std::size_t y = 0; y < p.value_dim; ++y) {
        a.at<Bfloat>(5)[c.gate(r) * p.value_dim + y] = Bfloat(p.scale * sums[y]);
      }
    }
  });
}

}  // namespace

void delta_net_loops(LoopList& list) {
  list.add("gated_delta_net_f32", recurrence);
  list.add("gated_delta_net_decode_f32_1", recurrence);
  list.add("gated_delta_net_decode_f32_2", recurrence);
  list.add("gated_delta_net_decode_f32_4", recurrence);
  list.add("gated_delta_net_kkt_bf16", kkt);
  list.add("gated_delta_net_recompute_wu_bf16", recompute_wu);
  list.add("gated_delta_net_chunk_inter_state_bf16", inter_state);
  list.add("gated_delta_net_chunk_o_bf16", chunk_o);
}

}  // namespace anymetal::cases::plain
