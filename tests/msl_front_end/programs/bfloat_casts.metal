// Bfloat: explicit in every direction, arithmetic, arrays, vectors
#include <metal_stdlib>
using namespace metal;
typedef bfloat bf_t;
template <typename To, typename From> To conv(From x) { return static_cast<To>(x); }
kernel void x30(device const bf_t* a [[buffer(0)]], device half* h [[buffer(1)]], device bf_t* o [[buffer(2)]], uint i [[thread_position_in_grid]]) {
  bf_t b = a[i]; float f = b; half g = half(b); h[i] = conv<half>(b) + g; b = bf_t(float(b) * 2.0f) + bf_t(h[i]) + (bf_t)f - bf_t(1);
  bfloat4 v = bfloat4(float4(1, 2, 3, 4)); float4 w = float4(v); o[i] = static_cast<bf_t>(conv<float>(b) + w.z + float(v[1]));
}
