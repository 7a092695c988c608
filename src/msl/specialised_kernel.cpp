#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>

#include <utility>

#include "msl/parsed_source.hpp"

namespace anymetal::msl {

SpecialisedKernel::SpecialisedKernel() = default;
SpecialisedKernel::~SpecialisedKernel() = default;
SpecialisedKernel::SpecialisedKernel(SpecialisedKernel&&) noexcept = default;
SpecialisedKernel& SpecialisedKernel::operator=(SpecialisedKernel&& other) noexcept {
  // The old module goes before the context it lives in.
  module = std::move(other.module);
  context = std::move(other.context);
  symbol = std::move(other.symbol);
  reflection = std::move(other.reflection);
  return *this;
}

}  // namespace anymetal::msl
