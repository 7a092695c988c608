// Rotary position embedding of one pair of elements, and of a head.
#pragma once
#include "common/elements.h"

namespace anymetal {

// What divides a position: theta^(2i/D), for pair i of a head of D = `dim` elements.
inline float rope_divisor(uint i, uint dim, float theta) { return metal::precise::pow(theta, 2.0f * float(i) / float(dim)); }

// Angle of pair i of a head of `dim` elements at `position`.
inline float rope_angle(float position, uint i, uint dim, float theta) { return position / rope_divisor(i, dim, theta); }

inline metal::float2 rotate(metal::float2 v, float c, float s) {
  return metal::float2(v.x * c - v.y * s, v.y * c + v.x * s);
}

inline metal::float2 rotate(metal::float2 v, float angle) {
#if ANYMETAL_NVIDIA
  float cosine;
  const float sine = metal::precise::sincos(angle, cosine);
  return rotate(v, cosine, sine);
#else
  return rotate(v, metal::precise::cos(angle), metal::precise::sin(angle));
#endif
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

// rotate_head for the heads below `count` that a thread of a grid (., heads) does: load(head, i), store(head, i, v), and angles_of(i) gives for one
// pair of all of them position(head) and angle(position).
template <class Load, class AnglesOf, class Store>
void rotate_heads(ElementThread own, uint count, uint dim, uint distance, uint pairs, uint first, uint step, Load load, AnglesOf angles_of, Store store) {
#if !ANYMETAL_NVIDIA
  const uint h = own.at;
  if (h >= count) return;
  const auto turn = [&](uint i, metal::float2 pair) {
    const auto angles = angles_of(i);
    return rotate(pair, angles.angle(angles.position(h)));
  };
  rotate_head(dim, distance, pairs, first, step, [&](uint i) { return load(h, i); }, turn, [&](uint i, float v) { store(h, i, v); });
#else
  constexpr uint kEach = 3;  // with four, registers leave no room for threadgroups of 1,024
  for (uint i = first; i < pairs; i += step) {
    const auto angles = angles_of(i);
    for_row<kEach>(own, count, [&](uint h) { return metal::float3(load(h, i), load(h, i + distance), angles.position(h)); },
                   [&](uint h, metal::float3 pair) {
                     const metal::float2 v = rotate(pair.xy, angles.angle(pair.z));
                     store(h, i, v.x);
                     store(h, i + distance, v.y);
                   });
  }
  // Threads without a pair begin with what stays.
  const uint rest = dim - 2 * pairs, before = distance - pairs;
  for (uint i = (first + step - pairs % step) % step; i < rest; i += step) {
    const uint place = i < before ? pairs + i : 2 * pairs + i;
    for_row<kEach>(own, count, [&](uint h) { return load(h, place); }, [&](uint h, float v) { store(h, place, v); });
  }
#endif
}

}  // namespace anymetal
