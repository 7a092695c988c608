// Bit views, unions, rotations table, 64-bit shuffles
#include <metal_stdlib>
using namespace metal;
static constexpr constant uint rot[2][4] = {{13, 15, 26, 6}, {17, 29, 16, 24}};
union words_t { uint2 v; uchar4 b[2]; };
inline ulong simd_shuffle_down(ulong x, ushort d) { return as_type<ulong>(metal::simd_shuffle_down(as_type<uint2>(x), d)); }
inline bool simd_shuffle_down(bool x, ushort d) { return metal::simd_shuffle_down(uint(x), d); }
kernel void x34(device uchar* o [[buffer(0)]], device ulong* w [[buffer(1)]], uint i [[thread_position_in_grid]]) {
  words_t u; u.v.x = i; u.v.y = ~i;
  for (auto r : rot[i % 2]) { u.v.x += u.v.y; u.v.y = (u.v.y << r) | (u.v.y >> (32 - r)); u.v.y ^= u.v.x; }
  for (int k = 0; k < 4; ++k) o[8 * i + k] = u.b[1][k];
  w[i] = simd_shuffle_down(w[i], 1) + ulong(as_type<ushort>(half(1)));
}
