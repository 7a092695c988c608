#pragma once
/// \file
/// Function constants at specialisation: which get which value, and what follows from it.

#include "msl/parsed_source.hpp"

#include <span>
#include <string_view>

namespace anymetal::msl {

/// Matches given values to declarations; FunctionConstantError on unknown names and wrong types.
Result<ConstantValues> resolve_constants(std::string_view kernel, std::span<const ConstantDeclaration> declared, std::span<const FunctionConstant> given);

/// Gives the constants' globals their values and answers `is_function_constant_defined`.
void set_function_constants(llvm::Module& module, const ConstantValues& values);

/// Runs the initialisers of program-scope constants that depend on function constants, in declaration order. Those that
/// read a constant without a value stay behind as loads from it.
void evaluate_derived_constants(llvm::Module& module);

/// Whether the constant behind an IR symbol is known and not zero.
bool is_constant_true(const llvm::Module& module, const ConstantValues& values, std::string_view symbol);

}  // namespace anymetal::msl
