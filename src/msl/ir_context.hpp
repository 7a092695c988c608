#pragma once
/// \file
/// The LLVM context a specialised kernel lives in.

#include <memory>

namespace llvm {
class LLVMContext;
}

namespace anymetal::msl {

/// A context that prints nothing about optimisations LLVM was asked for and did not do, such as a loop that cannot be
/// unrolled: LLVM would write them to the program's stderr.
std::unique_ptr<llvm::LLVMContext> make_context();

}  // namespace anymetal::msl
