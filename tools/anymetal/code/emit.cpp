#include "code/emit.hpp"

#include <llvm/IR/Module.h>
#include <llvm/Support/raw_ostream.h>

#include "code/disassemble.hpp"
#include "device/backend.hpp"

namespace anymetal::cli {

Result<std::string> ir_text(const msl::SpecialisedKernel& kernel) {
  std::string text;
  llvm::raw_string_ostream out(text);
  kernel.module->print(out, nullptr);
  return text;
}

Result<std::string> code_text(msl::SpecialisedKernel kernel, const Device& device, std::string_view label) {
  auto artifact = device.backend()->compile(std::move(kernel), label);
  if (!artifact) return std::unexpected(artifact.error());
  if (device.backend()->front_end_target() == msl::Target::Nvptx) return artifact->code;
  return disassemble(artifact->code);
}

}  // namespace anymetal::cli
