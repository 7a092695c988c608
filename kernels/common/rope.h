// Rotary position embedding of one pair of elements.
#pragma once
#include <metal_stdlib>

namespace anymetal {

// Angle of pair i of a head of `dim` elements at `position`.
inline float rope_angle(float position, uint i, uint dim, float theta) {
  return position / metal::precise::pow(theta, 2.0f * float(i) / float(dim));
}

inline metal::float2 rotate(metal::float2 v, float angle) {
  const float c = metal::precise::cos(angle), s = metal::precise::sin(angle);
  return metal::float2(v.x * c - v.y * s, v.y * c + v.x * s);
}

}  // namespace anymetal
