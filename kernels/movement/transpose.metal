#include <metal_stdlib>
#include "common/nvidia.h"
using namespace metal;

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
                        uint3 at [[thread_position_in_grid]]) {
  if (at.x >= e.c || at.y >= e.b || at.z >= e.a) return;
  out[(ulong(at.y) * e.a + at.z) * e.c + at.x] = To(x[(ulong(at.z) * e.b + at.y) * e.c + at.x]);
}

#if ANYMETAL_NVIDIA
// Moves the threadgroup's block of x, a thread an element, through threadgroup memory, so that neighbours of a simdgroup read
// neighbours of x and write neighbours of out. All threads must call; 2048 elements of `tile`.
template <class T>
void transpose_block(device const T* x, device T* out, threadgroup T* tile, uint2 shape, uint2 at, uint2 in_group, uint2 size) {
  const uint index = in_group.y * size.x + in_group.x, pitch = size.y + 1;
  if (at.x < shape.y && at.y < shape.x) tile[in_group.x * pitch + in_group.y] = x[ulong(at.y) * shape.y + at.x];
  threadgroup_barrier(mem_flags::mem_threadgroup);
  const uint2 written = uint2(index / size.y, index % size.y), to = at - in_group + written;
  if (to.x < shape.y && to.y < shape.x) out[ulong(to.x) * shape.x + to.y] = tile[written.x * pitch + written.y];
}
#endif

/// out[a, c, b] = x[a, b, c].
///
/// buffer 0: x [A, B, C]; 1: out [A, C, B]; 2: u32 {A, B, C}
/// grid: threads (B, C, A). out may not be x. tolerance: exact
template <class T>
kernel void transpose_last2(device const T* x [[buffer(0)]],
                            device T* out [[buffer(1)]],
                            constant Extents& e [[buffer(2)]],
                            uint3 at [[thread_position_in_grid]]) {
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
                         uint2 size [[threads_per_threadgroup]]) {
#if ANYMETAL_NVIDIA
  threadgroup T tile[2048];
  transpose_block(x, out, tile, shape, at, in_group, size);
  return;
#endif
  if (at.x >= shape.y || at.y >= shape.x) return;
  out[ulong(at.x) * shape.x + at.y] = x[ulong(at.y) * shape.y + at.x];
}

template [[host_name("permute_021_f32")]] kernel void permute_021<float, float>(device const float*, device float*, constant Extents&, uint3);
template [[host_name("permute_021_bf16")]] kernel void permute_021<bfloat, bfloat>(device const bfloat*, device bfloat*, constant Extents&, uint3);
template [[host_name("permute_021_bf16_to_f32")]] kernel void permute_021<bfloat, float>(device const bfloat*, device float*, constant Extents&, uint3);
template [[host_name("transpose_last2_bf16")]] kernel void transpose_last2<bfloat>(device const bfloat*, device bfloat*, constant Extents&, uint3);
template [[host_name("transpose_last2_f16")]] kernel void transpose_last2<half>(device const half*, device half*, constant Extents&, uint3);
template [[host_name("transpose_2d_f32")]] kernel void transpose_2d<float>(device const float*, device float*, constant uint2&, uint2, uint2, uint2);
template [[host_name("transpose_2d_f16")]] kernel void transpose_2d<half>(device const half*, device half*, constant uint2&, uint2, uint2, uint2);
