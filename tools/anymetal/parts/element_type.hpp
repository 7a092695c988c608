#pragma once
/// \file
/// Scalar types of `.npy` files, buffer specifications and literal values on the command line.

#include <anymetal/error.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace anymetal::cli {

/// Scalars as they lie in memory. bfloat16 travels as the bits of a U16.
enum class ElementType : std::uint8_t { F32, F16, I8, I16, I32, I64, U8, U16, U32, U64 };

/// Bytes of one element.
std::size_t size_of(ElementType type) noexcept;
/// "f32", "f16", "i8" ...
std::string_view name_of(ElementType type) noexcept;
/// The inverse; also takes MSL's names ("float", "half", "int", "uchar" ...).
std::optional<ElementType> element_type_from_name(std::string_view name) noexcept;

/// Appends the bytes of `text` read as one value of `type`; InvalidArgument where it is no such value or out of range.
Result<void> append_value(ElementType type, std::string_view text, std::vector<std::byte>& out);
/// The same for values separated by commas.
Result<std::vector<std::byte>> parse_values(ElementType type, std::string_view text);

}  // namespace anymetal::cli
