// Sixteen weight rows on their way to threadgroup memory, for one simdgroup.
#pragma once
#include "common/blocks.h"
#include "nvidia/staged_bytes.h"

namespace anymetal {

template <class Block>
struct ByteUnit;

constexpr constant uint kStagedRows = 16;

// A stage: kGroups times 256 elements of every row.
template <class Block>
struct RowStage {
  static constexpr uint kBlock = BlockTraits<Block>::kElements;
  static constexpr uint kGroupBytes = 256 / kBlock * sizeof(Block);
  static constexpr uint kGroups = kGroupBytes >= 160 ? 1 : 2;
  static constexpr uint kBytes = kGroups * kGroupBytes;  // of a row
  // Where a stage is one group, simdgroups take turns, so that less than 256 bytes of a row are not read alone.
  static constexpr bool kInTurns = kGroups == 1;
  static constexpr uint kPitch =
      ((kBytes + 15 + 15) / 16) |
      1;  // pieces of 16 bytes, the first and the last in part; odd: rows lie in different banks
  static constexpr uint kPieces = kStagedRows * kPitch;
};

// Eight lanes copy a row. Where rows begin at multiples of the format's kAlign, blocks keep their places in pieces of
// 16 bytes; others are moved to a piece's beginning.
template <class Block>
struct RowCopies {
  typedef RowStage<Block> Stage;
  device const uchar* weight;  // where this simdgroup's bytes of row 0 are
  device const uchar* mine;    // this lane's piece of row first + lane / 8
  ulong first, last, row_bytes;
  uint length, lane;    // so many bytes
  bool straight, even;  // even: sixteen whole rows that begin at multiples of 16

  // Bytes begin .. end - 1 of rows `rows` .. of `count`, of so many elements.
  RowCopies(device const uchar* matrix, ulong rows, ulong count, uint elements, uint begin, uint end, uint thread_index)
      : weight(matrix + begin),
        first(rows),
        last(count - 1),
        row_bytes(elements / Stage::kBlock * uint(sizeof(Block))),
        length(end - begin),
        lane(thread_index),
        straight(ByteUnit<Block>::kAlign != 4 || (((ulong)matrix | row_bytes) & 3) == 0),
        even((((ulong)matrix | row_bytes) & 15) == 0 && rows + kStagedRows <= count) {
    mine = weight + (rows + lane / 8) * row_bytes + 16 * (lane % 8);
  }

  device const uchar* row(uint i) const { return weight + metal::min(first + i, last) * row_bytes; }
  // Where the bytes from `at` on of row i lie in a stage's rows: `at` past this, within pieces.
  uint place(uint i) const { return straight ? uint((ulong)row(i)) & 15 : 0; }
  uint skew(uint place_of_row, uint at) const { return (place_of_row + at) & (straight ? 15 : 0); }

  // The bytes from `at` on that there are, as one group of copies.
  void copy(threadgroup metal::uint4* rows, uint at) const {
    if (at < length) {
      const uint count = metal::min(length - at, Stage::kBytes), piece = lane % 8;
      threadgroup metal::uint4* to = rows + lane / 8 * Stage::kPitch + piece;
      if (even) {
        const uint skew = (uint((ulong)weight) + at) & 15;
        device const uchar* from = mine + at - skew;
        for (uint i = 0; i < kStagedRows / 4; ++i, from += 4 * row_bytes)
          copy_row(to + 4 * i * Stage::kPitch, from, int(skew + count) - int(16 * piece));
      } else if (straight) {
#pragma nounroll
        for (uint i = 0; i < kStagedRows / 4; ++i) {
          device const uchar* from = row(lane / 8 + 4 * i) + at;
          const uint skew = uint((ulong)from & 15);
          copy_row(to + 4 * i * Stage::kPitch, from - skew + 16 * piece, int(skew + count) - int(16 * piece));
        }
      } else {
#pragma nounroll
        for (uint i = 0; i < kStagedRows / 4; ++i) {
          device const uchar* from = row(lane / 8 + 4 * i) + at;
#pragma nounroll
          for (uint j = 0; 16 * (piece + 8 * j) < count; ++j)
            to[4 * i * Stage::kPitch + 8 * j] = moved(from + 16 * (piece + 8 * j), count - 16 * (piece + 8 * j));
        }
      }
    }
    nvidia::end_copies();
  }

 private:
  // Every eighth piece, as far as bytes are left from the first on.
  static void copy_row(threadgroup metal::uint4* to, device const uchar* from, int left) {
    for (int j = 0; j < int(Stage::kPitch + 7) / 8; ++j) {
      if (128 * j < left) nvidia::copy_16(to + 8 * j, from + 128 * j);
    }
  }
};

}  // namespace anymetal
