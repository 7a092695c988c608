#include "device/cpu/runtime_symbols.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <cstring>

namespace anymetal::device::cpu {
namespace {

// 16-bit floats travel in the low half of a floating-point register: to C++ they look like a float's low bits.

float as_register(std::uint32_t low_bits) { return std::bit_cast<float>(low_bits); }
std::uint32_t low_half(float value) { return std::bit_cast<std::uint32_t>(value) & 0xffffu; }

/// Rounds to nearest even from `bits` to the upper `32 - dropped` bits.
std::uint32_t round_bits(std::uint32_t bits, unsigned dropped) {
  const std::uint32_t half = 1u << (dropped - 1);
  return (bits + half - 1 + ((bits >> dropped) & 1u)) >> dropped;
}

float truncate_to_bfloat(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if (std::isnan(value)) return as_register((bits >> 16) | 0x40u);
  return as_register(round_bits(bits, 16));
}

/// A float that rounds to the same 16-bit value as the double: round to odd first, so that the second rounding is exact.
float round_to_odd(double value) {
  const auto nearest = static_cast<float>(value);
  if (static_cast<double>(nearest) == value || std::isnan(value) || std::isinf(nearest)) return nearest;
  const auto bits = std::bit_cast<std::uint32_t>(nearest);
  if (bits & 1u) return nearest;
  const bool too_large = std::abs(static_cast<double>(nearest)) > std::abs(value);
  return std::bit_cast<float>(too_large ? bits - 1 : bits + 1);
}

float truncate_double_to_bfloat(double value) { return truncate_to_bfloat(round_to_odd(value)); }

float truncate_to_half(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = (bits >> 16) & 0x8000u;
  const auto magnitude = bits & 0x7fff'ffffu;
  if (magnitude > 0x7f80'0000u) return as_register(sign | 0x7e00u | ((magnitude >> 13) & 0x3ffu));
  if (magnitude >= 0x4780'0000u) return as_register(sign | 0x7c00u);
  if (magnitude >= 0x3880'0000u) return as_register(sign | (round_bits(magnitude - 0x3800'0000u, 13)));
  // Subnormal: let a float addition round at the right bit.
  const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
  return as_register(sign | (std::bit_cast<std::uint32_t>(shifted) - 0x3f00'0000u));
}

float truncate_double_to_half(double value) { return truncate_to_half(round_to_odd(value)); }

float extend_half(float half_register) {
  const auto half = low_half(half_register);
  const auto sign = (half & 0x8000u) << 16;
  const auto magnitude = half & 0x7fffu;
  if (magnitude >= 0x7c00u) return std::bit_cast<float>(sign | 0x7f80'0000u | (magnitude & 0x3ffu) << 13);
  const float scaled = std::bit_cast<float>(magnitude << 13) * 0x1p112f;
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(scaled) | sign);
}

__extension__ using Wide = __int128;
__extension__ using UnsignedWide = unsigned __int128;

Wide divide(Wide a, Wide b) { return a / b; }
Wide remainder(Wide a, Wide b) { return a % b; }
UnsignedWide divide_unsigned(UnsignedWide a, UnsignedWide b) { return a / b; }
UnsignedWide remainder_unsigned(UnsignedWide a, UnsignedWide b) { return a % b; }
Wide multiply(Wide a, Wide b) { return a * b; }

template <class F>
std::uint64_t address(F* function) {
  return reinterpret_cast<std::uint64_t>(function);
}
using UnaryFloat = float(float);

}  // namespace

std::span<const RuntimeSymbol> runtime_symbols() {
  static const std::array symbols{
      RuntimeSymbol{"memcpy", address(&std::memcpy)},
      RuntimeSymbol{"memmove", address(&std::memmove)},
      RuntimeSymbol{"memset", address(&std::memset)},
      RuntimeSymbol{"__extendhfsf2", address(&extend_half)},
      RuntimeSymbol{"__truncsfhf2", address(&truncate_to_half)},
      RuntimeSymbol{"__truncdfhf2", address(&truncate_double_to_half)},
      RuntimeSymbol{"__truncsfbf2", address(&truncate_to_bfloat)},
      RuntimeSymbol{"__truncdfbf2", address(&truncate_double_to_bfloat)},
      RuntimeSymbol{"__divti3", address(&divide)},
      RuntimeSymbol{"__modti3", address(&remainder)},
      RuntimeSymbol{"__udivti3", address(&divide_unsigned)},
      RuntimeSymbol{"__umodti3", address(&remainder_unsigned)},
      RuntimeSymbol{"__multi3", address(&multiply)},
      RuntimeSymbol{"fmaf", address(static_cast<float (*)(float, float, float)>(&::fmaf))},
      RuntimeSymbol{"fmodf", address(static_cast<float (*)(float, float)>(&::fmodf))},
      RuntimeSymbol{"sqrtf", address(static_cast<UnaryFloat*>(&::sqrtf))},
      RuntimeSymbol{"floorf", address(static_cast<UnaryFloat*>(&::floorf))},
      RuntimeSymbol{"ceilf", address(static_cast<UnaryFloat*>(&::ceilf))},
      RuntimeSymbol{"truncf", address(static_cast<UnaryFloat*>(&::truncf))},
      RuntimeSymbol{"rintf", address(static_cast<UnaryFloat*>(&::rintf))},
      RuntimeSymbol{"roundf", address(static_cast<UnaryFloat*>(&::roundf))},
      RuntimeSymbol{"fminf", address(static_cast<float (*)(float, float)>(&::fminf))},
      RuntimeSymbol{"fmaxf", address(static_cast<float (*)(float, float)>(&::fmaxf))},
  };
  return symbols;
}

}  // namespace anymetal::device::cpu
