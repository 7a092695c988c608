#pragma once
/// \file
/// Parameters that are written as arrays in an address space.

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "msl/tokens.hpp"

namespace anymetal::msl {

/// `constant T name[extent]`, the name and the extent left out or not; token indices.
struct ArrayParameter {
  std::optional<std::size_t> name;
  std::size_t open = 0;  ///< the first "["
  std::size_t close = 0;
  bool is_row = false;  ///< another extent follows
};

/// The parameter whose address space is the token `qualifier`; nothing where it is no array. `partners` has for every
/// bracket the index of the other one.
std::optional<ArrayParameter> find_array_parameter(std::string_view text, std::span<const Token> tokens,
                                                   std::span<const std::size_t> partners, std::size_t qualifier);

}  // namespace anymetal::msl
