#include <metal_stdlib>
#include "common/blocks.h"
#include "common/matmul_params.h"
#include "common/nvidia.h"
#if ANYMETAL_NVIDIA
#include "nvidia/mat_vec.h"
#endif
using namespace metal;
using namespace anymetal;

// kernels: kernel_mul_mv_id_q4_0_f32 kernel_mul_mv_id_q5_1_f32 kernel_mul_mv_id_q8_0_f32 kernel_mul_mv_id_iq4_nl_f32
// kernels: kernel_mul_mv_id_q4_K_f32 kernel_mul_mv_id_q5_K_f32 kernel_mul_mv_id_q6_K_f32 kernel_mul_mv_id_q6_K_f32_nr2
// kernels: kernel_mul_mv_id_q4_0_f32_swiglu
// kernels: kernel_mul_mv_id_q5_0_f32 kernel_mul_mv_id_q4_1_f32 kernel_mul_mv_id_mxfp4_f32 kernel_mul_mv_id_q2_K_f32
// kernels: kernel_mul_mv_id_q3_K_f32 kernel_mul_mv_id_iq4_xs_f32

// How many experts there are; unset: ids are trusted, as the parameters do not say it.
constant int expert_count [[function_constant(330)]];
constant uint known_experts = is_function_constant_defined(expert_count) ? uint(expert_count) : ~0u;

// Zeros for a row whose id names no expert: elements first .. first + count - 1 that there are.
inline void store_zeros(device float* out, ulong first, uint count, ulong n, uint lane) {
  if (lane < count && first + lane < n) out[first + lane] = 0.0f;
}

#if ANYMETAL_NVIDIA
// silu(gate) * up, as FloatInput.
struct GatedInput {
  device const float* gates;
  device const float* ups;
  float element(uint k) const {
    const float g = gates[k];
    return g / (1.0f + precise::exp(-g)) * ups[k];
  }
  void copy(threadgroup float* to, uint pitch, uint k, uint length) const {
    for (uint i = 0; i < 16; ++i) {
      const uint at = k + i / 4 * 256 + i % 4;
      if (at < length) to[i / 4 * pitch + i % 4] = element(at);
    }
  }
  InputShare share(uint k, uint end) const {
    InputShare x = {0.0f, 0.0f};
    for (uint i = 0; i < 4 && k < end; ++i) {
      x.first[i] = element(k + i);
      x.second[i] = element(k + 16 + i);
    }
    return x;
  }
};
#endif

// Products of kRows weight rows from `first` on with one vector, whose elements k .. k+7 are `run(k)`. Rows past the last
// are neither read nor written.
template <class Block, int kRows, class Run>
void store_products(device const uchar* weight, device float* out, constant ExpertMatVecParams& p, ulong first, uint lane,
                    Run run) {
  typedef Lanes<8> L;
  const uint kBlock = BlockTraits<Block>::kElements;
  const uint length = uint(p.ne00), blocks = length / kBlock;
  const ulong n = ulong(p.ne01);
  device const Block* rows = (device const Block*)weight;
  L::F sums[kRows] = {};
  for (uint k = lane * 8; k < length; k += 32 * 8) {
    const L::F v = run(k);
    for (int r = 0; r < kRows; ++r) sums[r] += decode<8>(rows[min(first + r, n - 1) * blocks + k / kBlock], k % kBlock) * v;
  }
  for (int r = 0; r < kRows; ++r) {
    const float sum = simd_sum(L::sum(sums[r]));
    if (lane == 0 && first + r < n) out[first + r] = sum;
  }
}

/// dst[r, n] = sum over k of W[ids[r]][n, k] * x[r / top_k, k]; 0 where constant 330 tells how many experts there are and the
/// id names none of them.
///
/// buffer 0: weight blocks [experts of expert_stride bytes][N, K/QK]; 1: x f32 [tokens, K]; 2: dst f32 [tokens * top_k, N];
/// 3: ids u32 [tokens * top_k]; 4: ExpertMatVecParams; constants: optional int 330, number of experts
/// grid: threadgroups (ceil(N / (2 kRows)), tokens * top_k), 64 threads. kRows is 4 for blocks of 32 elements, 1
/// for those of 256, 2 for q6_K_nr2
/// tolerance: 4 sqrt(K) 2^-24 of the sum of absolute products
template <class Block, int kRows>
kernel void mul_mv_id(device const uchar* weight [[buffer(0)]],
                      device const float* x [[buffer(1)]],
                      device float* dst [[buffer(2)]],
                      device const uint* ids [[buffer(3)]],
                      constant ExpertMatVecParams& p [[buffer(4)]],
                      uint3 group [[threadgroup_position_in_grid]],
                      uint simdgroup [[simdgroup_index_in_threadgroup]],
                      uint lane [[thread_index_in_simdgroup]]) {
  const ulong row = group.y;
  if (row >= ulong(p.ne1)) return;
  const ulong first = (ulong(group.x) * 2 + simdgroup) * kRows;
  const uint expert = ids[row];
  if (expert >= known_experts) return store_zeros(dst + row * ulong(p.ne0), first, kRows, ulong(p.ne01), lane);
  device const float* xs = x + row / p.top_k * ulong(p.ne10);
#if ANYMETAL_NVIDIA
  threadgroup MatVecMemory<Block> memory;
  if (nvidia::has_ampere()) {
    return nvidia_mat_vec<Block>(memory, weight + expert * ulong(p.expert_stride), FloatInput{xs}, dst + row * ulong(p.ne0), group.x,
                                 ulong(p.ne01), uint(p.ne00), simdgroup, lane);
  }
#endif
  store_products<Block, kRows>(weight + expert * ulong(p.expert_stride), dst + row * ulong(p.ne0), p, first, lane,
                               [=](uint k) { return Lanes<8>::load(xs + k); });
}

/// dst[r, n] = sum over k of W[ids[r]][n, k] * silu(gate[r, k]) * up[r, k], silu(g) = g / (1 + e^-g); ids as in
/// mul_mv_id.
///
/// buffer 0: weight Q4_0 [experts of expert_stride bytes][N, K/32]; 1: gate f32 [tokens * top_k, K];
/// 2: up f32 [tokens * top_k, K]; 3: dst f32 [tokens * top_k, N]; 4: ids u32 [tokens * top_k]; 5: ExpertMatVecParams;
/// constants: optional int 330, number of experts
/// grid: threadgroups (ceil(N / 8), tokens * top_k), 64 threads
/// tolerance: 1e-5 of the sum of absolute products
kernel void kernel_mul_mv_id_q4_0_f32_swiglu(device const uchar* weight [[buffer(0)]],
                                             device const float* gate [[buffer(1)]],
                                             device const float* up [[buffer(2)]],
                                             device float* dst [[buffer(3)]],
                                             device const uint* ids [[buffer(4)]],
                                             constant ExpertMatVecParams& p [[buffer(5)]],
                                             uint3 group [[threadgroup_position_in_grid]],
                                             uint simdgroup [[simdgroup_index_in_threadgroup]],
                                             uint lane [[thread_index_in_simdgroup]]) {
  const ulong row = group.y;
  if (row >= ulong(p.ne1)) return;
  const ulong first = (ulong(group.x) * 2 + simdgroup) * 4;
  const uint expert = ids[row];
  if (expert >= known_experts) return store_zeros(dst + row * ulong(p.ne0), first, 4, ulong(p.ne01), lane);
  device const float* gates = gate + row * ulong(p.ne10);
  device const float* ups = up + row * ulong(p.ne10);
#if ANYMETAL_NVIDIA
  threadgroup MatVecMemory<BlockQ4_0> memory;
  if (nvidia::has_ampere()) {
    return nvidia_mat_vec<BlockQ4_0>(memory, weight + expert * ulong(p.expert_stride), GatedInput{gates, ups}, dst + row * ulong(p.ne0), group.x,
                                     ulong(p.ne01), uint(p.ne00), simdgroup, lane);
  }
#endif
  store_products<BlockQ4_0, 4>(weight + expert * ulong(p.expert_stride), dst + row * ulong(p.ne0), p, first, lane,
                               [=](uint k) {
                                 Float8 v;
                                 for (uint i = 0; i < 8; ++i) {
                                   const float g = gates[k + i];
                                   v[i] = g / (1.0f + precise::exp(-g)) * ups[k + i];
                                 }
                                 return v;
                               });
}

#define INSTANTIATE(name, Block, kRows)                                                                          \
  template [[host_name("kernel_mul_mv_id_" name)]] kernel void mul_mv_id<Block, kRows>(                          \
      device const uchar*, device const float*, device float*, device const uint*, constant ExpertMatVecParams&, \
      uint3, uint, uint);
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
