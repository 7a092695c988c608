#include <metal_stdlib>
#include "common/elements.h"
#if ANYMETAL_NVIDIA
#include "nvidia/transposed_block.h"
#endif
using namespace metal;
using namespace anymetal;

// kernels: permute_021_f32 permute_021_bf16 permute_021_bf16_to_f32 transpose_last2_bf16 transpose_last2_f16
// kernels: transpose_2d_f32 transpose_2d_f16

struct Extents {
  uint a, b, c;
};

/// out[b, a, c] = x[a, b, c]: the first two axes change places, the last stays contiguous.
///
/// buffer 0: x [A, B, C]; 1: out [B, A, C]; 2: u32 {A, B, C}
/// grid: threads (C, B, A). out may not be x. tolerance: exact
template <class From, class To>
kernel void permute_021(device const From* x [[buffer(0)]],
                        device To* out [[buffer(1)]],
                        constant Extents& e [[buffer(2)]],
                        uint3 at [[thread_position_in_grid]],
                        uint3 in_group [[thread_position_in_threadgroup]],
                        uint3 group [[threadgroup_position_in_grid]],
                        uint3 size [[threads_per_threadgroup]]) {
#if ANYMETAL_NVIDIA
  // Sixteen bytes a thread, in every fourth or eighth threadgroup along x.
  constexpr uint kRun = 16 / sizeof(From), kRows = 4;
  if (sizeof(From) == 2 && sizeof(To) == 2) {
    nvidia::take_every_threadgroup<kRun, kRows>();
    if (group.x % kRun != 0 || group.y % kRows != 0 || at.z >= e.a) return;
    const uint begin = at.x - in_group.x, run = begin + kRun * in_group.x;
    const auto from = [&](uint b, uint c) { return x + (ulong(at.z) * e.b + b) * e.c + c; };
    const auto to = [&](uint b, uint c) { return out + (ulong(b) * e.a + at.z) * e.c + c; };
    const ElementThread rows = {at.y, group.y, size.y};
    if (e.c % kRun == 0 && (ulong(x) | ulong(out)) % 16 == 0) {
      if (run >= e.c) return;
      for_each_own<kRows>(rows, e.b, [&](uint b) { return *(device const uint4*)from(b, run); }, [&](uint b, uint4 v) { *(device uint4*)to(b, run) = v; });
    } else {
      for (uint c = begin + in_group.x, j = 0; j < kRun && c < e.c; ++j, c += size.x) {
        for_each_own<kRows>(rows, e.b, [&](uint b) { return To(*from(b, c)); }, [&](uint b, To v) { *to(b, c) = v; });
      }
    }
    return;
  }
#endif
  if (at.x >= e.c || at.z >= e.a) return;
  for_row<16 / sizeof(From)>({at.y, group.y, size.y}, e.b, [&](uint b) { return To(x[(ulong(at.z) * e.b + b) * e.c + at.x]); },
                             [&](uint b, To v) { out[(ulong(b) * e.a + at.z) * e.c + at.x] = v; });
}

/// out[a, c, b] = x[a, b, c].
///
/// buffer 0: x [A, B, C]; 1: out [A, C, B]; 2: u32 {A, B, C}
/// grid: threads (B, C, A). out may not be x. tolerance: exact
template <class T>
kernel void transpose_last2(device const T* x [[buffer(0)]],
                            device T* out [[buffer(1)]],
                            constant Extents& e [[buffer(2)]],
                            uint3 at [[thread_position_in_grid]],
                            uint3 in_group [[thread_position_in_threadgroup]],
                            uint3 group [[threadgroup_position_in_grid]],
                            uint3 size [[threads_per_threadgroup]]) {
#if ANYMETAL_NVIDIA
  threadgroup uint words[8 * 1024];  // for any threadgroup
  const bool there = at.z < e.a;
  const ulong plane = there ? ulong(at.z) * e.b * e.c : 0;
  transpose_plane<true>(words, x + plane, out + plane, e.b, e.c, there, at.xy, in_group, group.xy, size);
  return;
#endif
  if (at.x >= e.b || at.y >= e.c || at.z >= e.a) return;
  out[(ulong(at.z) * e.c + at.y) * e.b + at.x] = x[(ulong(at.z) * e.b + at.x) * e.c + at.y];
}

/// out[c, r] = x[r, c].
///
/// buffer 0: x [rows, cols]; 1: out [cols, rows]; 2: u32 {rows, cols}
/// grid: threads (cols, rows). out may not be x. tolerance: exact
template <class T>
kernel void transpose_2d(device const T* x [[buffer(0)]],
                         device T* out [[buffer(1)]],
                         constant uint2& shape [[buffer(2)]],
                         uint2 at [[thread_position_in_grid]],
                         uint2 in_group [[thread_position_in_threadgroup]],
                         uint2 group [[threadgroup_position_in_grid]],
                         uint2 size [[threads_per_threadgroup]]) {
#if ANYMETAL_NVIDIA
  threadgroup uint words[kTransposedBlock * sizeof(T) / sizeof(uint)];
  transpose_plane<false>(words, x, out, shape.x, shape.y, true, at, uint3(in_group, 0), group, uint3(size, 1));
  return;
#endif
  if (at.x >= shape.y || at.y >= shape.x) return;
  out[ulong(at.x) * shape.x + at.y] = x[ulong(at.y) * shape.y + at.x];
}

template [[host_name("permute_021_f32")]] kernel void permute_021<float, float>(device const float*, device float*, constant Extents&, uint3, uint3, uint3, uint3);
template [[host_name("permute_021_bf16")]] kernel void permute_021<bfloat, bfloat>(device const bfloat*, device bfloat*, constant Extents&, uint3, uint3, uint3, uint3);
template [[host_name("permute_021_bf16_to_f32")]] kernel void permute_021<bfloat, float>(device const bfloat*, device float*, constant Extents&, uint3, uint3, uint3, uint3);
template [[host_name("transpose_last2_bf16")]] kernel void transpose_last2<bfloat>(device const bfloat*, device bfloat*, constant Extents&, uint3, uint3, uint3, uint3);
template [[host_name("transpose_last2_f16")]] kernel void transpose_last2<half>(device const half*, device half*, constant Extents&, uint3, uint3, uint3, uint3);
template [[host_name("transpose_2d_f32")]] kernel void transpose_2d<float>(device const float*, device float*, constant uint2&, uint2, uint2, uint2, uint2);
template [[host_name("transpose_2d_f16")]] kernel void transpose_2d<half>(device const half*, device half*, constant uint2&, uint2, uint2, uint2, uint2);
