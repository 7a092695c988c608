#include <metal_stdlib>
#include "cpu/dense.h"
#include "cpu/tile.h"
using namespace metal;
using namespace anymetal;

constant uint kTile = 32;  // rows of a and of b per threadgroup

struct DenseSizes {
  uint m, n, k;
};

/// matmul/dense_gemm_f16.metal for a core that takes the tiles of one or several threadgroups: one of them takes the place of
/// all. Nothing depends on the thread.
kernel void dense_gemm_f16(device const half* a [[buffer(0)]],
                           device const half* b [[buffer(1)]],
                           device half* c [[buffer(2)]],
                           constant DenseSizes& s [[buffer(3)]],
                           uint3 group [[threadgroup_position_in_grid]],
                           uint3 groups [[threadgroups_per_grid]]) {
  const TileShape shape(ulong(groups.x) * groups.y / 2);
  const Share m(group.y, kTile, s.m, shape.columns), n(group.x, kTile, s.n, shape.rows);
  if (m.count == 0 || n.count == 0) return;
  const uint m0 = m.first, n0 = n.first, length = s.k, columns = s.n;
  a += ulong(m0) * length;
  b += ulong(n0) * length;
  c += ulong(m0) * columns + n0;
  multiply_tile(
      n.count, m.count, length,
      [=](uint n, uint k, uint depth, thread float* to) {
        decode_row((device const DenseRun<half>*)(b + ulong(n) * length), k, depth, to);
      },
      [=](uint m) { return a + ulong(m) * length; },
      [=](uint m) { return c + ulong(m) * columns; });
}
