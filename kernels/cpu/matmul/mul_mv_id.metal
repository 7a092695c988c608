#include <metal_stdlib>
#include "common/matmul_params.h"
#include "cpu/mat_vec.h"
#include "cpu/runtime_constant.h"
using namespace metal;
using namespace anymetal;

// kernels: kernel_mul_mv_id_q4_0_f32 kernel_mul_mv_id_q5_1_f32 kernel_mul_mv_id_q8_0_f32 kernel_mul_mv_id_iq4_nl_f32
// kernels: kernel_mul_mv_id_q4_K_f32 kernel_mul_mv_id_q5_K_f32 kernel_mul_mv_id_q6_K_f32 kernel_mul_mv_id_q6_K_f32_nr2
// kernels: kernel_mul_mv_id_q4_0_f32_swiglu
// kernels: kernel_mul_mv_id_q5_0_f32 kernel_mul_mv_id_q4_1_f32 kernel_mul_mv_id_mxfp4_f32 kernel_mul_mv_id_q2_K_f32
// kernels: kernel_mul_mv_id_q3_K_f32 kernel_mul_mv_id_iq4_xs_f32

constant int expert_count [[function_constant(330)]];
constant uint known_experts = is_function_constant_defined(expert_count) ? uint(expert_count) : ~0u;

// What a threadgroup stores: products of its rows of `expert` with one vector, zeros where there is no such expert.
template <class Block, int kRows, class X>
void store_products(device const uchar* weight, X x, ulong of, threadgroup ReadyVector<Block>& vector, device float* dst, uint expert,
                    constant ExpertMatVecParams& p, uint3 group) {
  const ulong first = ulong(group.x) * (2 * kRows), rows = ulong(p.ne01);
  const uint together = rows_together<Block>(rows);
  if (first >= rows || first % together != 0) return;
  const uint count = uint(min(ulong(together), rows - first));
  const ulong blocks = ulong(p.ne00) / BlockTraits<Block>::kElements;
  dst += group.y * ulong(p.ne0) + first;
  if (expert < __msl_runtime_constant(known_experts)) {
    mat_vec_rows<Block>(weight + expert * ulong(p.expert_stride) + first * blocks * sizeof(Block), blocks, count, x, of, vector, dst);
  } else {
#pragma clang loop vectorize(disable) unroll(disable)
    for (uint r = 0; r < count; ++r) dst[r] = 0.0f;
  }
}

/// matmul/mul_mv_id.metal for a core that takes 8 to 64 weight rows, as mul_mv.metal beside it: nothing depends on the thread.
template <class Block, int kRows>
kernel void mul_mv_id(device const uchar* weight [[buffer(0)]],
                      device const float* x [[buffer(1)]],
                      device float* dst [[buffer(2)]],
                      device const uint* ids [[buffer(3)]],
                      constant ExpertMatVecParams& p [[buffer(4)]],
                      uint3 group [[threadgroup_position_in_grid]]) {
  if (group.y >= ulong(p.ne1)) return;
  const Columns<float> xs = {{x + group.y / p.top_k * ulong(p.ne10)}};
  threadgroup ReadyVector<Block>& vector = ready_vector<Block>();
  store_products<Block, kRows>(weight, xs, ulong(xs.at[0]), vector, dst, ids[group.y], p, group);
}

/// The same with silu(gate) * up for the vector.
kernel void kernel_mul_mv_id_q4_0_f32_swiglu(device const uchar* weight [[buffer(0)]],
                                             device const float* gate [[buffer(1)]],
                                             device const float* up [[buffer(2)]],
                                             device float* dst [[buffer(3)]],
                                             device const uint* ids [[buffer(4)]],
                                             constant ExpertMatVecParams& p [[buffer(5)]],
                                             uint3 group [[threadgroup_position_in_grid]]) {
  if (group.y >= ulong(p.ne1)) return;
  device const float* gates = gate + group.y * ulong(p.ne10);
  device const float* ups = up + group.y * ulong(p.ne10);
  threadgroup ReadyVector<BlockQ4_0>& vector = ready_vector<BlockQ4_0>();
  store_products<BlockQ4_0, 4>(weight, [=](uint, ulong k) { return wide_silu(Wide::load(gates + k)) * Wide::load(ups + k); },
                               ulong(gates), vector, dst, ids[group.y], p, group);
}

#define INSTANTIATE(name, Block, kRows)                                                                          \
  template [[host_name("kernel_mul_mv_id_" name)]] kernel void mul_mv_id<Block, kRows>(                          \
      device const uchar*, device const float*, device float*, device const uint*, constant ExpertMatVecParams&, uint3);
INSTANTIATE("q4_0_f32", BlockQ4_0, 4)
INSTANTIATE("q5_1_f32", BlockQ5_1, 4)
INSTANTIATE("q8_0_f32", BlockQ8_0, 4)
INSTANTIATE("iq4_nl_f32", BlockIQ4_NL, 4)
INSTANTIATE("q4_K_f32", BlockQ4_K, 1)
INSTANTIATE("q5_K_f32", BlockQ5_K, 1)
INSTANTIATE("q6_K_f32", BlockQ6_K, 1)
INSTANTIATE("q6_K_f32_nr2", BlockQ6_K, 2)
INSTANTIATE("q5_0_f32", BlockQ5_0, 4)
INSTANTIATE("q4_1_f32", BlockQ4_1, 4)
INSTANTIATE("mxfp4_f32", BlockMXFP4, 4)
INSTANTIATE("q2_K_f32", BlockQ2_K, 1)
INSTANTIATE("q3_K_f32", BlockQ3_K, 1)
INSTANTIATE("iq4_xs_f32", BlockIQ4_XS, 1)
