#include <metal_stdlib>
using namespace metal;
template <typename T> struct Box { T v; T get() const thread { return v; } };
template <typename T, int N> METAL_FUNC T total(thread const Box<T> (&b)[N]) { T s = 0; for (int i = 0; i < N; ++i) s += b[i].get(); return s; }
template <typename T> kernel void f(device T* o [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  Box<T> b[4];
  for (int k = 0; k < 4; ++k) b[k].v = o[4 * i + k];
  o[i] = total(b);
}
template [[host_name("f_float")]] kernel void f<float>(device float*, uint);
template [[host_name("f_half")]] kernel decltype(f<half>) f<half>;
template [[host_name("f_bfloat")]] kernel void f<bfloat>(device bfloat*, uint);
