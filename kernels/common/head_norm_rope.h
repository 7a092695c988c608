// A head that is normalised and then rotated, in one pass.
#pragma once
#include "common/rope.h"
#include "common/row_norm.h"

namespace anymetal {

// i -> x[i] * r * w[i] in f32; w is read where asked.
template <class T>
struct Normalised {
  device const T* x;
  device const T* w;
  float r;
  bool has_weight;
  float operator()(uint i) const { return float(x[i]) * r * (has_weight ? float(w[i]) : 1.0f); }
};

template <class T>
Normalised<T> normalised(device const T* x, device const T* w, float r, bool has_weight) {
  return {x, w, r, has_weight};
}

// 1 / sqrt(mean(x^2) + eps) of value(i), i < dim, one after the other.
template <class Value>
float inverse_rms_of_head(uint dim, float eps, threadgroup float* scratch, Team team, Value value) {
  float squares = 0.0f;
  for (uint i = team.index; i < dim; i += team.size) squares += squared(value(i));
  return InverseRms{dim, eps}(threadgroup_sum(squares, scratch, team));
}

// Stores the head with its pairs (i, i + D/2), i < half_rope_dim, turned by position / theta^(2i/D) / freq_factors[i].
template <class Params, class Load, class Store>
void rotate_normalised(constant Params& p, Load load, float position, device const float* freq_factors, Team team,
                       Store store) {
  const uint dim = p.head_dim;
  const auto turn = [&](uint i, metal::float2 v) {
    float angle = rope_angle(position, i, dim, p.theta);
    if (p.has_freq_factors != 0) angle /= freq_factors[i];
    return rotate(v, angle);
  };
  rotate_head(dim, dim / 2, metal::min(p.half_rope_dim, dim / 2), team.index, team.size, load, turn, store);
}

#if ANYMETAL_NVIDIA

// Every 16th threadgroup does the heads of the 15 after it, a simdgroup one after the other: a head is too little for a threadgroup to start for.
constant constexpr uint kHeadsTogether = 16;

// Cosines and sines of the pairs of all tokens whose heads are together. Heads of 512 elements that are their token's only one go without.
constant constexpr uint kMostTurns = kHeadsTogether * 128;
typedef metal::float2 Turns[kMostTurns];

// Heads of kDim elements from `first` on, below `end`: each is load(head, i) times its 1 / rms times weight(i), its pairs (i, i + kDim / 2) turned by
// turn(head, i, pair). prepare() is called while the first loads are on their way, by all threads.
template <uint kDim, class Load, class Weight, class Prepare, class Turn, class Store>
void turn_heads(uint first, uint end, float eps, Team team, Load load, Weight weight, Prepare prepare, Turn turn, Store store) {
  constexpr uint kOwn = kDim / 32;
  const uint simdgroups = team.size / 32;
  float kept[kOwn];
  const auto ask = [&](uint head) {
#pragma unroll
    for (uint k = 0; k < kOwn; ++k) kept[k] = load(head, team.lane + 32 * k);
  };
  uint head = first + team.simdgroup;
  if (head < end) ask(head);
  prepare();
#pragma clang loop unroll(disable)
  while (head < end) {
    float squares = 0.0f;
#pragma unroll
    for (uint k = 0; k < kOwn; ++k) squares += kept[k] * kept[k];
    const float r = InverseRms{kDim, eps}(metal::simd_sum(squares));
#pragma unroll
    for (uint k = 0; k < kOwn / 2; ++k) {
      const uint i = team.lane + 32 * k;
      const metal::float2 v = turn(head, i, metal::float2(kept[k] * r * weight(i), kept[k + kOwn / 2] * r * weight(i + kDim / 2)));
      store(head, i, v.x);
      store(head, i + kDim / 2, v.y);
    }
    head += simdgroups;
    if (head < end) ask(head);
  }
}

// The same for the lengths of heads that are common; false for others, of which nothing is done.
template <class... Rest>
bool turn_common_heads(uint dim, uint first, uint end, float eps, Team team, Rest... rest) {
  if (team.size % 32 != 0) return false;
  switch (dim) {
    case 64: turn_heads<64>(first, end, eps, team, rest...); return true;
    case 128: turn_heads<128>(first, end, eps, team, rest...); return true;
    case 256: turn_heads<256>(first, end, eps, team, rest...); return true;
    case 512: turn_heads<512>(first, end, eps, team, rest...); return true;
    default: return false;
  }
}

// turn_common_heads with angles as rotate_normalised has them; a thread finds few of them for all heads together.
template <class Params, class Load, class Weight, class Store>
bool turn_heads_by_position(constant Params& p, uint first, uint end, Team team, threadgroup metal::float2* turns, device const uint* positions,
                            device const float* freq_factors, Load load, Weight weight, Store store) {
  const uint dim = p.head_dim, pairs = metal::min(p.half_rope_dim, dim / 2), first_token = first / p.n_heads;
  const uint tokens = (end - 1) / p.n_heads - first_token + 1;
  if (tokens * pairs > kMostTurns) return false;
  const auto prepare = [&] {
    const uint beside = metal::max(team.size / metal::max(pairs, 1u), 1u);  // tokens whose pairs are found at once
    if (team.index < beside * pairs || beside == 1) {
      for (uint i = beside == 1 ? team.index : team.index % pairs; i < pairs; i += team.size) {
        const float divisor = rope_divisor(i, dim, p.theta);
        for (uint t = beside == 1 ? 0 : team.index / pairs; t < tokens; t += beside) {
          float angle = float(positions[first_token + t]) / divisor;
          if (p.has_freq_factors != 0) angle /= freq_factors[i];
          float cosine;
          const float sine = metal::precise::sincos(angle, cosine);
          turns[t * pairs + i] = metal::float2(cosine, sine);
        }
      }
    }
    metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
  };
  const auto turn = [&](uint head, uint i, metal::float2 v) {
    if (i >= pairs) return v;
    const metal::float2 by = turns[(head / p.n_heads - first_token) * pairs + i];
    return rotate(v, by.x, by.y);
  };
  return turn_common_heads(dim, first, end, p.eps, team, load, weight, prepare, turn, store);
}

#endif

// each(head) for the heads of a threadgroup, `heads` in all; on NVIDIA GPUs, unless together(first, end) did them.
template <class Together, class Each>
void for_heads(uint group, uint heads, Together together, Each each) {
#if ANYMETAL_NVIDIA
  nvidia::take_every_threadgroup<kHeadsTogether>();
  if (group % kHeadsTogether != 0) return;
  const uint end = metal::min(group + kHeadsTogether, heads);
  if (together(group, end)) return;
  for (uint head = group; head < end; ++head) each(head);
#else
  each(group);
#endif
}

}  // namespace anymetal
