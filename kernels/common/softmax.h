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

}  // namespace anymetal
