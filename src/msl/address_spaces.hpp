#pragma once
/// \file
/// Which address space an expression's memory is in, as far as declarations tell.

#include <clang/AST/Expr.h>

#include <string_view>

namespace clang {
class Sema;
}

namespace anymetal::msl {

/// "device", "constant", "threadgroup", "thread" where the pointer's (or with `is_reference` the object's) space can be
/// read off the declarations it is made from; empty where not.
std::string_view space_of(const clang::Expr& expression, bool is_reference);

/// Directs a call of a function that has variants by address space to the one its arguments fit best.
void resolve_space_variant(clang::Sema& sema, clang::CallExpr& call);

}  // namespace anymetal::msl
