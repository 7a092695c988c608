#include "msl/ir_context.hpp"

#include <llvm/IR/DiagnosticHandler.h>
#include <llvm/IR/DiagnosticInfo.h>
#include <llvm/IR/LLVMContext.h>

namespace anymetal::msl {

namespace {

struct MissedOptimisationsUnsaid : llvm::DiagnosticHandler {
  bool handleDiagnostics(const llvm::DiagnosticInfo& info) override { return info.getKind() == llvm::DK_OptimizationFailure; }
};

}  // namespace

std::unique_ptr<llvm::LLVMContext> make_context() {
  auto context = std::make_unique<llvm::LLVMContext>();
  context->setDiagnosticHandler(std::make_unique<MissedOptimisationsUnsaid>());
  return context;
}

}  // namespace anymetal::msl
