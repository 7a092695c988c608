// Compile-time integers, lambdas called with them, packs
#include <metal_stdlib>
using namespace metal;
template <int v> struct Int { static constexpr constant int value = v; METAL_FUNC constexpr operator int() const thread noexcept { return v; } };
template <int a, int b> METAL_FUNC constexpr auto operator*(Int<a>, Int<b>) { return Int<a * b>{}; }
template <int s, int e, typename F> constexpr void each(F f) { if constexpr (s < e) { constexpr auto idx = Int<s>{}; f(idx); each<s + 1, e, F>(f); } }
template <typename T> METAL_FUNC constexpr T total(T x) { return x; }
template <typename T, typename... Us> METAL_FUNC constexpr auto total(T x, Us... us) { return x + total(us...); }
template <typename T, typename U = void> struct width_t { static constexpr constant int n = 8 / sizeof(T); };
template <typename T> struct width_t<T, enable_if_t<is_same_v<T, half>>> { static constexpr constant int n = 2; };
template <int i, int j> METAL_FUNC constexpr thread float& pick(thread float* t) { return t[i * 4 + j]; }
kernel void x29(device float* o [[buffer(0)]], uint t [[thread_position_in_grid]]) {
  float m[8] = {0};
  each<0, 2>([&](auto r) { each<0, 4>([&](auto c) { if (c == 3) return; pick<r.value, c.value>(m) = r * Int<10>{} + c; }); });
  o[t] = total(m[0], m[2], m[5]) + width_t<half>::n + width_t<float>::n;
}
