#pragma once
/// \file
/// Lets a guarded step that has used up its time or memory end between two passes of LLVM's.

#include "msl/compile_guard.hpp"

#include <llvm/IR/PassInstrumentation.h>

namespace anymetal::msl {

/// Callbacks for a pass builder; they have to outlive it.
struct PassCheckpoints {
  PassCheckpoints() {
    callbacks.registerBeforeNonSkippedPassCallback([](llvm::StringRef, llvm::Any) { checkpoint(); });
  }
  PassCheckpoints(const PassCheckpoints&) = delete;
  PassCheckpoints& operator=(const PassCheckpoints&) = delete;

  llvm::PassInstrumentationCallbacks callbacks;
};

}  // namespace anymetal::msl
