// Block-quantised weights decoded 64 at a time for code that runs a whole threadgroup on one core.
//
// BlockUnits<Block> cuts a block into kUnits units of kVectors vectors of 16 elements; vector j of unit u begins at element
// first(u) + kApart * j. scales(block, s) prepares kScales floats of a block, unit(block, s, u, w) decodes a unit. Elements
// are those of decode() in common/blocks.h, rounded once.
#pragma once
#include "cpu/small_blocks.h"
#include "cpu/super_blocks.h"

namespace anymetal {

// Elements k .. k + depth - 1 of a row of blocks, both multiples of 32, as floats.
template <class Block>
void decode_row(device const Block* row, uint k, uint depth, thread float* to) {
  typedef BlockUnits<Block> Units;
  constexpr uint kElements = BlockTraits<Block>::kElements;
  for (uint i = 0; i < depth; i += kElements) {
    device const Block& block = row[(k + i) / kElements];
    alignas(64) float scales[Units::kScales];
    Units::scales(block, scales);
#pragma unroll
    for (uint u = 0; u < Units::kUnits; ++u) {
      WideF w[Units::kVectors];
      Units::unit(block, scales, u, w);
#pragma unroll
      for (uint j = 0; j < Units::kVectors; ++j) Wide::store(to + i + Units::first(u) + Units::kApart * j, w[j]);
    }
  }
}

}  // namespace anymetal
