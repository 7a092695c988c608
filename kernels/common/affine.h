// The affine format: w = scale * code + bias with unsigned codes of 4, 6 or 8 bits and one scale and bias per group of a row.
#pragma once
#include <metal_stdlib>

namespace anymetal {

// Bytes of a row of n codes: 4 bits in words of 8 codes, 6 bits in 3 bytes of 4 codes, 8 bits in words of 4 codes.
inline ulong affine_row_bytes(uint n, uint bits) {
  return bits == 4 ? (ulong(n) + 7) / 8 * 4 : bits == 6 ? (ulong(n) + 3) / 4 * 3 : (ulong(n) + 3) / 4 * 4;
}

// Code k of a row: codes follow each other from the low bits up. Widths other than 4 and 6 are read as 8.
inline uint affine_code(device const uchar* row, uint k, uint bits) {
  if (bits == 4) return (uint(row[k / 2]) >> (k % 2 * 4)) & 15u;
  if (bits != 6) return row[k];
  device const uchar* bytes = row + k / 4 * 3;
  switch (k % 4) {
    case 0: return bytes[0] & 63u;
    case 1: return (bytes[0] >> 6 | uint(bytes[1]) << 2) & 63u;
    case 2: return (bytes[1] >> 4 | uint(bytes[2]) << 4) & 63u;
    default: return bytes[2] >> 2;
  }
}

}  // namespace anymetal
