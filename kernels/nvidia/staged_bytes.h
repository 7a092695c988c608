// Bytes of weight blocks in threadgroup memory.
#pragma once
#include "common/nvidia.h"

namespace anymetal {

// A place in threadgroup memory: bytes from a multiple of 16 on.
struct Place16 {
  threadgroup const uchar* base;
  uint offset;
  Place16 operator+(uint bytes) const { return {base, offset + bytes}; }
  template <class T>
  T at(uint i) const {
    return *(threadgroup const T*)(base + offset + i);
  }
  float half_at(uint i) const { return float(at<half>(i)); }
  // The word at byte i from a place that is a multiple of kAlign.
  template <uint kAlign>
  uint word(uint i) const {
    return kAlign == 4 ? at<uint>(i) : nvidia::permute_bytes(at<ushort>(i), at<ushort>(i + 2), 0x5410u);
  }
  // The word at byte i, which is `phase` past a multiple of 4.
  uint word_past(uint i, uint phase) const {
    threadgroup const uint* whole = (threadgroup const uint*)(base + offset + (int(i) - int(phase)));
    return phase == 0 ? whole[0] : nvidia::permute_bytes(whole[0], whole[1], 0x3210u + 0x1111u * phase);
  }
};

// Words from any place.
template <int N>
struct Words {
  uint at[N];
  explicit Words(Place16 from) {
    threadgroup const uint* whole = (threadgroup const uint*)(from.base + (from.offset & ~3u));
    const uint shift = (from.offset & 3) * 8;
    uint low = whole[0];
    for (int i = 0; i < N; ++i) {
      const uint high = whole[i + 1];
      at[i] = nvidia::funnel_shift(low, high, shift);
      low = high;
    }
  }
};

// 16 bytes from anywhere, of which `left` are wanted.
inline metal::uint4 moved(device const uchar* from, uint left) {
  const uint phase = uint((ulong)from & 3);
  device const uint* words = (device const uint*)(from - phase);
  metal::uint4 to;
  uint low = words[0];
  for (uint i = 0; i < 4; ++i) {
    const uint high = 4 * i + 4 < left + phase ? words[i + 1] : 0;
    to[i] = nvidia::funnel_shift(low, high, 8 * phase);
    low = high;
  }
  return to;
}

// Byte i of a word, as a number; i is a constant.
inline uint byte_of_word(uint word, uint i) { return nvidia::permute_bytes(word, 0, 0x4440u + i); }
inline int signed_byte_of_word(uint word, uint i) { return int(nvidia::permute_bytes(word, 0, 0x8880u + 0x1111u * i)); }

}  // namespace anymetal
