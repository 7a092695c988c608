// The tile of the matrix products that go through threadgroup memory, and what those grouped by expert share.
#pragma once
#include "common/matmul_params.h"

namespace anymetal {

constexpr constant uint kTileN = 64;     // weight rows of a threadgroup
constexpr constant uint kTileM = 32;     // activation rows, or entries of an expert's list
constexpr constant uint kStep = 32;      // elements of K in threadgroup memory at a time
constexpr constant uint kThreads = 128;

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
