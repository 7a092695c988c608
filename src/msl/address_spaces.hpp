#pragma once
/// \file
/// Which address space an expression's memory is in, as far as declarations tell.

#include <clang/AST/Expr.h>

#include <string_view>

namespace anymetal::msl {

/// "device", "constant", "threadgroup", "thread" where the pointer's (or with `is_reference` the object's) space can be
/// read off the declarations it is made from; empty where not.
std::string_view space_of(const clang::Expr& expression, bool is_reference);

}  // namespace anymetal::msl
