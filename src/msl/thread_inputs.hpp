#pragma once
/// \file
/// The built-in inputs of kernels: which attributes there are and what types they may have.

#include "msl/compilation.hpp"
#include "msl/kernels.hpp"

#include <clang/AST/Attr.h>

#include <string>
#include <vector>

namespace anymetal::msl {

/// The parameter's (or variable's) built-in input attribute, or nullptr.
const clang::AnnotateAttr* find_thread_input(const clang::VarDecl& parameter);

/// Whether the attribute of this name is a built-in input.
bool is_thread_input(std::string_view name);

/// Whether inputs of this name have up to three components (positions and sizes; indices are scalars).
bool is_vector_input(std::string_view name);

/// Reports inputs of types the language does not allow, alone or together.
void check_thread_inputs(Compilation& compilation, const clang::FunctionDecl& kernel, const std::vector<ParameterSource>& parameters);

/// Reports a by-value parameter that is no built-in input.
void report_invalid_input(Compilation& compilation, const std::string& kernel, const clang::ParmVarDecl& parameter, const std::string& type);

}  // namespace anymetal::msl
