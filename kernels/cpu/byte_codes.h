// Codes of quantised weights as 16 bytes: where a register holds fewer than 16 floats, bits are put together while codes are
// bytes, in one register.
#pragma once
#include "cpu/wide.h"

namespace anymetal {

// Twice, as a register of 8 floats has two halves, and bytes become floats within a half: what takes them from one to the other is
// three times as slow on some processors. Where nobody reads the second half nothing is done for it.
typedef uchar Codes __attribute__((ext_vector_type(32)));
typedef uchar Codes16 __attribute__((ext_vector_type(16)));

}  // namespace anymetal

// Look-ups in a table of 16 bytes, given twice, by numbers below 16.
extern "C" __attribute__((nothrow)) void __msl_look_up_bytes(thread anymetal::Codes* result, thread const anymetal::Codes* table,
                                                             thread const anymetal::Codes* index);

namespace anymetal {

inline Codes twice(Codes16 n) {
  return __builtin_shufflevector(n, n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
                                 12, 13, 14, 15);
}
inline Codes codes_at(device const uchar* p) { return twice(*(device const UnalignedBytes16*)p); }

inline WideF to_float(Codes n) {
  WideF v;
  if (__msl_vector_bits() == 256) {
    constexpr int o = 32;  // a zero
    const Codes none = (uchar)0;
    const Codes low = __builtin_shufflevector(n, none, 0, o, o, o, 1, o, o, o, 2, o, o, o, 3, o, o, o, 20, o, o, o, 21, o, o, o, 22, o,
                                              o, o, 23, o, o, o);
    const Codes high = __builtin_shufflevector(n, none, 8, o, o, o, 9, o, o, o, 10, o, o, o, 11, o, o, o, 28, o, o, o, 29, o, o, o, 30,
                                               o, o, o, 31, o, o, o);
    v.lo = __builtin_convertvector(__builtin_bit_cast(Int8, low), Float8);
    v.hi = __builtin_convertvector(__builtin_bit_cast(Int8, high), Float8);
  } else {
    v = __builtin_convertvector(__builtin_shufflevector(n, n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), WideF);
  }
  return v;
}

// `on` in the lanes whose bit is set.
inline Codes where(Codes bits, uchar on) { return __builtin_bit_cast(Codes, bits != 0) & on; }
// The same of the 16 bits of bytes `first` and `first` + 1 of four. One load has the word everywhere; a vector made of two bytes would
// be put together byte by byte.
template <int first>
Codes where_bits(device const uchar* p, uchar on) {
  typedef uint UnalignedWord __attribute__((aligned(1)));
  constexpr int a = first, b = first + 1, c = 16 + a, d = 16 + b;
  const Codes word = __builtin_bit_cast(Codes, (Uint8)*(device const UnalignedWord*)p);
  const Codes bytes = __builtin_shufflevector(word, word, a, a, a, a, a, a, a, a, b, b, b, b, b, b, b, b, c, c, c, c, c, c, c, c, d, d, d,
                                              d, d, d, d, d);
  return where(bytes & twice((Codes16){1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128}), on);
}

// Entry n of a table of integers from -128 to 127, for n < 16.
inline WideF look_up_integers(constant float* table, Codes n) {
  const Codes entries = twice(__builtin_convertvector(known_table(table) + 128.0f, Codes16));
  Codes result;
  __msl_look_up_bytes(&result, &entries, &n);
  return to_float(result) - 128.0f;
}

}  // namespace anymetal
