// Where a chunk of tokens lies in the tensors of the gated delta rule, and tiles of dot products for it.
#pragma once
#include <metal_stdlib>
#include "common/lanes.h"

namespace anymetal {

// Tokens of a chunk: the length the chunked kernels' tiles are made for.
constant uint kChunk = 64;

// What the parameters of every chunked kernel begin with.
struct DeltaHeads {
  uint batches, tokens, key_heads, heads, key_dim;
};

// One chunk of one head. Tensors over tokens are [B, T, H, ...], those of keys and queries [B, T, Hg, K].
struct Chunk {
  uint rows;  // tokens: kChunk, fewer where the sequence ends, 0 outside the tensors
  ulong first, step, first_key, key_step;

  ulong row(uint r) const { return first + r * step; }          // of token r in [B, T, H]
  ulong key_row(uint r) const { return first_key + r * key_step; }  // of token r in [B, T, Hg]
};

// Heads share keys in blocks: head h reads key head h / (H / Hg). Any other chunk length is a chunk without rows.
inline Chunk chunk_at(DeltaHeads s, uint length, uint batch, uint head, uint n) {
  const ulong begin = ulong(n) * kChunk;
  if (length != kChunk || batch >= s.batches || head >= s.heads || begin >= s.tokens) return {};
  const ulong token = ulong(batch) * s.tokens + begin;
  const uint key_head = uint(ulong(head) * s.key_heads / s.heads);
  return {uint(metal::min(ulong(s.tokens) - begin, ulong(kChunk))), token * s.heads + head, s.heads,
          token * s.key_heads + key_head, s.key_heads};
}

typedef __bf16 Bfloat8 __attribute__((ext_vector_type(8)));
typedef __bf16 UnalignedBfloat8 __attribute__((ext_vector_type(8), aligned(2)));

// The values bf16 factors take. All at once, as LLVM would round one element after the other; numbers below 2^-126 may become
// zero (lanes.h). A GPU's threads have an instruction for each.
inline Lanes<8>::F rounded_to_bfloat(Lanes<8>::F v) {
#if defined(__MSL_NVPTX__)
  for (int i = 0; i < 8; ++i) v[i] = float(bfloat(v[i]));
  return v;
#else
  return __builtin_convertvector(__builtin_convertvector(v, Bfloat8), Lanes<8>::F);
#endif
}

inline void store_bfloat(device bfloat* p, Lanes<8>::F v) {
#if defined(__MSL_NVPTX__)
  for (int i = 0; i < 8; ++i) p[i] = bfloat(v[i]);
#else
  *(device UnalignedBfloat8*)p = __builtin_convertvector(v, Bfloat8);
#endif
}

// out[i][j] = sum over x < length of left(i, x) * right(j, x); both give the eight elements from x on.
template <int kRows, int kColumns, class Left, class Right>
void dot_products(uint length, thread float (&out)[kRows][kColumns], Left left, Right right) {
  typedef Lanes<8> L;
  L::F sums[kRows][kColumns] = {};
  for (uint x = 0; x + 8 <= length; x += 8) {
    L::F b[kColumns];
#pragma unroll
    for (int j = 0; j < kColumns; ++j) b[j] = right(j, x);
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
      const L::F a = left(i, x);
#pragma unroll
      for (int j = 0; j < kColumns; ++j) sums[i][j] += a * b[j];
    }
  }
#pragma unroll
  for (int i = 0; i < kRows; ++i) {
#pragma unroll
    for (int j = 0; j < kColumns; ++j) out[i][j] = L::sum(sums[i][j]);
  }
}

}  // namespace anymetal
