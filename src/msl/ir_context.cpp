#include "msl/ir_context.hpp"

#include <fmt/format.h>
#include <llvm/Bitcode/BitcodeReader.h>
#include <llvm/IR/DiagnosticHandler.h>
#include <llvm/IR/DiagnosticInfo.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>
#include <llvm/Support/MemoryBufferRef.h>

namespace anymetal::msl {

namespace {

struct MissedOptimisationsUnsaid : llvm::DiagnosticHandler {
  bool handleDiagnostics(const llvm::DiagnosticInfo& info) override { return info.getKind() == llvm::DK_OptimizationFailure; }
};

}  // namespace

Result<void> read_module(SpecialisedKernel& kernel, std::string_view bitcode, std::string_view name) {
  kernel.context = std::make_unique<llvm::LLVMContext>();
  kernel.context->setDiagnosticHandler(std::make_unique<MissedOptimisationsUnsaid>());
  auto parsed = llvm::parseBitcodeFile(llvm::MemoryBufferRef(bitcode, name), *kernel.context);
  if (!parsed) {
    return fail(ErrorCode::InternalError,
                fmt::format("the bitcode of kernel '{}' is damaged: {}", name, llvm::toString(parsed.takeError())));
  }
  kernel.module = std::move(*parsed);
  return {};
}

}  // namespace anymetal::msl
