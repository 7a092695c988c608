#pragma once
// <metal_pack>: vectors of normalised integers in one word, component 0 in the lowest bits.
#pragma clang system_header
#include "geometric.h"

namespace __msl {

// One field of `bits` bits at `shift`. Unsigned: c / (2^bits - 1); signed: the larger of c / (2^(bits-1) - 1) and -1.
template <int bits>
__MSL_INLINE constexpr float from_unorm(uint word, int shift) {
  constexpr uint mask = (1u << bits) - 1u;
  return static_cast<float>((word >> shift) & mask) / static_cast<float>(mask);
}
template <int bits>
__MSL_INLINE constexpr float from_snorm(uint word, int shift) {
  const int c = static_cast<int>(word << (32 - bits - shift)) >> (32 - bits);
  return metal::max(static_cast<float>(c) / static_cast<float>((1 << (bits - 1)) - 1), -1.0f);
}
// Nearest even; NaN gives 0.
template <int bits>
__MSL_INLINE uint to_unorm(float x, int shift) {
  const float limited = x != x ? 0.0f : metal::clamp(x, 0.0f, 1.0f);
  return static_cast<uint>(metal::rint(limited * static_cast<float>((1u << bits) - 1u))) << shift;
}
template <int bits>
__MSL_INLINE uint to_snorm(float x, int shift) {
  const float limited = x != x ? 0.0f : metal::clamp(x, -1.0f, 1.0f);
  const int c = static_cast<int>(metal::rint(limited * static_cast<float>((1 << (bits - 1)) - 1)));
  return (static_cast<uint>(c) & ((1u << bits) - 1u)) << shift;
}

// The sRGB transfer function and its inverse.
__MSL_INLINE float from_srgb(float c) {
  return c <= 0.04045f ? c / 12.92f : metal::precise::pow((c + 0.055f) / 1.055f, 2.4f);
}
__MSL_INLINE float to_srgb(float c) {
  const float x = c != c ? 0.0f : metal::clamp(c, 0.0f, 1.0f);
  return x <= 0.0031308f ? 12.92f * x : 1.055f * metal::precise::pow(x, 1.0f / 2.4f) - 0.055f;
}

}  // namespace __msl

namespace metal {

// Every function exists for float and for half.
#define __MSL_UNPACK(name, W, N, ...)                                                   \
  __MSL_INLINE float##N unpack_##name##_to_float(W x) { return float##N(__VA_ARGS__); } \
  __MSL_INLINE half##N unpack_##name##_to_half(W x) { return half##N(float##N(__VA_ARGS__)); }
#define __MSL_PACK(name, W, N, ...)                                                       \
  __MSL_INLINE W pack_float_to_##name(float##N x) { return static_cast<W>(__VA_ARGS__); } \
  __MSL_INLINE W pack_half_to_##name(half##N h) { return pack_float_to_##name(float##N(h)); }

__MSL_UNPACK(unorm4x8, uint, 4, __msl::from_unorm<8>(x, 0), __msl::from_unorm<8>(x, 8), __msl::from_unorm<8>(x, 16),
             __msl::from_unorm<8>(x, 24))
__MSL_UNPACK(snorm4x8, uint, 4, __msl::from_snorm<8>(x, 0), __msl::from_snorm<8>(x, 8), __msl::from_snorm<8>(x, 16),
             __msl::from_snorm<8>(x, 24))
__MSL_UNPACK(unorm4x8_srgb, uint, 4, __msl::from_srgb(__msl::from_unorm<8>(x, 0)),
             __msl::from_srgb(__msl::from_unorm<8>(x, 8)), __msl::from_srgb(__msl::from_unorm<8>(x, 16)),
             __msl::from_unorm<8>(x, 24))
__MSL_UNPACK(unorm2x16, uint, 2, __msl::from_unorm<16>(x, 0), __msl::from_unorm<16>(x, 16))
__MSL_UNPACK(snorm2x16, uint, 2, __msl::from_snorm<16>(x, 0), __msl::from_snorm<16>(x, 16))
__MSL_UNPACK(unorm10a2, uint, 4, __msl::from_unorm<10>(x, 0), __msl::from_unorm<10>(x, 10),
             __msl::from_unorm<10>(x, 20), __msl::from_unorm<2>(x, 30))
__MSL_UNPACK(snorm10a2, uint, 4, __msl::from_snorm<10>(x, 0), __msl::from_snorm<10>(x, 10),
             __msl::from_snorm<10>(x, 20), __msl::from_snorm<2>(x, 30))
__MSL_UNPACK(unorm565, ushort, 3, __msl::from_unorm<5>(x, 0), __msl::from_unorm<6>(x, 5), __msl::from_unorm<5>(x, 11))

__MSL_PACK(unorm4x8, uint, 4,
           __msl::to_unorm<8>(x.x, 0) | __msl::to_unorm<8>(x.y, 8) | __msl::to_unorm<8>(x.z, 16) |
               __msl::to_unorm<8>(x.w, 24))
__MSL_PACK(snorm4x8, uint, 4,
           __msl::to_snorm<8>(x.x, 0) | __msl::to_snorm<8>(x.y, 8) | __msl::to_snorm<8>(x.z, 16) |
               __msl::to_snorm<8>(x.w, 24))
__MSL_PACK(srgb_unorm4x8, uint, 4,
           __msl::to_unorm<8>(__msl::to_srgb(x.x), 0) | __msl::to_unorm<8>(__msl::to_srgb(x.y), 8) |
               __msl::to_unorm<8>(__msl::to_srgb(x.z), 16) | __msl::to_unorm<8>(x.w, 24))
__MSL_PACK(unorm2x16, uint, 2, __msl::to_unorm<16>(x.x, 0) | __msl::to_unorm<16>(x.y, 16))
__MSL_PACK(snorm2x16, uint, 2, __msl::to_snorm<16>(x.x, 0) | __msl::to_snorm<16>(x.y, 16))
__MSL_PACK(unorm10a2, uint, 4,
           __msl::to_unorm<10>(x.x, 0) | __msl::to_unorm<10>(x.y, 10) | __msl::to_unorm<10>(x.z, 20) |
               __msl::to_unorm<2>(x.w, 30))
__MSL_PACK(snorm10a2, uint, 4,
           __msl::to_snorm<10>(x.x, 0) | __msl::to_snorm<10>(x.y, 10) | __msl::to_snorm<10>(x.z, 20) |
               __msl::to_snorm<2>(x.w, 30))
__MSL_PACK(unorm565, ushort, 3, __msl::to_unorm<5>(x.x, 0) | __msl::to_unorm<6>(x.y, 5) | __msl::to_unorm<5>(x.z, 11))
#undef __MSL_UNPACK
#undef __MSL_PACK

}  // namespace metal
