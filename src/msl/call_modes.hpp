#pragma once
/// \file
/// In which math mode a function's calls stand, where pragmas set modes for parts of it.

namespace clang {
class ASTContext;
class FunctionDecl;
}  // namespace clang

namespace llvm {
class CallBase;
}  // namespace llvm

namespace anymetal::msl {

/// Writes into the calls that Clang will generate for a function which modes the pragmas of their blocks set: as
/// attributes of statements, which Clang hands on to the calls in them. Operations carry their mode in the IR, calls do
/// not. Does nothing to a function whose blocks are all in the mode of the options.
void mark_call_modes(clang::ASTContext& ast, clang::FunctionDecl& function);

/// What is written into a call.
struct CallMode {
  bool is_known = false;  ///< else the call is in its function's mode
  bool is_safe = false;   ///< nothing may be reordered: the precise functions are meant
  bool contracts = true;  ///< operators may be fused
};

CallMode mode_of(const llvm::CallBase& call);

/// Takes out what is written into a call.
void unmark(llvm::CallBase& call);

}  // namespace anymetal::msl
