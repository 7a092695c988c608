// Functions as template arguments; explicit specialisations
#include <metal_stdlib>
using namespace metal;
struct q8_t { half d; char q[16]; };
template <typename tile_t> void x26_deq(device const q8_t* b, short il, thread tile_t& r) { for (short k = 0; k < 16; ++k) r[k / 4][k % 4] = b->q[k] * b->d; }
template <typename U, typename T> inline U x26_to(T v) { return static_cast<U>(v); }
template <> inline bool x26_to<bool, float>(float v) { return (as_type<uint>(v) & 0x7FFFFFFF) != 0; }
template <typename block_t, short nl, void (*deq)(device const block_t*, short, thread float4x4&)>
kernel void x26(device const block_t* b [[buffer(0)]], device float* o [[buffer(1)]], uint i [[thread_position_in_grid]]) { float4x4 t; deq(b + i / nl, i % nl, t); o[i] = t[0][1] + x26_to<bool>(t[3][3]); }
template [[host_name("x26_q8")]] kernel void x26<q8_t, 1, x26_deq>(device const q8_t*, device float*, uint);
