#include <metal_stdlib>
#include "common/elements.h"
#if ANYMETAL_NVIDIA
#include "nvidia/own_rows.h"
#endif
using namespace metal;
using namespace anymetal;

// kernels: moe_accumulate moe_weighted_sum moe_weighted_sum_seq moe_weighted_sum_seq_bf16_input naive_matvec_f32
// kernels: moe_weighted_sum_seq_backward_outputs_f32 moe_weighted_sum_seq_backward_weights_f32 moe_weighted_reduce_f32

struct AccumulateParams {
  uint n;
  float weight;
};

/// sum += weight * x.
///
/// buffer 0: sum [n]; 1: x [n]; 2: AccumulateParams
/// grid: threads (n). tolerance: 1e-6
kernel void moe_accumulate(device float* sum [[buffer(0)]],
                           device const float* x [[buffer(1)]],
                           constant AccumulateParams& p [[buffer(2)]],
                           uint i [[thread_position_in_grid]],
                           uint group [[threadgroup_position_in_grid]],
                           uint size [[threads_per_threadgroup]]) {
  for_element<float>({i, group, size}, p.n, [&](uint e) { return sum[e] + p.weight * x[e]; }, [&](uint e, float v) { sum[e] = v; });
}

/// y[h] = sum over k of x[k, h] * weight[k], k ascending.
///
/// buffer 0: x [K, H]; 1: weight [K]; 2: y [H]; 3: u32 {H, K}
/// grid: threads (H). tolerance: 1e-6 of the sum of absolute terms
kernel void moe_weighted_sum(device const float* x [[buffer(0)]],
                             device const float* weight [[buffer(1)]],
                             device float* y [[buffer(2)]],
                             constant uint2& shape [[buffer(3)]],
                             uint h [[thread_position_in_grid]]) {
  const uint width = shape.x, slots = shape.y;
  if (h >= width) return;
  float sum = 0.0f;
  for (uint k = 0; k < slots; ++k) sum += x[ulong(k) * width + h] * weight[k];
  y[h] = sum;
}

struct SumSizes {
  uint width, slots, tokens;
};

/// moe_weighted_sum for every token.
///
/// buffer 0: x [N, K, H]; 1: weight f32 [N, K]; 2: y f32 [N, H]; 3: u32 {H, K, N}
/// grid: threads (H, N). tolerance: 1e-6 of the sum of absolute terms
template <class T>
kernel void weighted_sum_sequence(device const T* x [[buffer(0)]],
                                  device const float* weight [[buffer(1)]],
                                  device float* y [[buffer(2)]],
                                  constant SumSizes& s [[buffer(3)]],
                                  uint2 at [[thread_position_in_grid]]) {
  if (at.x >= s.width || at.y >= s.tokens) return;
  float sum = 0.0f;
  uint k = 0;
#if ANYMETAL_NVIDIA
  for (constexpr uint kAhead = 8; s.slots - k >= kAhead; k += kAhead) {
    const ulong slot = ulong(at.y) * s.slots + k;
    T ahead[kAhead];
#pragma unroll
    for (uint j = 0; j < kAhead; ++j) ahead[j] = x[(slot + j) * s.width + at.x];
#pragma unroll
    for (uint j = 0; j < kAhead; ++j) sum += float(ahead[j]) * weight[slot + j];
  }
#endif
  for (; k < s.slots; ++k) {
    const ulong slot = ulong(at.y) * s.slots + k;
    sum += float(x[slot * s.width + at.x]) * weight[slot];
  }
  y[ulong(at.y) * s.width + at.x] = sum;
}

template [[host_name("moe_weighted_sum_seq")]] kernel void weighted_sum_sequence<float>(
    device const float*, device const float*, device float*, constant SumSizes&, uint2);
template [[host_name("moe_weighted_sum_seq_bf16_input")]] kernel void weighted_sum_sequence<bfloat>(
    device const bfloat*, device const float*, device float*, constant SumSizes&, uint2);

/// dx[n, k, h] = weight[n, k] * dy[n, h].
///
/// buffer 0: weight [N, K]; 1: dy [N, H]; 2: dx [N, K, H]; 3: u32 {H, K, N}
/// grid: threads (H, K, N). tolerance: exact
kernel void moe_weighted_sum_seq_backward_outputs_f32(device const float* weight [[buffer(0)]],
                                                      device const float* dy [[buffer(1)]],
                                                      device float* dx [[buffer(2)]],
                                                      constant SumSizes& s [[buffer(3)]],
                                                      uint3 at [[thread_position_in_grid]],
                                                      uint3 group [[threadgroup_position_in_grid]],
                                                      uint3 size [[threads_per_threadgroup]]) {
  if (at.x >= s.width || at.z >= s.tokens) return;
  const ulong first = ulong(at.z) * s.slots;
  for_row<8>({at.y, group.y, size.y}, s.slots, [&](uint k) { return weight[first + k] * dy[ulong(at.z) * s.width + at.x]; },
             [&](uint k, float v) { dx[(first + k) * s.width + at.x] = v; });
}

/// dweight[n, k] = sum over h of x[n, k, h] * dy[n, h], h ascending.
///
/// buffer 0: x [N, K, H]; 1: dy [N, H]; 2: dweight [N, K]; 3: u32 {H, K, N}
/// grid: threads (N K). tolerance: 1e-5 of the sum of absolute terms
kernel void moe_weighted_sum_seq_backward_weights_f32(device const float* x [[buffer(0)]],
                                                      device const float* dy [[buffer(1)]],
                                                      device float* dweight [[buffer(2)]],
                                                      constant SumSizes& s [[buffer(3)]],
                                                      uint slot [[thread_position_in_grid]],
                                                      uint lane [[thread_index_in_simdgroup]],
                                                      uint size [[threads_per_threadgroup]]) {
#if ANYMETAL_NVIDIA
  if (has_own_rows(slot, s.tokens * s.slots, lane, size)) {
    const auto factors = [&](uint r) {
      const ulong row = slot - lane + r;
      return OwnRowFactors{x + row * s.width, dy + row / s.slots * s.width};
    };
    const bool aligned = s.width % 4 == 0 && (((ulong)x | (ulong)dy) & 15) == 0;
    dweight[slot] = aligned ? own_row_sum<true>(s.width, lane, factors) : own_row_sum<false>(s.width, lane, factors);
    return;
  }
#endif
  if (slot >= s.tokens * s.slots) return;
  const ulong token = slot / s.slots;
  float sum = 0.0f;
  for (uint h = 0; h < s.width; ++h) sum += x[ulong(slot) * s.width + h] * dy[token * s.width + h];
  dweight[slot] = sum;
}

struct MatVecSizes {
  uint unused, k, n;
};

/// y[n] = sum over k of w[n, k] * x[k], k ascending.
///
/// buffer 0: w [N, K]; 1: x [K]; 2: y [N]; 3: u32 {unused, K, N}
/// grid: threads (N). tolerance: 1e-5 of the sum of absolute terms
kernel void naive_matvec_f32(device const float* w [[buffer(0)]],
                             device const float* x [[buffer(1)]],
                             device float* y [[buffer(2)]],
                             constant MatVecSizes& s [[buffer(3)]],
                             uint row [[thread_position_in_grid]],
                             uint lane [[thread_index_in_simdgroup]],
                             uint size [[threads_per_threadgroup]]) {
#if ANYMETAL_NVIDIA
  if (has_own_rows(row, s.n, lane, size)) {
    const auto factors = [&](uint r) { return OwnRowFactors{w + ulong(row - lane + r) * s.k, x}; };
    const bool aligned = s.k % 4 == 0 && (((ulong)w | (ulong)x) & 15) == 0;
    y[row] = aligned ? own_row_sum<true>(s.k, lane, factors) : own_row_sum<false>(s.k, lane, factors);
    return;
  }
#endif
  if (row >= s.n) return;
  float sum = 0.0f;
  for (uint i = 0; i < s.k; ++i) sum += w[ulong(row) * s.k + i] * x[i];
  y[row] = sum;
}

struct ReduceParams {
  uint tokens, slots, width, add_residual;
};

/// y[n, h] = sum over k of weight[n, k] * x[n, k, h], + shared[n, h] / (1 + e^-logit[n]), + residual[n, h] where asked.
///
/// buffer 0: ReduceParams; 1: weight [N, K]; 2: x [N, K, H]; 3: logit [N]; 4: shared [N, H]; 5: residual [N, H]; 6: y [N, H]
/// grid: threadgroups (ceil(H / 256), N) of 256. y may be residual or shared. tolerance: 1e-5
kernel void moe_weighted_reduce_f32(constant ReduceParams& p [[buffer(0)]],
                                    device const float* weight [[buffer(1)]],
                                    device const float* x [[buffer(2)]],
                                    device const float* logit [[buffer(3)]],
                                    device const float* shared_expert [[buffer(4)]],
                                    device const float* residual [[buffer(5)]],
                                    device float* y [[buffer(6)]],
                                    uint2 at [[thread_position_in_grid]]) {
  if (at.x >= p.width || at.y >= p.tokens) return;
  float sum = 0.0f;
  for (uint k = 0; k < p.slots; ++k) {
    const ulong slot = ulong(at.y) * p.slots + k;
    sum += weight[slot] * x[slot * p.width + at.x];
  }
  const ulong here = ulong(at.y) * p.width + at.x;
  sum += shared_expert[here] / (1.0f + precise::exp(-logit[at.y]));
  if (p.add_residual != 0) sum += residual[here];
  y[here] = sum;
}
