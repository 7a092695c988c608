#include <metal_stdlib>
#include "common/blocks.h"
#include "common/matmul_tile.h"
#include "common/nvidia.h"
#if ANYMETAL_NVIDIA
#include "nvidia/mat_mat_id.h"
#endif
using namespace metal;
using namespace anymetal;

// kernels: kernel_mul_mm_id_q4_0_f32 kernel_mul_mm_id_q4_1_f32 kernel_mul_mm_id_q5_0_f32 kernel_mul_mm_id_q5_1_f32
// kernels: kernel_mul_mm_id_q8_0_f32 kernel_mul_mm_id_iq4_nl_f32 kernel_mul_mm_id_mxfp4_f32 kernel_mul_mm_id_q2_K_f32
// kernels: kernel_mul_mm_id_q3_K_f32 kernel_mul_mm_id_q4_K_f32 kernel_mul_mm_id_q5_K_f32 kernel_mul_mm_id_q6_K_f32
// kernels: kernel_mul_mm_id_iq4_xs_f32

/// dst[token, slot, n] = sum over k of W[e][n, k] * x[token, k] for every entry token * top_k + slot of expert e's list; a 64
/// (N) x 32 (entries) tile per threadgroup. Weights are rounded to f16; activations and sums are f32. Rows on no list are
/// not written. Where the lists were refused (bit 31 of the counts) the whole output is NaN.
///
/// buffer 0: ExpertMatMatParams; 1: weight blocks [experts of nb02 bytes][N rows of nb01 bytes];
/// 2: x f32 [tokens of nb12 bytes][K]; 3: counts u32 [experts]; 4: lists i32 [experts, tokens]; 5: dst f32 [tokens, top_k, N];
/// threadgroup 0: 8192 bytes
/// grid: threadgroups (ceil(tokens / 32), ceil(N / 64), experts), 128 threads
/// tolerance: 2^-10 of the sum of absolute products
template <class Block>
kernel void mul_mm_id(constant ExpertMatMatParams& p [[buffer(0)]],
                      device const uchar* weight [[buffer(1)]],
                      device const uchar* x [[buffer(2)]],
                      device const uint* counts [[buffer(3)]],
                      device const int* lists [[buffer(4)]],
                      device float* dst [[buffer(5)]],
                      threadgroup uchar* tiles [[threadgroup(0)]],
                      uint3 group [[threadgroup_position_in_grid]],
                      uint thread_index [[thread_index_in_threadgroup]],
                      uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  const uint kBlock = BlockTraits<Block>::kElements;
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

  threadgroup half* weights = (threadgroup half*)tiles;                                     // [kTileN][kStep]
  threadgroup float* inputs = (threadgroup float*)(tiles + kTileN * kStep * sizeof(half));  // [kTileM][kStep]
  // What this thread brings into threadgroup memory: half a weight row and a quarter of an activation row. Rows past the
  // end repeat the last one; their products are not stored.
  const uint weight_row = thread_index / 2, weight_half = thread_index % 2 * 16;
  const uint input_row = thread_index / 4, input_quarter = thread_index % 4 * 8;
  const uint entry = uint(list[min(m0 + input_row, count - 1)]);
  device const Block* blocks = (device const Block*)(weight + group.z * p.nb02 + min(n0 + weight_row, rows - 1) * p.nb01);
  device const float* input = (device const float*)(x + entry / slots * p.nb12 + entry % slots % uint(p.ne11) * p.nb11);

  const uint n_part = simdgroup % 2 * 32, m_part = simdgroup / 2 * 16;
  simdgroup_float8x8 sums[2][4];
  for (uint i = 0; i < 2; ++i) {
    for (uint j = 0; j < 4; ++j) sums[i][j] = make_filled_simdgroup_matrix<float, 8>(0.0f);
  }
  for (uint k = 0; k < length; k += kStep) {
    for (uint i = 0; i < 16; i += 4) {
      const float4 w = decode<4>(blocks[k / kBlock], k % kBlock + weight_half + i);
      for (uint j = 0; j < 4; ++j) weights[weight_row * kStep + weight_half + i + j] = half(w[j]);
    }
    for (uint i = 0; i < 8; ++i) inputs[input_row * kStep + input_quarter + i] = input[k + input_quarter + i];
    threadgroup_barrier(mem_flags::mem_threadgroup);

    for (uint kk = 0; kk < kStep; kk += 8) {
      simdgroup_float8x8 a[2];
      simdgroup_half8x8 b[4];
      for (uint i = 0; i < 2; ++i) simdgroup_load(a[i], inputs + (m_part + 8 * i) * kStep + kk, kStep);
      for (uint j = 0; j < 4; ++j) simdgroup_load(b[j], weights + (n_part + 8 * j) * kStep + kk, kStep, ulong2(0), true);
      for (uint i = 0; i < 2; ++i) {
        for (uint j = 0; j < 4; ++j) simdgroup_multiply_accumulate(sums[i][j], a[i], b[j], sums[i][j]);
      }
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }

  threadgroup float* results = (threadgroup float*)tiles;  // [kTileM][kTileN]
  for (uint i = 0; i < 2; ++i) {
    for (uint j = 0; j < 4; ++j) simdgroup_store(sums[i][j], results + (m_part + 8 * i) * kTileN + n_part + 8 * j, kTileN);
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);
  for (uint i = thread_index; i < kTileM * kTileN; i += kThreads) {
    const uint m = m0 + i / kTileN, n = n0 + i % kTileN;
    if (m >= count || n >= rows) continue;
    const uint to = uint(list[m]);
    dst[(ulong(to / slots) * uint(p.ne1) + to % slots) * rows + n] = results[i];
  }
}

#define INSTANTIATE(name, Block)                                                                                \
  template [[host_name("kernel_mul_mm_id_" name "_f32")]] kernel void mul_mm_id<Block>(                         \
      constant ExpertMatMatParams&, device const uchar*, device const uchar*, device const uint*,               \
      device const int*, device float*, threadgroup uchar*, uint3, uint, uint);
FOR_EACH_BLOCK_FORMAT(INSTANTIATE)
