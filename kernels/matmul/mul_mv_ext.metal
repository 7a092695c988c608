#include <metal_stdlib>
#include "common/blocks.h"
#include "common/matmul_params.h"
#include "common/nvidia.h"
#if ANYMETAL_NVIDIA
#include "nvidia/mat_vec.h"
#endif
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

#if ANYMETAL_NVIDIA
// Products with one activation row after the other for a threadgroup of two simdgroups, of whose `rows` weight rows a product with one vector takes
// eight or sixteen at a time. All threads must call.
template <class Block>
void products_in_turn(threadgroup MatVecMemory<Block>& memory, device const uchar* weight, device const uchar* x, ulong x_row, device float* dst,
                      ulong dst_row, uint tokens, uint group, uint rows, ulong count, uint length, uint simdgroup, uint lane) {
  const uint together = BlockTraits<Block>::kElements == 32 && count < kManyRows ? 8 : 16, times = max(rows / together, 1u);
#pragma clang loop unroll(disable)
  for (uint i = 0; i < tokens * times; ++i) {
    const uint token = i / times;
    const FloatInput input = {(device const float*)(x + token * x_row)};
    nvidia_mat_vec<Block>(memory, weight, input, dst + token * dst_row, group * times + i % times, count, length, simdgroup, lane);
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
}
#endif

/// dst[m, n] = sum over k of W[n, k] * x[m, k]: lanes_per_row lanes take a weight row together and multiply each decoded
/// run of 8 elements with kRows activation rows. Rows past the last are neither read nor written. A weight with fewer
/// batches than the activations need is used again from its first batch.
///
/// buffer 0: MatVecExtParams; 1: weight blocks [ne02][N rows of nb01 bytes]; 2: x f32 [batch][M rows of nb11 bytes];
/// 3: dst f32 [batch, M, N]; function constants 600: simdgroups per threadgroup, 601: lanes per row
/// grid: threadgroups (ceil(N / (32 / lanes_per_row * simdgroups)), ceil(M / kRows), batch), (32, simdgroups) threads
/// tolerance: 4 sqrt(K) 2^-24 of the sum of absolute products
template <class Block, int kRows>
kernel void mul_mv_ext(constant MatVecExtParams& p [[buffer(0)]],
                       device const uchar* weight [[buffer(1)]],
                       device const uchar* x [[buffer(2)]],
                       device float* dst [[buffer(3)]],
                       uint3 group [[threadgroup_position_in_grid]],
                       uint simdgroup [[simdgroup_index_in_threadgroup]],
                       uint lane [[thread_index_in_simdgroup]]) {
  typedef Lanes<8> L;
  const uint kBlock = BlockTraits<Block>::kElements;
  const uint sharers = uint(lanes_per_row), rows_per_simdgroup = 32 / sharers;
  const ulong n = (ulong(group.x) * uint(simdgroups) + simdgroup) * rows_per_simdgroup + lane / sharers;
  const ulong first = ulong(group.y) * kRows;
  const uint length = uint(p.ne00);
  const ulong weight_rows = ulong(p.ne01), tokens = ulong(p.ne11);

  const uint i12 = group.z % uint(p.ne12), i13 = group.z / uint(p.ne12);
  [[maybe_unused]] device const uchar* all_weights = weight;
  weight += min(n, weight_rows - 1) * p.nb01 + ulong(i12 / uint(p.r2) % uint(p.ne02)) * p.nb02 + ulong(i13 / uint(p.r3)) * p.nb03;
  x += i12 * p.nb12 + i13 * p.nb13;
#if ANYMETAL_NVIDIA
  threadgroup MatVecMemory<Block> memory;
  const uint together = rows_per_simdgroup * 2;
  if (simdgroups == 2 && together <= 32 && p.nb01 == length / kBlock * sizeof(Block) && nvidia::has_ampere()) {
    const ulong batch_weight = ulong(i12 / uint(p.r2) % uint(p.ne02)) * p.nb02 + ulong(i13 / uint(p.r3)) * p.nb03;
    return products_in_turn<Block>(memory, all_weights + batch_weight, x + first * p.nb11, p.nb11, dst + (group.z * ulong(p.ne1) + first) * ulong(p.ne0),
                                   ulong(p.ne0), uint(min(ulong(kRows), tokens - first)), group.x, together, weight_rows, length, simdgroup, lane);
  }
#endif
  device const Block* blocks = (device const Block*)weight;
  device const float* rows[kRows];
  for (int r = 0; r < kRows; ++r) rows[r] = (device const float*)(x + min(first + r, tokens - 1) * p.nb11);

  L::F sums[kRows] = {};
  for (uint k = lane % sharers * 8; k < length; k += sharers * 8) {
    const L::F w = decode<8>(blocks[k / kBlock], k % kBlock);
    for (int r = 0; r < kRows; ++r) sums[r] += w * L::load(rows[r] + k);
  }
  device float* out = dst + group.z * ulong(p.ne0) * ulong(p.ne1);
  for (int r = 0; r < kRows; ++r) {
    float sum = L::sum(sums[r]);
    for (uint distance = sharers / 2; distance > 0; distance /= 2) sum += simd_shuffle_xor(sum, ushort(distance));
    if (lane % sharers == 0 && n < weight_rows && first + r < tokens) out[(first + r) * ulong(p.ne0) + n] = sum;
  }
}

#define INSTANTIATE(name, Block, kRows)                                                                              \
  template [[host_name("kernel_mul_mv_ext_" name "_f32_r1_" #kRows)]] kernel void mul_mv_ext<Block, kRows>(          \
      constant MatVecExtParams&, device const uchar*, device const uchar*, device float*, uint3, uint, uint);
#define FOR_EACH_COUNT(name, Block) \
  INSTANTIATE(name, Block, 2) INSTANTIATE(name, Block, 3) INSTANTIATE(name, Block, 4) INSTANTIATE(name, Block, 5)
FOR_EACH_BLOCK_FORMAT(FOR_EACH_COUNT)
