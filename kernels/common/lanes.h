// Vectors of N lanes for code that reads runs of N consecutive elements: N = 4 suits a GPU thread, 8 and 16 fill CPU registers.
#pragma once
#include <metal_stdlib>

namespace anymetal {

typedef float Float8 __attribute__((ext_vector_type(8)));
typedef uint Uint8 __attribute__((ext_vector_type(8)));
typedef int Int8 __attribute__((ext_vector_type(8)));
typedef uchar Bytes8 __attribute__((ext_vector_type(8)));
typedef char SignedBytes8 __attribute__((ext_vector_type(8)));
// The same at any address their elements may have.
typedef float UnalignedFloat8 __attribute__((ext_vector_type(8), aligned(4)));
typedef uchar UnalignedBytes8 __attribute__((ext_vector_type(8), aligned(1)));
typedef char UnalignedSignedBytes8 __attribute__((ext_vector_type(8), aligned(1)));
typedef half UnalignedHalf8 __attribute__((ext_vector_type(8), aligned(2)));
typedef ushort UnalignedUshort8 __attribute__((ext_vector_type(8), aligned(2)));

typedef float Float16 __attribute__((ext_vector_type(16)));
typedef uint Uint16 __attribute__((ext_vector_type(16)));
typedef int Int16 __attribute__((ext_vector_type(16)));
typedef bool Bool16 __attribute__((ext_vector_type(16)));  // a bit each
typedef float UnalignedFloat16 __attribute__((ext_vector_type(16), aligned(4)));
typedef uchar UnalignedBytes16 __attribute__((ext_vector_type(16), aligned(1)));
typedef char UnalignedSignedBytes16 __attribute__((ext_vector_type(16), aligned(1)));
typedef half UnalignedHalf16 __attribute__((ext_vector_type(16), aligned(2)));
typedef __bf16 UnalignedBfloat16 __attribute__((ext_vector_type(16), aligned(2)));
typedef ushort UnalignedUshort16 __attribute__((ext_vector_type(16), aligned(2)));

template <int N>
struct Lanes;

template <>
struct Lanes<4> {
  typedef metal::float4 F;
  typedef metal::uint4 U;
  static F load(device const float* p) { return F(p[0], p[1], p[2], p[3]); }
  static void store(device float* p, F v) { p[0] = v.x, p[1] = v.y, p[2] = v.z, p[3] = v.w; }
  static U bytes(device const uchar* p) { return U(p[0], p[1], p[2], p[3]); }
  static F signed_bytes(device const char* p) { return F(float(p[0]), float(p[1]), float(p[2]), float(p[3])); }
  static U counting_from(uint first) { return U(first, first + 1, first + 2, first + 3); }
  static F to_float(U v) { return F(v); }
  static float sum(F v) { return (v.x + v.y) + (v.z + v.w); }
};

template <>
struct Lanes<8> {
  typedef Float8 F;
  typedef Uint8 U;
  static F load(device const float* p) { return *(device const UnalignedFloat8*)p; }
  static F load(thread const float* p) { return *(thread const UnalignedFloat8*)p; }
  static F load(threadgroup const float* p) { return *(threadgroup const UnalignedFloat8*)p; }
  static F load(device const half* p) { return __builtin_convertvector(*(device const UnalignedHalf8*)p, Float8); }
  static F load(device const bfloat* p) {
    const Uint8 bits = __builtin_convertvector(*(device const UnalignedUshort8*)p, Uint8) << 16u;
    return __builtin_bit_cast(Float8, bits);
  }
  static void store(device float* p, F v) { *(device UnalignedFloat8*)p = v; }
  static void store(threadgroup float* p, F v) { *(threadgroup UnalignedFloat8*)p = v; }
  static void store(thread float* p, F v) { *(thread UnalignedFloat8*)p = v; }
  static U bytes(device const uchar* p) { return __builtin_convertvector(*(device const UnalignedBytes8*)p, Uint8); }
  static F signed_bytes(device const char* p) {
    return __builtin_convertvector(*(device const UnalignedSignedBytes8*)p, Float8);
  }
  static U counting_from(uint first) { return (U){0, 1, 2, 3, 4, 5, 6, 7} + first; }
  // Through int: small values, and processors convert signed integers faster.
  static F to_float(U v) { return __builtin_convertvector(__builtin_convertvector(v, Int8), Float8); }
  static float sum(F v) { return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7])); }
};

template <>
struct Lanes<16> {
  typedef Float16 F;
  typedef Uint16 U;
  static F load(device const float* p) { return *(device const UnalignedFloat16*)p; }
  static F load(thread const float* p) { return *(thread const UnalignedFloat16*)p; }
  static F load(threadgroup const float* p) { return *(threadgroup const UnalignedFloat16*)p; }
  static F load(constant float* p) { return *(constant UnalignedFloat16*)p; }
  static F load(device const half* p) { return __builtin_convertvector(*(device const UnalignedHalf16*)p, Float16); }
  static F load(device const bfloat* p) {
    const Uint16 bits = __builtin_convertvector(*(device const UnalignedUshort16*)p, Uint16) << 16u;
    return __builtin_bit_cast(Float16, bits);
  }
  static void store(device float* p, F v) { *(device UnalignedFloat16*)p = v; }
  static void store(thread float* p, F v) { *(thread UnalignedFloat16*)p = v; }
  static void store(device half* p, F v) { *(device UnalignedHalf16*)p = __builtin_convertvector(v, UnalignedHalf16); }
  // To the nearest, of two the even one; NaN stays NaN. Numbers below 2^-126 may become zero: a processor that has an
  // instruction for this makes them so.
  static void store(device bfloat* p, F v) { *(device UnalignedBfloat16*)p = __builtin_convertvector(v, UnalignedBfloat16); }
  static U bytes(device const uchar* p) { return __builtin_convertvector(*(device const UnalignedBytes16*)p, Uint16); }
  static F signed_bytes(device const char* p) {
    return __builtin_convertvector(*(device const UnalignedSignedBytes16*)p, Float16);
  }
  static F to_float(U v) { return __builtin_convertvector(__builtin_convertvector(v, Int16), Float16); }
  // By halves: additions of two vectors, where additions of elements would take each out of its register first.
  static float sum(F v) {
    const auto eight = v.lo + v.hi;
    const auto four = eight.lo + eight.hi;
    const auto two = four.lo + four.hi;
    return two[0] + two[1];
  }
};

}  // namespace anymetal
