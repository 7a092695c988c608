#pragma once
/// \file
/// Gathers and scatters of a few lanes that are known.

#include <llvm/IR/Module.h>

namespace anymetal::device::cpu {

/// Makes them accesses of one element each, as for what only the lanes at the rim of a tile do: a gather takes as long
/// for one lane as for all.
void access_few_lanes_alone(llvm::Module& module);

}  // namespace anymetal::device::cpu
