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

#if ANYMETAL_NVIDIA
// The cosine and sine of an angle for what is stored in `bytes` a number: 16 bits do not show what the approximate instructions are off by, some 1e-6,
// as long as a turn can be taken off in three steps.
template <uint bytes>
metal::float2 turn_by(float angle) {
  float cosine;
  const float sine = bytes == 2 && metal::fabs(angle) < 1e6f ? metal::fast::sincos(angle, cosine) : metal::precise::sincos(angle, cosine);
  return metal::float2(cosine, sine);
}
#endif

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

// rotate_head for the heads below `count` that a thread of a grid (., heads) does, of which each token has `heads`: load(head, i), store(head, i, v) of
// numbers of type T, and angles_of(i) gives for one pair of all of them position(token) and angle(position).
template <class T, class Load, class AnglesOf, class Store>
void rotate_heads(ElementThread own, uint count, uint heads, uint dim, uint distance, uint pairs, uint first, uint step, Load load, AnglesOf angles_of, Store store) {
#if !ANYMETAL_NVIDIA
  const uint h = own.at;
  if (h >= count) return;
  const auto turn = [&](uint i, metal::float2 pair) {
    const auto angles = angles_of(i);
    return rotate(pair, angles.angle(angles.position(h / heads)));
  };
  rotate_head(dim, distance, pairs, first, step, [&](uint i) { return load(h, i); }, turn, [&](uint i, float v) { store(h, i, v); });
#else
  constexpr uint kAhead = 4, kEach = 2 * kAhead;  // with more ahead, registers leave no room for threadgroups of 1,024
  nvidia::take_every_threadgroup<1, kEach>();
  if (own.group % kEach != 0 || own.at >= count) return;
  const uint tokens_of_step = own.size / heads, heads_of_step = own.size % heads;
  for (uint i = first; i < pairs; i += step) {
    const auto angles = angles_of(i);
    uint token = own.at / heads, head = own.at % heads, turned = ~0u;  // the token whose turn is known
    metal::float2 by = 0.0f;
#pragma clang loop unroll(disable)
    for (uint h = own.at, done = 0; done < kEach && h < count; done += kAhead) {
      metal::float2 values[kAhead];
#pragma unroll
      for (uint j = 0; j < kAhead; ++j) {
        const uint there = metal::min(h + j * own.size, count - 1);
        values[j] = metal::float2(load(there, i), load(there, i + distance));
      }
#pragma unroll
      for (uint j = 0; j < kAhead && h < count; ++j) {
        if (token != turned) by = turn_by<sizeof(T)>(angles.angle(angles.position(token)));
        turned = token;
        const metal::float2 v = rotate(values[j], by.x, by.y);
        store(h, i, v.x);
        store(h, i + distance, v.y);
        h += own.size, token += tokens_of_step, head += heads_of_step;
        if (head >= heads) head -= heads, ++token;
      }
    }
  }
  // Threads without a pair begin with what stays.
  const uint rest = dim - 2 * pairs, before = distance - pairs;
  for (uint i = (first + step - pairs % step) % step; i < rest; i += step) {
    const uint place = i < before ? pairs + i : 2 * pairs + i;
    for_each_own<kEach>(own, count, [&](uint h) { return load(h, place); }, [&](uint h, float v) { store(h, place, v); });
  }
#endif
}

}  // namespace anymetal
