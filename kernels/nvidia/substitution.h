// Forward substitution with a column of at most 64 elements in a thread's registers, for NVIDIA GPUs.
#pragma once
#include <metal_stdlib>

namespace anymetal {

constexpr constant uint kColumn = 64;

// to(i, from(i)) for i = index, index + size, ... below n, sixteen on their way before the first is used.
template <class V, class From, class To>
void stage(uint n, uint index, uint size, From from, To to) {
  constexpr uint kAhead = 16;
  for (uint i = index; i < n; i += kAhead * size) {
    V ahead[kAhead];
#pragma unroll
    for (uint j = 0; j < kAhead; ++j) ahead[j] = i + j * size < n ? from(i + j * size) : V(0.0f);
#pragma unroll
    for (uint j = 0; j < kAhead; ++j) {
      if (i + j * size < n) to(i + j * size, ahead[j]);
    }
  }
}

// x[i] -= sum over k < i of A[kPitch * i + k] * x[k], i < rows <= kRows ascending, each rounded to T. A begins at a multiple of 16 bytes;
// of its rows what comes before the diagonal is used.
template <class T, uint kRows = kColumn, uint kPitch = kColumn>
void substitute(thread float (&x)[kRows], threadgroup const float* A, uint rows) {
#pragma unroll
  for (uint i = 0; i < kRows; ++i) {
    // No more on its way than there are registers for.
    if (i < 16 ? i % 4 == 0 : i < 32 ? i % 2 == 0 : true) metal::simdgroup_barrier(metal::mem_flags::mem_none);
    if (i < rows) {
#pragma unroll
      for (uint k = 0; k < i; k += 4) {
        const metal::float4 a = *(threadgroup const metal::float4*)(A + kPitch * i + k);
#pragma unroll
        for (uint e = 0; e < 4; ++e) {
          if (k + e < i) x[i] = metal::fma(-a[e], x[k + e], x[i]);
        }
      }
      x[i] = float(T(x[i]));
    }
  }
}

}  // namespace anymetal
