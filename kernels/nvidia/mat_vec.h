// Products of weight rows with one vector on NVIDIA GPUs. Rows go to threadgroup memory by asynchronous copies of 16 bytes,
// whatever the alignment of their blocks; there every lane takes one unit of 32 elements of each row.
#pragma once
#include "nvidia/block_units.h"

namespace anymetal {

// Threadgroup memory of a product with rows of Block: two stages of kChunk elements of eight rows and of x.
template <class Block>
struct MatVecStages {
  static constexpr uint kRows = 4;        // of a simdgroup; a threadgroup has two
  static constexpr uint kChunk = 32 * 32;
  static constexpr uint kChunkBytes = kChunk / BlockTraits<Block>::kElements * sizeof(Block);
  static constexpr uint kPieces = (kChunkBytes + 15 + 15) / 16 + 1;  // of 16 bytes, the first and the last in part; one to spare
  static constexpr uint kPitch = 36;      // floats between the units of x, so that lanes meet in no bank
  static constexpr uint kStages = 2;

  struct Stage {
    float x[32 * kPitch];
    uchar rows[2][kRows][kPieces * 16];
  };
  Stage stage[kStages];
};

// Rows of x as they are.
struct FloatInput {
  device const float* x;
  // Elements k .. k+3, k a multiple of 4.
  void copy(threadgroup float* to, uint k) const {
    if (((ulong)x & 15) == 0) return nvidia::copy_16(to, x + k);
    for (uint i = 0; i < 4; ++i) to[i] = x[k + i];
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
  const ulong row_bytes = ulong(length / kBlock) * sizeof(Block);
  first += simdgroup * kRows;
  const auto row = [=](uint r) { return weight + metal::min(first + r, count - 1) * row_bytes; };

  const auto copy = [&](uint chunk) {
    if (chunk < chunks) {
      threadgroup auto& to = memory.stage[chunk % Memory::kStages];
      for (uint i = lane; i < kRows * Memory::kPieces; i += 32) {
        const uint r = i / Memory::kPieces, piece = i % Memory::kPieces;
        device const uchar* begin = row(r) + ulong(chunk) * Memory::kChunkBytes;
        device const uchar* from = begin - ((ulong)begin & 15) + piece * 16;
        const ulong left = row_bytes - ulong(chunk) * Memory::kChunkBytes;
        if (from < begin + metal::min(left, ulong(Memory::kChunkBytes))) nvidia::copy_16(&to.rows[simdgroup][r][piece * 16], from);
      }
      for (uint i = (simdgroup * 32 + lane) * 4; i < Memory::kChunk; i += 64 * 4) {
        const uint k = chunk * Memory::kChunk + i;
        if (k < length) input.copy(&to.x[Unit<Block>::lane_of(i) * Memory::kPitch + Unit<Block>::slot_of(i)], k);
      }
    }
    nvidia::end_copies();
  };

  float sums[kRows] = {};
  copy(0);
  for (uint chunk = 0; chunk < chunks; ++chunk) {
    nvidia::await_copies<0>();
    metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
    copy(chunk + 1);
    if (chunk * 32 + lane >= units) continue;
    threadgroup const auto& from = memory.stage[chunk % Memory::kStages];
    float in[32];
    for (uint i = 0; i < 32; i += 4) {
      const metal::float4 v = *(threadgroup const metal::float4*)&from.x[lane * Memory::kPitch + i];
      for (uint j = 0; j < 4; ++j) in[i + j] = v[j];
    }
    for (uint r = 0; r < kRows; ++r) {
      const uint skew = uint((ulong)(row(r) + ulong(chunk) * Memory::kChunkBytes) & 15);
      threadgroup const uchar* block = &from.rows[simdgroup][r][skew + lane / kUnits * sizeof(Block)];
      sums[r] += Unit<Block>::dot(block, lane % kUnits, in);
    }
  }
  for (uint r = 0; r < kRows; ++r) {
    const float sum = metal::simd_sum(sums[r]);
    if (lane == 0 && first + r < count) dst[first + r] = sum;
  }
}

}  // namespace anymetal
