// Constants in every order; tables; templated limits
#include <metal_stdlib>
using namespace metal;
constexpr constant static float levels[4] = {-1.f, 0, .5f, 1.f};
constant ushort masks[2][2] = {{1, 2}, {4, 8}};
static constexpr constant int kWide = 4;
template <typename U> struct limits_t { static const constant U hi = numeric_limits<U>::max(); };
template <> struct limits_t<float> { static constexpr constant float hi = numeric_limits<float>::infinity(); };
template <> struct limits_t<half> { inline static constexpr constant half hi = numeric_limits<half>::infinity(); };
template <typename T> static constexpr constant bool is_wide_v = sizeof(T) >= kWide;
kernel void x15(device float* o [[buffer(0)]], uint i [[thread_position_in_grid]]) { o[i] = levels[i % 4] + masks[i % 2][1] + (is_wide_v<half> ? 1 : min(limits_t<float>::hi, 2.0f)) + float(limits_t<int>::hi); }
