// Sums of squares over rows, for the norms.
#pragma once
#include "common/reduce.h"
#include "common/shares.h"

namespace anymetal {

// Sum over i < n of value(i)^2, in f32, to every thread of the team. `scratch` is free for reuse afterwards.
template <class Value>
float sum_of_squares(uint n, threadgroup float* scratch, Team team, Value value) {
  float squares = 0.0f;
  for_share(n, team.index, team.size, value, [&](uint, float v) { squares += v * v; });
  return threadgroup_sum(squares, scratch, team);
}

// 1 / sqrt(mean(value^2) + eps).
template <class Value>
float inverse_rms_of(uint n, float eps, threadgroup float* scratch, Team team, Value value) {
  return metal::rsqrt(sum_of_squares(n, scratch, team, value) / float(n) + eps);
}

}  // namespace anymetal
