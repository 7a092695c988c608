// Rotary position embedding of one pair of elements, and of a head.
#pragma once
#include <metal_stdlib>

namespace anymetal {

// Angle of pair i of a head of `dim` elements at `position`.
inline float rope_angle(float position, uint i, uint dim, float theta) {
  return position / metal::precise::pow(theta, 2.0f * float(i) / float(dim));
}

inline metal::float2 rotate(metal::float2 v, float c, float s) {
  return metal::float2(v.x * c - v.y * s, v.y * c + v.x * s);
}

inline metal::float2 rotate(metal::float2 v, float angle) {
  return rotate(v, metal::precise::cos(angle), metal::precise::sin(angle));
}

// A head whose pairs (i, i + distance), i < pairs, are turned by turn(i, pair) and whose other elements stay. Thread `first`
// of `step` takes every step-th pair and element; each is loaded and stored by one thread: the output may be the input.
template <class Load, class Turn, class Store>
void rotate_head(uint dim, uint distance, uint pairs, uint first, uint step, Load load, Turn turn, Store store) {
  for (uint i = first; i < pairs; i += step) {
    const metal::float2 v = turn(i, metal::float2(load(i), load(i + distance)));
    store(i, v.x);
    store(i + distance, v.y);
  }
  for (uint i = pairs + first; i < distance; i += step) store(i, load(i));
  for (uint i = distance + pairs + first; i < dim; i += step) store(i, load(i));
}

}  // namespace anymetal
