#include "device/cpu/long_blocks.hpp"

#include <llvm/ADT/DenseMap.h>
#include <llvm/ADT/STLExtras.h>
#include <llvm/Analysis/AliasAnalysis.h>
#include <llvm/Analysis/BasicAliasAnalysis.h>
#include <llvm/Analysis/LoopInfo.h>
#include <llvm/CodeGen/StackProtector.h>
#include <llvm/IR/DataLayout.h>
#include <llvm/IR/Dominators.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/Module.h>
#include <llvm/MC/MCSubtargetInfo.h>
#include <llvm/Pass.h>
#include <llvm/TargetParser/Triple.h>
#include <llvm/Transforms/Utils/BasicBlockUtils.h>

#include <cstdint>
#include <iterator>

#include "device/cpu/mask_bits.hpp"

namespace anymetal::device::cpu {
namespace {

constexpr std::uint64_t kRegisterBytes = 32;

std::uint64_t registers_loaded(const llvm::Instruction& instruction, const llvm::DataLayout& layout) {
  if (!llvm::isa<llvm::LoadInst>(instruction)) return 0;
  const auto bytes = layout.getTypeStoreSize(instruction.getType()).getFixedValue();
  return bytes <= kRegisterBytes ? 1 : (bytes + kRegisterBytes - 1) / kRegisterBytes;
}

/// Where the block may be cut: behind the variables on the stack, whose places are known in the first block only.
llvm::BasicBlock::iterator first_place(llvm::BasicBlock& block) {
  const auto last = llvm::find_if(llvm::reverse(block), [](const auto& i) { return llvm::isa<llvm::AllocaInst>(i); });
  return last == block.rend() ? block.getFirstInsertionPt() : std::next(last->getIterator());
}

/// Gives the block addresses of its own in the place of those that another computes.
void compute_addresses_in(llvm::BasicBlock& block) {
  llvm::DenseMap<llvm::Value*, llvm::Value*> own;
  for (auto& instruction : llvm::make_early_inc_range(block)) {
    auto* address = llvm::dyn_cast_or_null<llvm::GetElementPtrInst>(llvm::getLoadStorePointerOperand(&instruction));
    if (!address || address->getParent() == &block) continue;
    auto*& copy = own[address];
    if (!copy) {
      auto* made = address->clone();
      made->insertBefore(&instruction);
      copy = made;
    }
    instruction.replaceUsesOfWith(address, copy);
  }
}

class LongBlockPass final : public llvm::FunctionPass {
 public:
  static char ID;
  LongBlockPass() : FunctionPass(ID) {}

  llvm::StringRef getPassName() const override { return "blocks of many loads cut"; }

  void getAnalysisUsage(llvm::AnalysisUsage& usage) const override {
    usage.addUsedIfAvailable<llvm::DominatorTreeWrapperPass>();
    usage.addUsedIfAvailable<llvm::LoopInfoWrapperPass>();
    usage.addPreserved<llvm::DominatorTreeWrapperPass>();
    usage.addPreserved<llvm::LoopInfoWrapperPass>();
    usage.addPreserved<llvm::AAResultsWrapperPass>();
    usage.addPreserved<llvm::BasicAAWrapperPass>();
    usage.addPreserved<llvm::StackProtector>();
  }

  bool runOnFunction(llvm::Function& function) override {
    auto* dominators = getAnalysisIfAvailable<llvm::DominatorTreeWrapperPass>();
    auto* loops = getAnalysisIfAvailable<llvm::LoopInfoWrapperPass>();
    return cut_long_blocks(function, dominators ? &dominators->getDomTree() : nullptr,
                           loops ? &loops->getLoopInfo() : nullptr);
  }
};

char LongBlockPass::ID = 0;

}  // namespace

bool loads_in_pieces(const llvm::MCSubtargetInfo& processor) {
  return processor.getTargetTriple().isX86() && !has_mask_registers(processor);
}

bool cut_long_blocks(llvm::Function& function, llvm::DominatorTree* dominators, llvm::LoopInfo* loops) {
  const auto& layout = function.getParent()->getDataLayout();
  bool is_cut = false;
  for (auto block = function.begin(); block != function.end(); ++block) {
    std::uint64_t loaded = 0;
    for (auto at = first_place(*block); at != block->end(); ++at) {
      const auto more = registers_loaded(*at, layout);
      const bool is_first = loaded == 0;
      loaded += more;
      if (is_first || loaded <= kLoadsPerBlock) continue;
      compute_addresses_in(*llvm::SplitBlock(&*block, at, dominators, loops));
      is_cut = true;
      break;
    }
  }
  return is_cut;
}

llvm::FunctionPass* create_long_block_pass() { return new LongBlockPass; }

}  // namespace anymetal::device::cpu
