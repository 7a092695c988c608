// Codes of quantised weights as 16 bytes: where a register holds fewer than 16 floats, bits are put together while codes are
// bytes, in one register.
#pragma once
#include "cpu/wide.h"

namespace anymetal {

typedef uchar Codes __attribute__((ext_vector_type(16)));
typedef char SignedCodes __attribute__((ext_vector_type(16)));

}  // namespace anymetal

// Look-ups in a table of 16 bytes by numbers below 16.
extern "C" __attribute__((nothrow)) void __msl_look_up_bytes(thread anymetal::SignedCodes* result,
                                                             thread const anymetal::SignedCodes* table,
                                                             thread const anymetal::Codes* index);

namespace anymetal {

inline Codes codes_at(device const uchar* p) { return *(device const UnalignedBytes16*)p; }
inline WideF to_float(Codes n) { return __builtin_convertvector(n, WideF); }
inline WideF to_float(SignedCodes n) { return __builtin_convertvector(n, WideF); }
inline WideF signed_float(Codes n) { return to_float(__builtin_bit_cast(SignedCodes, n)); }

// `on` in the lanes whose bit is set.
inline Codes where(Codes bits, uchar on) { return __builtin_bit_cast(Codes, bits != 0) & on; }
// The same of 16 bits in two bytes.
inline Codes where_bits(device const uchar* p, uchar on) {
  const uchar a = p[0], b = p[1];
  const Codes bytes = {a, a, a, a, a, a, a, a, b, b, b, b, b, b, b, b};
  return where(bytes & (Codes){1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128}, on);
}

// Entry n of a table of small integers, for n < 16.
inline WideF look_up_integers(constant float* table, Codes n) {
  const SignedCodes integers = __builtin_convertvector(Wide::load(table), SignedCodes);
  SignedCodes result;
  __msl_look_up_bytes(&result, &integers, &n);
  return to_float(result);
}

}  // namespace anymetal
