#pragma once
/// \file
/// Finds the kernels of a parsed source and reads their signatures.

#include "msl/compilation.hpp"
#include "msl/parsed_source.hpp"

#include <clang/AST/Decl.h>

#include <string>
#include <vector>

namespace anymetal::msl {

/// One public kernel name.
struct KernelName {
  std::string name;
  clang::FunctionDecl* function = nullptr;
  clang::SourceLocation location;  ///< of the host_name attribute, else of the function
};

/// Where the value of one parameter of a kernel comes from.
struct ParameterSource {
  std::string input;                  ///< built-in input ("thread_position_in_grid"), or empty: a bound argument
  clang::VarDecl* guard = nullptr;    ///< function constant that decides whether the argument exists
};

struct KernelSignature {
  EntryReflection reflection;
  std::vector<ParameterSource> parameters;  ///< one per parameter of the function
};

/// Public names in source order. Duplicates and misplaced attributes are reported to the compilation.
std::vector<KernelName> find_kernels(Compilation& compilation);

/// A function that is no entry though it might be taken for one: a kernel template, a vertex function.
struct UnusableName {
  std::string name;
  std::string reason;  ///< continues "'name' is "
};
std::vector<UnusableName> find_unusable_names(const Compilation& compilation);

/// Reads and checks the parameters; errors are reported to the compilation.
KernelSignature read_signature(Compilation& compilation, const KernelName& kernel);

/// The function constants the source declares, in source order.
struct FunctionConstantVariable {
  ConstantDeclaration declaration;
  clang::VarDecl* variable = nullptr;
};
std::vector<FunctionConstantVariable> find_function_constants(Compilation& compilation);

}  // namespace anymetal::msl
