#include <metal_stdlib>
#include "common/matmul_params.h"
#include "cpu/mat_vec.h"
using namespace metal;
using namespace anymetal;

// kernels: kernel_mul_mv_q4_0_f32 kernel_mul_mv_q5_0_f32 kernel_mul_mv_q5_1_f32 kernel_mul_mv_q8_0_f32
// kernels: kernel_mul_mv_iq4_nl_f32 kernel_mul_mv_q4_K_f32 kernel_mul_mv_q5_K_f32 kernel_mul_mv_q6_K_f32
// kernels: kernel_mul_mv_q6_K_f32_nr2
// kernels: kernel_mul_mv_q4_1_f32 kernel_mul_mv_mxfp4_f32 kernel_mul_mv_q2_K_f32 kernel_mul_mv_q3_K_f32
// kernels: kernel_mul_mv_iq4_xs_f32

/// matmul/mul_mv.metal for a core that takes 8 to 64 weight rows, those of one or several threadgroups of 2 kRows: one of them
/// takes the place of all, as the vector has to be read again for every 8 or made ready again. Nothing depends on the thread.
template <class Block, int kRows>
kernel void mul_mv(device const uchar* weight [[buffer(0)]],
                   device const float* x [[buffer(1)]],
                   device float* dst [[buffer(2)]],
                   constant MatVecParams& p [[buffer(3)]],
                   uint3 group [[threadgroup_position_in_grid]]) {
  const ulong first = ulong(group.x) * (2 * kRows), rows = ulong(p.ne01);
  const uint together = rows_together<Block>(rows);
  if (first >= rows || first % together != 0) return;
  const ulong blocks = ulong(p.ne00) / BlockTraits<Block>::kElements;
  const ulong batch = (group.z % ulong(p.ne12)) / p.r2 + group.z / ulong(p.ne12) / p.r3 * ulong(p.ne02);
  const ulong row = group.z * ulong(p.ne1) + group.y;

  threadgroup ReadyVector<Block>& vector = ready_vector<Block>();
  const Columns<float> xs = {{x + row * ulong(p.ne10)}};
  mat_vec_rows<Block>(weight + (batch * rows + first) * blocks * sizeof(Block), blocks, uint(min(ulong(together), rows - first)), xs,
                      ulong(xs.at[0]), vector, dst + row * ulong(p.ne0) + first);
}

#define INSTANTIATE(name, Block, kRows) \
  template [[host_name("kernel_mul_mv_" name)]] kernel void mul_mv<Block, kRows>( \
      device const uchar*, device const float*, device float*, constant MatVecParams&, uint3);
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
