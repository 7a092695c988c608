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

}  // namespace anymetal
