// The vectors of code that runs a whole threadgroup on one core.
#pragma once
#include "common/lanes.h"

// Bits of the widest vector register the kernel is compiled for.
extern "C" __attribute__((nothrow, const)) uint __msl_vector_bits();

namespace anymetal {

typedef Lanes<16> Wide;
typedef Wide::F WideF;
typedef Wide::U WideU;

inline Int16 lane_numbers() { return (Int16){0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}; }
// A bit for each lane where a comparison holds.
inline uint lane_bits(Int16 holds) { return __builtin_bit_cast(ushort, __builtin_convertvector(holds, Bool16)); }

// The 16 numbers of a table that the compiler knows: in two parts, as it computes with nothing that it reads 64 bytes at a time.
inline WideF known_table(constant float* table) {
  const Float8 low = *(constant UnalignedFloat8*)table, high = *(constant UnalignedFloat8*)(table + 8);
  return __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}

// Elements i .. i + 15 of n, those that there are.
template <class T>
void wide_store(device T* to, uint i, uint n, WideF values) {
  if (i + 16 <= n) return Wide::store(to + i, values);
#pragma clang loop vectorize(disable) unroll(disable)
  for (uint j = i; j < n; ++j) to[j] = T(values[j - i]);
}

// The halves of two vectors added up: eight sums of each.
inline WideF half_sums(WideF a, WideF b) {
  return __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
         __builtin_shufflevector(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
}

// The quarters next to each other in two such vectors added up: four sums of each of four.
inline WideF quarter_sums(WideF a, WideF b) {
  return __builtin_shufflevector(a, b, 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27) +
         __builtin_shufflevector(a, b, 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31);
}

// The sum of each of eight vectors.
inline Float8 eight_sums(thread const WideF* v) {
  WideF halves[4], quarters[2];
#pragma unroll
  for (int i = 0; i < 4; ++i) halves[i] = half_sums(v[i], v[i + 4]);
#pragma unroll
  for (int i = 0; i < 2; ++i) quarters[i] = quarter_sums(halves[i], halves[i + 2]);
  const WideF a = quarters[0], b = quarters[1];
  const WideF pairs = __builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29) +
                      __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
  return __builtin_shufflevector(pairs, pairs, 0, 2, 4, 6, 8, 10, 12, 14) +
         __builtin_shufflevector(pairs, pairs, 1, 3, 5, 7, 9, 11, 13, 15);
}

// The same of vectors of 8.
inline Float8 eight_sums(thread const Float8* v) {
  Float8 halves[4], quarters[2];
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    halves[i] = __builtin_shufflevector(v[i], v[i + 4], 0, 1, 2, 3, 8, 9, 10, 11) +
                __builtin_shufflevector(v[i], v[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
  }
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    const Float8 a = halves[i], b = halves[i + 2];
    quarters[i] =
        __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13) + __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
  }
  const Float8 a = quarters[0], b = quarters[1];
  return __builtin_shufflevector(a, b, 0, 8, 2, 10, 4, 12, 6, 14) + __builtin_shufflevector(a, b, 1, 9, 3, 11, 5, 13, 7, 15);
}

// The sum of each of four vectors, in the order of Wide::sum: together they take a quarter of the instructions.
inline metal::float4 four_sums(thread const WideF* v) {
  const WideF four = quarter_sums(half_sums(v[0], v[2]), half_sums(v[1], v[3]));
  const Float8 pairs = __builtin_shufflevector(four, four, 0, 1, 4, 5, 8, 9, 12, 13) +
                       __builtin_shufflevector(four, four, 2, 3, 6, 7, 10, 11, 14, 15);
  typedef float Float4 __attribute__((ext_vector_type(4)));
  const Float4 sums = __builtin_shufflevector(pairs, pairs, 0, 2, 4, 6) + __builtin_shufflevector(pairs, pairs, 1, 3, 5, 7);
  return metal::float4(sums[0], sums[1], sums[2], sums[3]);
}

// What a dispatch writes leaves the caches before anybody reads it, where it reads and writes as many bytes as these: it is
// stored past them, so that its lines need not be read first.
constexpr constant ulong kStreamedBytes = 32ul << 20;

// Sixteen floats past the caches where `is_streamed`; they must be aligned to 64 bytes then. Other elements as ever.
template <class T>
void wide_stream(device T* to, WideF values, bool) {
  Wide::store(to, values);
}
inline void wide_stream(device float* to, WideF values, bool is_streamed) {
  if (!is_streamed) return Wide::store(to, values);
  __builtin_nontemporal_store(values, (device WideF*)to);
}
template <class T>
bool is_streamed(device const T* to, ulong bytes_of_dispatch) {
  return sizeof(T) == sizeof(float) && bytes_of_dispatch >= kStreamedBytes && ulong(to) % 64 == 0;
}

// The larger one; a where b is NaN. A choice, which is one instruction: a maximum that minds NaN on either side is three.
inline WideF wide_max(WideF a, WideF b) { return b > a ? b : a; }

// The largest one; any of them where one is NaN.
inline float wide_highest(WideF v) {
  WideF a = wide_max(v, __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  a = wide_max(a, __builtin_shufflevector(a, a, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11));
  a = wide_max(a, __builtin_shufflevector(a, a, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13));
  const float x = a[0], y = a[1];
  return y > x ? y : x;
}

// 2^(whole + rest), `whole` the integer nearest to x, a number of about their sum: up to 127; 0 below -126.
inline WideF wide_power(WideF x, WideF rest) {
  WideF power = 1.535336188319500e-4f;
  power = power * rest + 1.339887440266574e-3f;
  power = power * rest + 9.618437357674640e-3f;
  power = power * rest + 5.550332471162809e-2f;
  power = power * rest + 2.402264791363012e-1f;
  power = power * rest + 6.931472028550421e-1f;
  power = power * rest + 1.0f;
  // The sum's low bits are `whole`, also where x is NaN and has no integer.
  const WideU exponent = __builtin_bit_cast(WideU, x + 0x1.8p23f) << 23u;
  const WideF scale = __builtin_bit_cast(WideF, exponent + 0x3f800000u);
  return x < -126.0f ? (WideF)0.0f : power * scale;
}

// 2^x for x up to 127; 0 below -126. Good to 2 units in the last place.
inline WideF wide_exp2(WideF x) { return wide_power(x, x - __builtin_elementwise_rint(x)); }

// e^x for x up to 88; 0 below -87.3. Good to 2 units in the last place, where 2^(x log2 e) loses more the larger x is.
inline WideF wide_exp(WideF x) {
  const WideF y = x * 1.44269504089f, whole = __builtin_elementwise_rint(y);
  // ln 2 in two parts, the first of few bits, so that nothing is rounded; as calls, so that nothing is put together.
  const WideF near = __builtin_elementwise_fma(whole, (WideF)-0.693359375f, x);
  return wide_power(y, __builtin_elementwise_fma(whole, (WideF)2.12194440055e-4f, near) * 1.44269504089f);
}

// (1 - e^-2|x|) / (1 + e^-2|x|) with the sign of x: off by 6e-8 at most.
inline WideF wide_tanh(WideF x) {
  const WideF part = wide_exp(__builtin_elementwise_abs(x) * -2.0f);
  return __builtin_elementwise_copysign((1.0f - part) / (1.0f + part), x);
}

// x / (1 + e^-x).
inline WideF wide_silu(WideF x) {
  return x / (1.0f + wide_exp(__builtin_elementwise_min(-x, (WideF)87.0f)));
}

// GELU in its tanh form, as gelu_tanh of common/activations.h.
inline WideF wide_gelu(WideF x) {
  const WideF z = -1.5957691216057308f * (x + 0.044715f * x * x * x);
  return x / (1.0f + wide_exp(__builtin_elementwise_min(z, (WideF)87.0f)));
}

}  // namespace anymetal
