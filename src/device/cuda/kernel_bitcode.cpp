#include "device/cuda/kernel_bitcode.hpp"

#include "msl/ir_context.hpp"

#include <fmt/format.h>
#include <llvm/Bitcode/BitcodeWriter.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>
#include <llvm/Support/raw_ostream.h>

#include <charconv>

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
  kernel.symbol = bytes.substr(0, end);
  kernel.reflection = reflection;
  const auto read = msl::read_module(kernel, std::string_view(bytes).substr(end + 1), reflection.name);
  if (!read) return std::unexpected(read.error());
  return kernel;
}

std::string write_metadata(const KernelMetadata& metadata) {
  const auto& step = metadata.threadgroup_step;
  return fmt::format("{} {} {} {}", step[0], step[1], step[2], metadata.bitcode);
}

Result<KernelMetadata> read_metadata(std::string_view bytes) {
  KernelMetadata metadata;
  if (bytes.empty()) return metadata;
  const char* at = bytes.data();
  const char* last = at + bytes.size();
  for (auto& step : metadata.threadgroup_step) {
    const auto [end, error] = std::from_chars(at, last, step);
    if (error != std::errc() || end == last || *end != ' ' || step == 0) {
      return fail(ErrorCode::InternalError, "the stored form of a kernel has no steps of threadgroups");
    }
    at = end + 1;
  }
  metadata.bitcode = std::string_view(at, last);
  return metadata;
}

}  // namespace anymetal::device::cuda
