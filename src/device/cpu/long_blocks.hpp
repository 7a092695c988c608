#pragma once
/// \file
/// Cuts basic blocks that load more than the code generator can take: its time grows with the square of a block's
/// loads.

namespace llvm {
class DominatorTree;
class Function;
class FunctionPass;
class LoopInfo;
class MCSubtargetInfo;
}  // namespace llvm

namespace anymetal::device::cpu {

/// Loads of 32 bytes, or of less, that a block may keep.
inline constexpr unsigned kLoadsPerBlock = 512;

/// Whether a vector of 32 numbers is several registers of 16 or 32 bytes. For each load of such a register LLVM looks
/// at all loads that depend on the same stores as it does.
bool loads_in_pieces(const llvm::MCSubtargetInfo& processor);

/// Cuts blocks before the load that would be one too many; addresses are computed in the block that uses them, as
/// address modes are found within a block. True where a block was cut.
bool cut_long_blocks(llvm::Function& function, llvm::DominatorTree* dominators, llvm::LoopInfo* loops);

/// Does that right before instructions are selected, as what prepares for it would join the blocks again.
llvm::FunctionPass* create_long_block_pass();

}  // namespace anymetal::device::cpu
