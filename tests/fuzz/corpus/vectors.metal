#include <metal_stdlib>
using namespace metal;
struct P { packed_float3 p; half4 h; uchar b[3]; };
union U { uint2 v; uchar4 b[2]; };
enum class E : uint { A, B = 7 };
kernel void f(device P* q [[buffer(0)]], device uint4* o [[buffer(1)]], device atomic_uint* n [[buffer(2)]], uint2 g [[thread_position_in_grid]]) {
  U u;
  u.v = uint2(g.x << 33, g.y >> 1);
  float4 v = float4(q[g.x].p, 1.0f);
  v.xz = v.wy * 0.5h;
  float3x3 m(v.x);
  m[1][2] = dot(v, v);
  switch (E(u.b[1].x)) { case E::A: v += 1; break; default: v = fast::exp(v); }
  o[g.y] = select(uint4(u.v, as_type<uint2>(q[g.x].h)), uint4(popcount(g.x)), v > 0);
  atomic_fetch_add_explicit(n, 1u, memory_order_relaxed);
  q[g.x].p = transpose(m)[0];
}
