// Enumerations, structured bindings, folds, lambdas, traits
#include <metal_stdlib>
using namespace metal;
enum class Mode : uchar { Add, Mul, Last = 7 };
struct Pair { float lo; int hi; };
template <typename... Ts> METAL_FUNC auto total(Ts... xs) { return (xs + ... + 0); }
template <typename... Bs> constexpr constant bool all_small_v = (... && (sizeof(Bs) <= 4));
template <typename T> struct is_wide : bool_constant<(sizeof(T) > 4)> {};
template <typename T, bool W = is_wide<T>::value> struct accumulator { using type = float; };
template <typename T> struct accumulator<T, true> { using type = T; };
template <Mode M> METAL_FUNC float apply(float a, float b) {
  if constexpr (M == Mode::Add) return a + b; else if constexpr (M == Mode::Mul) return a * b; else static_assert(M == Mode::Last, "mode");
  return 0;
}
METAL_FUNC Pair split(float x) { return {x - floor(x), int(floor(x))}; }
kernel void odds(device const float* x [[buffer(0)]], device float* o [[buffer(1)]], uint i [[thread_position_in_grid]]) {
  const auto [lo, hi] = split(x[i]);
  auto scale = [=](auto v) { return v * 2; };
  auto at = [&](int k) -> float { return float(k) + lo; };
  thread const auto& ref = lo;
  constexpr Mode kMode = Mode::Mul;
  static_assert(is_same_v<typename accumulator<long>::type, long>, "");
  static_assert(all_small_v<int, half, char> && !all_small_v<long>, "");
  static_assert(is_integral_v<uint> && !is_floating_point_v<int> && is_same_v<decltype(half(1) * half(2)), half>, "");
  float4 acc = {ref, float(hi), at(3), scale(hi)};
  switch (Mode(uint(hi) % 2)) { case Mode::Add: acc.x += 1; break; case Mode::Mul: acc.x += 2; [[fallthrough]]; default: acc.y += 1; }
  o[i] = apply<kMode>(acc.x, 4) + apply<Mode::Add>(acc.y, total(1, 2, hi)) + dot(acc, float4(0, 0, 1, 0.5));
}
