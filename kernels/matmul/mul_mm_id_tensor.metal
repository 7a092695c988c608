#include <metal_stdlib>
#include "common/tensor_tile.h"
#include "common/nvidia.h"
#if ANYMETAL_NVIDIA
#include "nvidia/mat_mat_id.h"
#endif
using namespace metal;
using namespace anymetal;

// kernels: kernel_mul_mm_id_q4_0_tensor_f32 kernel_mul_mm_id_q4_1_tensor_f32 kernel_mul_mm_id_q5_0_tensor_f32
// kernels: kernel_mul_mm_id_q5_1_tensor_f32 kernel_mul_mm_id_q8_0_tensor_f32 kernel_mul_mm_id_iq4_nl_tensor_f32
// kernels: kernel_mul_mm_id_mxfp4_tensor_f32 kernel_mul_mm_id_q2_K_tensor_f32 kernel_mul_mm_id_q3_K_tensor_f32
// kernels: kernel_mul_mm_id_q4_K_tensor_f32 kernel_mul_mm_id_q5_K_tensor_f32 kernel_mul_mm_id_q6_K_tensor_f32
// kernels: kernel_mul_mm_id_iq4_xs_tensor_f32

/// dst[token, slot, n] = sum over k of W[e][n, k] * x[token, k] for every entry token * top_k + slot of expert e's list; a 64
/// (N) x 32 (entries) tile per threadgroup. Weights and activations are rounded to f16 for matrix hardware, activations after
/// scaling 32 of a row by a power of two; sums are f32. Rows on no list are not written. Where the lists were refused (bit 31
/// of the counts) the whole output is NaN.
///
/// buffer 0: ExpertMatMatParams; 1: weight blocks [experts of nb02 bytes][N rows of nb01 bytes];
/// 2: x f32 [tokens of nb12 bytes][K]; 3: counts u32 [experts]; 4: lists i32 [experts, tokens]; 5: dst f32 [tokens, top_k, N];
/// threadgroup 0: 8192 bytes
/// grid: threadgroups (ceil(tokens / 32), ceil(N / 64), experts), 128 threads
/// tolerance: 2^-10 of the sum of absolute products
template <class Block>
kernel void mul_mm_id_tensor(constant ExpertMatMatParams& p [[buffer(0)]],
                             device const uchar* weight [[buffer(1)]],
                             device const uchar* x [[buffer(2)]],
                             device const uint* counts [[buffer(3)]],
                             device const int* lists [[buffer(4)]],
                             device float* dst [[buffer(5)]],
                             threadgroup uchar* tiles [[threadgroup(0)]],
                             uint3 group [[threadgroup_position_in_grid]],
                             uint thread_index [[thread_index_in_threadgroup]]) {
  const uint count = counts[group.z], rows = uint(p.ne0), length = uint(p.ne00), slots = uint(p.ne20);
  const uint m0 = group.x * kTileM, n0 = group.y * kTileN;
  if (count >> 31) return refuse(p, dst, group, thread_index);
  if (m0 >= count) return;
  device const int* list = lists + ulong(group.z) * uint(p.ne21);

#if ANYMETAL_NVIDIA
  threadgroup BlockMatMatTiles<Block> wide_tiles;
  if (nvidia::has_ampere() && are_pieces(p.nb11, p.nb12, length, 4) && is_short(p.nb01)) {
    return nvidia_mat_mat_id<Block>(wide_tiles, tiles, p, weight, x, list, count, dst, group, thread_index);
  }
#endif

  // Rows past the end repeat the last one; their products are not stored.
  const uint entry = uint(list[min(m0 + thread_index / 4, count - 1)]);
  const uint weight_row = min(n0 + thread_index / 2, rows - 1);
  const BlockRow<Block> weights(weight + group.z * p.nb02 + weight_row * p.nb01, length);
  const DenseRow<float> inputs(x + entry / slots * p.nb12 + entry % slots % uint(p.ne11) * p.nb11, length);
  const auto sums = tensor_product<half>(tiles, length, thread_index, weights, inputs);
#pragma unroll
  for (int i = 0; i < sums.get_capacity(); ++i) {
    const auto at = sums.get_multidimensional_index(i);
    const uint n = n0 + uint(at[0]), m = m0 + uint(at[1]);
    if (m >= count || n >= rows) continue;
    const uint to = uint(list[m]);
    dst[(ulong(to / slots) * uint(p.ne1) + to % slots) * rows + n] = sums[i];
  }
}

#define INSTANTIATE(name, Block) \
  template [[host_name("kernel_mul_mm_id_" name "_tensor_f32")]] kernel void mul_mm_id_tensor<Block>( \
      constant ExpertMatMatParams&, device const uchar*, device const uchar*, device const uint*, device const int*, \
      device float*, threadgroup uchar*, uint3, uint);
FOR_EACH_BLOCK_FORMAT(INSTANTIATE)
