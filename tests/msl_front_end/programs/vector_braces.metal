// Computed vector width, zero-filled and narrowing braces
#include <metal_stdlib>
using namespace metal;
template <typename T, int R> struct frag_t { using type = vec<T, R * R / 32>; };
template <typename T> vec<T, 2> x21_pair(T a) { return {T(a), T(-a)}; }
kernel void x21(device float* o [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  frag_t<float, 16>::type f = 0; vec<float, 8> z{0}; vec<half, 2> c = {1.0f, -1.0f};
  uint4 k = {i, i + 1, i ^ 3u}; short2 s = short2{short(i), 2}; uint2 u = {i, 1};
  for (short j = 0; j < 8; ++j) f[j] += z[j] + j;
  vec<float, 8> g = f * 2.0f; o[i] = g[7] + float(c.y) + k[2] + k.w + s.x + u.y + x21_pair(3.0f).y;
}
