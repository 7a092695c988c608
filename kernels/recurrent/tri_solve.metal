#include <metal_stdlib>
#include "common/nvidia.h"
#if ANYMETAL_NVIDIA
#include "nvidia/block_inverse.h"
#include "nvidia/substitution.h"
#endif
using namespace metal;

// kernels: tri_solve_lower_unit_f32 tri_solve_lower_unit_bf16 chunk_tri_solve_invert_f32

struct SolveShape {
  uint n, m, batches;
};

/// X with L X = B, L lower triangular with a unit diagonal: x[i] = b[i] - sum over j < i of L[i, j] * x[j]. The diagonal of
/// L and what is above it are not used. In f32; each x[i] is rounded when stored and used rounded.
///
/// buffer 0: L [batch, N, N]; 1: B [batch, N, M]; 2: X [batch, N, M]; 3: u32 {N, M, batch}
/// grid: threads (M, batch). X may be B. tolerance: f32 2^-21, bf16 2^-8 of what a relative error of 1 in every term can
/// come to
template <class T>
kernel void tri_solve_lower_unit(device const T* L [[buffer(0)]],
                                 device const T* B [[buffer(1)]],
                                 device T* X [[buffer(2)]],
                                 constant SolveShape& shape [[buffer(3)]],
                                 uint2 at [[thread_position_in_grid]],
                                 uint2 in_group [[thread_position_in_threadgroup]],
                                 uint2 size [[threads_per_threadgroup]]) {
  const SolveShape s = shape;
  const ulong column = ulong(at.y) * s.n * s.m + at.x;
#if ANYMETAL_NVIDIA
  // A thread's column in registers, L in threadgroup memory.
  if (s.n <= anymetal::kColumn && size.y == 1) {
    if (at.y >= s.batches) return;
    threadgroup float rows[anymetal::kColumn * anymetal::kColumn];
    L += ulong(at.y) * s.n * s.n;
    anymetal::stage<float>(s.n * s.n, in_group.x, size.x, [&](uint i) { return float(L[i]); },
                    [&](uint i, float v) { rows[i / s.n * anymetal::kColumn + i % s.n] = v; });
    threadgroup_barrier(mem_flags::mem_threadgroup);
    float x[anymetal::kColumn];
#pragma unroll
    for (uint i = 0; i < anymetal::kColumn; ++i) x[i] = i < s.n && at.x < s.m ? float(B[column + ulong(i) * s.m]) : 0.0f;
    anymetal::substitute<T>(x, rows, s.n);
#pragma unroll
    for (uint i = 0; i < anymetal::kColumn; ++i) {
      if (i < s.n && at.x < s.m) X[column + ulong(i) * s.m] = T(x[i]);
    }
    return;
  }
#endif
  if (at.x >= s.m || at.y >= s.batches) return;
  L += ulong(at.y) * s.n * s.n;
  for (uint i = 0; i < s.n; ++i) {
    float x = float(B[column + ulong(i) * s.m]);
    for (uint j = 0; j < i; ++j) x -= float(L[ulong(i) * s.n + j]) * float(X[column + ulong(j) * s.m]);
    X[column + ulong(i) * s.m] = T(x);
  }
}

#define INSTANTIATE(name, T) \
  template [[host_name("tri_solve_lower_unit_" name)]] kernel void tri_solve_lower_unit<T>( \
      device const T*, device const T*, device T*, constant SolveShape&, uint2, uint2, uint2);
INSTANTIATE("f32", float)
INSTANTIATE("bf16", bfloat)

struct InvertShape {
  uint batches, tokens, heads, chunk;
};
static_assert(sizeof(InvertShape) == 16, "layout");

/// X = (I + A)^-1 per chunk of BT tokens and head, of A only what is below the diagonal. X is written whole: zeros above,
/// ones on the diagonal. The last chunk of a sequence may be short.
///
/// buffer 0: A [B, T, H, BT]; 1: X [B, T, H, BT]; 2: u32 {B, T, H, BT}; threadgroup 0: 4 BT (BT + 1) bytes
/// grid: threadgroups (ceil(T / BT), H, B), any threadgroup size, BT the usual. X may be A
/// tolerance: 2^-22 of what a relative error of 1 in every term can come to
kernel void chunk_tri_solve_invert_f32(device const float* A [[buffer(0)]],
                                       device float* X [[buffer(1)]],
                                       constant InvertShape& shape [[buffer(2)]],
                                       threadgroup float* columns [[threadgroup(0)]],
                                       uint3 group [[threadgroup_position_in_grid]],
                                       uint index [[thread_index_in_threadgroup]],
                                       uint3 size [[threads_per_threadgroup]]) {
  const InvertShape s = shape;
  const ulong begin = ulong(group.x) * s.chunk;
  if (begin >= s.tokens || group.y >= s.heads || group.z >= s.batches) return;
  const uint rows = uint(min(ulong(s.tokens) - begin, ulong(s.chunk)));
  const uint pitch = s.chunk + 1;  // columns of neighbouring threads start in different banks
  const ulong step = ulong(s.heads) * s.chunk;
  const ulong block = ((ulong(group.z) * s.tokens + begin) * s.heads + group.y) * s.chunk;

#if ANYMETAL_NVIDIA
  if (s.chunk == anymetal::kInverseRows && size.x >= anymetal::kInverseRows && size.y * size.z == 1) {
    const auto place = [&](uint i) { return block + i / 16 * step + i % 16 * 4; };  // of the i-th four elements
    threadgroup float4* fours = (threadgroup float4*)columns;
    const bool aligned = (((ulong)A | (ulong)X) & 15) == 0;
    if (aligned) {
      anymetal::stage<float4>(64 * 16, index, size.x, [&](uint i) { return i / 16 < rows ? *(device const float4*)(A + place(i)) : float4(0.0f); },
                              [&](uint i, float4 v) { fours[i] = v; });
    } else {
      anymetal::stage<float>(64 * 64, index, size.x, [&](uint i) { return i / 64 < rows ? A[place(i / 4) + i % 4] : 0.0f; },
                             [&](uint i, float v) { columns[i] = v; });
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    anymetal::invert_unit_lower<64>(columns, index);
    if (aligned) {
      for (uint i = index; i < rows * 16; i += size.x) *(device float4*)(X + place(i)) = fours[i];
    } else {
      for (uint i = index; i < rows * 64; i += size.x) X[place(i / 4) + i % 4] = columns[i];
    }
    return;
  }
#endif

  // Forward substitution, column j of X as a row of threadgroup memory that its thread alone uses.
  for (uint j = index; j < s.chunk; j += size.x) {
    threadgroup float* x = columns + j * pitch;
    for (uint i = 0; i < rows; ++i) {
      float sum = i == j ? 1.0f : 0.0f;
      for (uint k = 0; k < i; ++k) sum -= A[block + i * step + k] * x[k];
      x[i] = sum;
    }
  }
  threadgroup_barrier(mem_flags::mem_device | mem_flags::mem_threadgroup);
  for (uint j = index; j < s.chunk; j += size.x) {
    for (uint i = 0; i < rows; ++i) X[block + i * step + j] = columns[j * pitch + i];
  }
}
