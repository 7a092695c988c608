#pragma once
/// \file
/// Function constants at specialisation: which get which value, and what follows from it.

#include "msl/parsed_source.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace anymetal::msl {

/// What function constants are taken to be, one after the other, while it is not known what they will be. A source may ask for a multiple
/// of something.
inline constexpr std::array<std::uint8_t, 4> kAssumedConstants = {1, 4, 32, 128};

using ConstantName = decltype(FunctionConstant::which);

/// The constant of this index or name; nullptr where none is declared.
const ConstantDeclaration* find_declaration(std::span<const ConstantDeclaration> declared, const ConstantName& which);

/// The values given, and `number` for every other constant that is declared.
std::vector<FunctionConstant> with_others(std::span<const ConstantDeclaration> declared, std::span<const FunctionConstant> given, std::uint8_t number);

/// `number` as a value of a constant's type, in each component.
ConstantValue constant_of(ConstantType type, unsigned components, std::uint8_t number);

/// Matches given values to declarations; FunctionConstantError on unknown names and wrong types.
Result<ConstantValues> resolve_constants(std::string_view kernel, std::span<const ConstantDeclaration> declared, std::span<const FunctionConstant> given);

/// Gives the constants' globals their values and answers `is_function_constant_defined`.
void set_function_constants(llvm::Module& module, const ConstantValues& values);

/// Marks the declaration that is left of a program-scope constant whose initialiser cannot be computed.
inline constexpr const char* kUncomputedAttribute = "msl-uncomputed";

/// Whether program-scope constants have initialisers that Clang left to run: they depend on function constants or are no
/// constant expressions of C++'s.
bool has_initialisers(const llvm::Module& module);

/// Runs these initialisers in declaration order. Those that read a function constant without a value stay behind as
/// loads from it, others that cannot be computed as declarations with kUncomputedAttribute.
void evaluate_derived_constants(llvm::Module& module);

/// Whether the constant behind an IR symbol is known and not zero.
bool is_constant_true(const llvm::Module& module, const ConstantValues& values, std::string_view symbol);

}  // namespace anymetal::msl
