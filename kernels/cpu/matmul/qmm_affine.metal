#include <metal_stdlib>
#include "cpu/affine.h"
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

// The product of some rows of x with some of the weights. Codes of 8 bits stand without padding.
inline void multiply(device const float* x, device const uchar* q, device const float* scales, device const float* biases,
                     device float* y, Sizes s, uint group_size, uint bits, Share m, Share n) {
  if (m.count == 0 || n.count == 0) return;
  const ulong groups = s.k / group_size, length = s.k, rows = s.n;
  const AffineMatrix<float> matrix = {q, scales, biases, length * bits / 8, groups, group_size, bits};
  device float* out = y + ulong(m.first) * rows + n.first;
  x += ulong(m.first) * length;
  multiply_affine(matrix, n.first, n.count, m.count, s.k, [=](uint i) { return x + i * length; },
                  [=](uint i) { return out + i * rows; });
}

/// matmul/qmm_affine.metal for a core that takes tiles of several threadgroups.
kernel void qmm_affine_t_f32(device const float* x [[buffer(0)]],
                             device const uchar* q [[buffer(1)]],
                             device const float* scales [[buffer(2)]],
                             device const float* biases [[buffer(3)]],
                             device float* y [[buffer(4)]],
                             device const Sizes& s [[buffer(5)]],
                             uint2 group [[threadgroup_position_in_grid]],
                             uint2 threads [[dispatch_threads_per_threadgroup]]) {
  multiply(x, q, scales, biases, y, s, s.group_size, 8, Share(group.x, threads.x, s.m, kColumns),
           Share(group.y, threads.y, s.n, 64));
}

/// The same with tiles of kTile x kTile and groups of kGroup.
template <uint kBits, uint kTile, uint kGroup>
kernel void qmm_affine_tiles(device const float* x [[buffer(0)]],
                             device const uchar* q [[buffer(1)]],
                             device const float* scales [[buffer(2)]],
                             device const float* biases [[buffer(3)]],
                             device float* y [[buffer(4)]],
                             device const Sizes& s [[buffer(5)]],
                             threadgroup float* tiles [[threadgroup(0)]],
                             uint2 group [[threadgroup_position_in_grid]]) {
  multiply(x, q, scales, biases, y, s, kGroup, kBits, Share(group.x, kTile, s.m, kColumns), Share(group.y, kTile, s.n, 64));
}

#define INSTANTIATE(name, kBits, kTile, kGroup)                                                       \
  template [[host_name("qmm_affine_t_" name)]] kernel void qmm_affine_tiles<kBits, kTile, kGroup>(    \
      device const float*, device const uchar*, device const float*, device const float*, device float*, device const Sizes&, \
      threadgroup float*, uint2);
INSTANTIATE("f32_tiled", 8, 16, 32)
INSTANTIATE("f32_simd", 8, 8, 32)
INSTANTIATE("f32_simd4", 8, 32, 32)
INSTANTIATE("f32_simd4_gs64", 8, 32, 64)
#define FOR_EACH_GROUP(kBits)                                    \
  INSTANTIATE("packed_simd4_b" #kBits, kBits, 32, 32)            \
  INSTANTIATE("packed_simd4_b" #kBits "_gs64", kBits, 32, 64)    \
  INSTANTIATE("packed_simd4_b" #kBits "_gs128", kBits, 32, 128)
FOR_EACH_GROUP(2)
FOR_EACH_GROUP(3)
FOR_EACH_GROUP(4)
FOR_EACH_GROUP(6)
FOR_EACH_GROUP(8)
