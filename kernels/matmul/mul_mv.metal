#include <metal_stdlib>
#include "common/blocks.h"
#include "common/matmul_params.h"
#include "common/nvidia.h"
#if ANYMETAL_NVIDIA
#include "nvidia/mat_vec.h"
#endif
using namespace metal;
using namespace anymetal;

// kernels: kernel_mul_mv_q4_0_f32 kernel_mul_mv_q5_0_f32 kernel_mul_mv_q5_1_f32 kernel_mul_mv_q8_0_f32
// kernels: kernel_mul_mv_iq4_nl_f32 kernel_mul_mv_q4_K_f32 kernel_mul_mv_q5_K_f32 kernel_mul_mv_q6_K_f32
// kernels: kernel_mul_mv_q6_K_f32_nr2
// kernels: kernel_mul_mv_q4_1_f32 kernel_mul_mv_mxfp4_f32 kernel_mul_mv_q2_K_f32 kernel_mul_mv_q3_K_f32
// kernels: kernel_mul_mv_iq4_xs_f32

/// dst[m, n] = sum over k of W[n, k] * x[m, k]: each of a threadgroup's two simdgroups takes kRows weight rows, and its
/// lanes share the row in runs of 8 elements. Rows past the last are neither read nor written.
///
/// buffer 0: weight blocks [batch, N, K/QK]; 1: x f32 [batch, M, K]; 2: dst f32 [batch, M, N]; 3: MatVecParams
/// grid: threadgroups (ceil(N / (2 kRows)), M, batch), 64 threads. kRows is 4 for blocks of 32 elements, 1 for those of 256,
/// 2 for q6_K_nr2
/// tolerance: 4 sqrt(K) 2^-24 of the sum of absolute products
template <class Block, int kRows>
kernel void mul_mv(device const uchar* weight [[buffer(0)]],
                   device const float* x [[buffer(1)]],
                   device float* dst [[buffer(2)]],
                   constant MatVecParams& p [[buffer(3)]],
                   uint3 group [[threadgroup_position_in_grid]],
                   uint simdgroup [[simdgroup_index_in_threadgroup]],
                   uint lane [[thread_index_in_simdgroup]]) {
  typedef Lanes<8> L;
  constexpr uint kBlock = BlockTraits<Block>::kElements;
  const long first = (long(group.x) * 2 + simdgroup) * kRows;
  const uint length = uint(p.ne00), blocks = length / kBlock;
  const ulong batch = (group.z % ulong(p.ne12)) / p.r2 + group.z / ulong(p.ne12) / p.r3 * ulong(p.ne02);
  device const Block* rows = (device const Block*)weight + batch * ulong(p.ne01) * blocks;
  device const float* xs = x + (group.z * ulong(p.ne1) + group.y) * ulong(p.ne10);
  device float* out = dst + (group.z * ulong(p.ne1) + group.y) * ulong(p.ne0);

#if ANYMETAL_NVIDIA
  threadgroup MatVecMemory<Block> memory;
  if (nvidia::has_ampere()) {
    return nvidia_mat_vec<Block>(memory, (device const uchar*)rows, FloatInput{xs}, out, group.x, ulong(p.ne01), length, simdgroup, lane);
  }
#endif

  L::F sums[kRows] = {};
  for (uint k = lane * 8; k < length; k += 32 * 8) {
    const L::F v = L::load(xs + k);
    for (int r = 0; r < kRows; ++r) {
      const ulong row = ulong(min(first + r, long(p.ne01) - 1));
      sums[r] += decode<8>(rows[row * blocks + k / kBlock], k % kBlock) * v;
    }
  }
  for (int r = 0; r < kRows; ++r) {
    const float sum = simd_sum(L::sum(sums[r]));
    if (lane == 0 && first + r < long(p.ne01)) out[first + r] = sum;
  }
}

#define INSTANTIATE(name, Block, kRows) \
  template [[host_name("kernel_mul_mv_" name)]] kernel void mul_mv<Block, kRows>( \
      device const uchar*, device const float*, device float*, constant MatVecParams&, uint3, uint, uint);
INSTANTIATE("q4_0_f32", BlockQ4_0, 4)
INSTANTIATE("q5_0_f32", BlockQ5_0, 4)
INSTANTIATE("q5_1_f32", BlockQ5_1, 4)
INSTANTIATE("q8_0_f32", BlockQ8_0, 4)
INSTANTIATE("iq4_nl_f32", BlockIQ4_NL, 4)
INSTANTIATE("q4_K_f32", BlockQ4_K, 1)
INSTANTIATE("q5_K_f32", BlockQ5_K, 1)
INSTANTIATE("q6_K_f32", BlockQ6_K, 1)
INSTANTIATE("q6_K_f32_nr2", BlockQ6_K, 2)
INSTANTIATE("q4_1_f32", BlockQ4_1, 4)
INSTANTIATE("mxfp4_f32", BlockMXFP4, 4)
INSTANTIATE("q2_K_f32", BlockQ2_K, 1)
INSTANTIATE("q3_K_f32", BlockQ3_K, 1)
INSTANTIATE("iq4_xs_f32", BlockIQ4_XS, 1)
