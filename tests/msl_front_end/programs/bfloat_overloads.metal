// User overloads for bfloat inside metal, built on internals
#include <metal_stdlib>
using namespace metal;
#include <metal_stdlib>
#pragma METAL internals : enable
namespace metal {
METAL_FUNC bfloat abs(bfloat x) { return static_cast<bfloat>(__metal_fabs(static_cast<float>(x), __METAL_MAYBE_FAST_MATH__)); }
METAL_FUNC bfloat simd_sum(bfloat x) { return static_cast<bfloat>(__metal_simd_sum(static_cast<float>(x))); }
METAL_FUNC bfloat simd_shuffle_down(bfloat x, ushort d) { return as_type<bfloat>(__metal_simd_shuffle_down(as_type<ushort>(x), d)); }
namespace precise { METAL_FUNC bfloat exp(bfloat x) { return static_cast<bfloat>(__metal_exp(static_cast<float>(x), __METAL_PRECISE_MATH__)); } }
template <typename... Ts> struct make_void { typedef void type; };
template <typename... Ts> using void_t = typename make_void<Ts...>::type;
template <typename T> struct is_empty : metal::bool_constant<__is_empty(T)> {};
}
#pragma METAL internals : disable
using namespace metal;
kernel void x31(device bfloat* o [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  ushort lane = __metal_get_thread_index_in_simdgroup(ushort());
  bfloat b = metal::abs(o[i]); b = simd_sum(b) + simd_shuffle_down(b, 1) + metal::precise::exp(bfloat(0.0f));
  o[i] = is_empty<int>::value ? b : bfloat(float(b) + lane);
}
