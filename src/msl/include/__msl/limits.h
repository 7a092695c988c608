#pragma once
// <metal_limits>: numeric_limits of every scalar, by the template that sources specialise for types of their own.
#pragma clang system_header
#include "constants.h"

namespace __msl {

struct unspecialised_limits {
  static constexpr bool is_specialized = false;
  static constexpr bool is_signed = false, is_integer = false, is_exact = false;
  static constexpr bool has_infinity = false, has_quiet_NaN = false, has_signaling_NaN = false, has_denorm = false;
  static constexpr int radix = 0, digits = 0, digits10 = 0, max_digits10 = 0;
  static constexpr int min_exponent = 0, max_exponent = 0, min_exponent10 = 0, max_exponent10 = 0;
};

template <class T>
struct integer_limits : unspecialised_limits {
  static constexpr bool is_specialized = true, is_integer = true, is_exact = true;
  static constexpr bool is_signed = __is_signed(T);
  static constexpr int radix = 2;
  static constexpr int digits = __is_same(T, bool) ? 1 : static_cast<int>(sizeof(T)) * 8 - is_signed;
  static constexpr int digits10 = digits * 301 / 1000;

  static constexpr T max() {
    if constexpr (__is_same(T, bool)) {
      return true;
    } else {
      return static_cast<T>(~0ul >> (64 - digits));
    }
  }
  static constexpr T min() { return is_signed ? static_cast<T>(-max() - 1) : static_cast<T>(0); }
  static constexpr T lowest() { return min(); }
  static constexpr T epsilon() { return T(); }
  static constexpr T round_error() { return T(); }
  static constexpr T infinity() { return T(); }
  static constexpr T quiet_NaN() { return T(); }
  static constexpr T signaling_NaN() { return T(); }
  static constexpr T denorm_min() { return T(); }
};

template <class T, int Digits, int MaxExponent>
struct float_limits : unspecialised_limits {
  static constexpr bool is_specialized = true, is_signed = true;
  static constexpr bool has_infinity = true, has_quiet_NaN = true, has_signaling_NaN = true, has_denorm = true;
  static constexpr int radix = 2, digits = Digits;
  static constexpr int digits10 = (Digits - 1) * 301 / 1000, max_digits10 = Digits * 301 / 1000 + 2;
  static constexpr int max_exponent = MaxExponent, min_exponent = 3 - MaxExponent;
  static constexpr int max_exponent10 = MaxExponent * 301 / 1000, min_exponent10 = -((MaxExponent - 3) * 301 / 1000);
  static constexpr T round_error() { return static_cast<T>(0.5f); }
  static constexpr T infinity() { return static_cast<T>(__builtin_huge_valf()); }
};

}  // namespace __msl

namespace metal {

template <class T>
struct _numeric_limits_impl : __msl::unspecialised_limits {};
template <class T>
struct numeric_limits : _numeric_limits_impl<T> {};
template <class T>
struct numeric_limits<const T> : numeric_limits<T> {};

#define __MSL_LIMITS(T) \
  template <>           \
  struct _numeric_limits_impl<T> : __msl::integer_limits<T> {};
__MSL_LIMITS(bool)
__MSL_LIMITS(char)
__MSL_LIMITS(uchar)
__MSL_LIMITS(short)
__MSL_LIMITS(ushort)
__MSL_LIMITS(int)
__MSL_LIMITS(uint)
__MSL_LIMITS(long)
__MSL_LIMITS(ulong)
#undef __MSL_LIMITS

#define __MSL_LIMITS(T, bits, digits, exponent, largest, smallest, step, quiet, signalling)             \
  template <>                                                                                           \
  struct _numeric_limits_impl<T> : __msl::float_limits<T, digits, exponent> {                           \
    static constexpr T max() { return static_cast<T>(largest); }                                        \
    static constexpr T min() { return static_cast<T>(smallest); }                                       \
    static constexpr T lowest() { return -max(); }                                                      \
    static constexpr T epsilon() { return static_cast<T>(step); }                                       \
    static constexpr T denorm_min() { return __builtin_bit_cast(T, static_cast<bits>(1)); }             \
    static constexpr T quiet_NaN() { return __builtin_bit_cast(T, static_cast<bits>(quiet)); }          \
    static constexpr T signaling_NaN() { return __builtin_bit_cast(T, static_cast<bits>(signalling)); } \
  };
__MSL_LIMITS(half, ushort, 11, 16, 65504.0f, 0x1p-14f, 0x1p-10f, 0x7e00u, 0x7d00u)
__MSL_LIMITS(bfloat, ushort, 8, 128, 0x1.fep127f, 0x1p-126f, 0x1p-7f, 0x7fc0u, 0x7fa0u)
__MSL_LIMITS(float, uint, 24, 128, 0x1.fffffep127f, 0x1p-126f, 0x1p-23f, 0x7fc00000u, 0x7fa00000u)
#undef __MSL_LIMITS

// The bits of a format, which sources ask for that convert to formats of their own.
template <class T>
struct _fp_encoding_traits;
template <>
struct _fp_encoding_traits<float> {
  static constexpr uint sign_mask = 0x80000000u, inf_mask = 0x7f800000u;
};
template <>
struct _fp_encoding_traits<half> {
  static constexpr ushort sign_mask = 0x8000u, inf_mask = 0x7c00u;
};

}  // namespace metal
