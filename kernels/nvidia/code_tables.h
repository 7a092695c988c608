// Tables that codes of four bits name entries of, as bytes (the entry plus 128) that one instruction looks up four of.
#pragma once
#include "common/nvidia.h"

namespace anymetal {

// The entries of the four nibbles in the low half of `codes`, as the bytes of a word.
template <uint kA, uint kB, uint kC, uint kD>
struct CodeTable {
  // The entries themselves, as signed bytes.
  typedef CodeTable<(kA ^ 0x80808080u), (kB ^ 0x80808080u), (kC ^ 0x80808080u), (kD ^ 0x80808080u)> Signed;
  static uint values(uint codes) { return looked_up(codes & 0x7777u, upper_entries(codes)); }
  // Those of all nibbles of a word: of its low half and of its high half.
  static metal::uint2 all_values(uint codes) {
    const uint places = codes & 0x77777777u, upper = upper_entries(codes);
    return metal::uint2(looked_up(places, upper), looked_up(places >> 16, upper >> 16));
  }

 private:
  // Selectors of bytes from the lower eight entries and the upper eight.
  static uint upper_entries(uint codes) { return ((codes >> 1) & 0x44444444u) | 0x32103210u; }
  static uint looked_up(uint places, uint upper) {
    return nvidia::permute_bytes(nvidia::permute_bytes(kA, kB, places), nvidia::permute_bytes(kC, kD, places), upper);
  }
};
typedef CodeTable<0x3f2d1801u, 0x766a5d4fu, 0xa6998d81u, 0xf1d9c5b5u> TableIQ4_NL;
typedef CodeTable<0x83828180u, 0x8c888684u, 0x7d7e7f80u, 0x74787a7cu> TableE2M1;  // twice E2M1

// 2^(e - 128); the first two are subnormal.
inline float scale_of_mxfp4(uint e) { return metal::as_type<float>(e < 2 ? 0x00200000u << e : (e - 1) << 23); }

}  // namespace anymetal
