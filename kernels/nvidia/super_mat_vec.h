// Products of weight rows in blocks of 256 elements with one vector on the matrix units of NVIDIA GPUs: sixteen rows at a time,
// their codes as f16, which is exact, times x as the sum of two f16, in two of eight columns. Rows go to threadgroup memory by
// asynchronous copies of 16 bytes, whatever the alignment of their blocks.
#pragma once
#include "nvidia/super_block_fragments.h"

namespace anymetal {

constexpr constant uint kSuperRows = 16;  // of a threadgroup

// Threadgroup memory of a product with rows of Block: two stages of kChunk elements of the rows and of x.
template <class Block>
struct SuperStages {
  static constexpr uint kChunk = 512;
  static constexpr uint kChunkBytes = kChunk / 256 * sizeof(Block);
  static constexpr uint kPieces = (kChunkBytes + 15 + 15) / 16;  // of 16 bytes, the first and the last in part
  // The last word of a unit reaches into the next piece; rows an odd number of pieces apart lie in different banks.
  static constexpr uint kPitch = ((kPieces + 1) | 1) * 16;

  uchar rows[2][kSuperRows * kPitch];
  metal::uint4 x[2][kChunk / 32 * 8];         // of each 32 elements two parts for four lanes
  metal::float2 sums_of_x[2][kChunk / 32];    // of halves of 32 elements
  float factors[2][kChunk / 256];             // what the x and the codes of 256 elements were divided by
  float sums[kSuperRows];
};

// Elements k .. k+3.
inline metal::float4 four(device const float* x, uint k) {
  if (((ulong)x & 15) == 0) return *(device const metal::float4*)(x + k);
  return metal::float4(x[k], x[k + 1], x[k + 2], x[k + 3]);
}

// The two rows that every eighth of the threads looks after, on their way to threadgroup memory.
template <class Block>
struct SuperRowCopies {
  typedef SuperStages<Block> Memory;
  device const uchar* begin[2];
  uint first_row, piece;

  SuperRowCopies(device const uchar* weight, ulong row_bytes, ulong first, ulong count, uint thread_index) : first_row(thread_index / 8), piece(thread_index % 8) {
    for (uint i = 0; i < 2; ++i) begin[i] = weight + metal::min(first + first_row + 8 * i, count - 1) * row_bytes;
  }
  // `length` bytes of each row from byte `at` on.
  void copy(threadgroup uchar* rows, ulong at, uint length) const {
    for (uint i = 0; i < 2; ++i) {
      device const uchar* from = begin[i] + at;
      const uint skew = uint((ulong)from & 15);
      from = from - skew + 16 * piece;
      threadgroup uchar* to = rows + (first_row + 8 * i) * Memory::kPitch + 16 * piece;
      const int left = int(skew + length) - int(16 * piece);
      for (int j = 0; j < int(Memory::kPieces + 7) / 8; ++j) {
        if (128 * j < left) nvidia::copy_16(to + 128 * j, from + 128 * j);
      }
    }
  }
};

// Eight elements of x on their way to being a lane's share of a unit. A simdgroup has 256 elements, which are scaled together:
// by the power of two that brings the largest to 2^14 at least and below 2^15.
struct InputShare {
  metal::float4 first, second;

  float largest_power() const {
    float largest = 0.0f;
    for (uint i = 0; i < 4; ++i) largest = metal::max(largest, metal::max(metal::fabs(first[i]), metal::fabs(second[i])));
    const uint bits = metal::simd_max(metal::as_type<uint>(largest));
    return metal::as_type<float>(metal::clamp(bits & 0x7f800000u, 47u << 23, 254u << 23));  // 2^-80 at least
  }
  static float sum_of(metal::float4 v) {
    float sum = (v[0] + v[1]) + (v[2] + v[3]);
    sum += metal::simd_shuffle_xor(sum, 1);
    return sum + metal::simd_shuffle_xor(sum, 2);
  }

  // Pairs as the format has them, times 2^14 / power and less by as many bits as the codes that they meet lie higher.
  template <class Format>
  void store(threadgroup metal::uint4* to, float power, uint unit) const {
    float scales[2];
    for (uint i = 0; i < 2; ++i) scales[i] = metal::as_type<float>(((268u - Format::shift(unit, i)) << 23) - metal::as_type<uint>(power));
    metal::uint4 high, low;
    for (uint i = 0; i < 4; ++i) {
      const bool across = Format::kAcross;
      const float a = across ? first[i] * scales[0] : i < 2 ? first[i] * scales[0] : second[i - 2] * scales[1];
      const float b = across ? second[i] * scales[1] : i < 2 ? first[i + 2] * scales[0] : second[i] * scales[1];
      const metal::half2 h = metal::half2(half(a), half(b));
      high[i] = metal::as_type<uint>(h);
      low[i] = metal::as_type<uint>(metal::half2(half((a - float(h.x)) * 2048.0f), half((b - float(h.y)) * 2048.0f)));
    }
    to[0] = high;
    to[4] = low;
  }
};

// dst[n] = sum over k < length of row n times that of `input`, for the sixteen rows from 16 * group on; `weight` is row 0 of `count`.
// Sums are f32; x is taken with 22 bits at least, as far as it is above 2^-29 of the largest of 256 elements. Every thread of a threadgroup of 64 must call; groups past the last row have nothing to do.
template <class Block>
void nvidia_super_mat_vec(threadgroup SuperStages<Block>& memory, device const uchar* weight, device const float* input, device float* dst, uint group,
                    ulong count, uint length, uint simdgroup, uint lane) {
  typedef SuperStages<Block> Memory;
  typedef BlockFragments<Block> Format;
    const ulong first = ulong(group) * kSuperRows;
  if (first >= count) return;
  const uint chunks = (length + Memory::kChunk - 1) / Memory::kChunk, row_bytes = length / 256 * uint(sizeof(Block));
  const SuperRowCopies<Block> copies(weight, row_bytes, first, count, simdgroup * 32 + lane);
  const uint unit = simdgroup * 8 + lane / 4, g = lane / 4, t = lane % 4;  // the unit whose share of x is this thread's

  InputShare held = {};
  const auto fetch = [&](uint chunk) {
    copies.copy(memory.rows[chunk % 2], chunk * ulong(Memory::kChunkBytes), metal::min(row_bytes - chunk * Memory::kChunkBytes, Memory::kChunkBytes));
    nvidia::end_copies();
    const uint k = chunk * Memory::kChunk + unit * 32 + t * 4;
    held = k < length ? InputShare{four(input, k), four(input, k + 16)} : InputShare{0.0f, 0.0f};
  };
  // Byte offset of a row's chunk from its place in a stage.
  const auto skew = [&](uint row, uint chunk) {
    return (uint((ulong)weight) + uint(metal::min(first + row, count - 1)) * row_bytes + chunk * Memory::kChunkBytes) & 15;
  };

  metal::float2 sums = 0.0f;
  fetch(0);
  for (uint chunk = 0; chunk < chunks; ++chunk) {
    const uint stage = chunk % 2;
    const float power = held.largest_power();
    held.template store<Format>(memory.x[stage] + unit * 8 + t, power, unit % 8);
    if (Format::kNeedsSums) {
      const metal::float2 sums_of_x = metal::float2(InputShare::sum_of(held.first), InputShare::sum_of(held.second));
      if (t == 0) memory.sums_of_x[stage][unit] = sums_of_x;
    }
    if (lane == 0) memory.factors[stage][simdgroup] = power * (1.0f / 32.0f);  // 2^-14 2^9
    nvidia::await_copies<0>();
    metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
    if (chunk + 1 < chunks) fetch(chunk + 1);
    const uint blocks = metal::min(length - chunk * Memory::kChunk, Memory::kChunk) / 256;
    const Place16 upper = {memory.rows[stage], g * Memory::kPitch + skew(g, chunk)};
    const Place16 lower = {memory.rows[stage], (g + 8) * Memory::kPitch + skew(g + 8, chunk)};
    UnitInputs x = {memory.x[stage] + metal::min(g, 1u) * 4 + t, memory.sums_of_x[stage], 0.0f};  // columns past the second count for nothing
    // Every second block is this simdgroup's.
    for (uint b = simdgroup; b < blocks; b += 2) {
      GroupSums group;
      x.factor = memory.factors[stage][b];
      const uint at = b * uint(sizeof(Block));
      Format::add(group, upper + at, lower + at, t, x.from(8 * b));
      sums += x.factor * group.products + group.rest;
    }
  }

  // Columns 0 and 1 are with t = 0. The second simdgroup's sums come through threadgroup memory.
  if (simdgroup == 1 && t == 0) {
    for (uint r = 0; r < 2; ++r) memory.sums[g + 8 * r] = sums[r];
  }
  metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
  if (simdgroup != 0 || t != 0) return;
  for (uint r = 0; r < 2; ++r) {
    const ulong n = first + g + 8 * r;
    if (n < count) dst[n] = sums[r] + memory.sums[g + 8 * r];
  }
}

}  // namespace anymetal
