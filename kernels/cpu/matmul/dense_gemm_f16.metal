#include <metal_stdlib>
#include "cpu/dense.h"
#include "cpu/tile.h"
using namespace metal;
using namespace anymetal;

constant uint kTile = 32;  // rows of a and of b per threadgroup

struct DenseSizes {
  uint m, n, k;
};

/// matmul/dense_gemm_f16.metal for a core that takes the tile of a threadgroup: nothing depends on the thread.
kernel void dense_gemm_f16(device const half* a [[buffer(0)]],
                           device const half* b [[buffer(1)]],
                           device half* c [[buffer(2)]],
                           constant DenseSizes& s [[buffer(3)]],
                           uint3 group [[threadgroup_position_in_grid]]) {
  const uint m0 = group.y * kTile, n0 = group.x * kTile, length = s.k, columns = s.n;
  if (m0 >= s.m || n0 >= columns) return;
  a += ulong(m0) * length;
  b += ulong(n0) * length;
  c += ulong(m0) * columns + n0;
  multiply_tile(
      min(kTile, columns - n0), min(kTile, s.m - m0), length,
      [=](uint n, uint k, uint depth, thread float* to) {
        decode_row((device const DenseRun<half>*)(b + ulong(n) * length), k, depth, to);
      },
      [=](uint m) { return a + ulong(m) * length; },
      [=](uint m) { return c + ulong(m) * columns; });
}
