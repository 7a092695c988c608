// Physics: bodies in threadgroup tiles, argument structs with pointers inside, packed types
#include <metal_stdlib>
#include <simd/simd.h>
using namespace metal;
struct Body { packed_float3 position; float mass; packed_float3 velocity; uchar4 tag; };
struct World { device Body* bodies [[id(0)]]; device const float* radii [[id(1)]]; uint count [[id(2)]]; float softening [[id(3)]]; };
struct Box3 { float3 lo, hi; bool contains(float3 p) const { return all(p >= lo) && all(p <= hi); } Box3 grown(float by) const thread { return {lo - by, hi + by}; } };
constant constexpr float kG = 6.5f;
constexpr constant ushort kTile = 16;
namespace physics {
  namespace detail { inline float3 pull(float3 d, float m, float eps) { const float r2 = fma(d.x, d.x, fma(d.y, d.y, fma(d.z, d.z, eps * eps))); return d * (m * rsqrt(r2) / r2); } }
  using detail::pull;
}
kernel void step_bodies(device World& world [[buffer(0)]], constant float& dt [[buffer(1)]], uint gid [[thread_position_in_grid]], ushort tid [[thread_index_in_threadgroup]],
                        ushort size [[threads_per_threadgroup]]) {
  threadgroup float4 tile[kTile];
  Body me; const bool live = gid < world.count;
  if (live) me = world.bodies[gid];
  float3 force = 0;
  for (uint base = 0; base < world.count; base += size) {
    const uint j = base + tid;
    tile[tid] = j < world.count ? float4(world.bodies[j].position, world.bodies[j].mass) : float4(0);
    threadgroup_barrier(mem_flags::mem_threadgroup | mem_flags::mem_device);
    for (ushort k = 0; k < size; ++k) force += physics::pull(tile[k].xyz - float3(me.position), tile[k].w, world.softening);
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
  if (!live) return;
  me.velocity += packed_float3(kG * force * dt);
  me.tag.zw = uchar2(7, me.tag.x);
  world.bodies[gid].velocity = me.velocity;
  world.bodies[gid].tag = me.tag;
}
kernel void count_inside(device const packed_float3* p [[buffer(0)]], constant Box3& box [[buffer(1)]], device atomic_uint* n [[buffer(2)]], uint i [[thread_position_in_grid]]) {
  const Box3 b = box; const auto grown = b.grown(0.5f);
  if (grown.contains(p[i])) atomic_fetch_add_explicit(n, 1u, memory_order_relaxed);
  if (b.contains(float3(p[i]))) atomic_fetch_max_explicit(n + 1, i, memory_order_relaxed);
}
