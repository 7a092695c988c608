#pragma once
// Sine, cosine and tangent, of radians and of multiples of pi.
//
// |x| = q * pi/2 + r with |r| <= pi/4: the quadrant q picks the polynomial and the sign. Up to 2^17 three fma take
// q * pi/2 away, pi/2 being split in three floats; beyond, the needed bits of 2/pi are multiplied in integers.
#pragma clang system_header
#include "config.h"
#include "math_bits.h"

namespace __msl::math {

constexpr float kReduceLimit = 0x1p17f;

/// r for |x| within kReduceLimit; the first fma is exact.
__MSL_MATH float reduce_moderate(float a, int& quadrant) {
  const float q = round_product(a, 0.636619747f, quadrant);
  return fma(q, 1.71512451e-15f, fma(q, 4.37113883e-8f, fma(q, -1.57079637f, a)));
}

/// The word at `index` of five in a row, without a table in memory and without a chain of comparisons, of which the
/// compiler would make a switch.
__MSL_MATH unsigned pick_word(unsigned index, unsigned w0, unsigned w1, unsigned w2, unsigned w3, unsigned w4) {
  const unsigned even = index & 2u ? w2 : w0, odd = index & 2u ? w3 : w1;
  const unsigned near = index & 1u ? odd : even;
  return index & 4u ? w4 : near;
}

/// r for any finite x of at least kReduceLimit (Payne and Hanek, 1983): of the significand times 2/pi only the 96 bits
/// from the one worth 2 downward decide; r keeps at least 34 significant bits before it is rounded.
__MSL_MATH float reduce_large(float a, int& quadrant) {
  __MSL_EXACT
  const unsigned significand = (to_bits(a) & 0x7fffffu) | 0x800000u;
  const unsigned offset = (to_bits(a) >> 23) - 120u;  // bits of (0, 2/pi) to skip: the exponent of the last bit + 30
  const unsigned first = offset >> 5, shift = offset & 31u;  // the words are 0, then the bits of 2/pi
  const unsigned w0 = pick_word(first, 0u, 0xa2f9836eu, 0x4e441529u, 0xfc2757d1u, 0xf534ddc0u);
  const unsigned w1 = pick_word(first, 0xa2f9836eu, 0x4e441529u, 0xfc2757d1u, 0xf534ddc0u, 0xdb629599u);
  const unsigned w2 = pick_word(first, 0x4e441529u, 0xfc2757d1u, 0xf534ddc0u, 0xdb629599u, 0x3c439041u);
  const unsigned w3 = pick_word(first, 0xfc2757d1u, 0xf534ddc0u, 0xdb629599u, 0x3c439041u, 0xfe5163abu);
  const unsigned high = (w0 << shift) | ((w1 >> 1) >> (31u - shift));
  const unsigned middle = (w1 << shift) | ((w2 >> 1) >> (31u - shift));
  const unsigned low = (w2 << shift) | ((w3 >> 1) >> (31u - shift));

  using Wide = unsigned long long;
  const Wide product0 = Wide{significand} * low;
  const Wide product1 = Wide{significand} * middle + (product0 >> 32);
  const unsigned bits1 = static_cast<unsigned>(product1);
  const unsigned bits2 = significand * high + static_cast<unsigned>(product1 >> 32);
  quadrant = static_cast<int>((bits2 + 0x20000000u) >> 30);

  // The fraction as a signed 64-bit number of 2^-64, in three pieces that floats hold exactly.
  const unsigned fraction_high = (bits2 << 2) | (bits1 >> 30), fraction_low = bits1 << 2;
  const float f0 = static_cast<float>(static_cast<int>(fraction_high) >> 8) * 0x1p-24f;
  const float f1 =
      static_cast<float>(static_cast<int>(((fraction_high & 0xffu) << 16) | (fraction_low >> 16))) * 0x1p-48f;
  const float f2 = static_cast<float>(static_cast<int>(fraction_low & 0xffffu)) * 0x1p-64f;
  const float f = f0 + f1;
  const float f_low = ((f0 - f) + f1) + f2;
  const float r = fma(f, 1.57079637f, fma(f, -4.37113883e-8f, f_low * 1.57079637f));
  return to_bits(a) >= kInfinityBits ? kNaN : r;
}

__MSL_MATH float reduce(float a, int& quadrant) {
  float r = reduce_moderate(a, quadrant);
  if (!(a < kReduceLimit)) r = reduce_large(a, quadrant);
  return r;
}

/// sin r and cos r for |r| up to a little over pi/4.
__MSL_MATH float sin_polynomial(float r) {
  __MSL_EXACT
  const float z = r * r;
  float q = 2.79026881e-6f;
  q = fma(q, z, -1.98490088e-4f);
  q = fma(q, z, 8.33337009e-3f);
  q = fma(q, z, -0.166666672f);
  return fma(r * z, q, r);
}
__MSL_MATH float cos_polynomial(float r) {
  __MSL_EXACT
  const float z = r * r;
  float q = 2.44140265e-5f;
  q = fma(q, z, -1.38871407e-3f);
  q = fma(q, z, 4.16666642e-2f);
  return fma(z * z, q, fma(z, -0.5f, 1.0f));
}
/// sin(pi r) and cos(pi r) for |r| <= 1/4.
__MSL_MATH float sinpi_polynomial(float r) {
  __MSL_EXACT
  const float z = r * r;
  float q = 7.97734484e-2f;
  q = fma(q, z, -0.599041939f);
  q = fma(q, z, 2.55015612f);
  q = fma(q, z, -5.16771269f);
  return fma(r, 3.14159274f, r * fma(q, z, -8.74227766e-8f));
}
__MSL_MATH float cospi_polynomial(float r) {
  __MSL_EXACT
  const float z = r * r;
  float q = 0.229745224f;
  q = fma(q, z, -1.33483589f);
  q = fma(q, z, 4.05869865f);
  q = fma(q, z, -4.93480206f);
  return fma(q, z, 1.0f);
}

// From sine and cosine of the remainder to the functions of |x|.
__MSL_MATH float sin_of_quadrant(float s, float c, int quadrant) {
  return flip_sign(quadrant & 1 ? c : s, (static_cast<unsigned>(quadrant) & 2u) << 30);
}
__MSL_MATH float cos_of_quadrant(float s, float c, int quadrant) {
  return flip_sign(quadrant & 1 ? s : c, (static_cast<unsigned>(quadrant + 1) & 2u) << 30);
}
/// At the poles: the sign that C gives tanpi.
__MSL_MATH float tan_of_quadrant(float s, float c, int quadrant) {
  __MSL_EXACT
  const bool odd = quadrant & 1;
  const float quotient = (odd ? c : s) / (odd ? s : c);
  const float pole = flip_sign(kInfinity, (static_cast<unsigned>(quadrant) & 2u) << 30);
  return odd && s == 0.0f ? pole : flip_sign(quotient, odd ? kSignBit : 0u);
}

__MSL_MATH float nearest(float x) {
  if consteval {
    return constant_rint(x);
  } else {
    return __builtin_rintf(x);
  }
}

/// |x| = q / 2 + r modulo 2, exactly, |r| <= 1/4.
__MSL_MATH float reduce_pi(float a, int& quadrant) {
  __MSL_EXACT
  const float turn = fma(nearest(0.5f * a), -2.0f, a);
  const float q = round_product(turn, 2.0f, quadrant);
  return fma(q, -0.5f, turn);
}

/// The functions of x from a way to reduce |x| and the polynomials of what remains.
template <float (*reduced)(float, int&), float (*sine)(float), float (*cosine)(float)>
struct Trigonometry {
  static __MSL_MEMBER constexpr float sin(float x) {
    int quadrant;
    const float r = reduced(magnitude(x), quadrant);
    return flip_sign(sin_of_quadrant(sine(r), cosine(r), quadrant), sign_of(x));
  }
  static __MSL_MEMBER constexpr float cos(float x) {
    int quadrant;
    const float r = reduced(magnitude(x), quadrant);
    return cos_of_quadrant(sine(r), cosine(r), quadrant);
  }
  static __MSL_MEMBER constexpr float sincos(float x, float& cos_x) {
    int quadrant;
    const float r = reduced(magnitude(x), quadrant);
    const float s = sine(r), c = cosine(r);
    cos_x = cos_of_quadrant(s, c, quadrant);
    return flip_sign(sin_of_quadrant(s, c, quadrant), sign_of(x));
  }
  static __MSL_MEMBER constexpr float tan(float x) {
    int quadrant;
    const float r = reduced(magnitude(x), quadrant);
    return flip_sign(tan_of_quadrant(sine(r), cosine(r), quadrant), sign_of(x));
  }
};

namespace precise {

using OfRadians = Trigonometry<reduce, sin_polynomial, cos_polynomial>;
__MSL_MATH float sin(float x) { return OfRadians::sin(x); }
__MSL_MATH float cos(float x) { return OfRadians::cos(x); }
__MSL_MATH float sincos(float x, float& cosine) { return OfRadians::sincos(x, cosine); }
__MSL_MATH float tan(float x) { return OfRadians::tan(x); }

using OfPi = Trigonometry<reduce_pi, sinpi_polynomial, cospi_polynomial>;
__MSL_MATH float sinpi(float x) { return OfPi::sin(x); }
__MSL_MATH float cospi(float x) { return OfPi::cos(x); }
__MSL_MATH float tanpi(float x) { return OfPi::tan(x); }

}  // namespace precise
}  // namespace __msl::math
