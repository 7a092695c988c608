// Tables that codes of four bits name entries of, as bytes (the entry plus 128) that one instruction looks up four of.
#pragma once
#include "common/nvidia.h"

namespace anymetal {

// The entries of the four nibbles in the low half of `codes`, as the bytes of a word.
template <uint kA, uint kB, uint kC, uint kD>
struct CodeTable {
  static uint values(uint codes) {
    const uint places = codes & 0x7777u, upper = ((codes >> 1) & 0x4444u) | 0x3210u;
    return nvidia::permute_bytes(nvidia::permute_bytes(kA, kB, places), nvidia::permute_bytes(kC, kD, places), upper);
  }
};
typedef CodeTable<0x3f2d1801u, 0x766a5d4fu, 0xa6998d81u, 0xf1d9c5b5u> TableIQ4_NL;
typedef CodeTable<0x83828180u, 0x8c888684u, 0x7d7e7f80u, 0x74787a7cu> TableE2M1;  // twice E2M1

// Two signed bytes for each nibble, of which the entry is the sum, so that two products take the place of a choice.
struct SplitCodes {
  metal::uint2 low, high;  // of the nibbles of a word's low half and of its high half
};

// An instruction that looks up one of eight bytes gives that byte's sign eight times, 0 or -1, where the selector's fourth
// bit is set. So the lower eight entries are one more where the upper entry eight places on is negative, and the other way round.
template <uint kA, uint kB, uint kC, uint kD>
struct SplitTable {
  static SplitCodes all(uint codes) {
    const uint flipped = codes ^ 0x88888888u;
    return {metal::uint2(nvidia::permute_bytes(kA, kB, codes), nvidia::permute_bytes(kA, kB, codes >> 16)),
            metal::uint2(nvidia::permute_bytes(kC, kD, flipped), nvidia::permute_bytes(kC, kD, flipped >> 16))};
  }
};
typedef SplitTable<0xbfad9881u, 0xf6eaddcfu, 0x271a0e02u, 0x725a4636u> SplitIQ4_NL;
typedef SplitTable<0x04030200u, 0x0d090705u, 0xfdfeff00u, 0xf4f8fafcu> SplitE2M1;  // twice E2M1

// 2^(e - 128); the first two are subnormal.
inline float scale_of_mxfp4(uint e) { return metal::as_type<float>(e < 2 ? 0x00200000u << e : (e - 1) << 23); }

}  // namespace anymetal
