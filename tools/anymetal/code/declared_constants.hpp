#pragma once
/// \file
/// Function constants of the command line, with the types of the source's declarations.

#include <anymetal/error.hpp>
#include <anymetal/function_constant.hpp>
#include <span>
#include <vector>

#include "msl/parsed_source.hpp"
#include "parts/constant_spec.hpp"

namespace anymetal::cli {

/// Whether the source's declarations are needed.
bool lacks_a_type(std::span<const ConstantSpec> specs);

/// The constants of specs; `declared` gives a type to those without one. InvalidArgument where none is declared under
/// that name or index, or what was written is no value of its type.
Result<std::vector<FunctionConstant>> function_constants(std::span<const ConstantSpec> specs,
                                                         std::span<const msl::ConstantDeclaration> declared);

}  // namespace anymetal::cli
