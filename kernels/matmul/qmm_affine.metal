#include <metal_stdlib>
#include "common/affine.h"
using namespace metal;
using namespace anymetal;

// kernels: qmm_affine_t_f32 qmm_affine_t_f32_tiled
// kernels: qmm_affine_t_f32_simd qmm_affine_t_f32_simd4 qmm_affine_t_f32_simd4_gs64
// kernels: qmm_affine_t_packed_simd4_b2 qmm_affine_t_packed_simd4_b2_gs64 qmm_affine_t_packed_simd4_b2_gs128
// kernels: qmm_affine_t_packed_simd4_b3 qmm_affine_t_packed_simd4_b3_gs64 qmm_affine_t_packed_simd4_b3_gs128
// kernels: qmm_affine_t_packed_simd4_b4 qmm_affine_t_packed_simd4_b4_gs64 qmm_affine_t_packed_simd4_b4_gs128
// kernels: qmm_affine_t_packed_simd4_b6 qmm_affine_t_packed_simd4_b6_gs64 qmm_affine_t_packed_simd4_b6_gs128
// kernels: qmm_affine_t_packed_simd4_b8 qmm_affine_t_packed_simd4_b8_gs64 qmm_affine_t_packed_simd4_b8_gs128

struct Sizes {
  uint m, n, k, group_size;
};

// Code k of row n: a byte, or packed as in common/affine.h.
struct ByteCodes {
  static float at(device const uchar* q, ulong n, uint length, uint k) { return float(q[n * length + k]); }
};
template <uint kBits>
struct PackedCodes {
  static float at(device const uchar* q, ulong n, uint length, uint k) {
    return float(affine_code(q + n * affine_row_bytes(length, kBits), k, kBits));
  }
};

/// y[m, n] = sum over k of x[m, k] * (q[n, k] * scale[n, k / group] + bias[n, k / group]) in f32, one thread per output.
///
/// buffer 0: x f32 [M, K]; 1: q u8 [N, K]; 2: scales f32 [N, K / group]; 3: biases f32 [N, K / group]; 4: y f32 [M, N];
/// 5: u32 {M, N, K, group}
/// grid: threads (M, N). tolerance: 4 sqrt(K) 2^-24 of the sum of |x| (|q scale| + |bias|)
kernel void qmm_affine_t_f32(device const float* x [[buffer(0)]],
                             device const uchar* q [[buffer(1)]],
                             device const float* scales [[buffer(2)]],
                             device const float* biases [[buffer(3)]],
                             device float* y [[buffer(4)]],
                             device const Sizes& s [[buffer(5)]],
                             uint2 at [[thread_position_in_grid]]) {
  if (at.x >= s.m || at.y >= s.n) return;
  const ulong groups = s.k / s.group_size;
  float sum = 0.0f;
  for (uint k = 0; k < s.k; ++k) {
    const ulong group = at.y * groups + k / s.group_size;
    sum += x[ulong(at.x) * s.k + k] * (ByteCodes::at(q, at.y, s.k, k) * scales[group] + biases[group]);
  }
  y[ulong(at.x) * s.n + at.y] = sum;
}

/// The same over a 16 x 16 tile that goes through threadgroup memory, 16 elements of K at a time; groups of 32.
///
/// buffers: as qmm_affine_t_f32 (the group size is not read); threadgroup 0: 2688 bytes, of which 2048 are used
/// grid: threadgroups (ceil(M / 16), ceil(N / 16)), (16, 16) threads. tolerance: as qmm_affine_t_f32
kernel void qmm_affine_t_f32_tiled(device const float* x [[buffer(0)]],
                                   device const uchar* q [[buffer(1)]],
                                   device const float* scales [[buffer(2)]],
                                   device const float* biases [[buffer(3)]],
                                   device float* y [[buffer(4)]],
                                   device const Sizes& s [[buffer(5)]],
                                   threadgroup float* tiles [[threadgroup(0)]],
                                   uint2 group [[threadgroup_position_in_grid]],
                                   uint2 at [[thread_position_in_threadgroup]]) {
  threadgroup float* inputs = tiles;          // [16 rows of x][16]
  threadgroup float* weights = tiles + 256;   // [16][16 rows of q]
  const uint m = group.x * 16 + at.x, n = group.y * 16 + at.y;
  const ulong groups = s.k / 32;
  float sum = 0.0f;
  for (uint k = 0; k < s.k; k += 16) {
    const ulong g = n * groups + k / 32;
    inputs[at.x * 16 + at.y] = m < s.m ? x[ulong(m) * s.k + k + at.y] : 0.0f;
    weights[at.x * 16 + at.y] = n < s.n ? ByteCodes::at(q, n, s.k, k + at.x) * scales[g] + biases[g] : 0.0f;
    threadgroup_barrier(mem_flags::mem_threadgroup);
    for (uint i = 0; i < 16; ++i) sum += inputs[at.x * 16 + i] * weights[i * 16 + at.y];
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
  if (m < s.m && n < s.n) y[ulong(m) * s.n + n] = sum;
}

/// The same with matrix operations: a simdgroup owns kPart x kPart of a kTile x kTile tile, kStep elements of K at a time;
/// groups of kGroup.
///
/// buffers: as qmm_affine_t_f32 (packed: q [N] rows of codes of 2, 3, 4, 6 or 8 bits without padding, those of 8 bits as
/// bytes; the group size is not read); threadgroup 0: 8 kTile kStep bytes, kStep is 32, in f32_simd4_gs64 64
/// grid: threadgroups (ceil(M / kTile), ceil(N / kTile)), 32 threads (kTile 8) or 128 (kTile 32). tolerance: as
/// qmm_affine_t_f32
template <class Codes, uint kTile, uint kPart, uint kStep, uint kGroup>
kernel void qmm_affine_simd(device const float* x [[buffer(0)]],
                            device const uchar* q [[buffer(1)]],
                            device const float* scales [[buffer(2)]],
                            device const float* biases [[buffer(3)]],
                            device float* y [[buffer(4)]],
                            device const Sizes& s [[buffer(5)]],
                            threadgroup float* tiles [[threadgroup(0)]],
                            uint2 group [[threadgroup_position_in_grid]],
                            uint thread_index [[thread_index_in_threadgroup]],
                            uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  const uint kThreads = kTile == 8 ? 32 : 128, kBlocks = kPart / 8;
  threadgroup float* inputs = tiles;                    // [kTile][kStep]
  threadgroup float* weights = tiles + kTile * kStep;  // [kTile][kStep]
  const uint m0 = group.x * kTile, n0 = group.y * kTile;
  const uint m_part = simdgroup / 2 * kPart, n_part = simdgroup % 2 * kPart;
  const ulong groups = s.k / kGroup;

  simdgroup_float8x8 sums[kPart / 8][kPart / 8];
  for (uint i = 0; i < kBlocks; ++i) {
    for (uint j = 0; j < kBlocks; ++j) sums[i][j] = make_filled_simdgroup_matrix<float, 8>(0.0f);
  }
  for (uint k = 0; k < s.k; k += kStep) {
    for (uint i = thread_index; i < kTile * kStep; i += kThreads) {
      const uint row = i / kStep, column = k + i % kStep;
      const ulong g = (n0 + row) * groups + k / kGroup;
      inputs[i] = m0 + row < s.m ? x[ulong(m0 + row) * s.k + column] : 0.0f;
      weights[i] = n0 + row < s.n ? Codes::at(q, n0 + row, s.k, column) * scales[g] + biases[g] : 0.0f;
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    for (uint kk = 0; kk < kStep; kk += 8) {
      simdgroup_float8x8 a[kPart / 8], b[kPart / 8];
      for (uint i = 0; i < kBlocks; ++i) {
        simdgroup_load(a[i], inputs + (m_part + 8 * i) * kStep + kk, kStep);
        simdgroup_load(b[i], weights + (n_part + 8 * i) * kStep + kk, kStep, ulong2(0), true);
      }
      for (uint i = 0; i < kBlocks; ++i) {
        for (uint j = 0; j < kBlocks; ++j) simdgroup_multiply_accumulate(sums[i][j], a[i], b[j], sums[i][j]);
      }
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }

  for (uint i = 0; i < kBlocks; ++i) {
    for (uint j = 0; j < kBlocks; ++j) simdgroup_store(sums[i][j], tiles + (m_part + 8 * i) * kTile + n_part + 8 * j, kTile);
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);
  for (uint i = thread_index; i < kTile * kTile; i += kThreads) {
    const uint m = m0 + i / kTile, n = n0 + i % kTile;
    if (m < s.m && n < s.n) y[ulong(m) * s.n + n] = tiles[i];
  }
}

#define INSTANTIATE(name, Codes, kTile, kPart, kStep, kGroup)                                                              \
  template [[host_name("qmm_affine_t_" name)]] kernel void qmm_affine_simd<Codes, kTile, kPart, kStep, kGroup>(            \
      device const float*, device const uchar*, device const float*, device const float*, device float*, device const Sizes&, \
      threadgroup float*, uint2, uint, uint);
INSTANTIATE("f32_simd", ByteCodes, 8, 8, 32, 32)
INSTANTIATE("f32_simd4", ByteCodes, 32, 16, 32, 32)
INSTANTIATE("f32_simd4_gs64", ByteCodes, 32, 16, 64, 64)
#define FOR_EACH_GROUP(kBits)                                                              \
  INSTANTIATE("packed_simd4_b" #kBits, PackedCodes<kBits>, 32, 16, 32, 32)                 \
  INSTANTIATE("packed_simd4_b" #kBits "_gs64", PackedCodes<kBits>, 32, 16, 32, 64)         \
  INSTANTIATE("packed_simd4_b" #kBits "_gs128", PackedCodes<kBits>, 32, 16, 32, 128)
FOR_EACH_GROUP(2)
FOR_EACH_GROUP(3)
FOR_EACH_GROUP(4)
FOR_EACH_GROUP(6)
FOR_EACH_GROUP(8)
