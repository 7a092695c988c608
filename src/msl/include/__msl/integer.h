#pragma once
// <metal_integer>: bit and saturating functions on all integers. Everything wraps where C++ would be undefined.
#pragma clang system_header
#include "minmax.h"

namespace __msl {

template <class T>
using unsigned_of = __make_unsigned(T);
template <class T>
inline constexpr int bit_width = 8 * static_cast<int>(sizeof(T));

template <class T>
__MSL_INLINE constexpr T abs(T x) {
  const auto u = static_cast<unsigned_of<T>>(x);
  return static_cast<T>(x < 0 ? static_cast<unsigned_of<T>>(0u - u) : u);
}
template <class T>
__MSL_INLINE constexpr unsigned_of<T> absdiff(T x, T y) {
  using U = unsigned_of<T>;
  return static_cast<U>(x < y ? static_cast<U>(y) - static_cast<U>(x) : static_cast<U>(x) - static_cast<U>(y));
}
template <class T>
__MSL_INLINE constexpr T limit(bool negative) {
  constexpr auto all = static_cast<unsigned_of<T>>(~static_cast<unsigned_of<T>>(0));
  if constexpr (!__is_signed(T)) {
    return negative ? static_cast<T>(0) : static_cast<T>(all);
  } else {
    constexpr T max = static_cast<T>(all >> 1);
    return negative ? static_cast<T>(-max - 1) : max;
  }
}
template <class T>
__MSL_INLINE constexpr T addsat(T x, T y) {
  T sum;
  return __builtin_add_overflow(x, y, &sum) ? limit<T>(y < 0) : sum;
}
template <class T>
__MSL_INLINE constexpr T subsat(T x, T y) {
  T difference;
  return __builtin_sub_overflow(x, y, &difference) ? limit<T>(__is_signed(T) ? y >= 0 : true) : difference;
}
// Holds products: 128 bits for 64-bit integers, 64 for the others.
template <class T>
constexpr auto wide_zero() {
  if constexpr (sizeof(T) < 8) {
    if constexpr (__is_signed(T))
      return 0l;
    else
      return 0ul;
  } else {
    if constexpr (__is_signed(T))
      return static_cast<__int128>(0);
    else
      return static_cast<unsigned __int128>(0);
  }
}
template <class T>
using wide_of = decltype(wide_zero<T>());

template <class T>
__MSL_INLINE constexpr T mulhi(T x, T y) {
  return static_cast<T>((static_cast<wide_of<T>>(x) * static_cast<wide_of<T>>(y)) >> bit_width<T>);
}
template <class T>
__MSL_INLINE constexpr T madhi(T a, T b, T c) {
  return static_cast<T>(static_cast<unsigned_of<T>>(mulhi(a, b)) + static_cast<unsigned_of<T>>(c));
}
// The exact a * b + c, saturated.
template <class T>
__MSL_INLINE constexpr T madsat(T a, T b, T c) {
  using wide = wide_of<T>;
  const wide exact = static_cast<wide>(a) * static_cast<wide>(b) + static_cast<wide>(c);
  const wide low = limit<T>(true), high = limit<T>(false);
  return static_cast<T>(exact < low ? low : exact > high ? high : exact);
}
template <class T>
__MSL_INLINE constexpr T hadd(T x, T y) {
  return static_cast<T>((x & y) + ((x ^ y) >> 1));
}
template <class T>
__MSL_INLINE constexpr T rhadd(T x, T y) {
  return static_cast<T>((x | y) - ((x ^ y) >> 1));
}
template <class T>
__MSL_INLINE constexpr T clz(T x) {
  const auto u = static_cast<unsigned_of<T>>(x);
  return static_cast<T>(u == 0 ? bit_width<T> : __builtin_clzl(u) - (64 - bit_width<T>));
}
template <class T>
__MSL_INLINE constexpr T ctz(T x) {
  const auto u = static_cast<unsigned_of<T>>(x);
  return static_cast<T>(u == 0 ? bit_width<T> : __builtin_ctzl(u));
}
template <class T>
__MSL_INLINE constexpr T popcount(T x) {
  return static_cast<T>(__builtin_popcountl(static_cast<unsigned_of<T>>(x)));
}
template <class T>
__MSL_INLINE constexpr T rotate(T x, T count) {
  const auto u = static_cast<unsigned_of<T>>(x);
  const uint n = static_cast<uint>(count) & (bit_width<T> - 1);
  return static_cast<T>(static_cast<unsigned_of<T>>((u << n) | (u >> ((bit_width<T> - n) & (bit_width<T> - 1)))));
}
template <class T>
__MSL_INLINE constexpr T reverse_bits(T x) {
  const auto u = static_cast<unsigned_of<T>>(x);
  if constexpr (sizeof(T) == 1)
    return static_cast<T>(__builtin_bitreverse8(u));
  else if constexpr (sizeof(T) == 2)
    return static_cast<T>(__builtin_bitreverse16(u));
  else if constexpr (sizeof(T) == 4)
    return static_cast<T>(__builtin_bitreverse32(u));
  else
    return static_cast<T>(__builtin_bitreverse64(u));
}
// Counts are masked, so that no field is undefined; a field of all bits is handled by the last shift.
template <class T>
__MSL_INLINE constexpr unsigned_of<T> field_mask(uint bits) {
  using U = unsigned_of<T>;
  return bits == 0 ? static_cast<U>(0)
                   : static_cast<U>(static_cast<U>(~static_cast<U>(0)) >> ((bit_width<T> - bits) & (bit_width<T> - 1)));
}
template <class T>
__MSL_INLINE constexpr T extract_bits(T x, uint offset, uint bits) {
  using U = unsigned_of<T>;
  const U field =
      static_cast<U>(static_cast<U>(static_cast<U>(x) >> (offset & (bit_width<T> - 1))) & field_mask<T>(bits));
  if constexpr (__is_signed(T)) {
    const U sign = static_cast<U>(field_mask<T>(bits) ^ (field_mask<T>(bits) >> 1));
    return static_cast<T>(static_cast<U>((field ^ sign) - sign));
  } else {
    return field;
  }
}
template <class T>
__MSL_INLINE constexpr T insert_bits(T base, T insert, uint offset, uint bits) {
  using U = unsigned_of<T>;
  const uint n = offset & (bit_width<T> - 1);
  const U mask = static_cast<U>(field_mask<T>(bits) << n);
  return static_cast<T>(
      static_cast<U>((static_cast<U>(base) & ~mask) | (static_cast<U>(static_cast<U>(insert) << n) & mask)));
}

}  // namespace __msl

namespace metal {

#define __MSL_INTEGER(T)                                                                                              \
  __MSL_INLINE constexpr T abs(T x) { return __msl::abs(x); }                                                         \
  __MSL_INLINE constexpr __msl::unsigned_of<T> absdiff(T x, T y) { return __msl::absdiff(x, y); }                     \
  __MSL_INLINE constexpr T addsat(T x, T y) { return __msl::addsat(x, y); }                                           \
  __MSL_INLINE constexpr T subsat(T x, T y) { return __msl::subsat(x, y); }                                           \
  __MSL_INLINE constexpr T madsat(T a, T b, T c) { return __msl::madsat(a, b, c); }                                   \
  __MSL_INLINE constexpr T hadd(T x, T y) { return __msl::hadd(x, y); }                                               \
  __MSL_INLINE constexpr T rhadd(T x, T y) { return __msl::rhadd(x, y); }                                             \
  __MSL_INLINE constexpr T mulhi(T x, T y) { return __msl::mulhi(x, y); }                                             \
  __MSL_INLINE constexpr T madhi(T a, T b, T c) { return __msl::madhi(a, b, c); }                                     \
  __MSL_INLINE constexpr T clz(T x) { return __msl::clz(x); }                                                         \
  __MSL_INLINE constexpr T ctz(T x) { return __msl::ctz(x); }                                                         \
  __MSL_INLINE constexpr T popcount(T x) { return __msl::popcount(x); }                                               \
  __MSL_INLINE constexpr T rotate(T x, T count) { return __msl::rotate(x, count); }                                   \
  __MSL_INLINE constexpr T reverse_bits(T x) { return __msl::reverse_bits(x); }                                       \
  __MSL_INLINE constexpr T extract_bits(T x, uint offset, uint bits) { return __msl::extract_bits(x, offset, bits); } \
  __MSL_INLINE constexpr T insert_bits(T base, T insert, uint offset, uint bits) {                                    \
    return __msl::insert_bits(base, insert, offset, bits);                                                            \
  }
__MSL_INTEGER_TYPES(__MSL_INTEGER)
#undef __MSL_INTEGER

#define __MSL_INT_ONLY(T)                                                         \
  __MSL_INLINE constexpr T mul24(T x, T y) {                                      \
    return static_cast<T>(static_cast<uint>(__msl::extract_bits(x, 0, 24)) *      \
                          static_cast<uint>(__msl::extract_bits(y, 0, 24)));      \
  }                                                                               \
  __MSL_INLINE constexpr T mad24(T x, T y, T z) {                                 \
    return static_cast<T>(static_cast<uint>(mul24(x, y)) + static_cast<uint>(z)); \
  }
__MSL_INT_ONLY(int)
__MSL_INT_ONLY(uint)
#undef __MSL_INT_ONLY

#define __MSL_MAPPED_1(f) __MSL_VECTOR_1(f, integer_element, return __msl::map<N>(__MSL_EACH_1(__msl::f(x)), x);)
#define __MSL_MAPPED_2(f) __MSL_VECTOR_2(f, integer_element, return __msl::map<N>(__MSL_EACH_2(__msl::f(x, y)), x, y);)
#define __MSL_MAPPED_3(f) \
  __MSL_VECTOR_3(f, integer_element, return __msl::map<N>(__MSL_EACH_3(__msl::f(x, y, z)), x, y, z);)
__MSL_MAPPED_1(clz)
__MSL_MAPPED_1(ctz)
__MSL_MAPPED_1(popcount)
__MSL_MAPPED_1(reverse_bits)
__MSL_MAPPED_2(hadd)
__MSL_MAPPED_2(rhadd)
__MSL_MAPPED_2(mulhi)
__MSL_MAPPED_2(rotate)
__MSL_MAPPED_3(madhi)
__MSL_MAPPED_3(madsat)
#undef __MSL_MAPPED_1
#undef __MSL_MAPPED_2
#undef __MSL_MAPPED_3
__MSL_VECTOR_2(addsat, integer_element, __MSL_RAW_OR_MAP_2(__msl::addsat, __builtin_elementwise_add_sat(x.__v, y.__v)))
__MSL_VECTOR_2(subsat, integer_element, __MSL_RAW_OR_MAP_2(__msl::subsat, __builtin_elementwise_sub_sat(x.__v, y.__v)))
__MSL_VECTOR_1(abs, integer_element, if constexpr (!__is_signed(T)) return x;
               else __MSL_RAW_OR_MAP_1(__msl::abs, __builtin_elementwise_abs(x.__v)))

template <__msl::integer_element T, int N>
__MSL_INLINE constexpr vec<__msl::unsigned_of<T>, N> absdiff(const vec<T, N>& x, const __msl::converted<vec<T, N>>& y) {
  return __msl::map<N>(__MSL_EACH_2(__msl::absdiff(x, y)), x, y);
}
template <__msl::integer_element T, int N>
__MSL_INLINE constexpr vec<T, N> extract_bits(const vec<T, N>& x, uint offset, uint bits) {
  return __msl::map<N>([=](T e) __attribute__((always_inline)) { return __msl::extract_bits(e, offset, bits); }, x);
}
template <__msl::integer_element T, int N>
__MSL_INLINE constexpr vec<T, N> insert_bits(const vec<T, N>& base, const __msl::converted<vec<T, N>>& insert,
                                             uint offset, uint bits) {
  return __msl::map<N>([=](T b, T i) __attribute__((always_inline)) { return __msl::insert_bits(b, i, offset, bits); },
                       base, insert);
}
template <__msl::integer_element T, int N>
__MSL_INLINE constexpr vec<T, N> mul24(const vec<T, N>& x, const __msl::converted<vec<T, N>>& y) {
  return __msl::map<N>(__MSL_EACH_2(mul24(x, y)), x, y);
}
template <__msl::integer_element T, int N>
__MSL_INLINE constexpr vec<T, N> mad24(const vec<T, N>& x, const __msl::converted<vec<T, N>>& y,
                                       const __msl::converted<vec<T, N>>& z) {
  return __msl::map<N>(__MSL_EACH_3(mad24(x, y, z)), x, y, z);
}

}  // namespace metal
