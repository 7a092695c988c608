#include <metal_stdlib>
#include "common/rope_sections.h"
#include "cpu/rope.h"
using namespace metal;
using namespace anymetal;

// kernels: rope_multi_f32 rope_multi_bf16

/// rope/rope_multi.metal for a core that takes the heads of 16 threadgroups.
template <class T>
kernel void rope_multi(device const T* x [[buffer(0)]],
                       device T* y [[buffer(1)]],
                       constant float* params [[buffer(2)]],
                       device const int* positions [[buffer(3)]],
                       constant MultiRopeParams& p [[buffer(4)]],
                       constant uint* sections [[buffer(5)]],
                       uint2 group [[threadgroup_position_in_grid]],
                       uint2 size [[dispatch_threads_per_threadgroup]],
                       uint2 grid [[threads_per_grid]]) {
  if (group.x != 0 || group.y % kRowRun != 0) return;
  const MultiRopeParams shape = p;
  const float theta = params[0];
  const uint dim = uint(params[1]), rope_dim = min(uint(params[2]), dim), pairs = rope_dim / 2;
  const uint4 lengths = uint4(sections[0], sections[1], sections[2], sections[3]);
  const uint period = shape.mode == kVision ? rope_dim / 2 : rope_dim;
  const uint2 rows = rows_of(group.y, size.y, uint(min(ulong(grid.y), ulong(shape.heads) * shape.tokens)));
  for (uint first = 0; first < pairs; first += Frequencies::kPairs) {
    const uint n = min(Frequencies::kPairs, pairs - first);
    Frequencies frequencies;
    frequencies.fill(first, n, [&](uint i) { return rope_divisor(section_of(i, shape.mode, lengths).place, period, theta); });
    alignas(64) uint axes[Frequencies::kPairs] = {};
#pragma clang loop vectorize(disable) unroll(disable)
    for (uint i = 0; i < n; ++i) axes[i] = section_of(first + i, shape.mode, lengths).axis;
    Turns turns;
    for (uint row = rows.x; row < rows.y; ++row) {
      if (row == rows.x || row % shape.heads == 0) {
        device const int* at = positions + row / shape.heads;
        const WideF t = float(at[0]), h = float(at[shape.tokens]), w = float(at[2 * ulong(shape.tokens)]),
                    e = float(at[3 * ulong(shape.tokens)]);
        turns.fill(n, [&](uint i) {
          const WideU axis = *(thread const WideU*)(axes + i);
          return frequencies.angles(i, axis == 0u ? t : axis == 1u ? h : axis == 2u ? w : e);
        });
      }
      turns.apply(Halves<T>{x + ulong(row) * dim, y + ulong(row) * dim, dim / 2}, first, n);
    }
  }
  copy_rest(x, y, dim, pairs, rows);
}

#define INSTANTIATE(name, T) \
  template [[host_name("rope_multi_" name)]] kernel void rope_multi<T>( \
      device const T*, device T*, constant float*, device const int*, constant MultiRopeParams&, constant uint*, uint2, \
      uint2, uint2);
INSTANTIATE("f32", float)
INSTANTIATE("bf16", bfloat)
