#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>

#include "msl/parsed_source.hpp"

namespace anymetal::msl {

SpecialisedKernel::SpecialisedKernel() = default;
SpecialisedKernel::~SpecialisedKernel() = default;
SpecialisedKernel::SpecialisedKernel(SpecialisedKernel&&) noexcept = default;
SpecialisedKernel& SpecialisedKernel::operator=(SpecialisedKernel&&) noexcept = default;

}  // namespace anymetal::msl
