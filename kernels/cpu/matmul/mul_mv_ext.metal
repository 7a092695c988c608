#include <metal_stdlib>
#include "common/matmul_params.h"
#include "cpu/rows.h"
#include "cpu/runtime_constant.h"
using namespace metal;
using namespace anymetal;

// kernels: kernel_mul_mv_ext_q4_0_f32_r1_2 kernel_mul_mv_ext_q4_0_f32_r1_3 kernel_mul_mv_ext_q4_0_f32_r1_4
// kernels: kernel_mul_mv_ext_q4_0_f32_r1_5 kernel_mul_mv_ext_q4_1_f32_r1_2 kernel_mul_mv_ext_q4_1_f32_r1_3
// kernels: kernel_mul_mv_ext_q4_1_f32_r1_4 kernel_mul_mv_ext_q4_1_f32_r1_5 kernel_mul_mv_ext_q5_0_f32_r1_2
// kernels: kernel_mul_mv_ext_q5_0_f32_r1_3 kernel_mul_mv_ext_q5_0_f32_r1_4 kernel_mul_mv_ext_q5_0_f32_r1_5
// kernels: kernel_mul_mv_ext_q5_1_f32_r1_2 kernel_mul_mv_ext_q5_1_f32_r1_3 kernel_mul_mv_ext_q5_1_f32_r1_4
// kernels: kernel_mul_mv_ext_q5_1_f32_r1_5 kernel_mul_mv_ext_q8_0_f32_r1_2 kernel_mul_mv_ext_q8_0_f32_r1_3
// kernels: kernel_mul_mv_ext_q8_0_f32_r1_4 kernel_mul_mv_ext_q8_0_f32_r1_5 kernel_mul_mv_ext_iq4_nl_f32_r1_2
// kernels: kernel_mul_mv_ext_iq4_nl_f32_r1_3 kernel_mul_mv_ext_iq4_nl_f32_r1_4 kernel_mul_mv_ext_iq4_nl_f32_r1_5
// kernels: kernel_mul_mv_ext_mxfp4_f32_r1_2 kernel_mul_mv_ext_mxfp4_f32_r1_3 kernel_mul_mv_ext_mxfp4_f32_r1_4
// kernels: kernel_mul_mv_ext_mxfp4_f32_r1_5 kernel_mul_mv_ext_q2_K_f32_r1_2 kernel_mul_mv_ext_q2_K_f32_r1_3
// kernels: kernel_mul_mv_ext_q2_K_f32_r1_4 kernel_mul_mv_ext_q2_K_f32_r1_5 kernel_mul_mv_ext_q3_K_f32_r1_2
// kernels: kernel_mul_mv_ext_q3_K_f32_r1_3 kernel_mul_mv_ext_q3_K_f32_r1_4 kernel_mul_mv_ext_q3_K_f32_r1_5
// kernels: kernel_mul_mv_ext_q4_K_f32_r1_2 kernel_mul_mv_ext_q4_K_f32_r1_3 kernel_mul_mv_ext_q4_K_f32_r1_4
// kernels: kernel_mul_mv_ext_q4_K_f32_r1_5 kernel_mul_mv_ext_q5_K_f32_r1_2 kernel_mul_mv_ext_q5_K_f32_r1_3
// kernels: kernel_mul_mv_ext_q5_K_f32_r1_4 kernel_mul_mv_ext_q5_K_f32_r1_5 kernel_mul_mv_ext_q6_K_f32_r1_2
// kernels: kernel_mul_mv_ext_q6_K_f32_r1_3 kernel_mul_mv_ext_q6_K_f32_r1_4 kernel_mul_mv_ext_q6_K_f32_r1_5
// kernels: kernel_mul_mv_ext_iq4_xs_f32_r1_2 kernel_mul_mv_ext_iq4_xs_f32_r1_3 kernel_mul_mv_ext_iq4_xs_f32_r1_4
// kernels: kernel_mul_mv_ext_iq4_xs_f32_r1_5

constant int simdgroups [[function_constant(600)]];      // of a threadgroup
constant int lanes_per_row [[function_constant(601)]];  // lanes that share a weight row: a power of two, 32 at most

/// matmul/mul_mv_ext.metal for a core that takes all weight rows of a threadgroup: nothing depends on the thread.
template <class Block, int kColumns>
kernel void mul_mv_ext(constant MatVecExtParams& p [[buffer(0)]],
                       device const uchar* weight [[buffer(1)]],
                       device const uchar* x [[buffer(2)]],
                       device float* dst [[buffer(3)]],
                       uint3 group [[threadgroup_position_in_grid]]) {
  constexpr uint kTogether = 4;  // weight rows whose sums stay in registers
  const ulong group_rows = __msl_runtime_constant(32 / uint(lanes_per_row) * uint(simdgroups));
  const ulong rows = ulong(p.ne01), tokens = ulong(p.ne11);
  const ulong begin = group.x * group_rows, end = min(begin + group_rows, rows), first = ulong(group.y) * kColumns;
  if (begin >= rows || first >= tokens) return;

  const uint i12 = group.z % uint(p.ne12), i13 = group.z / uint(p.ne12);
  weight += ulong(i12 / uint(p.r2) % uint(p.ne02)) * p.nb02 + ulong(i13 / uint(p.r3)) * p.nb03;
  x += i12 * p.nb12 + i13 * p.nb13;
  Columns<float, kColumns> xs;
#pragma unroll
  for (uint c = 0; c < kColumns; ++c) xs.at[c] = (device const float*)(x + min(first + c, tokens - 1) * p.nb11);

  device float* out = dst + (group.z * ulong(p.ne1) + first) * ulong(p.ne0);
  const uint live = uint(min(ulong(kColumns), tokens - first));
#pragma unroll 1
  for (ulong n = begin; n < end; n += kTogether) {
    const uint count = uint(min(ulong(kTogether), end - n));
    float sums[kTogether][kColumns];
    row_products<Block, kTogether, kColumns>(weight + n * p.nb01, p.nb01, ulong(p.ne00) / BlockTraits<Block>::kElements, count,
                                             xs, sums);
#pragma clang loop vectorize(disable) unroll(disable)
    for (uint c = 0; c < live; ++c) {
#pragma clang loop vectorize(disable) unroll(disable)
      for (uint r = 0; r < count; ++r) out[c * ulong(p.ne0) + n + r] = sums[r][c];
    }
  }
}

#define INSTANTIATE(name, Block, kColumns)                                                                     \
  template [[host_name("kernel_mul_mv_ext_" name "_f32_r1_" #kColumns)]] kernel void mul_mv_ext<Block, kColumns>( \
      constant MatVecExtParams&, device const uchar*, device const uchar*, device float*, uint3);
#define FOR_EACH_COUNT(name, Block) \
  INSTANTIATE(name, Block, 2) INSTANTIATE(name, Block, 3) INSTANTIATE(name, Block, 4) INSTANTIATE(name, Block, 5)
FOR_EACH_BLOCK_FORMAT(FOR_EACH_COUNT)
