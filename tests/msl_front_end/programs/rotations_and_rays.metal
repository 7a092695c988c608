// Geometry: quaternions, matrices, rays through a tree of boxes with a stack
#include <metal_stdlib>
#include <simd/simd.h>
using namespace metal;
struct Quaternion { float4 v; 
  static Quaternion axis(float3 a, float t) { return {float4(a * sin(t / 2), cos(t / 2))}; }
  Quaternion operator*(Quaternion o) const { return {float4(v.w * o.v.xyz + o.v.w * v.xyz + cross(v.xyz, o.v.xyz), v.w * o.v.w - dot(v.xyz, o.v.xyz))}; }
  float3 rotate(float3 p) const { const float3 t = 2 * cross(v.xyz, p); return p + v.w * t + cross(v.xyz, t); }
  operator float3x3() const { return float3x3(rotate(float3(1, 0, 0)), rotate({0, 1, 0}), rotate(float3(0, 0, 1))); } };
kernel void rotations(device const packed_float3* p, constant float4x4& view, device packed_float3* out, device float* det, uint i [[thread_position_in_grid]]) {
  const Quaternion q = Quaternion::axis(float3(0, 0, 1), 0.5f * i) * Quaternion::axis(float3(1, 0, 0), 0.25f);
  const float3x3 m = q; const float3 r = m * float3(p[i]);
  float4 h = view * float4(r, 1); h /= h.w; out[i] = h.xyz;
  det[2 * i] = determinant(m); det[2 * i + 1] = (transpose(m) * m)[1][1] + distance(r, q.rotate(p[i]));
}
struct alignas(16) BvhNode { packed_float3 lo; uint left; packed_float3 hi; uint count; };
static_assert(sizeof(BvhNode) == 32 && alignof(BvhNode) == 16, "");
struct Ray { float3 o, d; float tmin = 0, tmax = INFINITY; };
inline bool hit(BvhNode n, Ray r, thread float& t) {
  const float3 inv = 1 / r.d, a = (n.lo - r.o) * inv, b = (n.hi - r.o) * inv; const float3 lo = min(a, b), hi = max(a, b);
  t = max(max3(lo.x, lo.y, lo.z), r.tmin); return t <= min(min3(hi.x, hi.y, hi.z), r.tmax);
}
kernel void traverse(device const BvhNode* nodes, device const packed_float4* spheres, device const float3* rays, device float2* hits, uint i [[thread_position_in_grid]]) {
  Ray r{rays[2 * i], normalize(rays[2 * i + 1])}; uint stack[16], top = 0; stack[top++] = 0; int best = -1;
  while (top) {
    const BvhNode n = nodes[stack[--top]]; float t;
    if (!hit(n, r, t)) continue;
    if (n.count == 0) { stack[top++] = n.left; stack[top++] = n.left + 1; continue; }
    for (uint s = n.left; s != n.left + n.count; s++) {
      const float4 sphere = spheres[s]; const float3 oc = r.o - sphere.xyz; const float b = dot(oc, r.d), c = length_squared(oc) - sphere.w * sphere.w, disc = b * b - c;
      if (disc < 0) continue;
      if (const float at = -b - sqrt(disc); at > r.tmin && at < r.tmax) { r.tmax = at; best = int(s); }
    }
  }
  hits[i] = {r.tmax, float(best)};
}
