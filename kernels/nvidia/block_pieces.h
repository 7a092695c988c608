// Eight elements of a block in registers: loaded as they are, decoded when they are needed.
#pragma once
#include "common/blocks.h"
#include "common/nvidia.h"
#include "nvidia/code_tables.h"

namespace anymetal {

struct Codes8 {
  uint low, high;  // four bytes each
  void load(device const uchar* even) {
    device const ushort* pairs = (device const ushort*)even;
    low = uint(pairs[0]) | uint(pairs[1]) << 16;
    high = uint(pairs[2]) | uint(pairs[3]) << 16;
  }
  void load_bytes(device const uchar* at) {
    low = uint(at[0]) | uint(at[1]) << 8 | uint(at[2]) << 16 | uint(at[3]) << 24;
    high = uint(at[4]) | uint(at[5]) << 8 | uint(at[6]) << 16 | uint(at[7]) << 24;
  }
  uint word(uint i) const { return i == 0 ? low : high; }
};

// Byte j of a word, as a float.
inline float byte_of(uint word, uint j) {
  return metal::as_type<float>(((word >> (8 * j)) & 255u) | 0x4b000000u) - 8388608.0f;
}

// load(block, i): elements i .. i+7, i a multiple of 8; decode(w) gives them.
template <class Block> struct Piece;

// Formats of 32 elements whose codes are nibbles in two halves.
template <class Block>
struct NibblePiece {
  Codes8 q;
  half d;
  uint shift;
  void load_nibbles(device const Block& b, uint i) {
    q.load(b.qs + i % 16);
    d = b.d;
    shift = i / 16 * 4;
  }
  uint nibbles(uint i) const { return (q.word(i) >> shift) & 0x0f0f0f0fu; }
};

template <> struct Piece<BlockQ4_0> : NibblePiece<BlockQ4_0> {
  void load(device const BlockQ4_0& b, uint i) { load_nibbles(b, i); }
  void decode(thread float* w) const {
    for (uint j = 0; j < 8; ++j) w[j] = (byte_of(nibbles(j / 4), j % 4) - 8.0f) * float(d);
  }
};

template <> struct Piece<BlockQ4_1> : NibblePiece<BlockQ4_1> {
  half m;
  void load(device const BlockQ4_1& b, uint i) {
    load_nibbles(b, i);
    m = b.m;
  }
  void decode(thread float* w) const {
    for (uint j = 0; j < 8; ++j) w[j] = byte_of(nibbles(j / 4), j % 4) * float(d) + float(m);
  }
};

// Table entries times `scale` for the nibbles that are the bytes of a word.
template <class Table>
void decode_entries(uint nibbles, float scale, thread float* w) {
  const uint pairs = nibbles | nibbles >> 4;
  const uint values = Table::values((pairs & 255u) | ((pairs >> 8) & 0xff00u));
  for (uint e = 0; e < 4; ++e) w[e] = (byte_of(values, e) - 128.0f) * scale;
}

template <> struct Piece<BlockIQ4_NL> : NibblePiece<BlockIQ4_NL> {
  void load(device const BlockIQ4_NL& b, uint i) { load_nibbles(b, i); }
  void decode(thread float* w) const {
    for (uint j = 0; j < 2; ++j) decode_entries<TableIQ4_NL>(nibbles(j), float(d), w + 4 * j);
  }
};

template <> struct Piece<BlockIQ4_XS> {
  Codes8 q;
  half d;
  uint high, low, sub_block, shift;
  void load(device const BlockIQ4_XS& b, uint i) {
    sub_block = i / 32;
    q.load(b.qs + 16 * sub_block + i % 16);
    shift = i % 32 / 16 * 4;
    d = b.d;
    high = b.scales_h;
    low = b.scales_l[sub_block / 2];
  }
  void decode(thread float* w) const {
    const uint code = (low >> (sub_block % 2 * 4) & 15u) | (high >> (2 * sub_block) & 3u) << 4;
    const float scale = float(d) * (float(code) - 32.0f);
    for (uint j = 0; j < 2; ++j) decode_entries<TableIQ4_NL>((q.word(j) >> shift) & 0x0f0f0f0fu, scale, w + 4 * j);
  }
};

template <> struct Piece<BlockMXFP4> {
  Codes8 q;
  uint exponent, shift;
  void load(device const BlockMXFP4& b, uint i) {
    q.load_bytes(b.qs + i % 16);
    exponent = b.e;
    shift = i / 16 * 4;
  }
  void decode(thread float* w) const {
    const float scale = scale_of_mxfp4(exponent);
    for (uint j = 0; j < 2; ++j) decode_entries<TableE2M1>((q.word(j) >> shift) & 0x0f0f0f0fu, scale, w + 4 * j);
  }
};

template <> struct Piece<BlockQ5_0> : NibblePiece<BlockQ5_0> {
  uint fifth;
  void load(device const BlockQ5_0& b, uint i) {
    load_nibbles(b, i);
    fifth = b.qh[i / 8];
  }
  void decode(thread float* w) const {
    for (uint j = 0; j < 8; ++j) w[j] = (byte_of(nibbles(j / 4), j % 4) + float(((fifth >> j) & 1) * 16) - 16.0f) * float(d);
  }
};

template <> struct Piece<BlockQ5_1> : NibblePiece<BlockQ5_1> {
  half m;
  uint fifth;
  void load(device const BlockQ5_1& b, uint i) {
    load_nibbles(b, i);
    m = b.m;
    fifth = b.qh[i / 8];
  }
  void decode(thread float* w) const {
    for (uint j = 0; j < 8; ++j) w[j] = (byte_of(nibbles(j / 4), j % 4) + float(((fifth >> j) & 1) * 16)) * float(d) + float(m);
  }
};

template <> struct Piece<BlockQ8_0> {
  Codes8 q;
  half d;
  void load(device const BlockQ8_0& b, uint i) {
    q.load((device const uchar*)b.qs + i);
    d = b.d;
  }
  void decode(thread float* w) const {
    for (uint j = 0; j < 8; ++j) w[j] = (byte_of(q.word(j / 4) ^ 0x80808080u, j % 4) - 128.0f) * float(d);
  }
};

// Q4_K and Q5_K: the scales of the sub-block and where its nibbles lie.
template <class Block>
struct SuperPiece {
  Codes8 q;
  half d, dmin;
  uint scales;  // three bytes
  uint sub_block;
  void load_nibbles(device const Block& b, uint i) {
    sub_block = i / 32;
    q.load(b.qs + 32 * (sub_block / 2) + i % 32);
    d = b.d;
    dmin = b.dmin;
    device const uchar* s = b.scales + sub_block % 4;
    scales = uint(s[0]) | uint(s[4]) << 8 | uint(s[8]) << 16;
  }
  uint nibbles(uint i) const { return (q.word(i) >> (sub_block % 2 * 4)) & 0x0f0f0f0fu; }
  float scale() const {
    const uint low = scales & 255u, high = scales >> 16;
    return float(d) * float(sub_block < 4 ? low & 63u : (high & 15u) | (low >> 6) << 4);
  }
  float least() const {
    const uint middle = (scales >> 8) & 255u, high = scales >> 16;
    return float(dmin) * float(sub_block < 4 ? middle & 63u : high >> 4 | (middle >> 6) << 4);
  }
};

template <> struct Piece<BlockQ4_K> : SuperPiece<BlockQ4_K> {
  void load(device const BlockQ4_K& b, uint i) { load_nibbles(b, i); }
  void decode(thread float* w) const {
    const float s = scale(), m = least();
    for (uint j = 0; j < 8; ++j) w[j] = byte_of(nibbles(j / 4), j % 4) * s - m;
  }
};

template <> struct Piece<BlockQ5_K> : SuperPiece<BlockQ5_K> {
  Codes8 fifth;
  void load(device const BlockQ5_K& b, uint i) {
    load_nibbles(b, i);
    fifth.load(b.qh + i % 32);
  }
  void decode(thread float* w) const {
    const float s = scale(), m = least();
    for (uint j = 0; j < 8; ++j) {
      const uint codes = nibbles(j / 4) | ((fifth.word(j / 4) >> sub_block) & 0x01010101u) << 4;
      w[j] = byte_of(codes, j % 4) * s - m;
    }
  }
};

template <> struct Piece<BlockQ6_K> {
  Codes8 low, high;
  half d;
  uint scale, quarter;
  void load(device const BlockQ6_K& b, uint i) {
    const uint u = i / 128, l = i % 32;
    quarter = i % 128 / 32;
    low.load(b.ql + 64 * u + 32 * (quarter % 2) + l);
    high.load(b.qh + 32 * u + l);
    scale = uint(uchar(b.scales[i / 16]));
    d = b.d;
  }
  void decode(thread float* w) const {
    const float s = float(d) * float(char(scale));
    for (uint j = 0; j < 8; ++j) {
      const uint nibbles = (low.word(j / 4) >> (quarter / 2 * 4)) & 0x0f0f0f0fu;
      w[j] = (byte_of(nibbles | ((high.word(j / 4) >> (2 * quarter)) & 0x03030303u) << 4, j % 4) - 32.0f) * s;
    }
  }
};

// The bits 2r and 2r + 1 of the bytes of quarter r of half a block, as bytes.
struct BitPairs8 {
  Codes8 q;
  uint shift;
  void load(device const uchar* qs, uint i) {
    q.load(qs + i / 128 * 32 + i % 32);
    shift = i % 128 / 32 * 2;
  }
  uint codes(uint i) const { return (q.word(i) >> shift) & 0x03030303u; }
};

template <> struct Piece<BlockQ2_K> {
  BitPairs8 q;
  half d, dmin;
  uint scales;
  void load(device const BlockQ2_K& b, uint i) {
    q.load(b.qs, i);
    d = b.d;
    dmin = b.dmin;
    scales = b.scales[i / 16];
  }
  void decode(thread float* w) const {
    const float s = float(d) * float(scales & 15), m = float(dmin) * float(scales >> 4);
    for (uint j = 0; j < 8; ++j) w[j] = byte_of(q.codes(j / 4), j % 4) * s - m;
  }
};

template <> struct Piece<BlockQ3_K> {
  BitPairs8 q;
  Codes8 third;
  half d;
  uint low, high, place;
  void load(device const BlockQ3_K& b, uint i) {
    q.load(b.qs, i);
    third.load(b.hmask + i % 32);
    d = b.d;
    place = i / 16;
    low = b.scales[place % 8];
    high = b.scales[8 + place % 4];
  }
  void decode(thread float* w) const {
    const uint code = (low >> (place / 8 * 4) & 15u) | (high >> (place / 4 * 2) & 3u) << 4;
    const float s = float(d) * (float(code) - 32.0f);
    for (uint j = 0; j < 8; ++j) {
      const uint codes = q.codes(j / 4) | ((third.word(j / 4) >> (place / 2)) & 0x01010101u) << 2;
      w[j] = (byte_of(codes, j % 4) - 4.0f) * s;
    }
  }
};

}  // namespace anymetal
