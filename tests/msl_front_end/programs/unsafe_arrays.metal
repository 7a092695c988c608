// As translators from other shading languages write: arrays in structs, every operator in every space, flattened control flow.
#pragma clang diagnostic ignored "-Wmissing-prototypes"
#include <metal_stdlib>
#include <simd/simd.h>
using namespace metal;
template <typename T, size_t Num> struct unsafeArray {
  T elements[Num ? Num : 1];
  thread T& operator [] (size_t pos) thread { return elements[pos]; }
  constexpr const thread T& operator [] (size_t pos) const thread { return elements[pos]; }
  device T& operator [] (size_t pos) device { return elements[pos]; }
  constexpr const device T& operator [] (size_t pos) const device { return elements[pos]; }
  constexpr const constant T& operator [] (size_t pos) const constant { return elements[pos]; }
  threadgroup T& operator [] (size_t pos) threadgroup { return elements[pos]; }
  constexpr const threadgroup T& operator [] (size_t pos) const threadgroup { return elements[pos]; }
};
constant uint constant_id_0_tmp [[function_constant(0)]];
constant uint constant_id_0 = is_function_constant_defined(constant_id_0_tmp) ? constant_id_0_tmp : 4u;
struct Particle { packed_float3 pos; float mass; float4x4 xf; };
struct Storage { Particle particles[1]; };
struct Uniforms { float4 a; unsafeArray<float4, 4> arr; float3x3 m; uint count; char _pad[12]; };
struct Counters { uint _m0[1]; };
constant unsafeArray<float, 3> _33 = unsafeArray<float, 3>({ 1.0, 2.0, 3.0 });
constant unsafeArray<unsafeArray<int2, 2>, 2> _tbl = unsafeArray<unsafeArray<int2, 2>, 2>({ unsafeArray<int2, 2>({ int2(0), int2(1, 2) }), unsafeArray<int2, 2>({ int2(3), int2(4) }) });
template <typename Tx, typename Ty> inline Tx mod(Tx x, Ty y) { return x - y * floor(x / y); }
template <typename T> T findLSB(T x) { return select(ctz(x), T(-1), x == T(0)); }
template <typename T> T findUMSB(T x) { return select(clz(T(0)) - (clz(x) + T(1)), T(-1), x == T(0)); }
static inline __attribute__((always_inline)) float det2(float a1, float a2, float b1, float b2) { return a1 * b2 - b1 * a2; }
static inline __attribute__((always_inline)) float3x3 inverse3(float3x3 m)
{
  float3x3 adj;
  adj[0][0] = det2(m[1][1], m[1][2], m[2][1], m[2][2]);
  adj[0][1] = -det2(m[0][1], m[0][2], m[2][1], m[2][2]);
  adj[0][2] = det2(m[0][1], m[0][2], m[1][1], m[1][2]);
  adj[1][0] = -det2(m[1][0], m[1][2], m[2][0], m[2][2]);
  adj[1][1] = det2(m[0][0], m[0][2], m[2][0], m[2][2]);
  adj[1][2] = -det2(m[0][0], m[0][2], m[1][0], m[1][2]);
  adj[2][0] = det2(m[1][0], m[1][1], m[2][0], m[2][1]);
  adj[2][1] = -det2(m[0][0], m[0][1], m[2][0], m[2][1]);
  adj[2][2] = det2(m[0][0], m[0][1], m[1][0], m[1][1]);
  float det = ((adj[0][0] * m[0][0]) + (adj[0][1] * m[1][0])) + (adj[0][2] * m[2][0]);
  return (det != 0.0f) ? (adj * (1.0f / det)) : m;
}
template <typename T, uint A> inline void copyToStack(thread T (&dst)[A], threadgroup const T (&src)[A]) { for (uint i = 0; i < A; i++) dst[i] = src[i]; }
static inline __attribute__((always_inline))
float _func(thread const float& x, device Storage& ssbo, constant Uniforms& ubo, threadgroup unsafeArray<float, 32> (&shared0), thread uint3& gl_LocalInvocationID)
{
  unsafeArray<float, 3> indexable = _33;
  unsafeArray<float, 2> loc = unsafeArray<float, 2>({ x, 2.0 });
  loc[1] += indexable[gl_LocalInvocationID.x % 3u];
  return ((shared0[31u - gl_LocalInvocationID.x] + ssbo.particles[0].mass) + ubo.arr[1].y) + loc[1] + float(_tbl[1][0].x);
}
kernel void main0(device Storage& ssbo [[buffer(0)]], constant Uniforms& ubo [[buffer(1)]], device Counters* _buf [[buffer(2)]], uint3 gl_GlobalInvocationID [[thread_position_in_grid]],
                  uint3 gl_LocalInvocationID [[thread_position_in_threadgroup]], uint gl_LocalInvocationIndex [[thread_index_in_threadgroup]])
{
  threadgroup unsafeArray<float, 32> _shared;
  threadgroup float lines[4];
  float param = 1.0;
  _shared[gl_LocalInvocationID.x] = float(gl_GlobalInvocationID.x * constant_id_0);
  if (gl_LocalInvocationID.x < 4u) { lines[gl_LocalInvocationID.x] = mod(float(gl_LocalInvocationID.x) - 2.5, 2.0); }
  threadgroup_barrier(mem_flags::mem_device | mem_flags::mem_threadgroup | mem_flags::mem_texture);
  float stack[4]; copyToStack(stack, lines);
  float3x3 inv = inverse3(transpose(ubo.m));
  uint id = gl_GlobalInvocationID.x;
  ssbo.particles[id].pos = packed_float3(float3(ssbo.particles[id].pos) * inv + float3(0.5));
  ssbo.particles[id].pos.y += stack[id & 3u];
  ssbo.particles[id].xf = float4x4(float4(1.0, 0.0, 0.0, 0.0), float4(0.0, 1.0, 0.0, 0.0), float4(0.0), float4(float3(ssbo.particles[id].pos), 1.0));
  ssbo.particles[id].xf[3].xyz = ssbo.particles[id].xf[3].zyx;
  _buf->_m0[4u + gl_LocalInvocationIndex] = uint(_func(param, ssbo, ubo, _shared, gl_LocalInvocationID));
  uint _200 = atomic_fetch_add_explicit((device atomic_uint*)&_buf->_m0[0], 1u, memory_order_relaxed);
  uint _201;
  do { _201 = _buf->_m0[1]; } while (!atomic_compare_exchange_weak_explicit((device atomic_uint*)&_buf->_m0[1], &_201, _201 + findLSB(id) + findUMSB(id) + 2u, memory_order_relaxed, memory_order_relaxed));
  bool _120 = id < 16u; bool _121;
  if (_120) { _121 = ubo.a.w > 1.0; } else { _121 = _120; }
  if (_121) { atomic_fetch_or_explicit((device atomic_uint*)&_buf->_m0[2], 1u << id, memory_order_relaxed); }
  atomic_fetch_max_explicit((device atomic_uint*)&_buf->_m0[3], _200, memory_order_relaxed);
}
