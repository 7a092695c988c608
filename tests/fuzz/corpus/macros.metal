#include <metal_stdlib>
#define TYPES(X) X(float, f32) X(half, f16) X(int, i32)
#define KERNEL(T, name) [[host_name("copy_" #name)]] [[kernel]] void copy_##name(device const T* a [[buffer(0)]], device T* o [[buffer(1)]], metal::uint i [[thread_position_in_grid]]) { _Pragma("METAL fp math_mode(safe)") o[i] = a[i] + T(1.0h); }
#if __METAL_VERSION__ >= 300
TYPES(KERNEL)
#endif
#line 70 "other.metal"
constant static constexpr const float table[] = {1.0, 2.0bf, 0x1p-2, .5h};
