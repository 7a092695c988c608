// TurboQuant's codebooks in registers.
#pragma once
#include "common/turboquant.h"
#include "cpu/small_blocks.h"

namespace anymetal {

// The upper half of a codebook of `bits` bits as tables of 16, one of 8 twice; the lower half are its negatives, the other way
// round.
template <uint kTables>
struct Codebook {
  WideF tables[kTables];
  uint bits;

  explicit Codebook(uint width) : bits(width) {
    const uint upper = 1u << (bits - 1);
    float values[16];
    for (uint t = 0; t < kTables; ++t) {
      for (uint i = 0; i < 16; ++i) values[i] = turbo_centroid(upper + ((16 * t + i) & (upper - 1)), bits);
      tables[t] = Wide::load(values);
    }
  }
  WideF operator()(WideU codes) const {
    const WideU placed = codes << (32 - bits);  // a code's upper bit where a number has its sign
    const WideU lower = ~__builtin_bit_cast(WideU, __builtin_bit_cast(Int16, placed) >> 31);
    const WideU index = codes ^ lower;
    WideF parts[kTables];
    if constexpr (kTables == 1) parts[0] = pick(tables[0], index);
#pragma unroll
    for (uint t = 0; t + 1 < kTables; t += 2) parts[t] = pick(tables[t], tables[t + 1], index);
#pragma unroll
    for (uint step = 2; step < kTables; step *= 2) {
#pragma unroll
      for (uint t = 0; t < kTables; t += 2 * step) parts[t] = (index & (16 * step)) != 0 ? parts[t + step] : parts[t];
    }
    return __builtin_bit_cast(WideF, __builtin_bit_cast(WideU, parts[0]) ^ (lower & 0x80000000u));
  }
};

}  // namespace anymetal
