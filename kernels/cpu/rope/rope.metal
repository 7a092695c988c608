#include <metal_stdlib>
#include "cpu/rope.h"
using namespace metal;
using namespace anymetal;

// kernels: rope_f32 rope_f16 rope_bf16 rope_neox_f32 rope_neox_bf16

/// rope/rope.metal for a core that takes all pairs of the rows of 16 threadgroups.
template <class T>
kernel void rope_adjacent(device const T* x [[buffer(0)]],
                          device T* y [[buffer(1)]],
                          constant float* params [[buffer(2)]],
                          device const uint* positions [[buffer(3)]],
                          uint2 group [[threadgroup_position_in_grid]],
                          uint2 size [[dispatch_threads_per_threadgroup]],
                          uint2 grid [[threads_per_grid]]) {
  if (group.x != 0 || group.y % kRowRun != 0) return;
  const float theta = params[0];
  const uint dim = uint(params[1]), pairs = dim / 2;
  const uint2 rows = rows_of(group.y, size.y, grid.y);
  for (uint first = 0; first < pairs; first += Frequencies::kPairs) {
    const uint n = min(Frequencies::kPairs, pairs - first);
    Frequencies frequencies;
    frequencies.fill(first, n, [&](uint i) { return rope_divisor(i, dim, theta); });
    for (uint row = rows.x; row < rows.y; ++row) {
      const WideF position = float(positions[row]);
      Turns turns;
      turns.fill(n, [&](uint i) { return frequencies.angles(i, position); });
      turns.apply(Neighbours<T>{x + ulong(row) * dim, y + ulong(row) * dim}, first, n);
    }
  }
}

#define INSTANTIATE(name, T) \
  template [[host_name("rope_" name)]] kernel void rope_adjacent<T>( \
      device const T*, device T*, constant float*, device const uint*, uint2, uint2, uint2);
INSTANTIATE("f32", float)
INSTANTIATE("f16", half)
INSTANTIATE("bf16", bfloat)

// Heads of `dim` elements at theta, of which the first `pairs` pairs (i, i + dim / 2) turn; factor(i) divides an angle.
template <class T, class Factor>
void rope_heads(device const T* x, device T* y, constant float* params, device const uint* positions, uint heads, uint2 rows, Factor factor) {
  const float theta = params[0];
  const uint dim = uint(params[1]), distance = dim / 2, pairs = min(uint(params[2]), dim) / 2;
  for (uint first = 0; first < pairs; first += Frequencies::kPairs) {
    const uint n = min(Frequencies::kPairs, pairs - first);
    Frequencies frequencies;
    frequencies.fill(first, n, [&](uint i) { return rope_divisor(i, dim, theta) * factor(i); });
    Turns turns;
    for (uint row = rows.x; row < rows.y; ++row) {
      if (row == rows.x || row % heads == 0) {
        // While sines and cosines are made, the token's heads arrive.
        for (ulong i = 0; i < ulong(heads) * dim; i += 64 / sizeof(T)) __builtin_prefetch(x + ulong(row) * dim + i);
        const WideF position = float(positions[row / heads]);
        turns.fill(n, [&](uint i) { return frequencies.angles(i, position); });
      }
      turns.apply(Halves<T>{x + ulong(row) * dim, y + ulong(row) * dim, distance}, first, n);
    }
  }
  copy_rest(x, y, dim, pairs, rows);
}

/// rope/rope.metal for a core that takes the heads of 16 threadgroups.
kernel void rope_neox_f32(device const float* x [[buffer(0)]],
                          device float* y [[buffer(1)]],
                          constant float* params [[buffer(2)]],
                          device const uint* positions [[buffer(3)]],
                          constant uint2& heads_and_flag [[buffer(4)]],
                          device const float* freq_factors [[buffer(5)]],
                          uint2 group [[threadgroup_position_in_grid]],
                          uint2 size [[dispatch_threads_per_threadgroup]],
                          uint2 grid [[threads_per_grid]]) {
  if (group.x != 0 || group.y % kRowRun != 0) return;
  const bool has_factors = heads_and_flag.y != 0;
  rope_heads(x, y, params, positions, heads_and_flag.x, rows_of(group.y, size.y, grid.y),
             [&](uint i) { return has_factors ? freq_factors[i] : 1.0f; });
}

/// rope/rope.metal for a core that takes the heads of 16 threadgroups.
kernel void rope_neox_bf16(device const bfloat* x [[buffer(0)]],
                           device bfloat* y [[buffer(1)]],
                           constant float* params [[buffer(2)]],
                           device const uint* positions [[buffer(3)]],
                           constant uint2& heads_and_flag [[buffer(4)]],
                           uint2 group [[threadgroup_position_in_grid]],
                           uint2 size [[dispatch_threads_per_threadgroup]],
                           uint2 grid [[threads_per_grid]]) {
  if (group.x != 0 || group.y % kRowRun != 0) return;
  rope_heads(x, y, params, positions, heads_and_flag.x, rows_of(group.y, size.y, grid.y), [](uint) { return 1.0f; });
}
