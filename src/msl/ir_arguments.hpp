#pragma once
/// \file
/// What the declarations of a kernel's arguments tell the optimiser.

#include <anymetal/pipeline.hpp>
#include <span>
#include <string>

namespace llvm {
class Function;
}

namespace anymetal::msl {

/// Nothing in the `constant` space changes during a dispatch: such arguments become `noalias readonly`, references of them
/// also `dereferenceable`, so that parameters are read once and not by every thread. `guards` is parallel to `arguments`,
/// the name of the function constant an argument depends on; one that may be absent says nothing of what it points to.
void describe_arguments(llvm::Function& entry, std::span<const Argument> arguments, std::span<const std::string> guards);

}  // namespace anymetal::msl
