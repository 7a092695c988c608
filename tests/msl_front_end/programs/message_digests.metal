// Hashes: rotations, tables in constant, wide multiplications, byte views, 64-bit
#include <metal_stdlib>
using namespace metal;
#define ROTR(x, n) (((x) >> (n)) | ((x) << (32 - (n))))
#define S0(x) (ROTR(x, 2) ^ ROTR(x, 13) ^ ROTR(x, 22))
#define S1(x) (ROTR(x, 6) ^ ROTR(x, 11) ^ ROTR(x, 25))
static constant const uint K[64] = {
 0x428a2f98,0x71374491,0xb5c0fbcf,0xe9b5dba5,0x3956c25b,0x59f111f1,0x923f82a4,0xab1c5ed5,0xd807aa98,0x12835b01,0x243185be,0x550c7dc3,0x72be5d74,0x80deb1fe,0x9bdc06a7,0xc19bf174,
 0xe49b69c1,0xefbe4786,0x0fc19dc6,0x240ca1cc,0x2de92c6f,0x4a7484aa,0x5cb0a9dc,0x76f988da,0x983e5152,0xa831c66d,0xb00327c8,0xbf597fc7,0xc6e00bf3,0xd5a79147,0x06ca6351,0x14292967,
 0x27b70a85,0x2e1b2138,0x4d2c6dfc,0x53380d13,0x650a7354,0x766a0abb,0x81c2c92e,0x92722c85,0xa2bfe8a1,0xa81a664b,0xc24b8b70,0xc76c51a3,0xd192e819,0xd6990624,0xf40e3585,0x106aa070,
 0x19a4c116,0x1e376c08,0x2748774c,0x34b0bcb5,0x391c0cb3,0x4ed8aa4a,0x5b9cca4f,0x682e6ff3,0x748f82ee,0x78a5636f,0x84c87814,0x8cc70208,0x90befffa,0xa4506ceb,0xbef9a3f7,0xc67178f2};
template <uint N> struct Words { uint w[N]; thread uint& operator[](uint i) thread { return w[i]; } uint operator[](uint i) const thread { return w[i]; } };
kernel void sha256(device const uchar* text [[buffer(0)]], constant uint& length [[buffer(1)]], device uint* digest [[buffer(2)]], uint i [[thread_position_in_grid]]) {
  Words<64> w = {};
  for (uint k = 0; k < length; ++k) w[k >> 2] |= uint(text[k]) << (24 - 8 * (k & 3));
  w[length >> 2] |= 0x80u << (24 - 8 * (length & 3)); w[15] = length * 8;
#pragma unroll
  for (uint k = 16; k < 64; ++k) { const uint a = w[k - 15], b = w[k - 2];
    w[k] = w[k - 16] + w[k - 7] + (ROTR(a, 7) ^ ROTR(a, 18) ^ (a >> 3)) + (rotate(b, 15u) ^ rotate(b, 13u) ^ (b >> 10)); }
  uint h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  uint a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f = h[5], g = h[6], hh = h[7];
  for (uint k = 0; k < 64; ++k) {
    const uint t1 = hh + S1(e) + ((e & f) ^ (~e & g)) + K[k] + w[k], t2 = S0(a) + ((a & b) ^ (a & c) ^ (b & c));
    hh = g; g = f; f = e; e = d + t1; d = c; c = b; b = a; a = t1 + t2;
  }
  h[0] += a; h[1] += b; h[2] += c; h[3] += d; h[4] += e; h[5] += f; h[6] += g; h[7] += hh;
  for (uint k = 0; k < 8; ++k) digest[i * 8 + k] = h[k];
}
inline ulong2 mul_wide(ulong a, ulong b) { return ulong2(a * b, mulhi(a, b)); }
kernel void mix64(device const ulong* in [[buffer(0)]], device ulong* out [[buffer(1)]], uint i [[thread_position_in_grid]]) {
  ulong x = in[i] + 0x9e3779b97f4a7c15ul;
  const auto p = mul_wide(x, 0xd6e8feb86659fd93ul);
  x = p.x ^ p.y; x ^= x >> 32;
  uint2 v = as_type<uint2>(x); v.y ^= reverse_bits(v.x); v = v.yx; v.x += popcount(v.y) + clz(v.x | 1) + ctz(v.y | 1);
  out[i] = as_type<ulong>(v) + extract_bits(uint(in[i]), 4, 8) + insert_bits(0u, 5u, 8, 4);
}
