// How rows of a product come into tiles of 32 of their elements as 16-bit T in threadgroup memory, on NVIDIA GPUs, by kThreads
// threads, 128 where nothing else is said. Rows that are T already are copied (kCopied) two tiles ahead; of others every thread holds its share of the next
// tile in registers while the present one is multiplied.
#pragma once
#include "common/nvidia.h"

namespace anymetal {

// Element 8 chunk of a row of a tile. Chunks of 16 bytes change places so that eight rows of a column meet in no bank.
inline uint tile_at(uint row, uint chunk) { return row * 32 + (chunk ^ (row / 2 % 4)) * 8; }

inline uint packed(half, float x, float y) { return metal::as_type<uint>(metal::half2(half(x), half(y))); }
inline uint packed(bfloat, float x, float y) { return nvidia::bfloats(x, y); }

// Which rows of a matrix a tile has: those past the last repeat it.
struct TileRows {
  device const uchar* top;
  uint stride, last;
  TileRows(device const uchar* base, ulong row_bytes, uint first, uint count)
      : top(base + first * row_bytes), stride(uint(row_bytes)), last(count - 1 - first) {}
  device const uchar* at(uint row) const { return top + metal::min(row, last) * stride; }
  // The same in one instruction less, which leaves its result in registers.
  device const uchar* kept_at(uint row) const { return top + ulong(metal::min(row, last)) * stride; }
};

// Whether a tile of rows that are so many bytes apart spans less than 4 GiB.
inline bool is_short(ulong row_bytes) { return row_bytes < (1u << 24); }
// And rows of `length` elements of `size` bytes are whole pieces of 16 bytes; `strides` is the union of further strides.
inline bool are_pieces(ulong row_bytes, ulong strides, uint length, uint size) {
  return is_short(row_bytes) && (row_bytes | strides) % 16 == 0 && length * size % 16 == 0;
}

// 16 bytes at a multiple of the size of T; `aligned` where it is one of 16.
template <class T>
metal::uint4 piece(device const uchar* at, bool aligned) {
  if (aligned) return *(device const metal::uint4*)at;
  metal::uint4 words;
  device const T* parts = (device const T*)at;
  for (uint i = 0; i < 4; ++i) {
    if (sizeof(T) == 4) {
      words[i] = parts[i];
    } else {
      words[i] = uint(parts[2 * i]) | uint(parts[2 * i + 1]) << 16;
    }
  }
  return words;
}
inline bool is_aligned(device const uchar* at) { return ((ulong)at & 15) == 0; }

// Rows of T in pieces; 0 past their end.
template <class T, uint kRows, uint kThreads = 128>
struct DenseTile {
  static constexpr bool kCopied = true;
  TileRows rows;
  uint length;
  static DenseTile of(TileRows rows, uint length) { return {rows, length}; }

  void copy(threadgroup T* tile, uint k, uint thread_index) const {
    const uint first = k + thread_index % 4 * 8;
    constexpr uint kAtOnce = kThreads / 4;
    const auto from = [&](uint i) { return rows.at(thread_index / 4 + kAtOnce * i) + first * 2; };
    const auto to = [&](uint i) { return tile + tile_at(thread_index / 4 + kAtOnce * i, thread_index % 4); };
    if (is_aligned(rows.top)) {
      for (uint i = 0; i < kRows / kAtOnce; ++i) nvidia::copy_16_or_zero(to(i), from(i), first < length);
    } else {
      for (uint i = 0; i < kRows / kAtOnce; ++i) *(threadgroup metal::uint4*)to(i) = first < length ? piece<ushort>(from(i), false) : metal::uint4(0);
    }
  }
};

// Rows of f32 in pieces; 0 past their end, which kWhole rows have at the end of a tile.
template <bool kWhole>
struct FloatRowsOf {
  TileRows rows;
  uint length;
  template <bool kKept, uint kAtOnce, uint kCount>
  void load(uint k, uint thread_index, thread metal::float4 (&held)[kCount]) const {
    const uint first = k + thread_index % 8 * 4;
    const auto at = [&](uint i) {
      const uint row = thread_index / 8 + kAtOnce * i;
      return (kKept ? rows.kept_at(row) : rows.at(row)) + first * 4;
    };
    if (!kWhole && first >= length) {
      for (uint i = 0; i < kCount; ++i) held[i] = 0.0f;
    } else if (is_aligned(rows.top)) {
      for (uint i = 0; i < kCount; ++i) held[i] = *(device const metal::float4*)at(i);
    } else {
      for (uint i = 0; i < kCount; ++i) held[i] = metal::as_type<metal::float4>(piece<uint>(at(i), false));
    }
  }
};

typedef FloatRowsOf<false> FloatRows;

// Rows of f32 in pieces, at byte offsets from a table in threadgroup memory; their length is a multiple of 32.
struct ListedRows {
  device const uchar* base;
  threadgroup const ulong* offsets;
  template <bool kKept, uint kAtOnce, uint kCount>
  void load(uint k, uint thread_index, thread metal::float4 (&held)[kCount]) const {
    for (uint i = 0; i < kCount; ++i) {
      device const uchar* row = base + offsets[thread_index / 8 + kAtOnce * i];
      held[i] = metal::as_type<metal::float4>(piece<uint>(row + (k + thread_index % 8 * 4) * 4, is_aligned(base)));
    }
  }
};

// The rows of tokens in bf16 [heads, tokens, head_dim], heads one after the other; head_dim is a multiple of 4.
struct HeadRows {
  device const bfloat* x;
  uint first, tokens, head_dim;
  template <bool kKept, uint kAtOnce, uint kCount>
  void load(uint k, uint thread_index, thread metal::float4 (&held)[kCount]) const {
    const uint at = k + thread_index % 8 * 4;
    for (uint i = 0; i < kCount; ++i) {
      const uint token = metal::min(first + thread_index / 8 + kAtOnce * i, tokens - 1);
      device const bfloat* run = x + (ulong(at / head_dim) * tokens + token) * head_dim + at % head_dim;
      held[i] = metal::float4(run[0], run[1], run[2], run[3]);
    }
  }
};

constexpr constant uint kMostStages = 6;  // of a pipeline

// How kRows rows of floats are scaled to fit f16, in threadgroup memory. Of every 4 kSimdgroups rows each simdgroup looks after
// its own four.
template <uint kRows, uint kSimdgroups>
struct ScalesOfRows {
  float ratios[kMostStages][kRows];                     // by stage: what sums so far are multiplied with before the tile there is added
  metal::uint4 changed[kMostStages][kSimdgroups / 4];   // by stage and simdgroup: the tile with which its ratios came, by its last element
  uint newest[kMostStages];                             // by stage, of all simdgroups
  float inverses[kRows];                                // in the end: what sums are multiplied with

  // Whether ratios came with the tile that ends with element `end`: any, or that of a row.
  bool are_new(uint stage, uint end) const { return newest[stage] == end; }
  bool is_new(uint stage, uint end, uint row) const {
    const uint simdgroup = row / 4 % kSimdgroups;
    return changed[stage][simdgroup / 4][simdgroup % 4] == end;
  }
};
typedef ScalesOfRows<128, 4> RowScales;

inline float finite_magnitude(float x) {
  const float a = metal::fabs(x);
  return a < INFINITY ? a : 0.0f;
}

// kRows rows of floats rounded to T, where kForFragments in the order of slots that block_fragments.h has. As f16 a row is
// multiplied by a power of two, its scale, so that the finite elements up to there fit, whatever their magnitude: where a
// tile brings larger ones than fit, the scale becomes smaller.
template <class T, class Rows, uint kRows = 128, bool kForFragments = false, bool kKept = kForFragments, uint kThreads = 128>
struct FloatTile {
  static constexpr bool kCopied = false, kScaled = metal::is_same_v<T, half>;
  static constexpr uint kAtOnce = kThreads / 8, kCount = kRows / kAtOnce;  // rows; a thread has an eighth of kCount
  typedef ScalesOfRows<(kRows > 128 ? kRows : 128), kThreads / 32> Scales;
  Rows rows;
  metal::float4 held[kCount];
  uint scales[kCount / 2];  // powers of two, two to a word

  // Before the first tile: for elements of 2^-80 at least.
  void start(threadgroup Scales* memory, uint thread_index) {
    for (uint i = 0; i < kCount; ++i) set_scale(i, 0x1p91f);
    for (uint s = 0; s < kMostStages && thread_index % 32 == 0; ++s) {
      memory->changed[s][thread_index / 128][thread_index / 32 % 4] = 0;
      memory->newest[s] = 0;
    }
  }
  void finish(threadgroup Scales* memory, uint thread_index) const {
    for (uint i = 0; i < kCount && thread_index % 8 == 0; ++i) memory->inverses[thread_index / 8 + kAtOnce * i] = 1.0f / scale(i);
  }
  void load(uint k, uint thread_index) { rows.template load<kKept, kAtOnce>(k, thread_index, held); }
  // Has the tile from element k on come to L2: memory is further away than the products of one tile take, so kFetched elements before
  // it is loaded. Where threadgroups beside this one have the same rows, they take turns: of every `turns` simdgroups one does it here.
  static constexpr uint kFetched = 128, kFetchers = kRows / 32;
  void fetch(uint k, uint thread_index, uint turn = 0, uint turns = 1) const {
    const uint simdgroup = thread_index / 32;
    if (k < rows.length && simdgroup < kFetchers && simdgroup % turns == turn) nvidia::fetch_line(rows.rows.kept_at(thread_index) + k * 4);
  }
  void fetch_first(uint thread_index, uint turn = 0, uint turns = 1) const {
    for (uint k = 32; k < kFetched; k += 32) fetch(k, thread_index, turn, turns);
  }
  // The tile that ends with element `end`.
  void store(threadgroup T* tile, threadgroup Scales* memory, uint stage, uint end, uint thread_index) {
    const uint largest = put(tile, thread_index);
    if (!kScaled) return;
    // 2^15 or more, in one of the two halves: once more with other scales.
    if (metal::simd_any((largest & 0x7fffu) >= 0x7800u || (largest & 0x7fffffffu) >= 0x78000000u)) {
      shrink(memory, stage, end, thread_index);
      put(tile, thread_index);
    }
  }

 private:
  float scale(uint i) const { return metal::as_type<float>(i % 2 == 0 ? scales[i / 2] << 16 : scales[i / 2] & 0xffff0000u); }
  void set_scale(uint i, float power) {
    const uint bits = metal::as_type<uint>(power);
    scales[i / 2] = i % 2 == 0 ? (scales[i / 2] & 0xffff0000u) | bits >> 16 : (scales[i / 2] & 0xffffu) | bits;
  }
  // The largest magnitudes of what is stored, of halves, at even and at odd places.
  uint put(threadgroup T* tile, uint thread_index) const {
    const uint run = thread_index % 8;
    uint largest = 0;
    for (uint i = 0; i < kCount; ++i) {
      const metal::float4 v = kScaled ? held[i] * scale(i) : held[i];
      const metal::uint2 words(packed(T(), v.x, v.y), packed(T(), v.z, v.w));
      if (kScaled) largest = nvidia::max_magnitudes(largest, nvidia::max_magnitudes(words[0], words[1]));
      const uint row = thread_index / 8 + kAtOnce * i;
      if (kForFragments) {
        for (uint j = 0; j < 2; ++j) *(threadgroup uint*)(tile + tile_at(row, run / 4 * 2 + j) + run % 4 * 2) = words[j];
      } else {
        *(threadgroup metal::uint2*)(tile + tile_at(row, run / 2) + run % 2 * 4) = words;
      }
    }
    return largest;
  }
  // Scales that bring the largest finite element of each row that does not fit to 2^11, so that there is room for more.
  void shrink(threadgroup Scales* memory, uint stage, uint end, uint thread_index) {
    for (uint i = 0; i < kCount; ++i) {
      const metal::float4 v = held[i];
      float largest = metal::max(metal::max(finite_magnitude(v.x), finite_magnitude(v.y)),
                                 metal::max(finite_magnitude(v.z), finite_magnitude(v.w)));
      for (ushort distance = 1; distance < 8; distance *= 2) largest = metal::max(largest, metal::simd_shuffle_xor(largest, distance));
      const float before = scale(i);
      if (largest >= 32752.0f / before) set_scale(i, metal::as_type<float>((265u << 23) - (metal::as_type<uint>(largest) & (255u << 23))));
      if (thread_index % 8 == 0) memory->ratios[stage][thread_index / 8 + kAtOnce * i] = scale(i) / before;
    }
    if (thread_index % 32 == 0) {
      memory->changed[stage][thread_index / 128][thread_index / 32 % 4] = end;
      memory->newest[stage] = end;
    }
  }
};

}  // namespace anymetal
