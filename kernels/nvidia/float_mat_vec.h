// Products of weight rows in blocks of 32 elements with one vector in f32 on NVIDIA GPUs, eight rows at a time: for matrices of too
// few rows for mat_vec.h to keep the GPU busy. Rows go to threadgroup memory by asynchronous copies of 16 bytes, whatever the
// alignment of their blocks; there every lane takes one block of each row.
#pragma once
#include "nvidia/block_units.h"

namespace anymetal {

// Threadgroup memory of a product with rows of Block: two stages of kChunk elements of eight rows and of x.
template <class Block>
struct FloatStages {
  static constexpr uint kRows = 4;  // of a simdgroup; a threadgroup has two
  static constexpr uint kChunk = 32 * 32;
  static constexpr uint kChunkBytes = kChunk / 32 * sizeof(Block);
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

// The rows of a simdgroup on their way to threadgroup memory: which pieces a lane copies.
template <class Block>
struct AlignedCopies {
  typedef FloatStages<Block> Memory;
  device const uchar* from[Memory::kCopies];  // for chunk 0, at a multiple of 16
  uint to[Memory::kCopies];                   // in a stage's rows
  int start[Memory::kCopies];                 // bytes from the row's begin to `from`, negative before it
  uint skew[Memory::kRows];                   // bytes before the rows' begins to multiples of 16
  ulong row_bytes;

  AlignedCopies(device const uchar* weight, ulong bytes, ulong first, ulong count, uint lane) : row_bytes(bytes) {
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
void nvidia_float_mat_vec(threadgroup FloatStages<Block>& memory, device const uchar* weight, Input input, device float* dst, ulong first,
                    ulong count, uint length, uint simdgroup, uint lane) {
  typedef FloatStages<Block> Memory;
  constexpr uint kRows = Memory::kRows;
  const uint units = length / 32, chunks = (length + Memory::kChunk - 1) / Memory::kChunk;
  first += simdgroup * kRows;
  const AlignedCopies<Block> rows(weight, ulong(length / 32) * sizeof(Block), first, count, lane);
  const uint k = (simdgroup * 32 + lane) * 4;
  const uint x_place = k / 32 * Memory::kPitch + k % 32;

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
      const Place16 block = {from.rows[simdgroup], rows.place(r, chunk) + lane * uint(sizeof(Block))};
      sums[r] += Unit<Block>::dot(block, in);
    }
  }
  for (uint r = 0; r < kRows; ++r) {
    const float sum = metal::simd_sum(sums[r]);
    if (lane == 0 && first + r < count) dst[first + r] = sum;
  }
}

}  // namespace anymetal
