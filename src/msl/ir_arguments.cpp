#include "msl/ir_arguments.hpp"

#include <llvm/IR/Function.h>

namespace anymetal::msl {

void describe_arguments(llvm::Function& entry, std::span<const Argument> arguments, std::span<const std::string> guards) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const Argument& argument = arguments[i];
    if (!argument.is_constant) continue;
    const auto position = static_cast<unsigned>(i);
    entry.addParamAttr(position, llvm::Attribute::NoAlias);
    entry.addParamAttr(position, llvm::Attribute::ReadOnly);
    if (!argument.is_reference || !guards[i].empty()) continue;
    entry.addDereferenceableParamAttr(position, argument.element_size);
    entry.addParamAttr(position, llvm::Attribute::getWithAlignment(entry.getContext(), llvm::Align(argument.element_alignment)));
  }
}

}  // namespace anymetal::msl
