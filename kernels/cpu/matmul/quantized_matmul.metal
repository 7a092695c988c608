#include <metal_stdlib>
#include "cpu/affine.h"
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
  uint weight_stride;                 // bytes between experts
  uint scales_stride, biases_stride;  // elements between experts
};
static_assert(sizeof(AffineExpertParams) == 40, "layout");

template <class Params>
AffineMatrix<bfloat> matrix_of(device const uchar* codes, device const bfloat* scales, device const bfloat* biases, Params p) {
  return {codes, scales, biases, affine_row_bytes(p.k, p.bits), (ulong(p.k) + p.group_size - 1) / p.group_size, p.group_size,
          p.bits};
}

/// matmul/quantized_matmul.metal for a core that takes the outputs of several threadgroups. Weights and activations keep
/// their f32 values.
kernel void quantized_matmul(device const float* x [[buffer(0)]],
                             device const uchar* codes [[buffer(1)]],
                             device const bfloat* scales [[buffer(2)]],
                             device const bfloat* biases [[buffer(3)]],
                             device float* out [[buffer(4)]],
                             device const AffineParams& p [[buffer(5)]],
                             uint2 group [[threadgroup_position_in_grid]],
                             uint2 threads [[dispatch_threads_per_threadgroup]]) {
  const Share m(group.y, threads.y, p.m, kColumns), n(group.x, threads.x, p.n, 64);
  if (m.count == 0 || n.count == 0) return;
  const ulong length = p.k, rows = p.n;
  x += ulong(m.first) * length;
  out += ulong(m.first) * rows + n.first;
  multiply_affine(matrix_of(codes, scales, biases, p), n.first, n.count, m.count, p.k, [=](uint i) { return x + i * length; },
                  [=](uint i) { return out + i * rows; });
}

/// The same with the matrix of an expert for each row; zeros for an id past the last one.
kernel void quantized_matmul_id(device const float* x [[buffer(0)]],
                                device const uchar* codes [[buffer(1)]],
                                device const bfloat* scales [[buffer(2)]],
                                device const bfloat* biases [[buffer(3)]],
                                device const uint* ids [[buffer(4)]],
                                device float* out [[buffer(5)]],
                                device const AffineExpertParams& p [[buffer(6)]],
                                uint2 group [[threadgroup_position_in_grid]],
                                uint2 threads [[dispatch_threads_per_threadgroup]]) {
  const ulong all = ulong(p.m) * p.experts_per_token, last = min((ulong(group.y) + 1) * threads.y, all);
  const Share n(group.x, threads.x, p.n, 64);
  for (ulong r = ulong(group.y) * threads.y; r < last; ++r) {
    const ulong expert = ids[r];
    device float* to = out + r * p.n + n.first;
    if (expert >= p.experts) {
      for (uint i = 0; i < n.count; ++i) to[i] = 0.0f;
      continue;
    }
    device const float* row = x + r / p.experts_per_token * p.k;
    multiply_few(matrix_of(codes + expert * p.weight_stride, scales + expert * p.scales_stride,
                           biases + expert * p.biases_stride, p),
                 n.first, n.count, 1, p.k, [=](uint) { return row; }, [=](uint, uint i, float sum) { to[i] = sum; });
  }
}

// The eight columns of a threadgroup in as many rows as share a weight's decoding.
template <class T>
void multiply_columns(device const T* x, device const uchar* codes, device const bfloat* scales, device const bfloat* biases,
                      device T* out, AffineParams p, uint2 group) {
  const Share m(group.x, 1, p.m, kFewRows), n(group.y, 8, p.n, 8);
  if (m.count == 0 || n.count == 0) return;
  const ulong length = p.k, rows = p.n;
  x += ulong(m.first) * length;
  out += ulong(m.first) * rows + n.first;
  multiply_few(matrix_of(codes, scales, biases, p), n.first, n.count, m.count, p.k, [=](uint i) { return x + i * length; },
               [=](uint i, uint j, float sum) { out[i * rows + j] = T(sum); });
}

/// matmul/quantized_matmul.metal for a core that takes a threadgroup's columns. Weights and activations keep their f32 values.
template <class T>
kernel void quantized_matmul_columns(device const T* x [[buffer(0)]],
                                     device const uchar* codes [[buffer(1)]],
                                     device const bfloat* scales [[buffer(2)]],
                                     device const bfloat* biases [[buffer(3)]],
                                     device T* out [[buffer(4)]],
                                     device const AffineParams& p [[buffer(5)]],
                                     uint2 group [[threadgroup_position_in_grid]]) {
  multiply_columns(x, codes, scales, biases, out, p, group);
}

template [[host_name("quantized_matmul_simd")]] kernel void quantized_matmul_columns<float>(
    device const float*, device const uchar*, device const bfloat*, device const bfloat*, device float*,
    device const AffineParams&, uint2);
template [[host_name("quantized_matmul_simd_bf16")]] kernel void quantized_matmul_columns<bfloat>(
    device const bfloat*, device const uchar*, device const bfloat*, device const bfloat*, device bfloat*,
    device const AffineParams&, uint2);

/// The same with the matrix at byte offsets into stacked buffers.
kernel void quantized_matmul_simd_bf16_expert(device const bfloat* x [[buffer(0)]],
                                              device const uchar* codes [[buffer(1)]],
                                              device const uchar* scales [[buffer(2)]],
                                              device const uchar* biases [[buffer(3)]],
                                              device bfloat* out [[buffer(4)]],
                                              device const AffineParams& p [[buffer(5)]],
                                              device const uint& codes_offset [[buffer(6)]],
                                              device const uint& scales_offset [[buffer(7)]],
                                              device const uint& biases_offset [[buffer(8)]],
                                              uint2 group [[threadgroup_position_in_grid]]) {
  multiply_columns(x, codes + codes_offset, (device const bfloat*)(scales + scales_offset),
                   (device const bfloat*)(biases + biases_offset), out, p, group);
}
