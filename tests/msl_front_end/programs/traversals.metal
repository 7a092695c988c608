// Rays through a hierarchy of boxes with a stack, and surfaces of a field by tables.
#include <metal_stdlib>
#include "simd/simd.h"
using namespace metal;
typedef struct {
  packed_float3 lo;
  uint left;
  packed_float3 hi;
  uint count;
} Node;
struct Ray {
  float3 o;
  float tmin;
  float3 d;
  float tmax;
};
struct Hit {
  float t = INFINITY;
  int prim = -1;
  float2 uv = {0, 0};
  operator bool() const { return prim >= 0; }
};
inline bool slab(const device Node& n, const thread Ray& r, float3 inv, thread float& tnear) {
  float3 a = (n.lo - r.o) * inv, b = (n.hi - r.o) * inv;
  float3 lo = min(a, b), hi = max(a, b);
  tnear = max3(lo.x, lo.y, max(lo.z, r.tmin));
  return tnear <= min3(hi.x, hi.y, min(hi.z, r.tmax));
}
kernel void trace(device const Node* nodes [[buffer(0)]], device const packed_float3* tris [[buffer(1)]],
                  device const Ray* rays [[buffer(2)]], device Hit* hits [[buffer(3)]], uint id [[thread_position_in_grid]]) {
  Ray ray = rays[id];
  const float3 inv = 1.0f / ray.d;
  Hit hit;
  uint stack[24];
  uint sp = 0;
  stack[sp++] = 0;
  while (sp) {
    const device Node& n = nodes[stack[--sp]];
    float t;
    if (!slab(n, ray, inv, t) || t > hit.t) continue;
    if (n.count) {
      for (uint i = 0; i < n.count; ++i) {
        const uint k = (n.left + i) * 3;
        const float3 v0 = tris[k], e1 = float3(tris[k + 1]) - v0, e2 = float3(tris[k + 2]) - v0;
        const float3 p = cross(ray.d, e2);
        const float det = dot(e1, p);
        if (abs(det) < 1e-9) continue;
        const float id_ = 1 / det;
        const float3 s = ray.o - v0;
        const float u = dot(s, p) * id_;
        if (u < 0 || u > 1) continue;
        const float3 q = cross(s, e1);
        const float v = dot(ray.d, q) * id_;
        if (v < 0 || u + v > 1) continue;
        const float tt = dot(e2, q) * id_;
        if (tt > ray.tmin && tt < hit.t) {
          hit.t = tt;
          hit.prim = n.left + i;
          hit.uv = float2(u, v);
        }
      }
    } else {
      stack[sp++] = n.left;
      stack[sp++] = n.left + 1;
    }
  }
  hits[id] = hit;
}
constant constexpr int8_t tri_table[4][7] = {
    {-1, -1, -1, -1, -1, -1, -1}, {0, 8, 3, -1, -1, -1, -1}, {0, 1, 9, -1}, {1, 8, 3, 9, 8, 1, -1}};
constant uchar2 edge_ends[12] = {{0, 1}, {1, 2}, {2, 3}, {3, 0}, {4, 5}, {5, 6}, {6, 7}, {7, 4}, {0, 4}, {1, 5}, {2, 6}, {3, 7}};
constant float3 corners[8] = {{0, 0, 0}, {1, 0, 0}, {1, 1, 0}, {0, 1, 0}, {0, 0, 1}, {1, 0, 1}, {1, 1, 1}, {0, 1, 1}};
kernel void cubes(device const float* field, device packed_float3* verts, device atomic_int& count, uint3 p [[thread_position_in_grid]],
                  uint3 dim [[threads_per_grid]]) {
  float v[8];
  uint c = 0;
  for (uint k = 0; k < 8; ++k) {
    uint3 q = p + uint3(corners[k]);
    v[k] = field[q.x + (dim.x + 1) * (q.y + (dim.y + 1) * q.z)];
    c |= uint(v[k] > 0.5f) << k;
  }
  c &= 3;
  for (int t = 0; t < 7 && tri_table[c][t] >= 0; ++t) {
    const uchar2 e = edge_ends[tri_table[c][t]];
    const float a = v[e.x], b = v[e.y];
    verts[atomic_fetch_add_explicit(&count, 1, memory_order_relaxed)] =
        packed_float3(mix(corners[e.x], corners[e.y], (0.5f - a) / (b - a)) + float3(p));
  }
}
