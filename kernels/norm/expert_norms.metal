#include <metal_stdlib>
#include "common/row_norm.h"
using namespace metal;
using namespace anymetal;

// kernels: fused_moe_wsum_norm_add_f32 fused_moe_wsum_dnorm_add_f32

// Weighted sum over the experts of one row.
struct ExpertMix {
  device const float* outputs;
  device const float* weights;
  uint slots, dim;
  float operator()(uint i) const {
    float sum = 0.0f;
    uint k = 0;
#if ANYMETAL_NVIDIA
    for (; slots - k >= 8; k += 8) {
      float ahead[8];
#pragma unroll
      for (uint j = 0; j < 8; ++j) ahead[j] = outputs[ulong(k + j) * dim + i];
#pragma unroll
      for (uint j = 0; j < 8; ++j) sum += ahead[j] * weights[k + j];
    }
#endif
    for (; k < slots; ++k) sum += outputs[ulong(k) * dim + i] * weights[k];
    return sum;
  }
};

#if ANYMETAL_NVIDIA
// The sums of kKept elements from `i` on, `step` apart: expert after expert, so that as many loads are on their way.
template <uint kKept>
void mix_kept(ExpertMix mix, uint i, uint step, thread float* sums) {
#pragma unroll
  for (uint j = 0; j < kKept; ++j) sums[j] = 0.0f;
#pragma clang loop unroll(disable)
  for (uint k = 0; k < mix.slots; ++k) {
    device const float* row = mix.outputs + ulong(k) * mix.dim + i;
    const float weight = mix.weights[k];
    float ahead[kKept];
#pragma unroll
    for (uint j = 0; j < kKept; ++j) ahead[j] = row[j * step];
#pragma unroll
    for (uint j = 0; j < kKept; ++j) sums[j] += ahead[j] * weight;
  }
}

// What a thread has of a row of kKept elements for each: all are loaded before the first is used.
template <uint kKept>
void keep(device const float* from, Team team, thread float* to) {
#pragma unroll
  for (uint j = 0; j < kKept; ++j) to[j] = from[team.index + j * team.size];
}

template <uint kKept>
float sum_of_squares(thread const float* values) {
  float squares = 0.0f;
#pragma unroll
  for (uint j = 0; j < kKept; ++j) squares += values[j] * values[j];
  return squares;
}

template <uint kKept>
void norm_add_kept(ExpertMix experts, device const float* residual, device const float* w, device float* out, float eps, threadgroup float* scratch, Team team) {
  float weights[kKept], beside[kKept], sums[kKept];
  keep<kKept>(w, team, weights);
  keep<kKept>(residual, team, beside);
  mix_kept<kKept>(experts, team.index, team.size, sums);
  const float r = InverseRms{experts.dim, eps}(threadgroup_sum(sum_of_squares<kKept>(sums), scratch, team));
#pragma unroll
  for (uint j = 0; j < kKept; ++j) out[team.index + j * team.size] = beside[j] + sums[j] * r * weights[j];
}

// The residual is read once more rather than kept, and four columns are done at a time: else registers leave no room for threadgroups of 1,024.
template <uint kKept>
void dnorm_add_kept(ExpertMix experts, device const float* residual, device const float* w_res, device const float* w_moe, device float* out, float eps,
                    threadgroup float* scratch, Team team) {
  const InverseRms inverse = {experts.dim, eps};
  float values[kKept];
  keep<kKept>(residual, team, values);
  const float r_res = inverse(threadgroup_sum(sum_of_squares<kKept>(values), scratch, team));
  mix_kept<kKept>(experts, team.index, team.size, values);
  const float r_moe = inverse(threadgroup_sum(sum_of_squares<kKept>(values), scratch, team));
#pragma unroll
  for (uint first = 0; first < kKept; first += 4) {
    float beside[4], weights_res[4], weights_moe[4];
    keep<4>(residual + first * team.size, team, beside);
    keep<4>(w_res + first * team.size, team, weights_res);
    keep<4>(w_moe + first * team.size, team, weights_moe);
#pragma unroll
    for (uint j = 0; j < 4; ++j) {
      out[team.index + (first + j) * team.size] = beside[j] * r_res * weights_res[j] + values[first + j] * r_moe * weights_moe[j];
    }
  }
}
#endif

// The mix of a row, of which a thread keeps its first elements from the sum of squares for the result.
struct KeptMix {
  static constexpr uint kKept = 4;
  ExpertMix mix;
  float kept[kKept];

  float inverse_rms(float eps, threadgroup float* scratch, Team team) {
    float squares = 0.0f;
    const auto visit = [&](uint, float v) { squares += v * v; };
    for_own(team, [&](uint k, uint i) { visit(i, kept[k] = mix(i)); }, [&](uint i) { visit(i, mix(i)); });
    return InverseRms{mix.dim, eps}(threadgroup_sum(squares, scratch, team));
  }
  // use(i, value) for the elements of this thread.
  template <class Use>
  void for_each(Team team, Use use) const {
    for_own(team, [&](uint k, uint i) { use(i, kept[k]); }, [&](uint i) { use(i, mix(i)); });
  }

 private:
  template <class First, class Rest>
  void for_own(Team team, First first, Rest rest) const {
#pragma unroll
    for (uint k = 0; k < kKept; ++k) {
      if (team.index + k * team.size < mix.dim) first(k, team.index + k * team.size);
    }
    for (uint i = team.index + kKept * team.size; i < mix.dim; i += team.size) rest(i);
  }
};

/// v = sum over k of weights[k] * experts[k]; out = residual + v / sqrt(mean(v^2) + eps) * w, per row.
///
/// buffer 0: experts [R, K, D]; 1: weights [R, K]; 2: residual [R, D]; 3: w [D]; 4: out [R, D]; 5: dim u32; 6: K u32; 7: rows u32; 8: eps f32;
/// threadgroup 0: one float per simdgroup
/// grid: threadgroups (R), any threadgroup size. out may be residual. tolerance: 1e-5
[[any_threadgroup_size]]
kernel void fused_moe_wsum_norm_add_f32(device const float* experts [[buffer(0)]],
                                        device const float* weights [[buffer(1)]],
                                        device const float* residual [[buffer(2)]],
                                        device const float* w [[buffer(3)]],
                                        device float* out [[buffer(4)]],
                                        constant uint& dim [[buffer(5)]],
                                        constant uint& slots [[buffer(6)]],
                                        constant uint& rows [[buffer(7)]],
                                        constant float& eps [[buffer(8)]],
                                        threadgroup float* scratch [[threadgroup(0)]],
                                        uint row [[threadgroup_position_in_grid]],
                                        uint index [[thread_index_in_threadgroup]],
                                        uint size [[threads_per_threadgroup]],
                                        uint lane [[thread_index_in_simdgroup]],
                                        uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  if (row >= rows) return;
  const ulong base = ulong(row) * dim;
  const Team team = {index, size, lane, simdgroup};
  const ExpertMix sum = {experts + ulong(row) * slots * dim, weights + ulong(row) * slots, slots, dim};
#if ANYMETAL_NVIDIA
  if (dim == 8 * size) return norm_add_kept<8>(sum, residual + base, w, out + base, eps, scratch, team);
  if (dim == 4 * size) return norm_add_kept<4>(sum, residual + base, w, out + base, eps, scratch, team);
#endif
  KeptMix mix = {sum, {}};
  const float r = mix.inverse_rms(eps, scratch, team);
  mix.for_each(team, [&](uint i, float v) { out[base + i] = residual[base + i] + v * r * w[i]; });
}

/// v = sum over k of weights[k] * experts[k]; out = residual / sqrt(mean(residual^2) + eps) * w_res + v / sqrt(mean(v^2) + eps) * w_moe, per row.
///
/// buffer 0: experts [R, K, D]; 1: weights [R, K]; 2: residual [R, D]; 3: w_res [D]; 4: w_moe [D]; 5: out [R, D]; 6: dim u32; 7: K u32; 8: rows u32;
/// 9: eps f32; threadgroup 0: one float per simdgroup
/// grid: threadgroups (R), any threadgroup size. out may be residual. tolerance: 1e-5
[[any_threadgroup_size]]
kernel void fused_moe_wsum_dnorm_add_f32(device const float* experts [[buffer(0)]],
                                         device const float* weights [[buffer(1)]],
                                         device const float* residual [[buffer(2)]],
                                         device const float* w_res [[buffer(3)]],
                                         device const float* w_moe [[buffer(4)]],
                                         device float* out [[buffer(5)]],
                                         constant uint& dim [[buffer(6)]],
                                         constant uint& slots [[buffer(7)]],
                                         constant uint& rows [[buffer(8)]],
                                         constant float& eps [[buffer(9)]],
                                         threadgroup float* scratch [[threadgroup(0)]],
                                         uint row [[threadgroup_position_in_grid]],
                                         uint index [[thread_index_in_threadgroup]],
                                         uint size [[threads_per_threadgroup]],
                                         uint lane [[thread_index_in_simdgroup]],
                                         uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  if (row >= rows) return;
  const Team team = {index, size, lane, simdgroup};
  const ulong base = ulong(row) * dim;
  const ExpertMix sum = {experts + ulong(row) * slots * dim, weights + ulong(row) * slots, slots, dim};
#if ANYMETAL_NVIDIA
  if (dim == 8 * size) return dnorm_add_kept<8>(sum, residual + base, w_res, w_moe, out + base, eps, scratch, team);
  if (dim == 4 * size) return dnorm_add_kept<4>(sum, residual + base, w_res, w_moe, out + base, eps, scratch, team);
#endif
  KeptMix mix = {sum, {}};
  const float r_res = inverse_rms_of(dim, eps, scratch, team, [&](uint i) { return residual[base + i]; });
  const float r_moe = mix.inverse_rms(eps, scratch, team);
  mix.for_each(team, [&](uint i, float v) { out[base + i] = residual[base + i] * r_res * w_res[i] + v * r_moe * w_moe[i]; });
}
