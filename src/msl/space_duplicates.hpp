#pragma once
/// \file
/// Finds declarations that repeat an earlier one but for their address spaces.

#include "msl/tokens.hpp"

#include <span>
#include <string_view>
#include <vector>

namespace anymetal::msl {

/// Whether this identifier names an address space: device, constant, threadgroup, thread.
bool is_address_space(std::string_view identifier);

/// Declarations that are one entity once address spaces are erased.
struct SpaceDuplicates {
  std::vector<Token> repeated;       ///< all tokens of every later copy
  std::vector<Token> merged_spaces;  ///< the address-space keywords of every first copy, which now stands for all
};

/// Pointers have no address space in the compiled program, so two functions, methods or class specialisations that
/// differ in nothing but address-space keywords are one entity. Copies whose other tokens differ are left alone (the
/// compiler reports the redefinition).
SpaceDuplicates find_space_duplicates(std::string_view text, std::span<const Token> tokens);

}  // namespace anymetal::msl
