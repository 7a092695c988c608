#include <metal_stdlib>
#include "common/matmul_tile.h"
#include "cpu/dense.h"
#include "cpu/tile.h"
using namespace metal;
using namespace anymetal;

// kernels: kernel_mul_mm_q4_0_f32 kernel_mul_mm_q4_1_f32 kernel_mul_mm_q5_0_f32 kernel_mul_mm_q5_1_f32 kernel_mul_mm_q8_0_f32
// kernels: kernel_mul_mm_iq4_nl_f32 kernel_mul_mm_mxfp4_f32 kernel_mul_mm_q2_K_f32 kernel_mul_mm_q3_K_f32
// kernels: kernel_mul_mm_q4_K_f32 kernel_mul_mm_q5_K_f32 kernel_mul_mm_q6_K_f32 kernel_mul_mm_iq4_xs_f32
// kernels: kernel_mul_mm_q4_0_tensor_f32 kernel_mul_mm_q4_1_tensor_f32 kernel_mul_mm_q5_0_tensor_f32
// kernels: kernel_mul_mm_q5_1_tensor_f32 kernel_mul_mm_q8_0_tensor_f32 kernel_mul_mm_iq4_nl_tensor_f32
// kernels: kernel_mul_mm_mxfp4_tensor_f32 kernel_mul_mm_q2_K_tensor_f32 kernel_mul_mm_q3_K_tensor_f32
// kernels: kernel_mul_mm_q4_K_tensor_f32 kernel_mul_mm_q5_K_tensor_f32 kernel_mul_mm_q6_K_tensor_f32
// kernels: kernel_mul_mm_iq4_xs_tensor_f32
// kernels: hf2q_dense_mm_bf16_f32_tensor hf2q_dense_mm_f16_f32_tensor hf2q_dense_mm_f32_f32_tensor

/// matmul/mul_mm.metal for a core that takes the 64 (N) x 32 (M) tiles of one or several threadgroups: one of them takes the
/// place of all. Nothing depends on the thread.
/// Weights and activations keep their f32 values, also where matmul/mul_mm_tensor.metal rounds them for matrix hardware.
template <class Block, bool kTensor>
kernel void mul_mm(constant MatMatParams& p [[buffer(0)]],
                   device const uchar* weight [[buffer(1)]],
                   device const uchar* x [[buffer(2)]],
                   device float* dst [[buffer(3)]],
                   threadgroup uchar* tiles [[threadgroup(0)]],
                   uint3 group [[threadgroup_position_in_grid]],
                   uint3 groups [[threadgroups_per_grid]]) {
  const TileShape shape(ulong(groups.x) * groups.y * groups.z);
  const uint rows = uint(p.ne0), tokens = uint(p.ne1);
  const Share m(group.x, kTileM, tokens, shape.columns), n(group.y, kTileN, rows, shape.rows);
  if (m.count == 0 || n.count == 0) return;
  const uint m0 = m.first, n0 = n.first;
  const uint i12 = group.z % uint(p.ne12), i13 = group.z / uint(p.ne12);
  weight += ulong(i12 / uint(p.r2)) * p.nb02 + ulong(i13 / uint(p.r3)) * p.nb03 + n0 * p.nb01;
  x += i12 * p.nb12 + i13 * p.nb13 + m0 * p.nb11;
  device float* out = dst + (ulong(group.z) * tokens + m0) * rows + n0;

  multiply_tile(
      n.count, m.count, uint(p.ne00),
      [=](uint n, uint k, uint depth, thread float* to) {
        decode_row((device const Block*)(weight + n * p.nb01), k, depth, to);
      },
      [=](uint m) { return (device const float*)(x + m * p.nb11); },
      [=](uint m) { return out + ulong(m) * rows; });
}

#define INSTANTIATE(name, Block, kTensor) \
  template [[host_name(name)]] kernel void mul_mm<Block, kTensor>( \
      constant MatMatParams&, device const uchar*, device const uchar*, device float*, threadgroup uchar*, uint3, uint3);
#define INSTANTIATE_BOTH(name, Block) \
  INSTANTIATE("kernel_mul_mm_" name "_f32", Block, false) INSTANTIATE("kernel_mul_mm_" name "_tensor_f32", Block, true)
FOR_EACH_BLOCK_FORMAT(INSTANTIATE_BOTH)
INSTANTIATE("hf2q_dense_mm_bf16_f32_tensor", DenseRun<bfloat>, true)
INSTANTIATE("hf2q_dense_mm_f16_f32_tensor", DenseRun<half>, true)
INSTANTIATE("hf2q_dense_mm_f32_f32_tensor", DenseRun<float>, true)
