#pragma once
/// \file
/// Scalars and vectors among the compiler's types.

#include <anymetal/function_constant.hpp>

#include <clang/AST/Type.h>

#include <optional>
#include <string>
#include <utility>

namespace anymetal::msl {

/// A scalar or a `metal::vec`.
struct ValueType {
  clang::QualType element;
  unsigned components = 1;
};

/// Empty for anything but built-in scalars and vectors of them.
std::optional<ValueType> value_type(clang::QualType type);

/// Type and components of a function constant; empty where the type cannot be one.
std::optional<std::pair<ConstantType, unsigned>> constant_type(clang::QualType type);

/// The type as MSL spells it, without qualifiers.
std::string type_spelling(const clang::ASTContext& ast, clang::QualType type);

}  // namespace anymetal::msl
