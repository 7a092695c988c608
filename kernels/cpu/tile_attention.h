// Attention of up to 32 queries by one core: the queries are the lanes of one or two vectors; scores and outputs are held key
// by key and dimension by dimension.
#pragma once
#include "common/chunk_attention.h"
#include "cpu/tile.h"

namespace anymetal {

constexpr constant uint kKeys = 64;  // keys whose scores are held at a time

// `count` rows of `dim` elements, a multiple of 8, as floats, `pitch` apart; row(i) gives row i as vec_attention.h has them.
template <class Row>
void decode_rows(Row row, uint dim, uint pitch, uint count, thread float* to) {
  for (uint r = 0; r < count; ++r) {
    const auto from = row(r);
    for (uint d = 0; d + 16 <= dim; d += 16) Wide::store(to + r * pitch + d, from.wide(d));
    if (dim % 16 != 0) Lanes<8>::store(to + r * pitch + dim - 8, from.eight(dim - 8));
  }
}

// `count` rows of `dim` elements as floats, `pitch` apart; those from `valid` on repeat the last valid one.
template <class T>
void copy_rows(device const T* rows, long stride, uint dim, uint pitch, uint count, uint valid, thread float* to) {
  for (uint r = 0; r < count; ++r) {
    device const T* row = rows + long(metal::min(r, valid - 1)) * stride;
    for (uint d = 0; d + 16 <= dim; d += 16) Wide::store(to + r * pitch + d, Wide::load(row + d));
#pragma clang loop vectorize(disable) unroll(disable)
    for (uint d = dim & ~15u; d < dim; ++d) to[r * pitch + d] = float(row[d]);
  }
}

// Whether none of `count` rows of `dim` elements, a multiple of 8, `pitch` apart, holds an infinity or NaN.
inline bool all_finite(thread const float* rows, uint pitch, uint count, uint dim) {
  Int8 finite = -1;
  for (uint r = 0; r < count; ++r) {
    for (uint d = 0; d < dim; d += 8) {
      const Float8 v = *(thread const UnalignedFloat8*)(rows + r * pitch + d);
      finite &= (v < INFINITY) & (v > -INFINITY);
    }
  }
  for (uint i = 0; i < 8; ++i) {
    if (finite[i] == 0) return false;
  }
  return true;
}

// out[d] += sum over `count` rows, `pitch` apart, of weight times value, where the weight is not 0: what a query does not see
// may be anything.
template <int kVectors>
void add_seen(thread const float* rows, uint pitch, uint count, uint dim, thread const float* weights, thread float* out) {
  for (uint d = 0; d < dim; ++d) {
    for (int v = 0; v < kVectors; ++v) {
      thread float* o = out + d * kColumns + 16 * v;
      WideF sum = Wide::load(o);
      for (uint j = 0; j < count; ++j) {
        const WideF weight = Wide::load(weights + j * kColumns + 16 * v);
        sum = weight == 0.0f ? sum : sum + weight * rows[j * pitch + d];
      }
      Wide::store(o, sum);
    }
  }
}

// out[d] += sum over `count` rows of weight times value, as add_seen says; `hides`: a weight may be that of a hidden key.
template <int kVectors>
void add_weighted(thread const float* rows, uint pitch, uint count, uint dim, bool hides, thread const float* weights,
                  thread float* out) {
  if (hides && !all_finite(rows, pitch, count, dim)) return add_seen<kVectors>(rows, pitch, count, dim, weights, out);
  for (uint d = 0; d < dim; d += kRowsAtOnce)
    add_products<kVectors>(rows + d, 1, pitch, weights, count, out + d * kColumns);
}

// The keys and values of one head: rows of `dim` <= kMaxDim elements.
template <class KV, int kMaxDim>
struct TileCache {
  device const KV* k;
  device const KV* v;
  long k_stride, v_stride;
  uint dim;

  // scores[i] += query . key for eight keys from `key` on, of which there are `left`.
  template <int kVectors>
  void score(uint key, uint left, thread const float* queries, thread float* scores) const {
    device const KV* rows = k + long(key) * k_stride;
    if constexpr (sizeof(KV) == sizeof(float)) {
      if (left >= kRowsAtOnce) return add_products<kVectors>(rows, ulong(k_stride), 1, queries, dim, scores);
    }
    float copy[kRowsAtOnce * kMaxDim];
    copy_rows(rows, k_stride, dim, kMaxDim, kRowsAtOnce, left, copy);
    add_products<kVectors>(copy, kMaxDim, 1, queries, dim, scores);
  }

  // out[d] += sum over `count` keys from `key` on of weight times value; `hides`: some query does not see one of them.
  template <int kVectors>
  void add(uint key, uint count, bool hides, thread const float* weights, thread float* out) const {
    device const KV* rows = v + long(key) * v_stride;
    if constexpr (sizeof(KV) == sizeof(float)) {
      if (!hides && dim % kRowsAtOnce == 0) {
        for (uint d = 0; d < dim; d += kRowsAtOnce)
          add_products<kVectors>(rows + d, 1, ulong(v_stride), weights, count, out + d * kColumns);
        return;
      }
    }
    float copy[kKeys * kMaxDim];
    copy_rows(rows, v_stride, dim, kMaxDim, count, count, copy);
    add_weighted<kVectors>(copy, kMaxDim, count, dim, hides, weights, out);
  }
};

// What is known after some keys, in the domain of powers of two.
template <int kVectors, int kMaxDim>
struct TileAttention {
  float queries[kMaxDim * kColumns];
  float out[kMaxDim * kColumns];  // not normalised
  float scores[kKeys * kColumns];
  WideF top[kVectors], sum[kVectors];
  bool hides;  // of the keys weighed last: whether some query does not see one of them

  // For rows of `dim` elements; queries are 0.
  void start(uint dim) {
    for (int v = 0; v < kVectors; ++v) top[v] = kLowest, sum[v] = 0.0f;
    for (uint i = 0; i < (dim + 15) / 16 * 16 * kColumns; i += 16) {
      Wide::store(queries + i, 0.0f);
      Wide::store(out + i, 0.0f);
    }
  }

  // Makes the scores of `count` keys weights, and the outputs so far what they are beside them. Query i is at `position` + i
  // and the first key at `first_key`; a query sees the keys up to its own if kCausal, the last `window` of them if not 0.
  void weigh(uint count, uint dim, int position, int first_key, bool causal, int window) {
    const Int16 lanes = lane_numbers();
    bool moved = false;
    Int16 hidden = 0;
    WideF rescale[kVectors];
    for (int v = 0; v < kVectors; ++v) {
      const bool clipped = (causal && first_key + int(count) > position + 16 * v + 1) || window > 0;
      WideF highest = top[v];
      for (uint j = 0; j < count; ++j) {
        thread float* row = scores + j * kColumns + 16 * v;
        WideF s = Wide::load(row);
        if (clipped) {
          const Int16 behind = lanes + (position + 16 * v - first_key - int(j));  // how far the key is behind the query
          if (causal) s = behind < 0 ? (WideF)-INFINITY : s;
          if (window > 0) s = behind < window ? s : (WideF)-INFINITY;
          Wide::store(row, s);
        }
        hidden |= s == (WideF)-INFINITY;
        highest = wide_max(highest, s);
      }
      rescale[v] = wide_exp2(top[v] - highest);
      for (uint i = 0; i < 16; ++i) moved = moved || rescale[v][i] != 1.0f;
      sum[v] *= rescale[v];
      top[v] = highest;
      for (uint j = 0; j < count; ++j) {
        const WideF weight = wide_exp2(Wide::load(scores + j * kColumns + 16 * v) - highest);
        sum[v] += weight;
        Wide::store(scores + j * kColumns + 16 * v, weight);
      }
    }
    hides = false;
    for (uint i = 0; i < 16; ++i) hides = hides || hidden[i] != 0;
    for (uint d = 0; moved && d < dim; ++d) {
      for (int v = 0; v < kVectors; ++v) {
        thread float* o = out + d * kColumns + 16 * v;
        Wide::store(o, Wide::load(o) * rescale[v]);
      }
    }
  }

  // Writes the results of `live` queries as T; row(i) gives that of query i.
  template <class T, class Row>
  void store(int live, uint dim, Row row) const {
    WideF inverse[kVectors];
    for (int v = 0; v < kVectors; ++v) inverse[v] = sum[v] > 0.0f ? 1.0f / sum[v] : (WideF)0.0f;
    store_times<T>(inverse, live, dim, row);
  }
  // The same with what the outputs are multiplied by.
  template <class T, class Row>
  void store_times(thread const WideF* factors, int live, uint dim, Row row) const {
    for (int v = 0; v < kVectors; ++v) {
      const WideF factor = factors[v];
      for (uint d = 0; d < dim; d += 16) {
        WideF m[16];
#pragma unroll
        for (uint i = 0; i < 16; ++i) m[i] = Wide::load(out + (d + i) * kColumns + 16 * v) * factor;
        transpose(m);
        float lines[16][16];
#pragma unroll
        for (uint i = 0; i < 16; ++i) Wide::store(lines[i], m[i]);
        for (int i = 0; i < metal::min(16, live - 16 * v); ++i) {
          device T* to = row(16 * v + i) + d;
          for (uint c = 0; c < metal::min(16u, dim - d); ++c) to[c] = T(lines[i][c]);
        }
      }
    }
  }
};

}  // namespace anymetal
