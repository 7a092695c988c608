#pragma once
/// \file
/// Numbers that a kernel reads when it runs though they are known when it is compiled: function constants that decide
/// nothing about its code.

#include <anymetal/error.hpp>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace llvm {
class Module;
}

namespace anymetal::device::cpu {

/// Whether the module calls `__msl_runtime_constant`.
bool has_runtime_constants(const llvm::Module& module);

/// Makes loads of the calls of `__msl_runtime_constant(value)`, from places that hold no values yet, so that the module
/// is the same for all values; returns them. A value that is no constant stays where it is.
std::vector<std::uint32_t> load_runtime_constants(llvm::Module& module);

/// Gives such places the values.
void give_runtime_constants(llvm::Module& module, std::span<const std::uint32_t> values);

/// What is left of such calls is their value.
void fold_runtime_constants(llvm::Module& module);

/// Gives the object of such a module other values. InternalError where it has no place for them.
Result<void> set_runtime_constants(std::string& object, std::span<const std::uint32_t> values);

}  // namespace anymetal::device::cpu
