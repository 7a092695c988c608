// language: metal2.4
// As translators of a checked shading language write: no `using namespace`, wrapped arrays, every index tested, wrapping arithmetic.
#include <metal_stdlib>
#include <simd/simd.h>
using metal::uint;
struct DefaultConstructible {
    template<typename T>
    operator T() && {
        return T {};
    }
};
struct _mslBufferSizes { uint size1; uint size2; };
struct Particle { metal::float3x3 m; metal::packed_float3 v; float f; };
typedef Particle type_2[1];
struct type_3 { metal::atomic_uint inner[10]; int rest; };
struct type_4 { int inner[5]; };
struct type_6 { metal::float2 inner[3]; };
constant type_4 const_arr = type_4 {1, 2, 3, 4, 5};
constexpr constant metal::uint3 const_type_6_ = {0u, 0u, 1u};
constant int const_n = 3;
int naga_div(int lhs, int rhs) { return lhs / metal::select(rhs, 1, (lhs == (-2147483647 - 1) & rhs == -1) | (rhs == 0)); }
metal::uint2 naga_mod(metal::uint2 lhs, metal::uint2 rhs) { return lhs % metal::select(rhs, 1u, rhs == 0u); }
metal::int2 naga_neg(metal::int2 val) { return as_type<metal::int2>(-as_type<metal::uint2>(val)); }
int naga_f2i32(float value) { return static_cast<int>(metal::clamp(value, -2147483600.0, 2147483500.0)); }
metal::uint2 naga_f2u32(metal::float2 value) { return static_cast<metal::uint2>(metal::clamp(value, 0.0, 4294967000.0)); }
struct _modf_result_f32_ { float fract; float whole; };
struct _frexp_result_vec2_f32_ { metal::float2 fract; metal::int2 exp; };
_modf_result_f32_ naga_modf(float arg) { float other; float fract = metal::modf(arg, other); return _modf_result_f32_{ fract, other }; }
_frexp_result_vec2_f32_ naga_frexp(metal::float2 arg) { metal::int2 other; metal::float2 fract = metal::frexp(arg, other); return _frexp_result_vec2_f32_{ fract, other }; }
void ptr_func(thread metal::float3& p, threadgroup type_4& w, device type_2& b, constant type_6& u, constant _mslBufferSizes& _buffer_sizes) {
    p.x = u.inner[1].y;
    w.inner[2] += 3;
    uint n = 1 + (_buffer_sizes.size1 - 0 - 64) / 64;
    uint last = metal::min(unsigned(7), n - 1);
    b[last].m[2].xy = metal::float2(1.0, p.x);
    p.z += static_cast<float>(n);
}
kernel void main_(
  metal::uint3 global_id [[thread_position_in_grid]]
, metal::uint3 __local_invocation_id [[thread_position_in_threadgroup]]
, uint local_index [[thread_index_in_threadgroup]]
, device type_2& global [[buffer(0)]]
, device type_3& at [[buffer(1)]]
, constant type_6& u [[buffer(2)]]
, threadgroup type_4& wg
, constant _mslBufferSizes& _buffer_sizes [[buffer(3)]]
) {
    if (metal::all(__local_invocation_id == metal::uint3(0u))) {
        wg = {};
    }
    metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
    metal::float3 p = {};
    type_4 local = {};
    type_4 local_1 = type_4 {};
    int loop_i = 0;
    uint2 loop_bound = uint2(4294967295u);
    bool loop_init = true;
    while(true) {
        if (metal::all(loop_bound == uint2(0u))) { break; }
        loop_bound -= uint2(loop_bound.y == 0u, 1u);
        if (!loop_init) {
            int _e4 = loop_i;
            loop_i = as_type<int>(as_type<uint>(_e4) + as_type<uint>(1));
        }
        loop_init = false;
        if (loop_i >= const_n) {
            break;
        }
        switch (as_type<int>(loop_i)) {
            case 0: {
                if (local_index == 0u) {
                    ptr_func(p, wg, global, u, _buffer_sizes);
                }
                break;
            }
            case 1:
            case 2: {
                local.inner[loop_i] = naga_div(7, loop_i);
                break;
            }
            default: {
                break;
            }
        }
    }
    local_1 = local;
    uint _e1 = metal::atomic_fetch_add_explicit(&at.inner[metal::min(unsigned(global_id.x), 9u)], 1u + as_type<uint>(local_1.inner[1]), metal::memory_order_relaxed);
    metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
    float small = uint(local_index) < 3 ? u.inner[local_index].x : DefaultConstructible();
    int oob = uint(local_index) < 5 ? const_arr.inner[local_index] : DefaultConstructible();
    metal::float4x4 mm = metal::float4x4(metal::float4(1.0), metal::float4(2.0), metal::float4(3.0), metal::float4(4.0)) * 2.0;
    metal::float4 q = mm * metal::float4(metal::float3(1.0, small, 0.5), 1.0);
    q = metal::select(metal::mix(q, metal::float4(0.0), 0.5), metal::float4(-1.0), metal::bool4(q.x > 30.0));
    metal::int2 k = naga_neg(metal::int2(naga_f2i32(q.x), (-2147483647 - 1)));
    metal::uint2 r = naga_mod(metal::uint2(17u, local_index), metal::uint2(local_index, 4u)) + naga_f2u32(q.xy);
    _frexp_result_vec2_f32_ e = naga_frexp(metal::float2(q.x, 6.0));
    global[global_id.x].v = metal::float3(static_cast<float>(oob + wg.inner[2]) + naga_modf(q.y + 0.25).fract, static_cast<float>(k.x + (k.y == (-2147483647 - 1) ? 100 : 0)), static_cast<float>(r.x + r.y) + e.fract.y);
    global[global_id.x].f = static_cast<float>(e.exp.y + const_type_6_.z + static_cast<uint>(local.inner[2]) + _e1 * 0u);
    return;
}
