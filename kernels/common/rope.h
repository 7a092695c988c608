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

// rotate_head for the heads below `count` that a thread of a grid (pairs, heads) does, x and y [count, dim], of which each token has `heads`;
// angles_of(i) gives for one pair of all of them position(token) and angle(position). `across` is the thread along the grid's pairs, `own` along its heads.
#if !ANYMETAL_NVIDIA
template <uint kAhead, class T, class AnglesOf>
void rotate_heads(device const T* x, device T* y, ElementThread own, uint count, uint heads, uint dim, uint distance, uint pairs, ElementThread across, uint step,
                  AnglesOf angles_of) {
  const uint h = own.at;
  if (h >= count) return;
  const auto turn = [&](uint i, metal::float2 pair) {
    const auto angles = angles_of(i);
    return rotate(pair, angles.angle(angles.position(h / heads)));
  };
  rotate_head(dim, distance, pairs, across.at, step, [&](uint i) { return float(x[ulong(h) * dim + i]); }, turn,
              [&](uint i, float v) { y[ulong(h) * dim + i] = T(v); });
}
#else
// kRows rows from `begin` on below `count`, which lie side by side so that heads of one token share its turns; runs first, first + step, ... of each.
// kAhead rows are loaded at once: with more of them registers leave no room for threadgroups of 1,024.
template <uint kAhead, uint kRun, uint kRows, class T, class AnglesOf>
void rotate_rows(device const T* x, device T* y, uint begin, uint count, uint heads, uint dim, uint distance, uint pairs, uint first, uint step, AnglesOf angles_of) {
  if (begin >= count) return;
  for (uint i = first; i < pairs; i += step) {
    const auto one = angles_of(i), other = angles_of(i + kRun - 1);
    uint token = begin / heads, head = begin % heads, turned = ~0u;  // the token whose turn is known
    metal::float2 by[2] = {};
#pragma clang loop unroll(disable)
    for (uint h = begin, done = 0; done < kRows && h < count; done += kAhead) {
      ElementRun<T, kRun> low[kAhead], high[kAhead];
#pragma unroll
      for (uint j = 0; j < kAhead; ++j) {
        device const T* row = x + ulong(metal::min(h + j, count - 1)) * dim + i;
        low[j].load(row);
        high[j].load(row + distance);
      }
#pragma unroll
      for (uint j = 0; j < kAhead && h < count; ++j) {
        if (token != turned) {
          by[0] = turn_by<sizeof(T)>(one.angle(one.position(token)));
          if (kRun == 2) by[1] = turn_by<sizeof(T)>(other.angle(other.position(token)));
        }
        turned = token;
        for (uint e = 0; e < kRun; ++e) {
          const metal::float2 v = rotate(metal::float2(float(low[j].values[e]), float(high[j].values[e])), by[e].x, by[e].y);
          low[j].values[e] = T(v.x);
          high[j].values[e] = T(v.y);
        }
        device T* row = y + ulong(h) * dim + i;
        low[j].store(row);
        high[j].store(row + distance);
        ++h, ++head;
        if (head >= heads) head = 0, ++token;
      }
    }
  }
  // Threads without a pair begin with what stays.
  const uint rest = dim - 2 * pairs, before = distance - pairs;
  for (uint i = (first + step - pairs % step) % step; i < rest; i += step) {
    const ulong place = ulong(begin) * dim + (i < before ? pairs + i : 2 * pairs + i);
    ElementRun<T, kRun> kept[kRows];
#pragma unroll
    for (uint j = 0; j < kRows; ++j) kept[j].load(x + place + ulong(metal::min(j, count - 1 - begin)) * dim);
#pragma unroll
    for (uint j = 0; j < kRows; ++j) {
      if (begin + j < count) kept[j].store(y + place + ulong(j) * dim);
    }
  }
}

template <uint kAhead, class T, class AnglesOf>
void rotate_heads(device const T* x, device T* y, ElementThread own, uint count, uint heads, uint dim, uint distance, uint pairs, ElementThread across, uint step,
                  AnglesOf angles_of) {
  constexpr uint kEach = sizeof(T) == 2 ? 16 : 8, kRows = 8;
  nvidia::take_every_threadgroup<1, kEach>();
  if (own.group % kEach != 0) return;
  const uint begin = own.at - own.in_group, width = across.size;
  if (sizeof(T) == 4) {
    rotate_rows<kAhead, 1, kRows>(x, y, begin + kRows * own.in_group, count, heads, dim, distance, pairs, across.at, step, angles_of);
    return;
  }
  // Words of two elements: half of the threads do other rows.
  const uint column = across.at - across.in_group;
  if ((dim | distance | pairs | width | column | step) % 2 == 0 && (ulong(x) | ulong(y)) % 4 == 0) {
    const uint half = across.in_group / (width / 2);
    rotate_rows<kAhead, sizeof(T) == 2 ? 2 : 1, kRows>(x, y, begin + kRows * (2 * own.in_group + half), count, heads, dim, distance, pairs,
                                                  column + 2 * (across.in_group % (width / 2)), step, angles_of);
    return;
  }
  for (uint part = 0; part < kEach; part += kRows) {
    rotate_rows<kAhead, 1, kRows>(x, y, begin + kEach * own.in_group + part, count, heads, dim, distance, pairs, across.at, step, angles_of);
  }
}
#endif

}  // namespace anymetal
