#pragma once
// bfloat: 8 exponent and 7 mantissa bits, every operation computed in float and rounded back. A class, not Clang's
// `__bf16`: that type has no conversion to or from half and becomes libcalls where the CPU has no instruction for it.
#pragma clang system_header
#include "address_spaces.h"
#include "scalars.h"

#if defined(__MSL_NVPTX__)
extern "C" __attribute__((nothrow, const)) bool __msl_is_nvidia_capability(unsigned at_least);
#endif

namespace __msl {

// Nearest even, NaN stays a quiet NaN.
__MSL_INLINE constexpr ushort bfloat_bits(float value) {
#if defined(__MSL_NVPTX__)
  if (!__builtin_is_constant_evaluated() && __msl_is_nvidia_capability(80)) {
    ushort rounded = 0;
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(rounded) : "f"(value));
    return rounded;
  }
#endif
  const uint bits = __builtin_bit_cast(uint, value);
  const uint rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  return static_cast<ushort>((bits & 0x7fffffffu) > 0x7f800000u ? (bits >> 16) | 0x40u : rounded);
}

}  // namespace __msl

// Converts implicitly to float and from integers, explicitly to and from everything else. The conversions are
// templates so that no implicit chain bfloat -> float -> half exists and a call with a bfloat argument finds the
// float overload as its only candidate.
struct bfloat {
  ushort __bits;

  bfloat() = default;
  template <class T>
    requires(__is_arithmetic(T))
  __MSL_MEMBER explicit(__is_floating_point(T)) constexpr bfloat(T value)
      : __bits(__msl::bfloat_bits(static_cast<float>(value))) {}

  // What is volatile is read, and written below. Templates are no copies: the type stays trivial.
  template <class V>
    requires(__is_volatile(V) && __is_same(__msl::plain<V>, bfloat))
  __MSL_MEMBER bfloat(V& o) : __bits(o.__bits) {}
  template <class V>
    requires(__is_volatile(V) && !__is_const(V))
  __MSL_MEMBER bfloat operator=(this V& v, const bfloat& o) {
    v.__bits = o.__bits;
    return o;
  }
  template <class V, class O>
    requires(!__is_const(V) && __is_volatile(O) && __is_same(__msl::plain<O>, bfloat))
  __MSL_MEMBER bfloat operator=(this V& v, O& o) {
    return v = bfloat(o);
  }

  static __MSL_MEMBER constexpr bfloat __from_bits(ushort bits) { return __builtin_bit_cast(bfloat, bits); }
  __MSL_MEMBER constexpr float __widen() const { return __builtin_bit_cast(float, static_cast<uint>(__bits) << 16); }

  template <class T>
    requires(__is_arithmetic(T))
  __MSL_MEMBER explicit(!__is_same(T, float)) constexpr operator T() const {
    return static_cast<T>(__widen());
  }
  template <class T>
    requires(__is_arithmetic(T))
  __MSL_MEMBER explicit(!__is_same(T, float)) operator T() const volatile {
    return static_cast<T>(bfloat(*this).__widen());
  }

  friend __MSL_MEMBER constexpr bfloat operator+(bfloat a) { return a; }
  friend __MSL_MEMBER constexpr bfloat operator-(bfloat a) {
    return __from_bits(static_cast<ushort>(a.__bits ^ 0x8000u));
  }

// Both operands bfloat, or one an integer; with half the operation is an error, with float it is float's own.
#define __MSL_BFLOAT_OPERATOR(op, R)                                                                        \
  friend __MSL_MEMBER constexpr R operator op(bfloat a, bfloat b) { return R(a.__widen() op b.__widen()); } \
  template <class I>                                                                                        \
    requires(__is_integral(I))                                                                              \
  friend __MSL_MEMBER constexpr R operator op(bfloat a, I b) {                                              \
    return R(a.__widen() op bfloat(b).__widen());                                                           \
  }                                                                                                         \
  template <class I>                                                                                        \
    requires(__is_integral(I))                                                                              \
  friend __MSL_MEMBER constexpr R operator op(I a, bfloat b) {                                              \
    return R(bfloat(a).__widen() op b.__widen());                                                           \
  }                                                                                                         \
  template <class H>                                                                                        \
    requires(__is_same(H, half))                                                                            \
  friend void operator op(bfloat, H) = delete;                                                              \
  template <class H>                                                                                        \
    requires(__is_same(H, half))                                                                            \
  friend void operator op(H, bfloat) = delete;
  __MSL_BFLOAT_OPERATOR(+, bfloat)
  __MSL_BFLOAT_OPERATOR(-, bfloat)
  __MSL_BFLOAT_OPERATOR(*, bfloat)
  __MSL_BFLOAT_OPERATOR(/, bfloat)
  __MSL_BFLOAT_OPERATOR(==, bool)
  __MSL_BFLOAT_OPERATOR(!=, bool)
  __MSL_BFLOAT_OPERATOR(<, bool)
  __MSL_BFLOAT_OPERATOR(<=, bool)
  __MSL_BFLOAT_OPERATOR(>, bool)
  __MSL_BFLOAT_OPERATOR(>=, bool)
#undef __MSL_BFLOAT_OPERATOR

  friend __MSL_MEMBER constexpr bfloat& operator+=(bfloat& a, bfloat b) { return a = a + b; }
  friend __MSL_MEMBER constexpr bfloat& operator-=(bfloat& a, bfloat b) { return a = a - b; }
  friend __MSL_MEMBER constexpr bfloat& operator*=(bfloat& a, bfloat b) { return a = a * b; }
  friend __MSL_MEMBER constexpr bfloat& operator/=(bfloat& a, bfloat b) { return a = a / b; }
  friend __MSL_MEMBER constexpr bfloat& operator++(bfloat& a) { return a = a + 1; }
  friend __MSL_MEMBER constexpr bfloat& operator--(bfloat& a) { return a = a - 1; }
  friend __MSL_MEMBER constexpr bfloat operator++(bfloat& a, int) {
    const bfloat old = a;
    ++a;
    return old;
  }
  friend __MSL_MEMBER constexpr bfloat operator--(bfloat& a, int) {
    const bfloat old = a;
    --a;
    return old;
  }
};

namespace metal {
using ::bfloat;
}

// The pre-pass spells the literal `1.0bf` this way: Clang reserves suffixes without an underscore.
consteval bfloat operator""_bf(long double value) { return bfloat(static_cast<float>(value)); }
