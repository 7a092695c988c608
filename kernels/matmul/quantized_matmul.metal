#include <metal_stdlib>
#include "common/affine.h"
using namespace metal;
using namespace anymetal;

// kernels: quantized_matmul quantized_matmul_id quantized_matmul_simd_bf16_expert
// kernels: quantized_matmul_simd quantized_matmul_simd_bf16

struct AffineParams {
  uint m, k, n, group_size, bits;
};
static_assert(sizeof(AffineParams) == 20, "layout");

struct AffineExpertParams {
  uint m, k, n, group_size, bits;
  uint experts_per_token, experts;
  uint weight_stride;                // bytes between experts
  uint scales_stride, biases_stride;  // elements between experts
};
static_assert(sizeof(AffineExpertParams) == 40, "layout");

// Sum over k of bf16(x[k]) * bf16(code * scale + bias), k ascending.
inline float rounded_product(device const float* x, device const uchar* row, device const bfloat* scales,
                             device const bfloat* biases, uint length, uint group_size, uint bits) {
  float sum = 0.0f;
  for (uint k = 0; k < length; ++k) {
    const uint group = k / group_size;
    const bfloat w = bfloat(float(affine_code(row, k, bits)) * float(scales[group]) + float(biases[group]));
    sum += float(w) * float(bfloat(x[k]));
  }
  return sum;
}

inline ulong groups_of(uint length, uint group_size) { return (ulong(length) + group_size - 1) / group_size; }

/// out[m, n] = sum over k of bf16(x[m, k]) * bf16(w[n, k]) in f32, codes of 2, 3, 4, 6 or 8 bits. Any K.
///
/// buffer 0: x f32 [M, K]; 1: codes [N, packed row]; 2: scales bf16 [N, groups]; 3: biases bf16 [N, groups];
/// 4: out f32 [M, N]; 5: u32 {M, K, N, group_size, bits}
/// grid: threads (N, M). tolerance: 2^-7 of the sum of |x| (|code scale| + |bias|)
kernel void quantized_matmul(device const float* x [[buffer(0)]],
                             device const uchar* codes [[buffer(1)]],
                             device const bfloat* scales [[buffer(2)]],
                             device const bfloat* biases [[buffer(3)]],
                             device float* out [[buffer(4)]],
                             device const AffineParams& p [[buffer(5)]],
                             uint2 at [[thread_position_in_grid]]) {
  if (at.x >= p.n || at.y >= p.m) return;
  const ulong groups = groups_of(p.k, p.group_size);
  out[ulong(at.y) * p.n + at.x] =
      rounded_product(x + ulong(at.y) * p.k, codes + at.x * affine_row_bytes(p.k, p.bits), scales + at.x * groups,
                      biases + at.x * groups, p.k, p.group_size, p.bits);
}

/// quantized_matmul with the matrix ids[m, slot] names for every slot of a row; an id past the last expert gives zeros.
///
/// buffer 0: x f32 [M, K]; 1: codes [experts, N, packed row]; 2: scales bf16 [experts, N, groups]; 3: biases, as scales;
/// 4: ids u32 [M, slots]; 5: out f32 [M, slots, N]; 6: AffineExpertParams
/// grid: threads (N, M * slots). tolerance: as quantized_matmul
kernel void quantized_matmul_id(device const float* x [[buffer(0)]],
                                device const uchar* codes [[buffer(1)]],
                                device const bfloat* scales [[buffer(2)]],
                                device const bfloat* biases [[buffer(3)]],
                                device const uint* ids [[buffer(4)]],
                                device float* out [[buffer(5)]],
                                device const AffineExpertParams& p [[buffer(6)]],
                                uint2 at [[thread_position_in_grid]]) {
  const ulong row = at.y, groups = groups_of(p.k, p.group_size);
  if (at.x >= p.n || row >= ulong(p.m) * p.experts_per_token) return;
  const ulong expert = ids[row];
  float sum = 0.0f;
  if (expert < p.experts) {
    sum = rounded_product(x + row / p.experts_per_token * p.k,
                          codes + expert * p.weight_stride + at.x * affine_row_bytes(p.k, p.bits),
                          scales + expert * p.scales_stride + at.x * groups, biases + expert * p.biases_stride + at.x * groups,
                          p.k, p.group_size, p.bits);
  }
  out[row * p.n + at.x] = sum;
}

// One row of out in simdgroups of four columns: scale * sum of q x + bias * sum of x over every run of a lane that lies in
// one group. Runs are 8 elements, shorter where a group or the row ends.
template <class T>
void simd_product(device const T* x, device const uchar* codes, device const bfloat* scales, device const bfloat* biases,
                  device T* out, device const AffineParams& p, uint2 group, uint simdgroup, uint lane) {
  const ulong groups = groups_of(p.k, p.group_size), row_bytes = affine_row_bytes(p.k, p.bits);
  device const T* xs = x + ulong(group.x) * p.k;
  for (uint column = 0; column < 4; ++column) {
    const uint n = group.y * 8 + simdgroup * 4 + column;
    if (n >= p.n) return;
    float sum = 0.0f;
    for (uint first = lane * 8; first < p.k; first += 32 * 8) {
      const uint end = min(first + 8, p.k);
      for (uint k = first; k < end;) {
        const uint stop = min(end, (k / p.group_size + 1) * p.group_size);
        const ulong g = n * groups + k / p.group_size;
        float products = 0.0f, inputs = 0.0f;
        for (; k < stop; ++k) {
          const float v = float(bfloat(xs[k]));
          products += float(affine_code(codes + n * row_bytes, k, p.bits)) * v;
          inputs += v;
        }
        sum += float(scales[g]) * products + float(biases[g]) * inputs;
      }
    }
    const float total = simd_sum(sum);
    if (lane == 0) out[ulong(group.x) * p.n + n] = T(total);
  }
}

/// out[m, n] = sum over k of bf16(x[m, k]) * (code * scale + bias) in f32; bf16 results are rounded once. Codes of 2, 3,
/// 4, 6 or 8 bits, any K, N and group size.
///
/// buffer 0: x [M, K]; 1: codes [N, packed row]; 2: scales bf16 [N, groups]; 3: biases bf16 [N, groups]; 4: out [M, N];
/// 5: u32 {M, K, N, group_size, bits}
/// grid: threadgroups (M, ceil(N / 8)), (32, 2) threads
/// tolerance: 2^-8 of the sum of |x| (|code scale| + |bias|), for bf16 also 2^-8 |ref|
template <class T>
kernel void quantized_matmul_lanes(device const T* x [[buffer(0)]],
                                   device const uchar* codes [[buffer(1)]],
                                   device const bfloat* scales [[buffer(2)]],
                                   device const bfloat* biases [[buffer(3)]],
                                   device T* out [[buffer(4)]],
                                   device const AffineParams& p [[buffer(5)]],
                                   uint2 group [[threadgroup_position_in_grid]],
                                   uint simdgroup [[simdgroup_index_in_threadgroup]],
                                   uint lane [[thread_index_in_simdgroup]]) {
  simd_product(x, codes, scales, biases, out, p, group, simdgroup, lane);
}

template [[host_name("quantized_matmul_simd")]] kernel void quantized_matmul_lanes<float>(
    device const float*, device const uchar*, device const bfloat*, device const bfloat*, device float*,
    device const AffineParams&, uint2, uint, uint);
template [[host_name("quantized_matmul_simd_bf16")]] kernel void quantized_matmul_lanes<bfloat>(
    device const bfloat*, device const uchar*, device const bfloat*, device const bfloat*, device bfloat*,
    device const AffineParams&, uint2, uint, uint);

/// quantized_matmul_simd_bf16 with the matrix at byte offsets into stacked buffers.
///
/// buffers 0 .. 5: as quantized_matmul_simd_bf16, 1 to 3 stacked; 6: u32 offset of the codes, a multiple of 4; 7: of the
/// scales, 8: of the biases, multiples of 2
/// grid and tolerance: as quantized_matmul_simd_bf16
kernel void quantized_matmul_simd_bf16_expert(device const bfloat* x [[buffer(0)]],
                                              device const uchar* codes [[buffer(1)]],
                                              device const uchar* scales [[buffer(2)]],
                                              device const uchar* biases [[buffer(3)]],
                                              device bfloat* out [[buffer(4)]],
                                              device const AffineParams& p [[buffer(5)]],
                                              device const uint& codes_offset [[buffer(6)]],
                                              device const uint& scales_offset [[buffer(7)]],
                                              device const uint& biases_offset [[buffer(8)]],
                                              uint2 group [[threadgroup_position_in_grid]],
                                              uint simdgroup [[simdgroup_index_in_threadgroup]],
                                              uint lane [[thread_index_in_simdgroup]]) {
  simd_product(x, codes + codes_offset, (device const bfloat*)(scales + scales_offset),
               (device const bfloat*)(biases + biases_offset), out, p, group, simdgroup, lane);
}
