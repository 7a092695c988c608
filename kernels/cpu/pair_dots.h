// Products of rows of blocks with a vector of whole numbers (limbs.h) where registers have 32 bytes: of bytes, whose sums of two
// have 16 bits, and of words (__msl_has_pair_dots).
//
// PairDots<Block> says how a unit is read, in fields as of LimbDots, of which each half is a register of 32 codes: Row, what is
// held of it, and add(row, unit, acc), which adds its products. Units are those of LimbDots, but kHasMinima of blocks of 256
// elements says that codes of 0 are minima too. Sums are exact: two products of codes up to 127 with limbs, -128 to 127, fit
// 16 bits, of codes up to 31 four.
#pragma once
#include "cpu/limbs.h"
#include "cpu/small_blocks.h"

namespace anymetal {

typedef short Short16 __attribute__((ext_vector_type(16)));

}  // namespace anymetal

// Sums of two products beside each other of unsigned with signed bytes, which must fit.
extern "C" __attribute__((nothrow)) void __msl_byte_pair_dots(thread anymetal::Short16* result,
                                                              thread const anymetal::Codes* codes,
                                                              thread const anymetal::Codes* limbs);
// Sums of two products beside each other.
extern "C" __attribute__((nothrow)) void __msl_word_pair_dots(thread anymetal::Int8* result, thread const anymetal::Short16* a,
                                                              thread const anymetal::Short16* b);
// Signed bytes, negated where another one is below 0, and 0 where it is 0.
extern "C" __attribute__((nothrow)) void __msl_with_signs(thread anymetal::Codes* result, thread const anymetal::Codes* bytes,
                                                          thread const anymetal::Codes* signs);

namespace anymetal {

template <class Block>
struct PairDots;

inline Short16 byte_dots(Codes codes, Codes limbs) {
  Short16 result;
  __msl_byte_pair_dots(&result, &codes, &limbs);
  return result;
}
// The same of two signed bytes, of which the first is not -128: two products fit 16 bits whatever they are.
inline Short16 signed_dots(Codes codes, Codes limbs) {
  typedef char SignedBytes32 __attribute__((ext_vector_type(32)));
  Codes signed_codes;
  __msl_with_signs(&signed_codes, &codes, &limbs);
  return byte_dots(__builtin_bit_cast(Codes, __builtin_elementwise_abs(__builtin_bit_cast(SignedBytes32, limbs))), signed_codes);
}
inline Int8 word_dots(Short16 a, Short16 b) {
  Int8 result;
  __msl_word_pair_dots(&result, &a, &b);
  return result;
}

// Limb n, from the highest on, of half h of a field.
template <class Dots>
Codes half_limbs(threadgroup const LimbUnit<Dots>& unit, uint f, uint n, uint h) {
  return ((threadgroup const Codes*)&unit.limbs[f][n])[h];
}
inline Int8 half_of(threadgroup const WideI& v, uint h) { return ((threadgroup const Int8*)&v)[h]; }
inline Float8 half_of(threadgroup const WideF& v, uint h) { return ((threadgroup const Float8*)&v)[h]; }

// 16 bytes from each of two places, at most 16 apart of what is one run of memory from 16 bytes before the second on to 32 behind
// the first: loads of whole registers, of which each gives a half, are half as dear as putting one half in.
inline Codes codes_of_two(device const uchar* a, device const uchar* b) {
  const Codes first = *(device const UnalignedBytes32*)a, second = *(device const UnalignedBytes32*)(b - 16);
  return __builtin_shufflevector(first, second, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 48, 49, 50, 51, 52, 53, 54,
                                 55, 56, 57, 58, 59, 60, 61, 62, 63);
}
// Bits of bytes moved; what is shifted into a byte is anything. In words, as there is no such instruction for bytes.
inline Codes codes_down(Codes n, uint bits) { return __builtin_bit_cast(Codes, __builtin_bit_cast(Ushort16, n) >> ushort(bits)); }
inline Codes codes_up(Codes n, uint bits) { return __builtin_bit_cast(Codes, __builtin_bit_cast(Ushort16, n) << ushort(bits)); }
// The same up, or down where it is negative.
inline Codes codes_moved(Codes n, int bits) { return bits < 0 ? codes_down(n, uint(-bits)) : codes_up(n, uint(bits)); }
// What a table of 16 bytes has for codes below 16.
inline Codes entries_of(Codes16 table, Codes index) {
  const Codes entries = twice(table);
  Codes result;
  __msl_look_up_bytes(&result, &entries, &index);
  return result;
}
inline Codes codes_nibbles(Codes n, uint field) { return codes_down(n, 4 * field) & (uchar)15; }

template <class Block>
struct LimbRows<PairDots<Block>> {
  typename PairDots<Block>::Row row[PairDots<Block>::kRows];
  void load(device const Block* thread const* rows, float) {
#pragma unroll
    for (uint r = 0; r < PairDots<Block>::kRows; ++r) row[r].load(rows[r]);
  }
};
template <class Block>
void add_products(thread const LimbRows<PairDots<Block>>& rows, threadgroup const LimbUnit<PairDots<Block>>& unit,
                  thread Float8* acc) {
#pragma unroll
  for (uint r = 0; r < PairDots<Block>::kRows; ++r) acc[r] = PairDots<Block>::add(rows.row[r], unit, acc[r]);
}

}  // namespace anymetal
