#include <metal_stdlib>
#include "common/matmul_params.h"
#include "cpu/dense.h"
using namespace metal;
using namespace anymetal;

// kernels: dense_matvec_f32 dense_matvec_f16 dense_matvec_f16w_f32io dense_matvec_bf16w_f32io hf2q_dense_gemv_bf16_f32_4

struct DenseSizes {
  uint m, n, k;
};

/// matmul/dense_matvec.metal for a core that takes the eight rows of a threadgroup: nothing depends on the thread.
template <class X, class W, class Y>
kernel void dense_matvec(device const X* a [[buffer(0)]],
                         device const W* b [[buffer(1)]],
                         device Y* c [[buffer(2)]],
                         constant DenseSizes& s [[buffer(3)]],
                         uint3 group [[threadgroup_position_in_grid]]) {
  constexpr uint kGroupRows = 8;
  const ulong first = ulong(group.x) * kGroupRows;
  if (first >= s.n) return;
  const uint count = uint(min(ulong(kGroupRows), s.n - first));
  float sums[kGroupRows][1];
  dense_products<W, kGroupRows>((device const uchar*)(b + first * s.k), ulong(s.k) * sizeof(W), s.k, count, a, sums);
  for (uint r = 0; r < count; ++r) c[first + r] = Y(sums[r][0]);
}

#define INSTANTIATE(name, X, W, Y)                                             \
  template [[host_name(name)]] kernel void dense_matvec<X, W, Y>(              \
      device const X*, device const W*, device Y*, constant DenseSizes&, uint3);
INSTANTIATE("dense_matvec_f32", float, float, float)
INSTANTIATE("dense_matvec_f16", half, half, half)
INSTANTIATE("dense_matvec_f16w_f32io", float, half, float)
INSTANTIATE("dense_matvec_bf16w_f32io", float, bfloat, float)

/// The same for the two rows of a threadgroup.
kernel void hf2q_dense_gemv_bf16_f32_4(constant DenseMatVecParams& p [[buffer(0)]],
                                       device const uchar* weight [[buffer(1)]],
                                       device const uchar* x [[buffer(2)]],
                                       device float* dst [[buffer(3)]],
                                       threadgroup float* scratch [[threadgroup(0)]],
                                       uint3 group [[threadgroup_position_in_grid]]) {
  const ulong first = ulong(group.x) * 2, n = ulong(p.ne01);
  if (first >= n) return;
  const uint i12 = group.z % uint(p.ne12), i13 = group.z / uint(p.ne12), count = uint(min(2ul, n - first));
  weight += ulong(i12 / uint(p.r2)) * p.nb02 + ulong(i13 / uint(p.r3)) * p.nb03 + first * p.nb01;
  device const float* xs = (device const float*)(x + group.y * p.nb11 + i12 * p.nb12 + i13 * p.nb13);
  float sums[2][1];
  dense_products<bfloat, 2>(weight, p.nb01, ulong(p.ne00), count, xs, sums);
  device float* out = dst + (group.z * ulong(p.ne1) + group.y) * ulong(p.ne0) + first;
  for (uint r = 0; r < count; ++r) out[r] = sums[r][0];
}
