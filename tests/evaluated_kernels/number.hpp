#pragma once
/// \file
/// Numbers of MSL's types on the host, by the rules of the language and not as any compiler has them.

#include <array>
#include <cstdint>
#include <span>
#include <string>

namespace anymetal::test {

enum class Scalar : std::uint8_t { Bool, Char, Uchar, Short, Ushort, Int, Uint, Long, Ulong, Half, Bfloat, Float };

/// A scalar, or a vector of 2 to 4 of them.
struct Type {
  Scalar scalar = Scalar::Uint;
  unsigned width = 1;
  friend bool operator==(const Type&, const Type&) = default;
};

/// An integer extended to 64 bits by its own sign, or the bits of a float of the same value.
using Component = std::uint64_t;
/// Components past the width are zero.
using Value = std::array<Component, 4>;

[[nodiscard]] std::string spelling(Type type);
[[nodiscard]] unsigned bits(Scalar type);  ///< 8 for bool
[[nodiscard]] bool is_float(Scalar type);  ///< half, bfloat or float
[[nodiscard]] bool is_signed(Scalar type);
[[nodiscard]] Scalar unsigned_of(Scalar type);
/// What an operator makes of two scalars; half and bfloat do not meet.
[[nodiscard]] Scalar common(Scalar a, Scalar b);

[[nodiscard]] __int128 integer(Scalar type, Component value);
[[nodiscard]] Component of_integer(Scalar type, __int128 value);  ///< wraps around
[[nodiscard]] double real(Component value);
[[nodiscard]] Component of_real(Scalar type, double value);  ///< rounded once, to nearest even
[[nodiscard]] Component convert(Component value, Scalar from, Scalar to);

/// The bytes of one component in memory, and back.
[[nodiscard]] Component load(Scalar type, std::span<const std::uint8_t> bytes, std::size_t offset);
void store(Scalar type, Component value, std::span<std::uint8_t> bytes, std::size_t offset);

/// Functions and operators by their MSL names; integer operators are done in the type itself.
[[nodiscard]] Component apply(const std::string& name, Scalar type, std::span<const Component> arguments);

}  // namespace anymetal::test
