#pragma once
/// \file
/// The modest optimisation the front end does: enough to fold constants and drop dead code, the rest is a back end's.

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace llvm {
class Function;
class Instruction;
class Module;
}  // namespace llvm

namespace anymetal::msl {

/// Registers, branches, common expressions: each function by itself. Self-recursive tail calls become loops.
void simplify_functions(llvm::Module& module);

/// The same for some of a module's functions.
void simplify_functions(std::span<llvm::Function* const> functions);

/// The functions that use variables whose values come later: those that are not defined, and those that an initialiser computes.
std::vector<llvm::Function*> users_of_open_variables(llvm::Module& module);

/// The same as simplify_functions for one, whose calls of itself stay.
void simplify_function(llvm::Function& function);

/// Inlines every call of a defined function and simplifies what that leaves.
void inline_calls_everywhere(llvm::Module& module);

/// The same where there is something to inline; drops what nothing uses.
void inline_everything(llvm::Module& module);

/// Whether an instruction calls a function with a body.
bool calls_function(const llvm::Instruction& instruction);

/// Whether a function with a body is still called.
bool calls_functions(const llvm::Module& module);
bool calls_functions(const llvm::Function& function);

/// Inlines every call inside `function`, repeatedly; gives up silently on recursion.
void inline_calls(llvm::Function& function);

/// Removes unused functions and globals.
void drop_unused(llvm::Module& module);

/// Names of functions that call each other in a circle, as a user would write them; empty where there is none.
std::vector<std::string> find_recursion(const llvm::Module& module);

}  // namespace anymetal::msl
