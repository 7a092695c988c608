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
  struct Variant {
    Token name;
    unsigned number = 0;  ///< 1, 2, ... per function name
  };
  std::vector<Variant> variants;     ///< functions whose parameters differ from an earlier one in spaces only, not so their bodies
};

/// What the name of a variant has appended, before its number.
inline constexpr std::string_view kVariantSuffix = "__msl_space_";

/// Pointers have no address space in the compiled program, so two functions, methods or class specialisations that
/// differ in nothing but address-space keywords are one entity. Free functions with different bodies become variants:
/// they get names of their own, and calls are directed to them by the spaces of the arguments.
SpaceDuplicates find_space_duplicates(std::string_view text, std::span<const Token> tokens);

}  // namespace anymetal::msl
