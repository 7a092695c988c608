#include <metal_stdlib>
#include "cpu/wide.h"
using namespace metal;
using namespace anymetal;

// kernels: cumsum_f32 cumsum_bf16

// Sums of v[0] .. v[j] for every j: each step adds what stands 1, 2, 4 and 8 places before.
inline WideF sums_up_to(WideF v) {
  const WideF zero = 0.0f;
  v += __builtin_shufflevector(zero, v, 0, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30);
  v += __builtin_shufflevector(zero, v, 0, 0, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29);
  v += __builtin_shufflevector(zero, v, 0, 0, 0, 0, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27);
  v += __builtin_shufflevector(zero, v, 0, 0, 0, 0, 0, 0, 0, 0, 16, 17, 18, 19, 20, 21, 22, 23);
  return v;
}

/// recurrent/cumsum.metal for a core that takes a row.
template <class T>
kernel void cumsum(device const T* x [[buffer(0)]],
                   device T* y [[buffer(1)]],
                   constant uint& dim [[buffer(2)]],
                   threadgroup float* scratch [[threadgroup(0)]],
                   uint row [[threadgroup_position_in_grid]]) {
  const uint columns = dim;
  x += ulong(row) * columns;
  y += ulong(row) * columns;
  float before = 0.0f;
  uint i = 0;
  for (; i + 16 <= columns; i += 16) {
    const WideF sums = sums_up_to(Wide::load(x + i));
    Wide::store(y + i, sums + before);
    before += sums[15];  // the only thing the next round waits for
  }
  for (; i < columns; ++i) {
    before += float(x[i]);
    y[i] = T(before);
  }
}

#define INSTANTIATE(name, T) \
  template [[host_name("cumsum_" name)]] kernel void cumsum<T>(device const T*, device T*, constant uint&, threadgroup float*, uint);
INSTANTIATE("f32", float)
INSTANTIATE("bf16", bfloat)
