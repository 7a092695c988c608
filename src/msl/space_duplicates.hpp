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

/// Pointers have no address space in the compiled program, so two functions, methods or class specialisations that
/// differ in nothing but address-space keywords are one entity. Returns the tokens of every such later copy; copies
/// whose other tokens differ are left alone (the compiler reports the redefinition).
std::vector<Token> repeated_declarations(std::string_view text, std::span<const Token> tokens);

}  // namespace anymetal::msl
