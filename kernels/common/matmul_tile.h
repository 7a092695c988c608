// The tile of the matrix products that go through threadgroup memory, and what those grouped by expert share.
#pragma once
#include "common/matmul_params.h"

namespace anymetal {

constexpr constant uint kTileN = 64;     // weight rows of a threadgroup
constexpr constant uint kTileM = 32;     // activation rows, or entries of an expert's list
constexpr constant uint kStep = 32;      // elements of K in threadgroup memory at a time
constexpr constant uint kThreads = 128;

// Where in a batch of matrices a threadgroup reads its rows from, and writes to.
struct BatchTile {
  device const uchar* weight;
  device const uchar* x;
  device float* out;
  uint m0, n0, rows, tokens;
  BatchTile(constant MatMatParams& p, device const uchar* weights, device const uchar* inputs, device float* dst, uint3 group)
      : m0(group.x * kTileM), n0(group.y * kTileN), rows(uint(p.ne0)), tokens(uint(p.ne1)) {
    const uint i12 = group.z % uint(p.ne12), i13 = group.z / uint(p.ne12);
    weight = weights + ulong(i12 / uint(p.r2)) * p.nb02 + ulong(i13 / uint(p.r3)) * p.nb03;
    x = inputs + i12 * p.nb12 + i13 * p.nb13;
    out = dst + ulong(group.z) * rows * tokens;
  }
  void operator()(uint m, uint n, float value) const {
    if (m0 + m < tokens && n0 + n < rows) out[ulong(m0 + m) * rows + n0 + n] = value;
  }
};

// NaN for every slot of the tokens and columns of this threadgroup; the experts share the slots.
inline void refuse(constant ExpertMatMatParams& p, device float* dst, uint3 group, uint thread_index) {
  const uint columns = uint(p.ne0), tokens = uint(p.ne21);
  for (uint slot = group.z; slot < uint(p.ne1); slot += uint(p.ne02)) {
    for (uint i = thread_index; i < kTileM * kTileN; i += kThreads) {
      const uint token = group.x * kTileM + i / kTileN, n = group.y * kTileN + i % kTileN;
      if (token < tokens && n < columns) dst[(ulong(token) * uint(p.ne1) + slot) * columns + n] = NAN;
    }
  }
}

}  // namespace anymetal
