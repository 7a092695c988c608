// As translators of byte code write: registers of four components, written in parts, structures of words, every comparison a vector.
#include <metal_stdlib>
#include <metal_texture>
using namespace metal;
#ifndef REMAP_OUT
	#define REMAP_OUT {0, 1, 2, 3, 4, 5, 6, 7}
#endif
constexpr constant uint remap_out[] = REMAP_OUT;
#if !(__HAVE_FMA__)
#define fma(a,b,c) ((a) * (b) + (c))
#endif
constexpr constant uint4 out_mask = uint4(1u, 2u, 4u, 8u);
struct Globals_Type
{
    float4 mtx4x4_Project[4];
    int _Count;
    float3 _Origin;
    float4 _Scale[3];
    uint2 _Dim;
};

struct _Verts_Type
{
    uint value[5];
};
struct shared0_type
{
    uint value[2];
};
struct _Out_Type
{
    int value[4];
};
template <typename V> V fieldU(const V width, const V offset, const V src)
{
	V result = src >> offset;
	return result & ((V(1) << width) - V(1));
}
template <int N> vec<int, N> fieldI(const vec<uint, N> width, const vec<uint, N> offset, const vec<int, N> src)
{
	return vec<int, N>(extract_bits(src.x, offset.x, width.x), extract_bits(src.y, offset.y, width.y));
}
template <typename V> V product64(V a, V b, thread V& hi) { hi = mulhi(a, b); return a * b; }

kernel void computeMain(
    constant Globals_Type& Globals [[ buffer(0) ]],
    const device _Verts_Type *_Verts [[ buffer(1) ]],
    device _Out_Type *_Out [[ buffer(2) ]],
    device atomic_uint *_Counter [[ buffer(3) ]],
    uint3 grid_id [[ thread_position_in_grid ]],
    uint3 in_group [[ thread_position_in_threadgroup ]],
    uint in_group_index [[ thread_index_in_threadgroup ]])
{
    float4 r_0;
    uint4 ru_0;
    bool4 rb_0;
    float4 r_1;
    int4 ri_1;
    bool2 rb_1;
    float3 r_2;
    uint ru_2;
    half4 r16_3;
    half3 r10_4;
    bool rb_9;
    threadgroup shared0_type shared0[64];
    threadgroup float4 shared1[64];
    rb_0.xy = (uint2(grid_id.xy) < uint2(Globals._Dim.xy));
    rb_0.x = rb_0.y && rb_0.x;
    r_0.x = as_type<float>(_Verts[grid_id.x].value[(0x0 >> 2) + 0]);
    r_0.yzw = as_type<float3>(uint3(_Verts[grid_id.x].value[(0x4 >> 2) + 0], _Verts[grid_id.x].value[(0x4 >> 2) + 1], _Verts[grid_id.x].value[(0x4 >> 2) + 2]));
    r_1 = r_0.yyyy * Globals.mtx4x4_Project[1];
    r_1 = fma(Globals.mtx4x4_Project[0], r_0.xxxx, r_1);
    r_1 = fma(Globals.mtx4x4_Project[2], r_0.zzzz, r_1);
    r_1 = r_1 + Globals.mtx4x4_Project[3];
    rb_1.xy = (r_1.xwxx < float4(0.0, 1.0, 0.0, 0.0)).xy;
    rb_9 = rb_1.y || rb_1.x;
    r_2.xyz = (bool(rb_9)) ? r_1.xyz : (-r_0.xyz);
    r_2.xyz = r_2.xyz + (-Globals._Origin.xyzx.xyz);
    {
        float4 chosen = r_1;
        chosen.x = (rb_0.x) ? r_1.x : float(0.0);
        chosen.y = (rb_0.y) ? r_1.y : float(0.0);
        r_1 = chosen;
    }
    ri_1.xy = int2(uint2((uint2(in_group.xy) & uint2(0x1u, 0x3u))));
    ri_1.zw = ~(ri_1.xy);
    ru_0.xyz = fieldU(uint3(4u, 4u, 8u), uint3(0u, 4u, 8u), uint3(_Verts[grid_id.x].value[4]));
    ru_0.w = uint(rb_9) * 0xffffffffu;
    shared0[in_group_index].value[(0 >> 2)] = as_type<uint>(r_2.x);
    shared0[in_group_index].value[(4 >> 2)] = ru_0.z & ru_0.w;
    shared1[in_group_index].xzw = r_2.zxy;
    shared1[in_group_index].y = dot(r_2.xyz, r_2.xyz);
    threadgroup_barrier(mem_flags::mem_threadgroup);
    ru_2 = in_group_index ^ 0x3u;
    r16_3.xyz = half3(shared1[ru_2].xzw * float3(0.5, 0.25, 1.0));
    r16_3.w = half(1.0);
    r10_4.xyz = r16_3.xyz * r16_3.www + (-r16_3.zzz);
    ru_0.x = atomic_fetch_add_explicit(_Counter, ru_0.x, memory_order::memory_order_relaxed);
    _Out[grid_id.x].value[0] = as_type<int>(float(r10_4.x) + r_1.x);
    _Out[grid_id.x].value[1] = int(as_type<uint>(float(r10_4.y)));
    _Out[grid_id.x].value[2] = ri_1.x + ri_1.z + int(shared0[ru_2].value[1]) + int(remap_out[ru_0.y & 7u]) + int(out_mask[ru_0.y & 3u]);
    _Out[grid_id.x].value[3] = fieldI<2>(uint2(3u), uint2(1u, 2u), ri_1.zw).y;
    uint hi;
    ru_0.x = product64(ru_0.z, 0x10000001u, hi) + hi;
    _Out[grid_id.x].value[3] += int(ru_0.x);
    return;
}
