// Sums of squares over rows, for the norms, and rows that are normalised.
#pragma once
#include "common/reduce.h"
#include "common/shares.h"

namespace anymetal {

// 1 / sqrt(mean(x^2) + eps) from the sum of the squares of n elements.
struct InverseRms {
  uint n;
  float eps;
  float operator()(float squares) const { return metal::rsqrt(squares / float(n) + eps); }
};

// The same of value(i), i < n, in f32, to every thread of the team. `scratch` is free for reuse afterwards.
template <class Value>
float inverse_rms_of(uint n, float eps, threadgroup float* scratch, Team team, Value value) {
  float squares = 0.0f;
  for_share(n, team.index, team.size, value, [&](uint, float v) { squares += v * v; });
  return InverseRms{n, eps}(threadgroup_sum(squares, scratch, team));
}

inline float squared(float v) { return v * v; }
inline float squared(metal::float4 v) { return metal::dot(v, v); }

#if ANYMETAL_NVIDIA
// normalise_row for rows of kKept elements a thread, which stay in its registers. Nothing is conditional, so that all loads are on their way at
// once.
template <uint kKept, class Load, class NormPart, class Inverse, class Use>
void normalise_kept_row(threadgroup float* scratch, Team team, Load load, NormPart norm_part, Inverse inverse, Use use) {
  decltype(load(0)) kept[kKept];
#pragma unroll
  for (uint k = 0; k < kKept; ++k) kept[k] = load(team.index + k * team.size);
  float squares = 0.0f;
#pragma unroll
  for (uint k = 0; k < kKept; ++k) squares += squared(norm_part(kept[k]));
  const float r = inverse(threadgroup_sum(squares, scratch, team));
#pragma unroll
  for (uint k = 0; k < kKept; ++k) use(team.index + k * team.size, kept[k], r);
}
#endif

// use(i, load(i), r), i < n, with r = inverse(sum over i < n of squared(norm_part(load(i)))). Elements are a thread's own; what
// use needs beside them is best loaded with them. A thread keeps kMost elements at most.
template <uint kMost = 8, class Load, class NormPart, class Inverse, class Use>
void normalise_row(uint n, threadgroup float* scratch, Team team, Load load, NormPart norm_part, Inverse inverse, Use use) {
#if ANYMETAL_NVIDIA
  if (kMost == 8 && n == 8 * team.size) return normalise_kept_row<8>(scratch, team, load, norm_part, inverse, use);
  if (n == 4 * team.size) return normalise_kept_row<4>(scratch, team, load, norm_part, inverse, use);
  if (n == 2 * team.size) return normalise_kept_row<2>(scratch, team, load, norm_part, inverse, use);
#endif
  float squares = 0.0f;
  for_share(n, team.index, team.size, [&](uint i) { return norm_part(load(i)); }, [&](uint, auto v) { squares += squared(v); });
  const float r = inverse(threadgroup_sum(squares, scratch, team));
  for_share(n, team.index, team.size, load, [&](uint i, auto v) { use(i, v, r); });
}

// The same of a row without anything beside it.
template <class Load, class Inverse, class Use>
void normalise_row(uint n, threadgroup float* scratch, Team team, Load load, Inverse inverse, Use use) {
  normalise_row(n, scratch, team, load, [](auto v) { return v; }, inverse, use);
}

}  // namespace anymetal
