#include <metal_stdlib>
#include "common/blocks.h"
#include "common/matmul_tile.h"
#include "common/nvidia.h"
#if ANYMETAL_NVIDIA
#include "nvidia/block_product.h"
#endif
using namespace metal;
using namespace anymetal;

// kernels: kernel_mul_mm_q4_0_f32 kernel_mul_mm_q4_1_f32 kernel_mul_mm_q5_0_f32 kernel_mul_mm_q5_1_f32 kernel_mul_mm_q8_0_f32
// kernels: kernel_mul_mm_iq4_nl_f32 kernel_mul_mm_mxfp4_f32 kernel_mul_mm_q2_K_f32 kernel_mul_mm_q3_K_f32
// kernels: kernel_mul_mm_q4_K_f32 kernel_mul_mm_q5_K_f32 kernel_mul_mm_q6_K_f32 kernel_mul_mm_iq4_xs_f32

// The tile of one threadgroup. `tiles` holds 8192 bytes.
template <class Block>
void mat_mat_tile(constant MatMatParams& p, BatchTile at, threadgroup uchar* tiles, uint thread_index, uint simdgroup) {
  const uint kBlock = BlockTraits<Block>::kElements, length = uint(p.ne00);
  threadgroup half* weights = (threadgroup half*)tiles;                                      // [kTileN][kStep]
  threadgroup float* inputs = (threadgroup float*)(tiles + kTileN * kStep * sizeof(half));  // [kTileM][kStep]

  // What this thread brings into threadgroup memory: half a weight row and a quarter of an activation row. Rows past the
  // end repeat the last one; their products are not stored.
  const uint weight_row = thread_index / 2, weight_half = thread_index % 2 * 16;
  const uint input_row = thread_index / 4, input_quarter = thread_index % 4 * 8;
  device const Block* blocks = (device const Block*)(at.weight + min(at.n0 + weight_row, at.rows - 1) * p.nb01);
  device const float* input = (device const float*)(at.x + min(at.m0 + input_row, at.tokens - 1) * p.nb11);

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

  // Through threadgroup memory, so that edge tiles are clipped element by element.
  threadgroup float* results = (threadgroup float*)tiles;  // [kTileM][kTileN]
  for (uint i = 0; i < 2; ++i) {
    for (uint j = 0; j < 4; ++j) simdgroup_store(sums[i][j], results + (m_part + 8 * i) * kTileN + n_part + 8 * j, kTileN);
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);
  for (uint i = thread_index; i < kTileM * kTileN; i += kThreads) at(i / kTileN, i % kTileN, results[i]);
}

/// dst[m, n] = sum over k of W[n, k] * x[m, k], a 64 (N) x 32 (M) tile per threadgroup. Weights are rounded to f16, as
/// matrix hardware takes them; activations and sums are f32. Each of the four simdgroups owns 32 (N) x 16 (M).
///
/// buffer 0: MatMatParams; 1: weight blocks [batch][N rows of nb01 bytes]; 2: x f32 [batch][M rows of nb11 bytes];
/// 3: dst f32 [batch, M, N]; threadgroup 0: 8192 bytes
/// grid: threadgroups (ceil(M / 32), ceil(N / 64), batch), 128 threads
/// tolerance: 2^-10 of the sum of absolute products
template <class Block>
kernel void mul_mm(constant MatMatParams& p [[buffer(0)]],
                   device const uchar* weight [[buffer(1)]],
                   device const uchar* x [[buffer(2)]],
                   device float* dst [[buffer(3)]],
                   threadgroup uchar* tiles [[threadgroup(0)]],
                   uint3 group [[threadgroup_position_in_grid]],
                   uint thread_index [[thread_index_in_threadgroup]],
                   uint simdgroup [[simdgroup_index_in_threadgroup]]) {
#if ANYMETAL_NVIDIA
  threadgroup BlockMatMatTiles<Block> wide_tiles;
  threadgroup typename MergedProduct<Block>::Tiles merged_tiles;
  const MergedProduct<Block> own = {wide_tiles, merged_tiles};
  own.run(p, weight, x, dst, tiles, group, thread_index, [&](BatchTile at, threadgroup uchar* memory, uint index) {
    mat_mat_tile<Block>(p, at, memory, index, index / 32);
  });
#else
  mat_mat_tile<Block>(p, BatchTile(p, weight, x, dst, group), tiles, thread_index, simdgroup);
#endif
}

#define INSTANTIATE(name, Block) \
  template [[host_name("kernel_mul_mm_" name "_f32")]] kernel void mul_mm<Block>( \
      constant MatMatParams&, device const uchar*, device const uchar*, device float*, threadgroup uchar*, uint3, uint, \
      uint);
FOR_EACH_BLOCK_FORMAT(INSTANTIATE)
