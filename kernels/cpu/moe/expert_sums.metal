#include <metal_stdlib>
#include "cpu/row_sums.h"
using namespace metal;
using namespace anymetal;

// kernels: moe_weighted_sum moe_weighted_sum_seq moe_weighted_sum_seq_bf16_input moe_weighted_reduce_f32
// kernels: fused_moe_wsum_norm_add_f32 fused_moe_wsum_dnorm_add_f32

// Weighted sums over the slots of one token, element by element of its width.
template <class T>
struct SlotSums {
  device const T* x;
  device const float* weight;
  uint slots, width;

  // Calls note(i, sum) for the elements from `begin` to `end`, 16 at a time and the last ones alone. A slot is gone through for
  // kRun of them at once.
  template <class Note>
  void over(uint begin, uint end, Note note) const {
    constexpr uint kRun = 128;
    uint i = begin;
    for (; i + kRun <= end; i += kRun) {
      WideF sums[kRun / 16] = {};
#pragma clang loop unroll(disable)
      for (uint k = 0; k < slots; ++k) {
        device const T* from = x + ulong(k) * width + i;
        const float factor = weight[k];
        // The hardware follows runs of 512 bytes, not shorter ones: the same place of the next token is asked for.
        if (kRun * sizeof(T) < 512) {
#pragma unroll
          for (uint j = 0; j < kRun; j += 64 / sizeof(T)) __builtin_prefetch(from + ulong(slots) * width + j);
        }
#pragma unroll
        for (uint j = 0; j < kRun / 16; ++j) sums[j] += Wide::load(from + 16 * j) * factor;
      }
#pragma unroll
      for (uint j = 0; j < kRun / 16; ++j) note(i + 16 * j, sums[j]);
    }
    for (; i + 16 <= end; i += 16) {
      WideF sum = 0.0f;
#pragma clang loop unroll(disable)
      for (uint k = 0; k < slots; ++k) sum += Wide::load(x + ulong(k) * width + i) * weight[k];
      note(i, sum);
    }
    for (; i < end; ++i) {
      float sum = 0.0f;
#pragma clang loop vectorize(disable) unroll(disable)
      for (uint k = 0; k < slots; ++k) sum += float(x[ulong(k) * width + i]) * weight[k];
      note(i, sum);
    }
  }
};

/// moe/expert_sum.metal for a core that takes all elements of a threadgroup.
kernel void moe_weighted_sum(device const float* x [[buffer(0)]],
                             device const float* weight [[buffer(1)]],
                             device float* y [[buffer(2)]],
                             constant uint2& shape [[buffer(3)]],
                             uint group [[threadgroup_position_in_grid]],
                             uint size [[dispatch_threads_per_threadgroup]]) {
  const uint width = shape.x, begin = min(group * size, width), end = min(begin + size, width);
  const SlotSums<float> sums = {x, weight, shape.y, width};
  sums.over(begin, end, [&](uint i, auto sum) { store(y + i, sum); });
}

struct SumSizes {
  uint width, slots, tokens;
};

/// moe/expert_sum.metal for a core that takes all elements of a threadgroup.
template <class T>
kernel void weighted_sum_sequence(device const T* x [[buffer(0)]],
                                  device const float* weight [[buffer(1)]],
                                  device float* y [[buffer(2)]],
                                  constant SumSizes& s [[buffer(3)]],
                                  uint2 group [[threadgroup_position_in_grid]],
                                  uint2 size [[dispatch_threads_per_threadgroup]]) {
  const SumSizes sizes = s;
  const uint begin = min(group.x * size.x, sizes.width), end = min(begin + size.x, sizes.width);
  const uint first = min(group.y * size.y, sizes.tokens), last = min(first + size.y, sizes.tokens);
  for (uint token = first; token < last; ++token) {
    const ulong slot = ulong(token) * sizes.slots;
    const SlotSums<T> sums = {x + slot * sizes.width, weight + slot, sizes.slots, sizes.width};
    sums.over(begin, end, [&](uint i, auto sum) { store(y + ulong(token) * sizes.width + i, sum); });
  }
}

template [[host_name("moe_weighted_sum_seq")]] kernel void weighted_sum_sequence<float>(
    device const float*, device const float*, device float*, constant SumSizes&, uint2, uint2);
template [[host_name("moe_weighted_sum_seq_bf16_input")]] kernel void weighted_sum_sequence<bfloat>(
    device const bfloat*, device const float*, device float*, constant SumSizes&, uint2, uint2);

struct ReduceParams {
  uint tokens, slots, width, add_residual;
};

/// moe/expert_sum.metal for a core that takes all elements of a threadgroup.
kernel void moe_weighted_reduce_f32(constant ReduceParams& p [[buffer(0)]],
                                    device const float* weight [[buffer(1)]],
                                    device const float* x [[buffer(2)]],
                                    device const float* logit [[buffer(3)]],
                                    device const float* shared_expert [[buffer(4)]],
                                    device const float* residual [[buffer(5)]],
                                    device float* y [[buffer(6)]],
                                    uint2 group [[threadgroup_position_in_grid]],
                                    uint2 size [[dispatch_threads_per_threadgroup]]) {
  const ReduceParams params = p;
  const uint begin = min(group.x * size.x, params.width), end = min(begin + size.x, params.width);
  const uint first = min(group.y * size.y, params.tokens), last = min(first + size.y, params.tokens);
  for (uint token = first; token < last; ++token) {
    const ulong slot = ulong(token) * params.slots, here = ulong(token) * params.width;
    const float gate = 1.0f + precise::exp(-logit[token]);
    const SlotSums<float> sums = {x + slot * params.width, weight + slot, params.slots, params.width};
    sums.over(begin, end, [&](uint i, auto sum) {
      sum += load_as(sum, shared_expert + here + i) / gate;
      if (params.add_residual != 0) sum += load_as(sum, residual + here + i);
      store(y + here + i, sum);
    });
  }
}

// Calls note(i, sum, r) for the elements of a row of sums, r = 1 / sqrt(mean(sum^2) + eps). The sums of a row that is not too long
// are kept until r is known.
template <class Note>
void normalised_sums(SlotSums<float> sums, float eps, Note note) {
  constexpr uint kKept = 4096;
  const uint n = sums.width;
  Squares squares;
  if (n > kKept) {
    sums.over(0, n, [&](uint, auto sum) { squares.add(sum); });
    const float r = squares.inverse_rms(n, eps);
    return sums.over(0, n, [&](uint i, auto sum) { note(i, sum, r); });
  }
  alignas(64) float kept[kKept];
  sums.over(0, n, [&](uint i, auto sum) {
    store(kept + i, sum);
    squares.add(sum);
  });
  const float r = squares.inverse_rms(n, eps);
  uint i = 0;
  for (; i + 16 <= n; i += 16) note(i, Wide::load(kept + i), r);
  for (; i < n; ++i) note(i, kept[i], r);
}

/// norm/expert_norms.metal for a core that takes a row.
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
                                        uint row [[threadgroup_position_in_grid]]) {
  if (row >= rows) return;
  const ulong base = ulong(row) * dim, slot = ulong(row) * slots;
  const SlotSums<float> sums = {experts + slot * dim, weights + slot, slots, dim};
  const bool is_past = is_streamed(out + base, (ulong(slots) + 2) * sizeof(float) * rows * dim);
  normalised_sums(sums, eps, [&](uint i, auto sum, float r) {
    stream(out + base + i, load_as(sum, residual + base + i) + sum * r * load_as(sum, w + i), is_past);
  });
}

/// norm/expert_norms.metal for a core that takes a row.
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
                                         uint row [[threadgroup_position_in_grid]]) {
  if (row >= rows) return;
  const ulong base = ulong(row) * dim, slot = ulong(row) * slots;
  const bool is_past = is_streamed(out + base, (ulong(slots) + 2) * sizeof(float) * rows * dim);
  const float r_res = inverse_rms(residual + base, dim, eps);
  const SlotSums<float> sums = {experts + slot * dim, weights + slot, slots, dim};
  normalised_sums(sums, eps, [&](uint i, auto sum, float r_moe) {
    stream(out + base + i, load_as(sum, residual + base + i) * r_res * load_as(sum, w_res + i) + sum * r_moe * load_as(sum, w_moe + i), is_past);
  });
}
