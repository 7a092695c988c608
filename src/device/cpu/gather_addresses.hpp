#pragma once
/// \file
/// Where the addresses of gathers and scatters are made.

#include <llvm/IR/Module.h>

namespace anymetal::device::cpu {

/// Makes the addresses of gathers and scatters, one for all lanes and an index for each, where they are used. LLVM's
/// instruction selection looks at one block at a time: an address from another block is 64 bits for each lane, one that
/// it sees being made is a register and 32 bits. For just before code is generated.
void make_addresses_where_used(llvm::Module& module);

}  // namespace anymetal::device::cpu
