// The affine format: w = scale * code + bias with unsigned codes of 2, 3, 4, 6 or 8 bits and one scale and bias per group of
// a row. Codes follow each other from the low bits up.
#pragma once
#include <metal_stdlib>

namespace anymetal {

// Bytes of a row of n codes: 2, 4 and 8 bits fill words of 32 bits, 3 bits 3 bytes of 8 codes, 6 bits 3 bytes of 4 codes.
inline ulong affine_row_bytes(uint n, uint bits) {
  switch (bits) {
    case 2: return (ulong(n) + 15) / 16 * 4;
    case 3: return (ulong(n) + 7) / 8 * 3;
    case 4: return (ulong(n) + 7) / 8 * 4;
    case 6: return (ulong(n) + 3) / 4 * 3;
    default: return (ulong(n) + 3) / 4 * 4;
  }
}

// Code k of a row; other widths are read as 8.
inline uint affine_code(device const uchar* row, uint k, uint bits) {
  if (bits == 4) return (uint(row[k / 2]) >> (k % 2 * 4)) & 15u;
  if (bits == 2) return (uint(row[k / 4]) >> (k % 4 * 2)) & 3u;
  if (bits == 6) {
    device const uchar* bytes = row + k / 4 * 3;
    switch (k % 4) {
      case 0: return bytes[0] & 63u;
      case 1: return (bytes[0] >> 6 | uint(bytes[1]) << 2) & 63u;
      case 2: return (bytes[1] >> 4 | uint(bytes[2]) << 4) & 63u;
      default: return bytes[2] >> 2;
    }
  }
  if (bits == 3) {
    device const uchar* bytes = row + k / 8 * 3;
    return ((uint(bytes[0]) | uint(bytes[1]) << 8 | uint(bytes[2]) << 16) >> (k % 8 * 3)) & 7u;
  }
  return row[k];
}

}  // namespace anymetal
