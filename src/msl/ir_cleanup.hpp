#pragma once
/// \file
/// Turns Clang's IR of one kernel into the form the rest of the system expects.

#include <cstdint>
#include <string>
#include <string_view>

namespace llvm {
class Module;
}

namespace anymetal::msl {

/// IR name of the external global that stands for a function constant until specialisation.
std::string function_constant_symbol(std::uint32_t index);

/// Gives the global of a function constant that name; nothing happens where the module does not use it.
void name_function_constant(llvm::Module& module, const std::string& mangled, std::uint32_t index);

/// Makes everything but the entry internal and inlinable, drops annotations and target attributes, makes undefined
/// arithmetic defined (integer division, shifts, float to integer), and simplifies each function.
void clean_up(llvm::Module& module, std::string_view entry_symbol);

}  // namespace anymetal::msl
