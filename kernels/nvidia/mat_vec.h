// Products of weight rows with one vector on NVIDIA GPUs. Rows go to threadgroup memory by asynchronous copies of 16 bytes,
// whatever the alignment of their blocks; there every lane takes one unit of 32 elements of each row.
#pragma once
#include "nvidia/block_units.h"

namespace anymetal {

// Threadgroup memory of a product with rows of Block: two stages of kChunk elements of eight rows and of x.
template <class Block>
struct MatVecStages {
  static constexpr uint kRows = 4;  // of a simdgroup; a threadgroup has two
  static constexpr uint kChunk = 32 * 32;
  static constexpr uint kChunkBytes = kChunk / BlockTraits<Block>::kElements * sizeof(Block);
  static constexpr uint kPieces = (kChunkBytes + 15 + 15) / 16;  // of 16 bytes, the first and the last in part
  static constexpr uint kRowBytes = (kPieces + 1) * 16;          // the last word of a unit reaches into the next
  static constexpr uint kCopies = (kRows * kPieces + 31) / 32;   // of a lane
  static constexpr uint kPitch = 36;  // floats between the units of x, so that lanes meet in no bank

  struct Stage {
    float x[32 * kPitch];
    uchar rows[2][kRows * kRowBytes];
  };
  Stage stage[2];
};

// Rows of x as they are.
struct FloatInput {
  device const float* x;
  // Elements k .. k+3 and the same 256, 512 and 768 further on, as far as they lie before `length`, all multiples of 4, to
  // places `pitch` floats apart.
  void copy(threadgroup float* to, uint pitch, uint k, uint length) const {
    const bool aligned = ((ulong)x & 15) == 0;
    for (uint j = 0; j < 4; ++j) {
      if (k + 256 * j >= length) continue;
      if (aligned) {
        nvidia::copy_16(to + j * pitch, x + k + 256 * j);
      } else {
        for (uint i = 0; i < 4; ++i) to[j * pitch + i] = x[k + 256 * j + i];
      }
    }
  }
};

// The rows of a simdgroup on their way to threadgroup memory: which pieces a lane copies.
template <class Block>
struct RowCopies {
  typedef MatVecStages<Block> Memory;
  device const uchar* from[Memory::kCopies];  // for chunk 0, at a multiple of 16
  uint to[Memory::kCopies];                   // in a stage's rows
  int start[Memory::kCopies];                 // bytes from the row's begin to `from`, negative before it
  uint skew[Memory::kRows];                   // bytes before the rows' begins to multiples of 16
  ulong row_bytes;

  RowCopies(device const uchar* weight, ulong bytes, ulong first, ulong count, uint lane) : row_bytes(bytes) {
    for (uint r = 0; r < Memory::kRows; ++r) skew[r] = uint((ulong)row(weight, first + r, count) & 15);
    for (uint c = 0; c < Memory::kCopies; ++c) {
      const uint r = (c * 32 + lane) / Memory::kPieces, piece = (c * 32 + lane) % Memory::kPieces;
      device const uchar* begin = row(weight, first + metal::min(r, Memory::kRows - 1), count);
      from[c] = begin - ((ulong)begin & 15) + piece * 16;
      start[c] = r < Memory::kRows ? int(from[c] - begin) : 0x40000000;
      to[c] = r * Memory::kRowBytes + piece * 16;
    }
  }
  device const uchar* row(device const uchar* weight, ulong i, ulong count) const {
    return weight + metal::min(i, count - 1) * row_bytes;
  }
  // Where a chunk of row r begins in a stage's rows.
  uint place(uint r, uint chunk) const { return r * Memory::kRowBytes + ((skew[r] + chunk * Memory::kChunkBytes) & 15); }

  void copy(threadgroup uchar* rows, uint chunk) const {
    const ulong at = ulong(chunk) * Memory::kChunkBytes;
    const int length = int(metal::min(row_bytes - at, ulong(Memory::kChunkBytes)));
    for (uint c = 0; c < Memory::kCopies; ++c) {
      if (Memory::kChunkBytes % 16 == 0) {
        if (start[c] < length) nvidia::copy_16(rows + to[c], from[c] + at);
      } else {
        const int before = -start[c] & 15, shift = before - int((uint(before) + uint(at)) & 15);
        if (start[c] + shift < length) nvidia::copy_16(rows + to[c], from[c] + long(at) + shift);
      }
    }
  }
};

// dst[n] = sum over k < length of row n times the input, for the eight rows from `first` on; `weight` is row 0 of `count`.
// Every thread of a threadgroup of 64 must call.
template <class Block, class Input>
void nvidia_mat_vec(threadgroup MatVecStages<Block>& memory, device const uchar* weight, Input input, device float* dst, ulong first,
                    ulong count, uint length, uint simdgroup, uint lane) {
  typedef MatVecStages<Block> Memory;
  constexpr uint kBlock = BlockTraits<Block>::kElements, kUnits = kBlock / 32, kRows = Memory::kRows;
  const uint units = length / 32, chunks = (length + Memory::kChunk - 1) / Memory::kChunk;
  first += simdgroup * kRows;
  const RowCopies<Block> rows(weight, ulong(length / kBlock) * sizeof(Block), first, count, lane);
  const uint k = (simdgroup * 32 + lane) * 4;
  const uint x_place = Unit<Block>::lane_of(k) * Memory::kPitch + Unit<Block>::slot_of(k);

  const auto copy = [&](uint chunk) {
    threadgroup auto& to = memory.stage[chunk % 2];
    rows.copy(to.rows[simdgroup], chunk);
    input.copy(to.x + x_place, 8 * Memory::kPitch, chunk * Memory::kChunk + k, length);
    nvidia::end_copies();
  };

  float sums[kRows] = {};
  copy(0);
  for (uint chunk = 0; chunk < chunks; ++chunk) {
    nvidia::await_copies<0>();
    metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
    if (chunk + 1 < chunks) copy(chunk + 1);
    if (chunk * 32 + lane >= units) continue;
    threadgroup const auto& from = memory.stage[chunk % 2];
    UnitInput in;
    for (uint i = 0; i < 32; i += 4) {
      const metal::float4 v = *(threadgroup const metal::float4*)&from.x[lane * Memory::kPitch + i];
      for (uint j = 0; j < 4; ++j) in.x[i + j] = v[j];
    }
    for (uint i = 0; i < 4; ++i) {
      thread const float* x = in.x + 8 * i;
      in.sums[i] = ((x[0] + x[1]) + (x[2] + x[3])) + ((x[4] + x[5]) + (x[6] + x[7]));
    }
    for (uint r = 0; r < kRows; ++r) {
      const Place16 block = {from.rows[simdgroup], rows.place(r, chunk) + lane / kUnits * uint(sizeof(Block))};
      sums[r] += Unit<Block>::dot(block, lane % kUnits, in);
    }
  }
  for (uint r = 0; r < kRows; ++r) {
    const float sum = metal::simd_sum(sums[r]);
    if (lane == 0 && first + r < count) dst[first + r] = sum;
  }
}

}  // namespace anymetal
