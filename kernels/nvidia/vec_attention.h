// Attention of one query by a simdgroup on an NVIDIA GPU: rows of keys and values are read by all lanes together, so that a
// row is one run of memory, and a lane owns kDim / 32 neighbouring elements of each.
#pragma once
#include "common/chunk_attention.h"
#include "common/nvidia.h"

namespace anymetal {

inline Float8 floats(metal::float4 low, metal::float4 high) {
  return (Float8){low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w};
}
inline Float8 floats(metal::uint4 words) {
  Float8 values;
  for (int i = 0; i < 4; ++i) {
    const metal::half2 pair = metal::as_type<metal::half2>(words[i]);
    values[2 * i] = float(pair.x);
    values[2 * i + 1] = float(pair.y);
  }
  return values;
}

// Eight elements at a multiple of their size; `aligned` where it is a multiple of 16, as it always is in threadgroup memory.
inline Float8 eight(device const float* p, bool aligned) {
  if (!aligned) return Lanes<8>::load(p);
  return floats(*(device const metal::float4*)p, *(device const metal::float4*)(p + 4));
}
inline Float8 eight(device const half* p, bool aligned) {
  return aligned ? floats(*(device const metal::uint4*)p) : Lanes<8>::load(p);
}
inline Float8 eight(threadgroup const float* p, bool) {
  return floats(*(threadgroup const metal::float4*)p, *(threadgroup const metal::float4*)(p + 4));
}
inline Float8 eight(threadgroup const half* p, bool) { return floats(*(threadgroup const metal::uint4*)p); }

// From sums of 2 kDistance rows that every lane has a part of, sums of kDistance rows.
template <uint kDistance>
void fold_sums(thread float (&parts)[32], uint lane) {
  const bool upper = (lane & kDistance) != 0;
  for (uint i = 0; i < kDistance; ++i) {
    const float low = parts[i], high = parts[i + kDistance];
    const float sent = metal::simd_shuffle_xor(upper ? low : high, ushort(kDistance));
    parts[i] = (upper ? high : low) + sent;
  }
}

// From 32 sums that every lane has a part of, lane i gets the i-th.
inline float spread_sums(thread float (&parts)[32], uint lane) {
  fold_sums<16>(parts, lane);
  fold_sums<8>(parts, lane);
  fold_sums<4>(parts, lane);
  fold_sums<2>(parts, lane);
  fold_sums<1>(parts, lane);
  return parts[0];
}

template <class T, int kDim>
struct RowAttention {
  typedef Lanes<8> L;
  static constexpr uint kOwned = kDim / 32;

  Float8 query[kOwned / 8];
  Float8 out[kOwned / 8] = {};  // not normalised
  RunningSoftmax softmax;

  // Scores of the 32 rows at `keys`, the i-th in lane i; rows past the last repeat it.
  float score(device const T* keys, uint last, bool aligned, uint lane) const {
    if (kOwned > 8) return score_by_eights(keys, last, aligned, lane);
    float dots[32];
    for (uint j = 0; j < 32; ++j) {
      dots[j] = dot(keys + ulong(metal::min(j, last)) * kDim + lane * kOwned, aligned);
    }
    return spread_sums(dots, lane);
  }

  // The same with fewer elements on their way: 32 long rows of them are more than there are registers.
  float score_by_eights(device const T* keys, uint last, bool aligned, uint lane) const {
    float score = 0.0f;
#pragma clang loop unroll(disable)
    for (uint first = 0; first < 32; first += 8) {
      float dots[32];  // of which the first eight are used
      for (uint j = 0; j < 8; ++j) dots[j] = dot(keys + ulong(metal::min(first + j, last)) * kDim + lane * kOwned, aligned);
      fold_sums<4>(dots, lane);
      fold_sums<2>(dots, lane);
      fold_sums<1>(dots, lane);
      float sum = dots[0];
      sum += metal::simd_shuffle_xor(sum, ushort(8));
      sum += metal::simd_shuffle_xor(sum, ushort(16));
      if (lane / 8 == first / 8) score = sum;
    }
    return score;
  }

  // This lane's part of a row's product with the query.
  float dot(device const T* part, bool aligned) const {
    Float8 products = query[0] * eight(part, aligned);
    for (uint c = 1; c < kOwned / 8; ++c) products += query[c] * eight(part + 8 * c, aligned);
    return L::sum(products);
  }

  // Takes in rows [begin, end) of the 32 at `values`; `score` is the lane's, -inf where the query does not see its row.
  template <class Rows>
  void add(float score, Rows values, uint begin, uint end, bool aligned, uint lane) {
    float rescale;
    const float weight = softmax.weigh(score, rescale);
    for (uint c = 0; c < kOwned / 8; ++c) out[c] *= rescale;
#pragma unroll 8
    for (uint j = begin; j < end; ++j) {
      const float w = metal::simd_shuffle(weight, ushort(j));
      for (uint c = 0; c < kOwned / 8; ++c) out[c] += w * eight(values + j * kDim + lane * kOwned + 8 * c, aligned);
    }
  }
};

// Values of a chunk of 32 rows on their way to threadgroup memory while the scores are found.
template <class T, int kDim>
struct ValueStage {
  static constexpr bool kFits = 32 * kDim * sizeof(T) <= 32768;
  T rows[kFits ? 32 * kDim : 1];

  // Of rows [begin, end) at `values`, at a multiple of 16.
  void copy(device const T* values, uint begin, uint end, uint lane) threadgroup {
    constexpr uint kPiece = 16 / sizeof(T);
    for (uint i = begin * kDim + lane * kPiece; i < end * kDim; i += 32 * kPiece) nvidia::copy_16(rows + i, values + i);
    nvidia::end_copies();
  }
};

}  // namespace anymetal
