// Products of weight rows with one vector on NVIDIA's matrix units: sixteen rows at a time, their codes and x as whole
// numbers, whose products are exact. Rows go to threadgroup memory by asynchronous copies of 16 bytes. The two
// simdgroups of a threadgroup take a half of each row, on its own, or rows of their own and half the work with x.
#pragma once
#include "nvidia/byte_super_blocks.h"
#include "nvidia/byte_units.h"
#include "nvidia/float_mat_vec.h"
#include "nvidia/row_copies.h"

namespace anymetal {

template <class Block>
struct ByteStages {
  struct Part {
    metal::uint4 rows[2][RowStage<Block>::kPieces];
    InputLimbs
        x[2];  // of the 256 elements at hand and of the next ones; of 512, the simdgroup's half, where they are shared
  };
  Part parts[2];  // of the simdgroups
  float sums[kStagedRows];
};

// Threadgroup memory of a product with rows of Block.
template <class Block, bool kFloats = BlockTraits<Block>::kElements == 32>
struct MatVecMemory {
  ByteStages<Block> bytes;
};
template <class Block>
struct MatVecMemory<Block, true> {
  union {
    ByteStages<Block> bytes;
    FloatStages<Block> floats;
  };
};

// Rows of x as they are.
struct FloatInput {
  device const float* x;
  // Elements k .. k+3 and the same 256, 512 and 768 further on, as far as they lie before `length`, all multiples of 4,
  // to places `pitch` floats apart.
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
  // Elements k .. k+3 and k+16 .. k+19, 0 from `end` on.
  InputShare share(uint k, uint end) const {
    if (((ulong)x & 15) != 0) {
      metal::simdgroup_barrier(
          metal::mem_flags::mem_none);  // or the compiler makes one of both ways, with the loads of both
      return k < end ? InputShare{metal::float4(x[k], x[k + 1], x[k + 2], x[k + 3]),
                                  metal::float4(x[k + 16], x[k + 17], x[k + 18], x[k + 19])}
                     : InputShare{0.0f, 0.0f};
    }
    return k < end ? InputShare{*(device const metal::float4*)(x + k), *(device const metal::float4*)(x + k + 16)}
                   : InputShare{0.0f, 0.0f};
  }
};

// Adds 256 elements of a tile's rows, or the `left` that there are, times x, doing what else there is to do, `other`.
template <class Block, class Other>
void add_group(thread RowTile& tile, threadgroup const InputLimbs& x, uint left, uint lane, Other other) {
  if constexpr (BlockTraits<Block>::kElements == 256) {
    ByteUnit<Block>::add(tile.sums, tile.upper, tile.lower, x, lane);
    other();
  } else {
    add_units<Block>(tile, x, metal::min(left / 32, 8u), lane, other);
  }
  tile.upper = tile.upper + RowStage<Block>::kGroupBytes;
  tile.lower = tile.lower + RowStage<Block>::kGroupBytes;
}

// As nvidia_mat_vec below, for the group-th sixteen rows, whose halves are added in the end.
template <class Block, class Input>
void nvidia_byte_mat_vec(threadgroup ByteStages<Block>& memory, device const uchar* weight, Input input,
                         device float* dst, uint group, ulong count, uint length, uint simdgroup, uint lane) {
  typedef RowStage<Block> Stage;
  typedef ByteUnit<Block> Format;
  const ulong first = ulong(group) * kStagedRows;
  if (first >= count) return;
  threadgroup auto& part = memory.parts[simdgroup];
  const uint g = lane / 4, t = lane % 4;

  // This simdgroup's elements are every kStep-th 256 from k to end - 1.
  constexpr uint kStep = Stage::kInTurns ? 512 : 256;
  const uint half_length = Stage::kInTurns ? 256 : (length + 511) / 512 * 256;
  const uint end = Stage::kInTurns || simdgroup == 1 ? length : metal::min(half_length, length);
  uint k = simdgroup == 0 ? 0 : metal::min(half_length, length);
  const RowCopies<Block> copies(weight, first, count, length, k / Stage::kBlock * uint(sizeof(Block)),
                                end / Stage::kBlock * uint(sizeof(Block)), lane);
  // This lane's share of the 256 elements from `from` on.
  const auto share = [&](uint from) { return input.share(from + g * 32 + t * 4, end); };

  const uint upper_place = copies.place(g), lower_place = copies.place(g + 8);
  uint at = 0, slot = 0, buffer = 0;  // of this simdgroup's bytes of a row, the stage's first
  copies.copy(part.rows[0], at);
  ScaledShare(share(k)).template store<Format>(part.x[0], lane);
  InputShare held = share(k + kStep);
  RowTile tile;
  while (k < end) {
    nvidia::await_copies<0>();
    threadgroup const uchar* rows = (threadgroup const uchar*)part.rows[slot];
    tile.upper = {rows, g * (Stage::kPitch * 16) + copies.skew(upper_place, at)};
    tile.lower = {rows, (g + 8) * (Stage::kPitch * 16) + copies.skew(lower_place, at)};
    at += kStep / 256 * Stage::kBytes;
    slot ^= 1;
#pragma nounroll
    for (uint j = 0; j < Stage::kGroups && k < end; ++j, k += kStep) {
      // Rows and x that other lanes have written are there, and what they have read may be overwritten.
      metal::simdgroup_barrier(metal::mem_flags::mem_threadgroup);
      if (j == 0) copies.copy(part.rows[slot], at);
      const ScaledShare scaled(held);
      held = share(k + 2 * kStep);
      threadgroup InputLimbs& x = part.x[buffer];
      buffer ^= 1;
      const auto prepare = [&] { scaled.template store<Format>(part.x[buffer], lane); };
      add_group<Block>(tile, x, end - k, lane, prepare);
    }
  }

  const float totals[2] = {total<Format>(tile.sums.upper), total<Format>(tile.sums.lower)};
  // The second simdgroup's sums come through threadgroup memory.
  if (simdgroup == 1 && t == 0) {
    for (uint r = 0; r < 2; ++r) memory.sums[g + 8 * r] = totals[r];
  }
  metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
  if (simdgroup != 0 || t != 0) return;
  for (uint r = 0; r < 2; ++r) {
    const ulong n = first + g + 8 * r;
    if (n < count) dst[n] = totals[r] + memory.sums[g + 8 * r];
  }
}

// The same for the group-th 32 rows.
template <class Block, class Input>
void nvidia_shared_mat_vec(threadgroup ByteStages<Block>& memory, device const uchar* weight, Input input,
                           device float* dst, uint group, ulong count, uint length, uint simdgroup, uint lane) {
  typedef RowStage<Block> Stage;
  typedef ByteUnit<Block> Format;
  static_assert(Stage::kGroups == 2, "a simdgroup prepares 256 elements of x for each stage");
  if (ulong(group) * 2 * kStagedRows >= count) return;
  const ulong first = (ulong(group) * 2 + simdgroup) * kStagedRows;
  threadgroup auto& part = memory.parts[simdgroup];
  const uint g = lane / 4, t = lane % 4;
  const RowCopies<Block> copies(weight, first, count, length, 0, length / Stage::kBlock * uint(sizeof(Block)), lane);
  // This lane's share of this simdgroup's 256 of the 512 elements from `from` on.
  const auto share = [&](uint from) { return input.share(from + simdgroup * 256 + g * 32 + t * 4, length); };

  const uint upper_place = copies.place(g), lower_place = copies.place(g + 8);
  copies.copy(part.rows[0], 0);
  ScaledShare(share(0)).template store<Format>(part.x[0], lane);
  InputShare held = share(512);
  RowTile tile;
  for (uint k = 0, at = 0, slot = 0; k < length; k += 512, slot ^= 1) {
    nvidia::await_copies<0>();
    threadgroup const uchar* rows = (threadgroup const uchar*)part.rows[slot];
    tile.upper = {rows, g * (Stage::kPitch * 16) + copies.skew(upper_place, at)};
    tile.lower = {rows, (g + 8) * (Stage::kPitch * 16) + copies.skew(lower_place, at)};
    at += Stage::kBytes;
    // Rows and x that other lanes have written are there, and what they have read may be overwritten.
    metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
    copies.copy(part.rows[slot ^ 1], at);
    const ScaledShare scaled(held);
    held = share(k + 1024);
#pragma nounroll
    for (uint j = 0; j < 2 && k + 256 * j < length; ++j) {
      const auto prepare = [&] {
        if (j == 0) scaled.template store<Format>(part.x[slot ^ 1], lane);
      };
      add_group<Block>(tile, memory.parts[j].x[slot], length - (k + 256 * j), lane, prepare);
    }
  }
  const float totals[2] = {total<Format>(tile.sums.upper), total<Format>(tile.sums.lower)};
  for (uint r = 0; r < 2 && t == 0; ++r) {
    const ulong n = first + g + 8 * r;
    if (n < count) dst[n] = totals[r];
  }
}

// From so many rows on sixteen at a time keep the GPU busy; the tests on other devices have fewer.
#if defined(ANYMETAL_EMULATE_NVIDIA)
constexpr constant uint kManyRows = 16;
#else
constexpr constant uint kManyRows = 12288;
#endif

// Whether 32 rows share what is done with x: where a stage is two groups, but for Q4_K, which memory bounds.
template <class Block>
constexpr bool shares_input() {
  return RowStage<Block>::kGroups == 2 && !metal::is_same_v<Block, BlockQ4_K>;
}

// dst[n] = sum over k < length of row n times the input; `weight` is row 0 of `count`. Threadgroup `group` takes so
// many rows that the first of them take all, and the others have nothing to do. As whole numbers x is taken with 26
// bits at least of the largest of 256 elements, in formats that need no sums of x with 30. Sums over blocks are f32.
// Every thread of a threadgroup of 64 must call.
template <class Block, class Input>
void nvidia_mat_vec(threadgroup MatVecMemory<Block>& memory, device const uchar* weight, Input input, device float* dst,
                    uint group, ulong count, uint length, uint simdgroup, uint lane) {
  if constexpr (BlockTraits<Block>::kElements == 32) {
    if (count < kManyRows) {
      if (group * 8 >= count) return;
      return nvidia_float_mat_vec<Block>(memory.floats, weight, input, dst, group * 8, count, length, simdgroup, lane);
    }
  }
  if constexpr (shares_input<Block>()) {
    if (count >= kManyRows) {
      return nvidia_shared_mat_vec<Block>(memory.bytes, weight, input, dst, group, count, length, simdgroup, lane);
    }
  }
  nvidia_byte_mat_vec<Block>(memory.bytes, weight, input, dst, group, count, length, simdgroup, lane);
}

}  // namespace anymetal
