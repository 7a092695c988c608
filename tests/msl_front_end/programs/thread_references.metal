// Thread references, arrays by reference, thread auto
#include <metal_stdlib>
using namespace metal;
void x16_scale(thread float4& v, const thread float& s) { v *= s; }
template <int N> float x16_sum(thread float (&a)[N]) { float s = 0; for (int k = 0; k < N; ++k) s += a[k]; return s; }
kernel void x16(device float* o [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  float4 v = float(i); float a[3] = {1, 2, 3}; x16_scale(v, a[1]); thread auto& w = v; thread float* p = (thread float*)&w; p[3] = 7;
  o[i] = w.w + x16_sum(a) + p[0];
}
