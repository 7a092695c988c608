#include "device/cuda/kernel_bitcode.hpp"

#include "msl/ir_context.hpp"

#include <fmt/format.h>
#include <llvm/Bitcode/BitcodeReader.h>
#include <llvm/Bitcode/BitcodeWriter.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>
#include <llvm/Support/MemoryBuffer.h>
#include <llvm/Support/raw_ostream.h>

namespace anymetal::device::cuda {

std::string write_kernel(const msl::SpecialisedKernel& kernel) {
  std::string bytes = kernel.symbol + '\0';
  llvm::raw_string_ostream stream(bytes);
  llvm::WriteBitcodeToFile(*kernel.module, stream);
  return bytes;
}

Result<msl::SpecialisedKernel> read_kernel(const std::string& bytes, const msl::EntryReflection& reflection) {
  const auto end = bytes.find('\0');
  if (end == std::string::npos) return fail(ErrorCode::InternalError, "the stored form of a kernel has no name");
  msl::SpecialisedKernel kernel;
  kernel.context = msl::make_context();
  kernel.symbol = bytes.substr(0, end);
  kernel.reflection = reflection;
  const llvm::MemoryBufferRef code(llvm::StringRef(bytes).drop_front(end + 1), kernel.symbol);
  auto module = llvm::parseBitcodeFile(code, *kernel.context);
  if (!module) {
    return fail(ErrorCode::InternalError, fmt::format("the stored form of kernel '{}' cannot be read: {}", reflection.name,
                                                      llvm::toString(module.takeError())));
  }
  kernel.module = std::move(*module);
  return kernel;
}

}  // namespace anymetal::device::cuda
