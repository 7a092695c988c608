// Attention: kernels/attention.
#include <algorithm>
#include <limits>

#include "cases/plain/blocks.hpp"
#include "cases/turboquant.hpp"

namespace anymetal::cases::plain {
namespace {

using I32 = std::int32_t;
using I64 = std::int64_t;
using U32 = std::uint32_t;

constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();
constexpr float kLowest = -1.7014117e38f;

template <class A, class B>
float mixed_product(const A* a, const B* b, std::size_t n) {
  float sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += float(a[i]) * float(b[i]);
  return sum;
}

/// Softmax of scores and the sum of values, not normalised: out, and the sum and the maximum of weights.
struct Totals {
  float sum = 0, top = kLowest;
};
template <class Value>
Totals weigh(float* scores, std::size_t n, Value value, std::size_t dim, float* out) {
  Totals t;
  for (std::size_t j = 0; j < n; ++j) t.top = std::max(t.top, scores[j]);
  std::fill_n(out, dim, 0.0f);
  for (std::size_t j = 0; j < n; ++j) {
    if (scores[j] == kMinusInfinity) continue;
    const float weight = std::exp(scores[j] - t.top);
    t.sum += weight;
    const auto* v = value(j);
    for (std::size_t d = 0; d < dim; ++d) out[d] += weight * float(v[d]);
  }
  return t;
}
template <class T>
void store(const float* out, float factor, T* to, std::size_t dim) {
  for (std::size_t d = 0; d < dim; ++d) to[d] = T(out[d] * factor);
}
float inverse(float sum) { return sum > 0 ? 1 / sum : 0; }

struct General {
  U32 heads, kv_heads, dim, queries, keys, capacity, ring_start, causal, window;
  float scale, softcap;
  U32 has_mask, mask_head_stride, has_sinks;
};
float capped(float score, float softcap) { return softcap > 0 ? softcap * std::tanh(score / softcap) : score; }

/// Decodes Q8_0 rows, and takes others as they are.
template <class T>
struct Cache {
  const T* rows;
  std::size_t dim;
  Row<float> own;
  Cache(const Byte* bytes, std::size_t, std::size_t size) : rows(reinterpret_cast<const T*>(bytes)), dim(size) {}
  const T* row(std::size_t i) const { return rows + i * dim; }
};
template <>
struct Cache<Q8_0> {
  std::size_t dim;
  Row<float> own;
  Cache(const Byte* bytes, std::size_t count, std::size_t size) : dim(size), own(count * size) {
    decode_row<Q8_0>(bytes, count * size, own.data());
  }
  const float* row(std::size_t i) const { return own.data() + i * dim; }
};

template <class T>
void general(const Arguments& a) {
  const auto p = a.value<General>(0);
  const std::size_t rows = std::size_t{p.kv_heads} * p.capacity, dim = p.dim;
  const Cache<T> keys(a.at<Byte>(2), rows, dim), values(a.at<Byte>(3), rows, dim);
  Row<float> scores(p.keys), out(dim);
  for (std::size_t query = 0; query < p.queries; ++query) {
    const I64 after = I64{p.keys} - p.queries + static_cast<I64>(query) + 1;
    const auto end = static_cast<std::size_t>(p.causal != 0 ? std::clamp<I64>(after, 0, p.keys) : p.keys);
    const auto first = static_cast<std::size_t>(p.window > 0 ? std::max<I64>(0, after - p.window) : 0);
    for (std::size_t head = 0; head < p.heads; ++head) {
      const std::size_t base = head * p.kv_heads / p.heads * p.capacity;
      const auto slot = [&](std::size_t j) { return base + (p.ring_start + j) % p.capacity; };
      const float* q = a.at<float>(1) + (query * p.heads + head) * dim;
      const float* mask = a.at<float>(5) + head * p.mask_head_stride + query * p.keys;
      for (std::size_t j = first; j < end; ++j) {
        scores[j - first] =
            capped(mixed_product(q, keys.row(slot(j)), dim) * p.scale, p.softcap) + (p.has_mask != 0 ? mask[j] : 0.0f);
      }
      const std::size_t seen = end > first ? end - first : 0;
      Totals t = weigh(
          scores.data(), seen, [&](std::size_t j) { return values.row(slot(first + j)); }, dim, out.data());
      float factor = 1;
      if (p.has_sinks != 0) {
        const float sink = a.at<float>(6)[head], top = std::max(t.top, sink);
        factor = std::exp(t.top - top);
        t.sum = t.sum * factor + std::exp(sink - top);
      }
      store(out.data(), factor * inverse(t.sum), a.at<float>(4) + (query * p.heads + head) * dim, dim);
    }
  }
}

struct Sdpa {
  U32 heads, kv_heads, dim, queries, keys;
  float scale;
  U32 capacity;
};
struct SdpaSliding {
  U32 heads, kv_heads, dim, queries, keys, window;
  float scale;
  U32 capacity;
};
U32 window_of(Sdpa) { return ~0u; }
U32 window_of(SdpaSliding p) { return p.window; }

template <class T, class P>
void sdpa(const Arguments& a) {
  const auto p = a.value<P>(4);
  const std::size_t dim = p.dim, capacity = p.capacity == 0 ? p.keys : p.capacity;
  Row<float> scores(p.keys), out(dim);
  for (std::size_t row = 0; row < a.elements(0) / dim; ++row) {
    const std::size_t query = row % p.queries, head = row / p.queries % p.heads, batch = row / p.queries / p.heads;
    const std::size_t base = (batch * p.kv_heads + head / (p.heads / p.kv_heads)) * capacity * dim;
    const I64 own = I64{p.keys} - p.queries + static_cast<I64>(query);
    const auto end = static_cast<std::size_t>(std::max<I64>(0, own + 1));
    const auto first = static_cast<std::size_t>(std::max<I64>(0, own - window_of(p)));
    for (std::size_t j = first; j < end; ++j) {
      scores[j - first] = mixed_product(a.at<T>(0) + row * dim, a.at<T>(1) + base + j * dim, dim) * p.scale;
    }
    const Totals t = weigh(
        scores.data(), end > first ? end - first : 0,
        [&](std::size_t j) { return a.at<T>(2) + base + (first + j) * dim; }, dim, out.data());
    store(out.data(), inverse(t.sum), a.at<T>(3) + row * dim, dim);
  }
}

void sdpa_decode(const Arguments& a) {
  struct Params {
    U32 heads, kv_heads, dim, keys, capacity;
    float scale;
  };
  const auto p = a.value<Params>(4);
  Row<float> scores(p.keys), out(p.dim);
  for (std::size_t head = 0; head < p.heads; ++head) {
    const std::size_t base = head * p.kv_heads / p.heads * p.capacity * p.dim;
    for (std::size_t j = 0; j < p.keys; ++j) {
      scores[j] = dot_product(a.at<float>(0) + head * p.dim, a.at<float>(1) + base + j * p.dim, p.dim) * p.scale;
    }
    const Totals t = weigh(
        scores.data(), p.keys, [&](std::size_t j) { return a.at<float>(2) + base + j * p.dim; }, p.dim, out.data());
    store(out.data(), inverse(t.sum), a.at<float>(3) + head * p.dim, p.dim);
  }
}

void masked_softmax(const Arguments& a) {
  struct Params {
    U32 columns, queries;
    float scale;
  };
  const auto p = a.value<Params>(3);
  for (std::size_t row = 0; row < a.elements(0) / p.columns; ++row) {
    const float* x = a.at<float>(0) + row * p.columns;
    const Bfloat* mask = a.at<Bfloat>(2) + row % p.queries * p.columns;
    float *y = a.at<float>(1) + row * p.columns, top = kMinusInfinity, sum = 0;
    for (std::size_t i = 0; i < p.columns; ++i) {
      y[i] = x[i] * p.scale + float(mask[i]);
      top = std::max(top, y[i]);
    }
    for (std::size_t i = 0; i < p.columns; ++i) {
      y[i] = top == kMinusInfinity ? 0 : std::exp(y[i] - top);
      sum += y[i];
    }
    for (std::size_t i = 0; i < p.columns; ++i) y[i] *= inverse(sum);
  }
}

struct Steel {
  I32 batch, heads, dim, queries, keys, share;
  float scale, softcapping;
  I32 tiles[6], offset, pad;
  I64 q[3], k[3], v[3], o[3];
};
float bias_of(Byte keep) { return keep != 0 ? 0 : kMinusInfinity; }
template <class T>
float bias_of(T bias) {
  return float(bias);
}

template <class T, class KV, class M>
void steel(const Arguments& a) {
  const auto p = a.value<Steel>(4);
  struct Strides {
    I64 m[3];
  };
  const bool has_mask = a.constant<bool>(300, false), causal = a.constant<bool>(301, false);
  const auto m = has_mask ? a.value<Strides>(5) : Strides{};
  const I64 window = a.constant<I32>(304, 0), dim = p.dim;
  const auto size = static_cast<std::size_t>(dim);
  Row<float> scores(static_cast<std::size_t>(p.keys)), out(size);
  for (I64 b = 0; b < p.batch; ++b) {
    for (I64 h = 0; h < p.heads; ++h) {
      for (I64 i = 0; i < p.queries; ++i) {
        const T* q = a.at<T>(0) + b * p.q[0] + h * p.q[1] + i * p.q[2];
        const KV *k = a.at<KV>(1) + b * p.k[0] + h / p.share * p.k[1],
                 *v = a.at<KV>(2) + b * p.v[0] + h / p.share * p.v[1];
        const M* mask = has_mask ? a.at<M>(6) + b * m.m[0] + h * m.m[1] + i * m.m[2] : nullptr;
        const I64 own = i + p.offset, end = causal ? std::min<I64>(p.keys, own + 1) : p.keys;
        const I64 first = window > 0 ? std::max<I64>(0, own - window + 1) : 0;
        for (I64 j = first; j < end; ++j) {
          scores[static_cast<std::size_t>(j - first)] =
              mixed_product(q, k + j * p.k[2], size) * p.scale + (has_mask ? bias_of(mask[j]) : 0.0f);
        }
        const Totals t = weigh(
            scores.data(), static_cast<std::size_t>(std::max<I64>(0, end - first)),
            [&](std::size_t j) { return v + (first + static_cast<I64>(j)) * p.v[2]; }, size, out.data());
        store(out.data(), inverse(t.sum), a.at<T>(3) + b * p.o[0] + h * p.o[1] + i * p.o[2], size);
      }
    }
  }
}

/// Where decode attention leaves a part of a head's result.
void store_part(const float* out, Totals t, float* dst, std::size_t heads, std::size_t head, std::size_t parts,
                std::size_t part, std::size_t dim) {
  if (parts == 1) return store(out, inverse(t.sum), dst + head * dim, dim);
  for (std::size_t d = 0; d < dim; ++d) dst[((head * (dim / 4) + d / 4) * parts + part) * 4 + d % 4] = out[d];
  dst[heads * dim * parts + (head * parts + part) * 2] = t.sum;
  dst[heads * dim * parts + (head * parts + part) * 2 + 1] = t.top;
}

struct Vec {
  U32 heads, kv_heads, dim, keys, capacity;
  float scale;
  U32 mask_type, window;
  float softcap;
  U32 parts, ring_start;
  float scale_factor;
  U32 bits, rotate, simdgroups;
};

template <class T, std::size_t kDim>
void vec(const Arguments& a) {
  Vec p = {};
  std::memcpy(&p, a.at<Byte>(0), 40);
  const bool exact = a.constant<bool>(310, false);
  const std::size_t first = p.mask_type == 2 && p.window > 0 && p.keys > p.window ? p.keys - p.window : 0;
  Row<float> q(kDim), out(kDim), scores(p.keys);
  for (std::size_t head = 0; head < p.heads; ++head) {
    const std::size_t base = head * p.kv_heads / p.heads * p.capacity * kDim;
    for (std::size_t d = 0; d < kDim; ++d) {
      const float v = a.at<float>(1)[head * kDim + d];
      q[d] = exact ? v : float(Half(v));
    }
    for (std::size_t part = 0; part < p.parts; ++part) {
      for (std::size_t j = 0; j < p.keys; ++j) {
        const bool own = j >= first && j / 32 % p.parts == part;
        const T* k = a.at<T>(2) + base + j * kDim;
        scores[j] = own ? capped(mixed_product(q.data(), k, kDim) * p.scale, p.softcap) : kMinusInfinity;
      }
      const Totals t = weigh(
          scores.data(), p.keys, [&](std::size_t j) { return a.at<T>(3) + base + j * kDim; }, kDim, out.data());
      store_part(out.data(), t, a.at<float>(4), p.heads, head, p.parts, part, kDim);
    }
  }
}

template <std::size_t kDim>
void reduce(const Arguments& a) {
  const std::size_t rows = a.value<U32>(0), parts = a.value<U32>(3);
  const float* partials = a.at<float>(1);
  for (std::size_t row = 0; row < rows; ++row) {
    const float* totals = partials + rows * kDim * parts + row * parts * 2;
    float top = kLowest, sum = 0, out[kDim] = {};
    for (std::size_t w = 0; w < parts; ++w) top = std::max(top, totals[2 * w + 1]);
    for (std::size_t w = 0; w < parts; ++w) {
      const float factor = std::exp(totals[2 * w + 1] - top);
      sum += factor * totals[2 * w];
      for (std::size_t d = 0; d < kDim; ++d) {
        out[d] += factor * partials[((row * (kDim / 4) + d / 4) * parts + w) * 4 + d % 4];
      }
    }
    store(out, inverse(sum), a.at<float>(2) + row * kDim, kDim);
  }
}

/// Decodes the rows it is asked for.
struct Coded {
  const Byte* codes;
  const float* norms;
  const float* table;
  std::size_t mask, dim;
  float scale_factor;
  const float* row(std::size_t i, float* to) const {
    for (std::size_t b = 0; b < dim / 256; ++b) {
      const float norm = norms[i * (dim / 256) + b], gain = dim == 256 ? norm / 16 : norm / scale_factor;
      for (std::size_t d = b * 256; d < (b + 1) * 256; ++d) to[d] = table[codes[i * dim + d] & mask] * gain;
    }
    return to;
  }
};

template <std::size_t kDim>
void turbo_vec(const Arguments& a) {
  const auto p = a.value<Vec>(0);
  const std::size_t bits = p.bits == 5 || p.bits == 6 ? p.bits : 8;
  Row<float> table(std::size_t{1} << bits), q(kDim), out(kDim), scores(p.keys), row(kDim);
  for (std::size_t c = 0; c < table.size(); ++c) table[c] = static_cast<float>(turbo_centroid(c, bits));
  const Coded keys = {a.at<Byte>(2), a.at<float>(3), table.data(), table.size() - 1, kDim, p.scale_factor},
              values = {a.at<Byte>(4), a.at<float>(5), table.data(), table.size() - 1, kDim, p.scale_factor};
  const std::size_t first = p.mask_type == 2 && p.window > 0 && p.keys > p.window ? p.keys - p.window : 0;
  for (std::size_t head = 0; head < p.heads; ++head) {
    const std::size_t base = head * p.kv_heads / p.heads * p.capacity;
    for (std::size_t d = 0; d < kDim; ++d) q[d] = a.at<float>(1)[head * kDim + d];
    if (p.rotate != 0) {
      for (std::size_t d = 0; d < kDim; ++d) q[d] *= static_cast<float>(turbo_sign(d)) / std::sqrt(float(kDim));
      for (std::size_t step = 1; step < kDim; step *= 2) {
        for (std::size_t i = 0; i < kDim; ++i) {
          if ((i & step) != 0) continue;
          const float low = q[i], high = q[i + step];
          q[i] = low + high, q[i + step] = low - high;
        }
      }
    }
    for (std::size_t d = 0; d < kDim; ++d) q[d] = float(Half(q[d]));
    for (std::size_t part = 0; part < p.parts; ++part) {
      for (std::size_t j = 0; j < p.keys; ++j) {
        const std::size_t place = (j + p.capacity - p.ring_start) % p.capacity;
        const bool own = j / 32 % (p.parts * p.simdgroups) / p.simdgroups == part && place >= first && place < p.keys;
        scores[j] = own ? capped(dot_product(q.data(), keys.row(base + j, row.data()), kDim) * p.scale, p.softcap)
                        : kMinusInfinity;
      }
      const Totals t = weigh(
          scores.data(), p.keys, [&](std::size_t j) { return values.row(base + j, row.data()); }, kDim, out.data());
      store_part(out.data(), t, a.at<float>(6), p.heads, head, p.parts, part, kDim);
    }
  }
}

}  // namespace

void attention_loops(LoopList& list) {
  list.add("attention_f32kv", general<float>);
  list.add("attention_f16kv", general<Half>);
  list.add("attention_bf16kv", general<Bfloat>);
  list.add("attention_q8_0kv", general<Q8_0>);
  list.add("sdpa", sdpa<float, Sdpa>);
  list.add("sdpa_bf16", sdpa<Bfloat, Sdpa>);
  list.add("sdpa_sliding", sdpa<float, SdpaSliding>);
  list.add("sdpa_sliding_bf16", sdpa<Bfloat, SdpaSliding>);
  list.add("sdpa_decode", sdpa_decode);
  list.add("scale_mask_softmax_f32", masked_softmax);
  list.add("steel_attention_float32_bq32_bk16_bd256_wm4_wn1_maskfloat32", steel<float, float, float>);
  list.add("steel_attention_float32_bq32_bk16_bd256_wm4_wn1_maskbool_", steel<float, float, Byte>);
  list.add("steel_attention_float32_f16kv_bq32_bk16_bd256_wm4_wn1_maskbool_", steel<float, Half, Byte>);
  list.add("steel_attention_bfloat16_bq32_bk16_bd256_wm4_wn1_maskbfloat16", steel<Bfloat, Bfloat, Bfloat>);
  list.add("steel_attention_bfloat16_bq32_bk16_bd256_wm4_wn1_maskbool_", steel<Bfloat, Bfloat, Byte>);
  list.add("steel_attention_float16_bq32_bk16_bd256_wm4_wn1_maskfloat16", steel<Half, Half, Half>);
  list.add("steel_attention_float16_bq32_bk16_bd256_wm4_wn1_maskbool_", steel<Half, Half, Byte>);
  list.add("steel_attention_bfloat16_bq8_bk8_bd512_wm1_wn1_maskbfloat16", steel<Bfloat, Bfloat, Bfloat>);
  list.add("steel_attention_bfloat16_bq8_bk8_bd512_wm1_wn1_maskbool_", steel<Bfloat, Bfloat, Byte>);
  list.add("steel_attention_float16_bq8_bk8_bd512_wm1_wn1_maskfloat16", steel<Half, Half, Half>);
  list.add("steel_attention_float16_bq8_bk8_bd512_wm1_wn1_maskbool_", steel<Half, Half, Byte>);
  list.add("flash_attn_vec_dk256", vec<float, 256>);
  list.add("flash_attn_vec_dk512", vec<float, 512>);
  list.add("flash_attn_vec_f16kv_dk256", vec<Half, 256>);
  list.add("flash_attn_vec_f16kv_dk512", vec<Half, 512>);
  list.add("flash_attn_vec_reduce_dk256", reduce<256>);
  list.add("flash_attn_vec_reduce_dk512", reduce<512>);
  list.add("flash_attn_vec_tq_hb_dk256", turbo_vec<256>);
  list.add("flash_attn_vec_tq_hb_dk512", turbo_vec<512>);
}

}  // namespace anymetal::cases::plain
