// Rotary position embedding of 16 pairs at a time, by one core. Powers are taken once for all rows of a core.
#pragma once
#include "common/rope.h"
#include "cpu/copy.h"
#include "cpu/wide.h"

namespace anymetal {

// Sine and cosine as precise::sin and precise::cos give them.
inline WideF wide_sincos(WideF x, thread WideF& cosine) {
  const WideF a = __builtin_elementwise_abs(x);
  if (__builtin_reduce_or((Int16)(a >= 0x1p17f))) {
    float angles[16], sines[16], cosines[16];
    Wide::store(angles, x);
#pragma clang loop vectorize(disable) unroll(disable)
    for (uint i = 0; i < 16; ++i) sines[i] = metal::precise::sincos(angles[i], cosines[i]);
    cosine = Wide::load(cosines);
    return Wide::load(sines);
  }
  // a = q pi/2 + r with pi/2 in three parts; the low bits of the sum are q.
  const WideF q = __builtin_elementwise_rint(a * 0.636619747f);
  const WideU quadrant = __builtin_bit_cast(WideU, q + 0x1.8p23f);
  WideF r = __builtin_elementwise_fma(q, (WideF)-1.57079637f, a);
  r = __builtin_elementwise_fma(q, (WideF)4.37113883e-8f, r);
  r = __builtin_elementwise_fma(q, (WideF)1.71512451e-15f, r);
  const WideF z = r * r;
  WideF s = 2.79026881e-6f, c = 2.44140265e-5f;
  s = s * z - 1.98490088e-4f;
  s = s * z + 8.33337009e-3f;
  s = s * z - 0.166666672f;
  s = __builtin_elementwise_fma(r * z, s, r);
  c = c * z - 1.38871407e-3f;
  c = c * z + 4.16666642e-2f;
  c = __builtin_elementwise_fma(z * z, c, __builtin_elementwise_fma(z, (WideF)-0.5f, (WideF)1.0f));
  const Int16 is_odd = (quadrant & 1u) != 0u;
  const WideU sign_of_sine = ((quadrant & 2u) << 30u) ^ (__builtin_bit_cast(WideU, x) & 0x80000000u);
  const WideU sign_of_cosine = ((quadrant + 1u) & 2u) << 30u;
  cosine = __builtin_bit_cast(WideF, __builtin_bit_cast(WideU, is_odd ? s : c) ^ sign_of_cosine);
  return __builtin_bit_cast(WideF, __builtin_bit_cast(WideU, is_odd ? c : s) ^ sign_of_sine);
}

// What a position is divided by to give the angle of pairs first .. first + n - 1 <= kPairs; the table's end is 1.
struct Frequencies {
  static constexpr uint kPairs = 256;
  float divisors[kPairs];

  // divisor(i) is that of pair i.
  template <class Divisor>
  void fill(uint first, uint n, Divisor divisor) {
    const uint padded = (n + 15) / 16 * 16;
#pragma clang loop vectorize(disable) unroll(disable)
    for (uint i = 0; i < padded; ++i) divisors[i] = i < n ? divisor(first + i) : 1.0f;
  }
  WideF angles(uint i, WideF position) const { return position / Wide::load(divisors + i); }
};

// Pairs of neighbours, (2i, 2i + 1), and pairs that lie a distance apart, (i, i + distance), of a row.
template <class T>
struct Neighbours {
  device const T* x;
  device T* y;
  void load(uint i, thread WideF& a, thread WideF& b) const {
    const WideF low = Wide::load(x + 2 * i), high = Wide::load(x + 2 * i + 16);
    a = __builtin_shufflevector(low, high, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    b = __builtin_shufflevector(low, high, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
  }
  void store(uint i, WideF a, WideF b) const {
    Wide::store(y + 2 * i, __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23));
    Wide::store(y + 2 * i + 16, __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31));
  }
  metal::float2 load(uint i) const { return metal::float2(float(x[2 * i]), float(x[2 * i + 1])); }
  void store(uint i, metal::float2 v) const { y[2 * i] = T(v.x), y[2 * i + 1] = T(v.y); }
};

template <class T>
struct Halves {
  device const T* x;
  device T* y;
  uint distance;
  void load(uint i, thread WideF& a, thread WideF& b) const { a = Wide::load(x + i), b = Wide::load(x + i + distance); }
  void store(uint i, WideF a, WideF b) const { Wide::store(y + i, a), Wide::store(y + i + distance, b); }
  metal::float2 load(uint i) const { return metal::float2(float(x[i]), float(x[i + distance])); }
  void store(uint i, metal::float2 v) const { y[i] = T(v.x), y[i + distance] = T(v.y); }
};

// Turns the pairs first .. first + n - 1 by angles of these cosines and sines.
template <class Pairs, class Cosines>
void turn_by(Pairs pairs, Cosines cosines, Cosines sines, uint first, uint n) {
  uint i = 0;
  for (; i + 16 <= n; i += 16) {
    const WideF s = Wide::load(sines + i), c = Wide::load(cosines + i);
    WideF a, b;
    pairs.load(first + i, a, b);
    pairs.store(first + i, a * c - b * s, b * c + a * s);
  }
#pragma clang loop vectorize(disable) unroll(disable)
  for (; i < n; ++i) pairs.store(first + i, rotate(pairs.load(first + i), cosines[i], sines[i]));
}

// Sines and cosines of the angles of pairs first .. first + n - 1, n <= Frequencies::kPairs.
struct Turns {
  float sines[Frequencies::kPairs], cosines[Frequencies::kPairs];

  // angles(i) are those of 16 from the i-th of them on, of any value past the last one.
  template <class Angles>
  void fill(uint n, Angles angles) {
#pragma clang loop unroll(disable)
    for (uint i = 0; i < n; i += 16) {
      WideF c;
      Wide::store(sines + i, wide_sincos(angles(i), c));
      Wide::store(cosines + i, c);
    }
  }
  template <class Pairs>
  void apply(Pairs pairs, uint first, uint n) const {
    turn_by(pairs, (thread const float*)cosines, (thread const float*)sines, first, n);
  }
};

// Copies the elements of heads that no pair (i, i + dim / 2), i < pairs, has.
template <class T>
void copy_rest(device const T* x, device T* y, uint dim, uint pairs, metal::uint2 rows) {
  const uint distance = dim / 2;
  if (2 * pairs == dim || x == y) return;
  for (uint half = 2 * rows.x; half < 2 * rows.y; ++half) {
    const ulong at = ulong(half / 2) * dim + half % 2 * distance + pairs;
    copy_run(y + at, x + at, (half % 2 == 0 ? distance : dim - distance) - pairs);
  }
}

constant constexpr uint kRowRun = 16;  // threadgroups along the rows whose work one does

// The rows of a threadgroup that works for kRowRun of them.
inline metal::uint2 rows_of(uint group, uint size, uint rows) {
  const uint begin = metal::min(group * size, rows);
  return metal::uint2(begin, metal::min(begin + kRowRun * size, rows));
}

}  // namespace anymetal
