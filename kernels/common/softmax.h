// Softmax of a row of any length by one threadgroup.
#pragma once
#include "common/reduce.h"
#include "common/shares.h"

namespace anymetal {

// What every element of a row needs: softmax(t) = exp(t - top) / sum over the row of exp(t - top).
struct SoftmaxScale {
  float top, inverse_sum;
  float operator()(float t) const { return metal::exp(t - top) * inverse_sum; }
};

// The scale of value(i), i < n, to every thread of the team. NaN where nothing exceeds -inf, or where something is +inf or
// NaN. `scratch` is free for reuse afterwards.
template <class Value>
SoftmaxScale softmax_scale(uint n, threadgroup float* scratch, Team team, Value value) {
  float top = -INFINITY;
  for_share(n, team.index, team.size, value, [&](uint, float v) { top = metal::max(top, v); });
  top = threadgroup_max(top, scratch, team);
  float sum = 0.0f;
  for_share(n, team.index, team.size, value, [&](uint, float v) { sum += metal::exp(v - top); });
  return {top, 1.0f / threadgroup_sum(sum, scratch, team)};
}

#if ANYMETAL_NVIDIA
// softmax_row for rows of kKept elements a thread, which stay in its registers. Nothing is conditional, so that all loads are on their way at once.
template <uint kKept, class Value, class Use>
void softmax_kept_row(threadgroup float* scratch, Team team, Value value, Use use) {
  float kept[kKept], top = -INFINITY, sum = 0.0f;
#pragma unroll
  for (uint k = 0; k < kKept; ++k) kept[k] = value(team.index + k * team.size);
#pragma unroll
  for (uint k = 0; k < kKept; ++k) top = metal::max(top, kept[k]);
  top = threadgroup_max(top, scratch, team);
#pragma unroll
  for (uint k = 0; k < kKept; ++k) sum += kept[k] = metal::exp(kept[k] - top);
  const float inverse_sum = 1.0f / threadgroup_sum(sum, scratch, team);
#pragma unroll
  for (uint k = 0; k < kKept; ++k) use(team.index + k * team.size, kept[k] * inverse_sum, top);
}
#endif

// use(i, softmax of value(i), top), i < n, with the largest value `top`. Elements are a thread's own.
template <class Value, class Use>
void softmax_row(uint n, threadgroup float* scratch, Team team, Value value, Use use) {
#if ANYMETAL_NVIDIA
  if (n == 16 * team.size) return softmax_kept_row<16>(scratch, team, value, use);
  if (n == 8 * team.size) return softmax_kept_row<8>(scratch, team, value, use);
  if (n == 4 * team.size) return softmax_kept_row<4>(scratch, team, value, use);
#endif
  const SoftmaxScale scale = softmax_scale(n, scratch, team, value);
  for_share(n, team.index, team.size, value, [&](uint i, float v) { use(i, scale(v), scale.top); });
}

}  // namespace anymetal
