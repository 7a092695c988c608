#include <metal_stdlib>
#include "common/blocks.h"
#include "common/matmul_params.h"
using namespace metal;
using namespace anymetal;

// kernels: mul_mv_wide_q4_0_f32 mul_mv_wide_q5_0_f32 mul_mv_wide_q5_1_f32 mul_mv_wide_q8_0_f32 mul_mv_wide_iq4_nl_f32
// kernels: mul_mv_wide_q4_K_f32 mul_mv_wide_q5_K_f32 mul_mv_wide_q6_K_f32
// kernels: mul_mv_wide_q4_1_f32 mul_mv_wide_mxfp4_f32 mul_mv_wide_q2_K_f32 mul_mv_wide_q3_K_f32 mul_mv_wide_iq4_xs_f32

/// dst[m, n] = sum over k of W[n, k] * x[m, k]: one thread owns whole weight rows and never waits for another. The form
/// of the quantised mat-vec for devices where a thread is a core with vector registers.
///
/// buffer 0: weight blocks [batch, N, K/QK]; 1: x f32 [batch, M, K]; 2: dst f32 [batch, M, N]; 3: MatVecParams
/// grid: threads (ceil(N / 2), M, batch), any threadgroup size
/// tolerance: 4 sqrt(K) 2^-24 of the sum of absolute products
template <class Block>
kernel void mul_mv_wide(device const uchar* weight [[buffer(0)]],
                        device const float* x [[buffer(1)]],
                        device float* dst [[buffer(2)]],
                        constant MatVecParams& p [[buffer(3)]],
                        uint3 gid [[thread_position_in_grid]]) {
  typedef Lanes<8> L;
  const uint kBlock = BlockTraits<Block>::kElements;
  const ulong n = 2 * ulong(gid.x);
  if (n >= ulong(p.ne01) || gid.y >= ulong(p.ne1)) return;

  const ulong blocks = ulong(p.ne00) / kBlock;
  const ulong batch = (gid.z % ulong(p.ne12)) / p.r2 + gid.z / ulong(p.ne12) / p.r3 * ulong(p.ne02);
  device const Block* row0 = (device const Block*)weight + (batch * ulong(p.ne01) + n) * blocks;
  // An odd last row is computed twice rather than read past the end.
  device const Block* row1 = n + 1 < ulong(p.ne01) ? row0 + blocks : row0;
  device const float* xs = x + (gid.z * ulong(p.ne1) + gid.y) * ulong(p.ne10);

  L::F sum0 = 0.0f, sum1 = 0.0f;
  for (ulong block = 0; block < blocks; ++block) {
#pragma unroll
    for (uint i = 0; i < kBlock; i += 32) {
#pragma unroll
      for (uint j = 0; j < 32; j += 8) {
        const L::F v = L::load(xs + block * kBlock + i + j);
        sum0 += decode<8>(row0[block], i + j) * v;
        sum1 += decode<8>(row1[block], i + j) * v;
      }
    }
  }
  device float* out = dst + (gid.z * ulong(p.ne1) + gid.y) * ulong(p.ne0) + n;
  out[0] = L::sum(sum0);
  if (n + 1 < ulong(p.ne01)) out[1] = L::sum(sum1);
}

#define INSTANTIATE(name, Block) \
  template [[host_name("mul_mv_wide_" name "_f32")]] kernel void mul_mv_wide<Block>( \
      device const uchar*, device const float*, device float*, constant MatVecParams&, uint3);
INSTANTIATE("q4_0", BlockQ4_0)
INSTANTIATE("q5_0", BlockQ5_0)
INSTANTIATE("q5_1", BlockQ5_1)
INSTANTIATE("q8_0", BlockQ8_0)
INSTANTIATE("iq4_nl", BlockIQ4_NL)
INSTANTIATE("q4_K", BlockQ4_K)
INSTANTIATE("q5_K", BlockQ5_K)
INSTANTIATE("q6_K", BlockQ6_K)
INSTANTIATE("q4_1", BlockQ4_1)
INSTANTIATE("mxfp4", BlockMXFP4)
INSTANTIATE("q2_K", BlockQ2_K)
INSTANTIATE("q3_K", BlockQ3_K)
INSTANTIATE("iq4_xs", BlockIQ4_XS)
