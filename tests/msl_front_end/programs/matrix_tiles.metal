// 16 values as a matrix, element [i/4][i%4], conversion by cast
#include <metal_stdlib>
using namespace metal;
template <typename tile_t> void x20_expand(device const half4x4* s, short il, thread tile_t& reg) {
  float4x4 f; for (int k = 0; k < 16; ++k) f[k / 4][k % 4] = float((*s)[k / 4][k % 4]) * (il + 1);
  reg = (tile_t)f;
}
typedef matrix<bfloat, 4, 4> bfloat4x4;
kernel void x20(device const half4x4* s [[buffer(0)]], device float* o [[buffer(1)]], uint i [[thread_position_in_grid]]) {
  half4x4 h; bfloat4x4 b; x20_expand(s + i, 1, h); x20_expand(s + i, 2, b); *(device float4x4*)(o + 16 * i) = (float4x4)h;
  o[16 * i] += float(b[3][1]) + dot(float4(h[1]), float4(1));
}
