#include <metal_stdlib>
#include "common/matmul_tile.h"
#include "cpu/blocks.h"
#include "cpu/tile.h"
using namespace metal;
using namespace anymetal;

// kernels: kernel_mul_mm_id_q4_0_f32 kernel_mul_mm_id_q4_1_f32 kernel_mul_mm_id_q5_0_f32 kernel_mul_mm_id_q5_1_f32
// kernels: kernel_mul_mm_id_q8_0_f32 kernel_mul_mm_id_iq4_nl_f32 kernel_mul_mm_id_mxfp4_f32 kernel_mul_mm_id_q2_K_f32
// kernels: kernel_mul_mm_id_q3_K_f32 kernel_mul_mm_id_q4_K_f32 kernel_mul_mm_id_q5_K_f32 kernel_mul_mm_id_q6_K_f32
// kernels: kernel_mul_mm_id_iq4_xs_f32
// kernels: kernel_mul_mm_id_q4_0_tensor_f32 kernel_mul_mm_id_q4_1_tensor_f32 kernel_mul_mm_id_q5_0_tensor_f32
// kernels: kernel_mul_mm_id_q5_1_tensor_f32 kernel_mul_mm_id_q8_0_tensor_f32 kernel_mul_mm_id_iq4_nl_tensor_f32
// kernels: kernel_mul_mm_id_mxfp4_tensor_f32 kernel_mul_mm_id_q2_K_tensor_f32 kernel_mul_mm_id_q3_K_tensor_f32
// kernels: kernel_mul_mm_id_q4_K_tensor_f32 kernel_mul_mm_id_q5_K_tensor_f32 kernel_mul_mm_id_q6_K_tensor_f32
// kernels: kernel_mul_mm_id_iq4_xs_tensor_f32

/// matmul/mul_mm_id.metal for a core that takes the 64 (N) x 32 (entries) tiles of up to two threadgroups: one of them takes the
/// place of both. Nothing depends on the thread. Weights and activations keep their f32 values, also where matmul/mul_mm_id_tensor.metal rounds them.
template <class Block, bool kTensor>
kernel void mul_mm_id(constant ExpertMatMatParams& p [[buffer(0)]],
                      device const uchar* weight [[buffer(1)]],
                      device const uchar* x [[buffer(2)]],
                      device const uint* counts [[buffer(3)]],
                      device const int* lists [[buffer(4)]],
                      device float* dst [[buffer(5)]],
                      threadgroup uchar* tiles [[threadgroup(0)]],
                      uint3 group [[threadgroup_position_in_grid]]) {
  const uint count = counts[group.z], rows = uint(p.ne0), slots = uint(p.ne20);
  const uint m0 = group.x * kTileM;
  const Share n(group.y, kTileN, rows, 2 * kTileN);
  if (count >> 31) {
#pragma clang loop unroll(disable)
    for (uint thread_index = 0; thread_index < kThreads; ++thread_index) refuse(p, dst, group, thread_index);
    return;
  }
  if (m0 >= count || n.count == 0) return;
  const uint n0 = n.first;
  device const int* list = lists + ulong(group.z) * uint(p.ne21) + m0;
  weight += group.z * p.nb02 + n0 * p.nb01;

  const uint entries = min(kTileM, count - m0);
  device const float* inputs[kTileM];
  device float* results[kTileM];
#pragma clang loop vectorize(disable) unroll(disable)
  for (uint m = 0; m < entries; ++m) {
    const uint token = uint(list[m]) / slots, slot = uint(list[m]) % slots;
    inputs[m] = (device const float*)(x + token * p.nb12 + slot % uint(p.ne11) * p.nb11);
    results[m] = dst + (ulong(token) * uint(p.ne1) + slot) * rows + n0;
  }
  multiply_tile(
      n.count, entries, uint(p.ne00),
      [=](uint n, uint k, uint depth, thread float* to) {
        decode_row((device const Block*)(weight + n * p.nb01), k, depth, to);
      },
      [&](uint m) { return inputs[m]; }, [&](uint m) { return results[m]; });
}

#define INSTANTIATE(name, Block, kTensor) \
  template [[host_name("kernel_mul_mm_id_" name "f32")]] kernel void mul_mm_id<Block, kTensor>( \
      constant ExpertMatMatParams&, device const uchar*, device const uchar*, device const uint*, device const int*, \
      device float*, threadgroup uchar*, uint3);
#define INSTANTIATE_BOTH(name, Block) INSTANTIATE(name "_", Block, false) INSTANTIATE(name "_tensor_", Block, true)
FOR_EACH_BLOCK_FORMAT(INSTANTIATE_BOTH)
