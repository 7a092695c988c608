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
  const auto& t = metadata.threadgroups;
  return fmt::format("{} {} {} {} {} {} {} {}", t.step[0], t.step[1], t.step[2], t.across, t.down, t.wider, t.least, metadata.bitcode);
}

Result<KernelMetadata> read_metadata(std::string_view bytes) {
  KernelMetadata metadata;
  if (bytes.empty()) return metadata;
  const char* at = bytes.data();
  const char* last = at + bytes.size();
  auto& t = metadata.threadgroups;
  for (unsigned* number : {&t.step[0], &t.step[1], &t.step[2], &t.across, &t.down, &t.wider, &t.least}) {
    const auto [end, error] = std::from_chars(at, last, *number);
    if (error != std::errc() || end == last || *end != ' ' || (*number == 0 && number != &t.least)) {
      return fail(ErrorCode::InternalError, "the stored form of a kernel does not say which threadgroups it launches");
    }
    at = end + 1;
  }
  metadata.bitcode = std::string_view(at, last);
  return metadata;
}

}  // namespace anymetal::device::cuda
