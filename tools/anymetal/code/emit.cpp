#include "code/emit.hpp"

#include "code/disassemble.hpp"

#include <llvm/IR/Module.h>
#include <llvm/Support/raw_ostream.h>

namespace anymetal::cli {

Result<Compiler> Compiler::for_device(std::string_view device) {
  Compiler compiler;
  auto opened = Device::open(device);
  if (!opened) return std::unexpected(opened.error());
  compiler.device_ = std::move(*opened);
  return compiler;
}

msl::Target Compiler::target() const { return device_->backend()->front_end_target(); }

Result<device::Artifact> Compiler::compile(msl::SpecialisedKernel kernel, std::string_view label) const {
  return device_->backend()->compile(std::move(kernel), label);
}

Result<std::string> Compiler::code_text(msl::SpecialisedKernel kernel, std::string_view label) const {
  auto artifact = compile(std::move(kernel), label);
  if (!artifact) return std::unexpected(artifact.error());
  if (is_cuda()) return artifact->code;
  return disassemble(artifact->code);
}

Result<std::string> ir_text(const msl::SpecialisedKernel& kernel) {
  std::string text;
  llvm::raw_string_ostream out(text);
  kernel.module->print(out, nullptr);
  return text;
}

}  // namespace anymetal::cli
