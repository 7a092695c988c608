// A vector as whole numbers, for products by the byte where a processor has them (__msl_has_byte_dots; with __msl_has_pair_dots
// alone, pair_dots.h).
//
// The elements of a unit are whole numbers times a factor, 1.004 * 2^-23 of the largest of them, and each whole number is the
// sum of three signed bytes, its limbs, that count 65536, 256 and 1. Products of codes with limbs are exact: what is rounded are
// an element, by half a factor, the factor, and each sum of a few products once.
//
// LimbDots<Block> says how a unit of kBlocks blocks is read:
// - kFields registers of 64 codes; run(i) is the first element of the 16 in quarter i % 4 of field i / 4;
// - kGroups of fields, in each of which a lane has one scale; kIsWide where the sums of a group do not fit 32 bits;
// - kZero, the code of 0, or 0 where kHasMinima: then minima are multiplied by sums of elements that sums() chooses;
// - Row, what is held of a row's unit; kRows, of how many at a time; LimbRows where rows are not held one by one;
// - kScalesMayBeTiny where a scale times the factor may be less than any float.
#pragma once
#include "cpu/wide.h"

namespace anymetal {

typedef uchar Bytes16 __attribute__((ext_vector_type(16)));
typedef uchar Bytes64 __attribute__((ext_vector_type(64)));
typedef uchar UnalignedBytes64 __attribute__((ext_vector_type(64), aligned(1)));
typedef uchar UnalignedBytes32 __attribute__((ext_vector_type(32), aligned(1)));
typedef ushort Ushort32 __attribute__((ext_vector_type(32)));
typedef Int16 WideI;

template <class T, T... i>
struct Sequence {};

}  // namespace anymetal

// Whether the processor has the next three.
extern "C" __attribute__((nothrow, const)) uint __msl_has_byte_dots();
// Adds to each of 16 sums four products of unsigned with signed bytes.
extern "C" __attribute__((nothrow)) void __msl_add_byte_dots(thread anymetal::WideI* sums, thread const anymetal::Bytes64* codes,
                                                             thread const anymetal::Bytes64* limbs);
// Look-ups in four tables of 16 bytes, one for each quarter, by numbers below 16.
extern "C" __attribute__((nothrow)) void __msl_look_up_quarters(thread anymetal::Bytes64* result,
                                                                thread const anymetal::Bytes64* tables,
                                                                thread const anymetal::Bytes64* index);
// Bit 7 - i of each byte is the parity of a byte and byte i of the matrix of its eight.
extern "C" __attribute__((nothrow)) void __msl_multiply_bits(thread anymetal::Bytes64* result, thread const anymetal::Bytes64* bytes,
                                                             thread const anymetal::Bytes64* matrices);
// Whether it has those of pair_dots.h.
extern "C" __attribute__((nothrow, const)) uint __msl_has_pair_dots();
// The integers nearest to 16 floats below 2^31, with either.
extern "C" __attribute__((nothrow)) void __msl_nearest_integers(thread anymetal::WideI* result, thread const anymetal::WideF* from);

namespace anymetal {

template <class Block>
struct LimbDots;

// What the largest element becomes: a little less than 127 * (65536 + 256 + 1).
constexpr constant float kLargestWhole = 8355700.0f;
// 2^-64 as a float's bits: where no element but zeros reaches it they have no such form.
constexpr constant uint kSmallest = 63u << 23;

template <class Dots>
struct LimbUnit {
  Bytes64 limbs[Dots::kFields][3];  // from the highest on
  // In the lanes of each group what codes of 0 add, negated; of wide sums that of the highest limb by itself.
  WideI zeros[Dots::kGroups], high_zeros[Dots::kIsWide ? Dots::kGroups : 1];
  WideF sums;  // of whole numbers, as Dots wants them for minima
  alignas(64) float factor;  // what whole numbers count
};

// Sums of products of codes with whole numbers: those of each limb, which need not wait for each other.
struct LimbSums {
  WideI high = 0, middle = 0, low = 0;

  void add(Bytes64 codes, thread const Bytes64* limbs) {
    __msl_add_byte_dots(&high, &codes, &limbs[0]);
    __msl_add_byte_dots(&middle, &codes, &limbs[1]);
    __msl_add_byte_dots(&low, &codes, &limbs[2]);
  }
  // The same in one sum, as whole() gives it: fewer instructions, that wait for each other.
  static WideI of(Bytes64 codes, thread const Bytes64* limbs) {
    WideI sum = 0;
    __msl_add_byte_dots(&sum, &codes, &limbs[0]);
    sum = sum << 8;
    __msl_add_byte_dots(&sum, &codes, &limbs[1]);
    sum = sum << 8;
    __msl_add_byte_dots(&sum, &codes, &limbs[2]);
    return sum;
  }
  WideI whole() const { return (((high << 8) + middle) << 8) + low; }
  WideF wide() const {
    return __builtin_elementwise_fma(__builtin_convertvector(high, WideF), (WideF)65536.0f,
                                     __builtin_convertvector((middle << 8) + low, WideF));
  }
};

// The limbs of 64 whole numbers: bytes with 128 added to each, whose top bit is then flipped.
template <uint plane, uint... i>
Bytes64 planes_of_two(WideI a, WideI b, Sequence<uint, i...>) {
  const Bytes64 from = __builtin_bit_cast(Bytes64, a), to = __builtin_bit_cast(Bytes64, b);
  return __builtin_shufflevector(from, to, (i % 32 / 16 * 64 + i % 16 * 4 + plane + i / 32)...);
}
template <uint... i>
Bytes64 lower_halves(Bytes64 a, Bytes64 b, Sequence<uint, i...>) {
  return __builtin_shufflevector(a, b, (i / 32 * 64 + i % 32)...);
}
template <uint... i>
Bytes64 upper_halves(Bytes64 a, Bytes64 b, Sequence<uint, i...>) {
  return __builtin_shufflevector(a, b, (i / 32 * 64 + 32 + i % 32)...);
}
inline void split(thread const WideI* v, thread Bytes64* limbs) {
  const auto all = __make_integer_seq<Sequence, uint, 64>();
  WideI digits[4];
#pragma unroll
  for (uint i = 0; i < 4; ++i) digits[i] = v[i] + 0x00808080;
  if (__msl_has_byte_dots() == 0) {  // no permutation of 64 bytes
#pragma unroll
    for (uint n = 0; n < 3; ++n) {
      const auto bytes = [&](uint i) { return __builtin_convertvector(digits[i] >> int(16 - 8 * n), Bytes16); };
      Bytes64 joined;
      joined.lo.lo = bytes(0), joined.lo.hi = bytes(1), joined.hi.lo = bytes(2), joined.hi.hi = bytes(3);
      limbs[n] = joined ^ (uchar)0x80;
    }
    return;
  }
  const Bytes64 a = planes_of_two<0>(digits[0], digits[1], all), b = planes_of_two<0>(digits[2], digits[3], all);
  const Bytes64 c = planes_of_two<2>(digits[0], digits[1], all), d = planes_of_two<2>(digits[2], digits[3], all);
  limbs[2] = lower_halves(a, b, all) ^ (uchar)0x80;
  limbs[1] = upper_halves(a, b, all) ^ (uchar)0x80;
  limbs[0] = lower_halves(c, d, all) ^ (uchar)0x80;
}

// Sums of neighbours, those of a and then those of b.
inline WideI pair_sums(WideI a, WideI b) {
  return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30) +
         __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
}
// Sums of 16 whole numbers each, in order, of 256 in natural order or any other by runs of 16.
inline WideI sums_of_runs(thread const WideI* quads) {
  return pair_sums(pair_sums(quads[0], quads[1]), pair_sums(quads[2], quads[3]));
}

// Sums of four whole numbers beside each other.
inline WideI sums_of_quads(thread const Bytes64* limbs) {
  LimbSums sums;
  sums.add((uchar)1, limbs);
  return sums.whole();
}

// Elements k, k + 1, .. as a unit; false where they have no such form: of infinities, NaN, and the smallest numbers.
template <class Dots, class X>
bool prepare(X x, ulong k, threadgroup LimbUnit<Dots>& unit) {
  constexpr uint kRuns = 4 * Dots::kFields;
  WideF v[kRuns];
  WideU largest = 0;
#pragma unroll
  for (uint i = 0; i < kRuns; ++i) {
    v[i] = x(0, k + Dots::run(i));
    largest = __builtin_elementwise_max(largest, __builtin_bit_cast(WideU, v[i]) & 0x7fffffffu);
  }
  const uint peak = __builtin_reduce_max(largest);  // also of NaN
  if (peak >= 0x7f000000u || (peak != 0 && peak < kSmallest)) return false;
  const float scale = kLargestWhole / metal::as_type<float>(metal::max(peak, kSmallest));
  unit.factor = 1.0f / scale;
  Bytes64 limbs[Dots::kFields][3];
  WideI quads[Dots::kFields];  // sums of four whole numbers
#pragma unroll
  for (uint f = 0; f < Dots::kFields; ++f) {
    WideI whole[4];
#pragma unroll
    for (uint i = 0; i < 4; ++i) {
      const WideF scaled = v[4 * f + i] * scale;
      __msl_nearest_integers(&whole[i], &scaled);
    }
    split(whole, limbs[f]);
    quads[f] = __msl_has_byte_dots() != 0 ? sums_of_quads(limbs[f]) : sums_of_runs(whole);
#pragma unroll
    for (uint i = 0; i < 3; ++i) unit.limbs[f][i] = limbs[f][i];
  }

  constexpr uint kPerGroup = Dots::kFields / Dots::kGroups;
  if constexpr (Dots::kZero != 0 && Dots::kIsWide) {
    const Bytes64 zero = (uchar)Dots::kZero;
#pragma unroll
    for (uint g = 0; g < Dots::kGroups; ++g) {
      LimbSums zeros;
#pragma unroll
      for (uint f = g * kPerGroup; f < (g + 1) * kPerGroup; ++f) zeros.add(zero, limbs[f]);
      unit.high_zeros[g] = -zeros.high;
      unit.zeros[g] = -((zeros.middle << 8) + zeros.low);
    }
  } else if constexpr (Dots::kZero != 0) {
#pragma unroll
    for (uint g = 0; g < Dots::kGroups; ++g) {
      unit.zeros[g] = 0;
#pragma unroll
      for (uint f = g * kPerGroup; f < (g + 1) * kPerGroup; ++f) unit.zeros[g] -= quads[f] * int(Dots::kZero);
    }
  }
  if constexpr (Dots::kHasMinima) unit.sums = __builtin_convertvector(Dots::sums(quads), WideF);
  return true;
}

// What is held of a unit of kRows rows.
template <class Dots>
struct LimbRows {
  typename Dots::Row row[Dots::kRows];

  template <class Block>
  void load(device const Block* thread const* rows, float factor) {
#pragma unroll
    for (uint r = 0; r < Dots::kRows; ++r) row[r].load(rows[r], factor);
  }
  Bytes64 codes(uint r, uint f) const { return row[r].codes(f); }
  WideF scale(uint r, uint g) const { return row[r].scale(g); }
  void add_minima(threadgroup const LimbUnit<Dots>& unit, thread WideF* acc) const {
    if constexpr (Dots::kHasMinima) {
#pragma unroll
      for (uint r = 0; r < Dots::kRows; ++r) acc[r] = __builtin_elementwise_fma(row[r].minima(), unit.sums, acc[r]);
    }
  }
};

// The products of group g with all limbs, as floats.
template <class Dots>
void group_products(thread const LimbRows<Dots>& rows, threadgroup const LimbUnit<Dots>& unit, uint g, thread WideF* values) {
  constexpr uint kRows = Dots::kRows, kPerGroup = Dots::kFields / Dots::kGroups;
  if constexpr (kPerGroup == 1 && !Dots::kIsWide) {
    const Bytes64 limbs[3] = {unit.limbs[g][0], unit.limbs[g][1], unit.limbs[g][2]};
#pragma unroll
    for (uint r = 0; r < kRows; ++r) {
      WideI sum = LimbSums::of(rows.codes(r, g), limbs);
      if constexpr (Dots::kZero != 0) sum += unit.zeros[g];
      values[r] = __builtin_convertvector(sum, WideF);
    }
  } else {
    LimbSums sums[kRows];
#pragma unroll
    for (uint r = 0; r < kRows; ++r) {
      if constexpr (Dots::kZero != 0) sums[r].low = unit.zeros[g];
      if constexpr (Dots::kZero != 0 && Dots::kIsWide) sums[r].high = unit.high_zeros[g];
    }
#pragma unroll
    for (uint f = g * kPerGroup; f < (g + 1) * kPerGroup; ++f) {
      const Bytes64 limbs[3] = {unit.limbs[f][0], unit.limbs[f][1], unit.limbs[f][2]};
#pragma unroll
      for (uint r = 0; r < kRows; ++r) sums[r].add(rows.codes(r, f), limbs);
    }
#pragma unroll
    for (uint r = 0; r < kRows; ++r)
      values[r] = Dots::kIsWide ? sums[r].wide() : __builtin_convertvector(sums[r].whole(), WideF);
  }
}

// Whether a unit is unpacked while the one before is multiplied: where that takes long, products would wait for it.
template <class Dots> struct IsUnpackedAhead { enum : bool { value = false }; };

// Adds the products of a unit of kRows rows, in each lane some of them.
template <class Dots>
void add_products(thread const LimbRows<Dots>& rows, threadgroup const LimbUnit<Dots>& unit, thread WideF* acc) {
  constexpr uint kRows = Dots::kRows;
  rows.add_minima(unit, acc);  // first, as they wait for nothing
#pragma unroll
  for (uint g = 0; g < Dots::kGroups; ++g) {
    WideF values[kRows];
    group_products(rows, unit, g, values);
#pragma unroll
    for (uint r = 0; r < kRows; ++r) {
      if constexpr (Dots::kScalesMayBeTiny) values[r] *= unit.factor;
      acc[r] = __builtin_elementwise_fma(rows.scale(r, g), values[r], acc[r]);
    }
  }
}

}  // namespace anymetal
