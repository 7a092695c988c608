// Tiled attention on NVIDIA tensor cores: 32 queries of a head of 256 elements by four simdgroups. Simdgroup s owns queries
// 16 (s % 2) .. + 15 and every second tile of 16 keys; at the end the two that share queries merge. Products are of TF32, an
// f32 factor as the sum of two, which leaves an error near 2^-21.
#pragma once
#include "common/nvidia.h"
#include "common/query_tile.h"
#include "nvidia/vec_attention.h"

namespace anymetal {

constexpr constant int kAttentionDim = 256;

// From here on a number rounded to TF32 is an infinity.
constexpr constant float kTf32Overflow = 0x1.ffep127f;
inline float nearest_tf32(float x) { return metal::as_type<float>((metal::as_type<uint>(x) + 0x1000u) & ~0x1fffu); }

// A factor as TF32 and, with kSplit, what that loses of it, both rounded. Numbers that do not round, infinities and NaN stay what
// they are and lose nothing; without kSplit all are such that TF32 holds.
template <bool kSplit>
struct SplitFloat {
  float high, low;
  explicit SplitFloat(float x) {
    const bool rounds = kSplit && metal::fabs(x) < kTf32Overflow;
    high = rounds ? nearest_tf32(x) : x;
    low = rounds ? nearest_tf32(x - high) : 0.0f;
  }
};

template <bool kSplit>
struct SplitRows {
  float high[4], low[4];
  void set(uint i, float x) {
    const SplitFloat<kSplit> split(x);
    high[i] = split.high;
    low[i] = split.low;
  }
};

// sums += a * b; with kSplitA and kSplitB factors that 19 bits do not hold, whose small products go to `small`.
template <bool kSplitA, bool kSplitB>
void multiply_split(thread float (&sums)[4], thread float (&small)[4], thread const SplitRows<kSplitA>& a, float b0, float b1) {
  const SplitFloat<kSplitB> first(b0), second(b1);
  if (kSplitB) nvidia::multiply_accumulate_tf32(small, a.high, first.low, second.low);
  if (kSplitA) nvidia::multiply_accumulate_tf32(small, a.low, first.high, second.high);
  nvidia::multiply_accumulate_tf32(sums, a.high, first.high, second.high);
}

// Four elements; `aligned` where they lie at a multiple of their size together.
inline metal::float4 four(device const float* p, bool aligned) {
  return aligned ? *(device const metal::float4*)p : metal::float4(p[0], p[1], p[2], p[3]);
}
template <class T>
metal::float4 four(device const T* p, bool aligned) {
  if (!aligned) return metal::float4(float(p[0]), float(p[1]), float(p[2]), float(p[3]));
  const auto v = metal::as_type<metal::vec<T, 4>>(*(device const metal::uint2*)p);
  return metal::float4(float(v.x), float(v.y), float(v.z), float(v.w));
}

// Float i of row r of the queries in threadgroup memory, in pieces of four that change places so that two rows meet in no bank.
inline uint query_at(uint row, uint i) { return row * kAttentionDim + (i ^ (row % 2 * 16)); }

template <class KV>
struct KeyValueRows {
  device const KV* keys;
  device const KV* values;
  long key_stride, value_stride;
  int last;  // rows past it repeat it
  bool aligned;
};

// What one simdgroup knows of its 16 queries. Lane 4g + t has the maxima and sums of rows g and g + 8, and of the outputs of row
// g + 8h the elements 32c + 8t + 4e + i (e < 2, i < 4) in out[4c + i][2h + e].
struct TileState {
  float out[kAttentionDim / 8][4] = {};
  float top[2] = {kLowest, kLowest}, sum[2] = {0.0f, 0.0f};

  void rescale(thread const float (&by)[2]) {
    for (uint j = 0; j < kAttentionDim / 8; ++j) {
      for (uint e = 0; e < 4; ++e) out[j][e] *= by[e / 2];
    }
  }

  // Takes in keys `key` .. key + 15; `masked(row, key, score)` gives a score its mask, -inf where the key is hidden. A hidden value
  // is multiplied by 0: an infinity or NaN shows, see is_finite.
  template <bool kSplitQuery, class KV, class Masked>
  void add(threadgroup const float* queries, KeyValueRows<KV> rows, int key, uint lane, Masked masked) {
    float scores[2][4] = {}, parts[2][2][4] = {};  // parts: every second product, and the small ones
    constexpr bool kSplitKV = metal::is_same_v<KV, float>;
    const uint g = lane / 4, t = lane % 4;
    device const KV* k[2];
    for (int j = 0; j < 2; ++j) k[j] = rows.keys + long(metal::min(key + 8 * j + int(g), rows.last)) * rows.key_stride + 4 * t;
#pragma unroll 4
    for (int d = 0; d < kAttentionDim; d += 16) {
      const metal::float4 upper = *(threadgroup const metal::float4*)(queries + query_at(g, uint(d) + 4 * t));
      const metal::float4 lower = *(threadgroup const metal::float4*)(queries + query_at(g + 8, uint(d) + 4 * t));
      metal::float4 b[2];
      for (int j = 0; j < 2; ++j) b[j] = four(k[j] + d, rows.aligned);
      for (int s = 0; s < 4; s += 2) {  // elements 4t + s and 4t + s + 1 of 16 stand for t and t + 4 of 8
        SplitRows<kSplitQuery> a;
        a.set(0, upper[s]);
        a.set(1, lower[s]);
        a.set(2, upper[s + 1]);
        a.set(3, lower[s + 1]);
        for (int j = 0; j < 2; ++j) multiply_split<kSplitQuery, kSplitKV>(s == 0 ? scores[j] : parts[j][0], parts[j][1], a, b[j][s], b[j][s + 1]);
      }
    }
    for (int j = 0; j < 2; ++j) {
      for (int e = 0; e < 4; ++e) scores[j][e] += parts[j][0][e] + parts[j][1][e];
    }
    float factor[2];
    for (int h = 0; h < 2; ++h) {
      float highest = top[h];
      for (int i = 0; i < 4; ++i) {
        thread float& score = scores[i / 2][2 * h + i % 2];
        score = masked(g + 8 * uint(h), key + i / 2 * 8 + 2 * int(t) + i % 2, score);
        highest = metal::max(highest, score);
      }
      highest = metal::max(highest, metal::simd_shuffle_xor(highest, ushort(1)));
      highest = metal::max(highest, metal::simd_shuffle_xor(highest, ushort(2)));
      factor[h] = metal::exp2(top[h] - highest);
      top[h] = highest;
      sum[h] *= factor[h];
      for (int i = 0; i < 4; ++i) {
        thread float& score = scores[i / 2][2 * h + i % 2];
        score = metal::exp2(score - highest);
        sum[h] += score;
      }
    }
    rescale(factor);

#pragma clang loop unroll(disable)  // values of sixteen keys on their way are more than there are registers for
    for (int j = 0; j < 2; ++j) {
      SplitRows<true> a;  // keys 2t and 2t + 1 of 8 stand for t and t + 4
      a.set(0, j == 0 ? scores[0][0] : scores[1][0]);
      a.set(1, j == 0 ? scores[0][2] : scores[1][2]);
      a.set(2, j == 0 ? scores[0][1] : scores[1][1]);
      a.set(3, j == 0 ? scores[0][3] : scores[1][3]);
      const int first = key + 8 * j + 2 * int(t);
      device const KV* v[2];
      for (int i = 0; i < 2; ++i) v[i] = rows.values + long(metal::min(first + i, rows.last)) * rows.value_stride + 4 * g;
#pragma unroll
      for (int c = 0; c < kAttentionDim / 32; ++c) {
        metal::float4 b[2];
        for (int i = 0; i < 2; ++i) b[i] = four(v[i] + 32 * c, rows.aligned);
        for (int i = 0; i < 4; ++i) multiply_split<true, kSplitKV>(out[4 * c + i], out[4 * c + i], a, b[0][i], b[1][i]);
      }
    }
  }

  // Whether all outputs are numbers. If so no infinity or NaN took part, of a value that its query sees or not.
  bool is_finite() const {
    float zero = 0.0f;
    for (uint j = 0; j < kAttentionDim / 8; ++j) {
      for (uint e = 0; e < 4; ++e) zero = metal::fma(out[j][e], 0.0f, zero);
    }
    return zero == 0.0f;
  }

  // The sums of all lanes of a row.
  void end() {
    for (int h = 0; h < 2; ++h) {
      sum[h] += metal::simd_shuffle_xor(sum[h], ushort(1));
      sum[h] += metal::simd_shuffle_xor(sum[h], ushort(2));
    }
  }

  // Merges the state of simdgroup s + 2 into that of s through 32 x 256 floats, which must be free. All must call.
  void merge(threadgroup float* memory, uint simdgroup, uint lane) {
    threadgroup float* shared = memory + simdgroup % 2 * 16 * kAttentionDim;
    metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
    if (simdgroup >= 2) {
      for (uint h = 0; h < 2; ++h) shared[lane + 32 * h] = top[h], shared[lane + 32 * (h + 2)] = sum[h];
    }
    metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
    float others[2];
    if (simdgroup < 2) {
      float own[2];
      for (uint h = 0; h < 2; ++h) {
        const float other = shared[lane + 32 * h], common = metal::max(top[h], other);
        own[h] = metal::exp2(top[h] - common);
        others[h] = metal::exp2(other - common);
        sum[h] = sum[h] * own[h] + shared[lane + 32 * (h + 2)] * others[h];
      }
      rescale(own);
    }
    metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
    if (simdgroup >= 2) {
      for (uint j = 0; j < kAttentionDim / 8; ++j) {
        for (uint e = 0; e < 4; ++e) shared[(4 * j + e) * 32 + lane] = out[j][e];
      }
    }
    metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
    if (simdgroup >= 2) return;
    for (uint j = 0; j < kAttentionDim / 8; ++j) {
      for (uint e = 0; e < 4; ++e) out[j][e] += shared[(4 * j + e) * 32 + lane] * others[e / 2];
    }
  }
};

// By tensor cores; false, and nothing is written, where a result is an infinity or NaN: it may come of a hidden value.
template <class T, class KV, class M, int kBQ, int kBK>
bool attend_tiles(QueryTile<T, KV, M, kBQ, kBK, kAttentionDim> own, threadgroup float* memory, uint index) {
  constexpr int kDim = kAttentionDim;
  const int row = int(index) / 4, part = int(index) % 4;
  for (int d = part * 64; d < part * 64 + 64; d += 8) {
    const Lanes<8>::F v = scaled_query(own.query(own.first() + row) + d, own.p.scale * kLog2e);
    for (int i = 0; i < 8; ++i) memory[query_at(uint(row), uint(d + i))] = v[i];
  }
  metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
  const uint simdgroup = index / 32, lane = index % 32;
  const int first = own.first() + int(simdgroup) % 2 * 16;  // query of this simdgroup
  const KeyValueRows<KV> rows = {own.keys(), own.values(), own.p.K_strides[2], own.p.V_strides[2], own.p.kL - 1, own.are_aligned()};
  TileState state;
  const metal::int2 tiles = own.tiles();
  for (int tile = tiles.x + int(simdgroup) / 2; tile < tiles.y; tile += 2) {
    const uchar kind = own.kind(tile);
    if (kind == 0) continue;
    state.add<metal::is_same_v<T, float>>(memory + simdgroup % 2 * 16 * kDim, rows, tile * kBK, lane,
                                   [&](uint at, int key, float score) { return own.masked(first + int(at), key, kind, score); });
  }
  state.end();
  state.merge(memory, metal::simd_shuffle_xor(index, ushort(0)) / 32, lane);  // found out again: it took a register through the products
  const bool finite = metal::simd_all(state.is_finite());
  metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
  if (simdgroup < 2 && lane == 0) memory[simdgroup] = finite ? 1.0f : 0.0f;
  metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
  const bool all_finite = memory[0] * memory[1] != 0.0f;
  metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
  if (!all_finite) return false;
  for (int h = 0; h < 2; ++h) {
    const int query = first + int(lane) / 4 + 8 * h;
    if (simdgroup >= 2 || query >= own.p.qL) continue;
    const float inverse = state.sum[h] > 0.0f ? 1.0f / state.sum[h] : 0.0f;
    device T* o = own.out(query) + lane % 4 * 8;
    for (int c = 0; c < kDim / 32; ++c) {
      for (int i = 0; i < 8; ++i) o[32 * c + i] = T(state.out[4 * c + i % 4][2 * h + i / 4] * inverse);
    }
  }
  return true;
}

}  // namespace anymetal
