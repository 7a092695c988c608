#pragma once
/// \file
/// `v.xyz.x = 1`, `v.xyz[i] = 1`: components of components that are assigned.

#include "msl/text_edits.hpp"
#include "msl/tokens.hpp"

#include <span>
#include <string_view>

namespace anymetal::msl {

/// Writes `v.xyz.y = 1` and `v.xyz[1] = 1` as `v.y = 1`, and `v.yz[i] = 1` as an assignment to `v[1 + i]`,
/// `v.zx[i] = 1` to the element whose place a number tells that holds those of z and x: several components together are
/// no lvalue in the library, a component of them would be that of a copy. Where a structure may have a member of such a
/// name, one that is declared in this file or may be in a file it includes, nothing is changed.
void write_nested_components(std::string_view text, std::span<const Token> tokens, TextEdits& edits);

}  // namespace anymetal::msl
