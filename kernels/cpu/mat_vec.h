// Products of the rows of a matrix of blocks with one vector, by one core.
#pragma once
#include "cpu/bit_pair_dots.h"
#include "cpu/rows.h"
#include "cpu/small_pair_dots.h"
#include "cpu/super_pair_dots.h"

// Memory of the core, as threadgroup memory but of any constant size; what is left there stays for the threadgroups that the
// core takes next of the same dispatch.
extern "C" __attribute__((nothrow, const)) threadgroup void* __msl_core_memory(ulong bytes);

namespace anymetal {

// Whether products by the byte are faster than those of floats. Of Q8_0 both wait for memory.
template <class Block> struct HasLimbs { enum : bool { value = true }; };
template <> struct HasLimbs<BlockQ8_0> { enum : bool { value = false }; };

constexpr constant uint kLimbElements = 4096;  // of the vector at a time: what stays in the nearest cache
constexpr constant uint kReadyElements = 32768;  // that are kept for a dispatch: 160 KB in the second cache
constexpr constant uint kMostRows = 64;
constexpr constant ulong kLimbAhead = 8192;  // bytes asked for ahead: 40 GB/s for 200 ns

// How many of `rows` rows one threadgroup should take. The limbs of a vector cost as much as two or three rows, but there must be
// work for all cores.
template <class Block>
uint rows_together(ulong rows) {
  if (!HasLimbs<Block>::value || (__msl_has_byte_dots() == 0 && __msl_has_pair_dots() == 0)) return 8;
  return rows >= 1024 ? kMostRows : rows >= 128 ? 32 : 8;
}

// Asks for memory while unit u is multiplied of kRows rows, of which `bytes` of `row_bytes` are taken together and then those
// `next` bytes further on.
template <class Block, uint kRows, uint kBlocks>
void prefetch_unit(device const Block* thread const* rows, uint u, ulong bytes, ulong row_bytes, ulong next) {
  constexpr ulong kUnit = kBlocks * sizeof(Block);
  if (bytes == row_bytes) {  // one run of memory
    return prefetch<kRows * kUnit>((device const uchar*)rows[0] + u * (kRows * kUnit) + kLimbAhead);
  }
  const ulong each = metal::min(kLimbAhead / kRows, bytes);
  const bool is_within = (u + 1) * kUnit + each <= bytes;
  const ulong ahead = is_within ? each : each + next - bytes;
#pragma unroll
  for (uint r = 0; r < kRows; ++r) prefetch<kUnit>((device const uchar*)(rows[r] + u * kBlocks) + ahead);
}

// Elements of a vector that was made ready, in core memory: a core that goes on to the next threadgroup of a dispatch finds
// there what the last one left, and zeros at its beginning at the first one (docs/cpu-device.md).
template <class Block>
struct ReadyVector {
  typedef LimbDots<Block> Dots;
  static constexpr ulong kElements = ulong(Dots::kBlocks) * BlockTraits<Block>::kElements;
  static constexpr uint kUnits = kLimbElements / kElements, kMostUnits = kReadyElements / kElements;
  alignas(64) volatile ulong of;  // where the vector is, if all of it is here
  LimbUnit<Dots> units[kMostUnits];
};
template <>
struct ReadyVector<BlockQ8_0> {};

template <class Block>
threadgroup ReadyVector<Block>& ready_vector() {
  return *(threadgroup ReadyVector<Block>*)__msl_core_memory(sizeof(ReadyVector<Block>));
}

// Makes `count` units ready from element k on; false where one has no limbs.
template <class Block, class Dots, class X>
bool prepare_units(X x, ulong k, uint count, threadgroup LimbUnit<Dots>* units) {
  for (uint u = 0; u < count; ++u) {
    if (!prepare<Dots>(x, k + u * ReadyVector<Block>::kElements, units[u])) return false;
  }
  return true;
}

// sums[r], of which the sum is that of row r, for `units` units of `count` rows. False where the vector has no limbs. `of` tells
// vectors apart; 0 where nothing does.
template <class Block, class Dots, class Sum, class X>
bool limb_products(device const uchar* first, ulong row_bytes, ulong units, uint count, X x, ulong of,
                   threadgroup ReadyVector<Block>& vector, thread Sum* sums) {
  constexpr ulong kElements = ReadyVector<Block>::kElements;
  static_assert(sizeof(LimbUnit<Dots>) <= sizeof(vector.units[0]) && kElements == Dots::kBlocks * BlockTraits<Block>::kElements);
  threadgroup LimbUnit<Dots>* ready = (threadgroup LimbUnit<Dots>*)vector.units;
  constexpr uint kUnits = ReadyVector<Block>::kUnits;
  constexpr ulong kUnitBytes = Dots::kBlocks * sizeof(Block);
  if (units <= kUnits) {  // comes while the vector is made ready
    prefetch<kLimbAhead>(first);
  } else {
#pragma unroll
    for (uint r = 0; r < Dots::kRows; ++r) prefetch<kLimbAhead / Dots::kRows>(first + r * row_bytes);
  }
  const bool is_kept = of != 0 && units <= ReadyVector<Block>::kMostUnits;
  if (!is_kept) {
    vector.of = 0;
  } else if (vector.of != of) {
    vector.of = 0;
    if (!prepare_units<Block>(x, 0, uint(units), ready)) return false;
    vector.of = of;
  }
  for (ulong begin = 0; begin < units; begin += kUnits) {
    const uint some = uint(metal::min(ulong(kUnits), units - begin));
    if (!is_kept && !prepare_units<Block>(x, begin * kElements, some, ready)) return false;
    threadgroup const LimbUnit<Dots>* part = ready + (is_kept ? begin : 0);
    const ulong bytes = units <= kUnits ? row_bytes : some * kUnitBytes;
    for (uint n = 0; n < count; n += Dots::kRows) {
      device const Block* rows[Dots::kRows];
      Sum acc[Dots::kRows];
#pragma unroll
      for (uint r = 0; r < Dots::kRows; ++r) {
        rows[r] = (device const Block*)(first + metal::min(n + r, count - 1) * row_bytes) + begin * Dots::kBlocks;
        acc[r] = begin == 0 ? (Sum)0.0f : sums[n + r];
      }
      // The next rows, or the first ones again with the next part of the vector, or those of the next threadgroup.
      const ulong next = n + Dots::kRows < count ? Dots::kRows * row_bytes
                         : begin + kUnits < units ? kUnits * kUnitBytes - n * row_bytes
                                                  : (count - n) * row_bytes - begin * kUnitBytes;
      const auto load = [&](uint u, thread LimbRows<Dots>& to) {
        device const Block* at[Dots::kRows];
#pragma unroll
        for (uint r = 0; r < Dots::kRows; ++r) at[r] = rows[r] + u * Dots::kBlocks;
        to.load(at, Dots::kScalesMayBeTiny ? 1.0f : part[u].factor);
      };
      LimbRows<Dots> now, ahead;
      if (IsUnpackedAhead<Dots>::value) load(0, ahead);
#pragma clang loop unroll(disable)
      for (uint u = 0; u < some; ++u) {
        prefetch_unit<Block, Dots::kRows, Dots::kBlocks>(rows, u, bytes, row_bytes, next);
        if (IsUnpackedAhead<Dots>::value) {
          now = ahead;
          load(metal::min(u + 1, some - 1), ahead);
        } else {
          load(u, now);
        }
        add_products(now, part[u], acc);
      }
#pragma unroll
      for (uint r = 0; r < Dots::kRows; ++r) sums[n + r] = acc[r];
    }
  }
  return true;
}

// out[r] = the product of row r of `count`, at most kMostRows, with elements x(0, k). limb_sums are of the first `done` blocks.
template <class Block, class X, class Sum>
void finish_rows(device const uchar* first, ulong blocks, ulong done, uint count, X x, thread Sum* limb_sums, device float* out) {
  constexpr uint kRows = 8;
  const ulong row_bytes = blocks * sizeof(Block);
  for (uint r = count; r % kRows != 0; ++r) limb_sums[r] = 0.0f;
  for (uint n = 0; n < count; n += kRows) {
    float sums[kRows][1] = {};
    ulong from = 0;
    if (done != 0) {
      const Float8 eight = eight_sums(limb_sums + n);
      // What is not finite may be so of a block's scale, and then depends on each code.
      if (__builtin_reduce_max(__builtin_bit_cast(Uint8, eight) & 0x7fffffffu) < 0x7f800000u) {
        Lanes<8>::store(&sums[0][0], eight);
        from = done;
      }
    }
    const uint live = metal::min(kRows, count - n);
    if (from < blocks) {
      float rest[kRows][1];
      const auto tail = [=](uint c, ulong k) { return x(c, from * BlockTraits<Block>::kElements + k); };
      row_products<Block, kRows, 1>(first + n * row_bytes + from * sizeof(Block), row_bytes, blocks - from, live, tail, rest);
#pragma unroll
      for (uint r = 0; r < kRows; ++r) sums[r][0] += rest[r][0];
    }
    store_sums(out + n, sums, live);
  }
}

// The same by whole numbers, where the vector has some.
template <class Block, class Dots, class Sum, class X>
void whole_rows(device const uchar* first, ulong blocks, uint count, X x, ulong of, threadgroup ReadyVector<Block>& vector,
                device float* out) {
  Sum sums[kMostRows];
  const ulong units = blocks / Dots::kBlocks;
  const bool has = units != 0 && limb_products<Block, Dots>(first, blocks * sizeof(Block), units, count, x, of, vector, sums);
  finish_rows<Block>(first, blocks, has ? units * Dots::kBlocks : 0, count, x, sums, out);
}

// out[r] = the product of row r of `count`, at most kMostRows, with elements x(0, k). `of` as above.
template <class Block, class X>
void mat_vec_rows(device const uchar* first, ulong blocks, uint count, X x, ulong of, threadgroup ReadyVector<Block>& vector,
                  device float* out) {
  if constexpr (HasLimbs<Block>::value) {
    if (__msl_has_byte_dots() != 0) return whole_rows<Block, LimbDots<Block>, WideF>(first, blocks, count, x, of, vector, out);
    if (__msl_has_pair_dots() != 0) return whole_rows<Block, PairDots<Block>, Float8>(first, blocks, count, x, of, vector, out);
  }
  WideF none[kMostRows];
  finish_rows<Block>(first, blocks, 0, count, x, none, out);
}

}  // namespace anymetal
