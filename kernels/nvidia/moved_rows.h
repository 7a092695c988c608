// Rows that move inside one buffer, by a threadgroup that owns a run of their columns.
#pragma once
#include <metal_stdlib>

namespace anymetal {

// Rows to .. to + count - 1 become what rows from .. were; `stride` pieces of 16 bytes from row to row. `size` threads, a multiple of
// eight, own a piece each of size / 8 side by side in eight rows at a time. A batch is read whole before it is written, from the end
// that is written last.
inline void move_rows(device metal::uint4* rows, uint stride, uint from, uint to, uint count, uint index, uint size) {
  constexpr uint kSteps = 16, kBatch = 8 * kSteps;
  const uint pieces = size / 8, row = index / pieces, piece = index % pieces;
  for (uint begin = 0; begin < count; begin += kBatch) {
    uint held[kSteps][4];
    for (uint i = 0; i < kSteps; ++i) {
      const uint n = metal::min(begin + row + 8 * i, count - 1), t = from < to ? count - 1 - n : n;
      const metal::uint4 words = rows[ulong(from + t) * stride + piece];
      for (uint w = 0; w < 4; ++w) held[i][w] = words[w];
    }
    metal::threadgroup_barrier(metal::mem_flags::mem_device);
    for (uint i = 0; i < kSteps; ++i) {
      const uint n = begin + row + 8 * i, t = from < to ? count - 1 - n : n;
      if (n < count) rows[ulong(to + t) * stride + piece] = metal::uint4(held[i][0], held[i][1], held[i][2], held[i][3]);
    }
  }
}

}  // namespace anymetal
