// Tables that codes of four bits name entries of, as bytes (the entry plus 128) that one instruction looks up four of.
#pragma once
#include "common/nvidia.h"

namespace anymetal {

// The entries of the four nibbles in the low half of `codes`, as the bytes of a word.
template <uint kA, uint kB, uint kC, uint kD>
struct CodeTable {
  static uint values(uint codes) {
    const uint below = nvidia::permute_bytes(kA, kB, codes & 0x7777u), above = nvidia::permute_bytes(kC, kD, codes & 0x7777u);
    return nvidia::permute_bytes(below, above, 0x3210u | ((codes & 0x8888u) >> 1));
  }
};
typedef CodeTable<0x3f2d1801u, 0x766a5d4fu, 0xa6998d81u, 0xf1d9c5b5u> TableIQ4_NL;
typedef CodeTable<0x83828180u, 0x8c888684u, 0x7d7e7f80u, 0x74787a7cu> TableE2M1;  // twice E2M1

// 2^(e - 128); the first two are subnormal.
inline float scale_of_mxfp4(uint e) { return metal::as_type<float>(e < 2 ? 0x00200000u << e : (e - 1) << 23); }

}  // namespace anymetal
