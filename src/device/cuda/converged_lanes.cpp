#include "device/cuda/converged_lanes.hpp"

#include <llvm/Analysis/CycleAnalysis.h>
#include <llvm/Analysis/PostDominators.h>
#include <llvm/Analysis/TargetTransformInfo.h>
#include <llvm/Analysis/TargetTransformInfoImpl.h>
#include <llvm/Analysis/UniformityAnalysis.h>
#include <llvm/Analysis/ValueTracking.h>
#include <llvm/IR/CFG.h>
#include <llvm/IR/Dominators.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/IntrinsicInst.h>
#include <llvm/IR/IntrinsicsNVPTX.h>
#include <llvm/IR/PassInstrumentation.h>
#include <llvm/IR/PatternMatch.h>

#include "device/cuda/nvptx_lowering.hpp"

namespace anymetal::device::cuda {

namespace {

using llvm::Value;
using CommonValues = llvm::SmallPtrSet<const Value*, 16>;
using Blocks = llvm::SmallPtrSet<const llvm::BasicBlock*, 16>;

constexpr unsigned kGlobalSpace = 1;
constexpr unsigned kSharedSpace = 3;

llvm::StringRef called_name(const Value* value) {
  const auto* call = llvm::dyn_cast<llvm::CallInst>(value);
  const auto* callee = call == nullptr ? nullptr : call->getCalledFunction();
  return callee == nullptr ? llvm::StringRef() : callee->getName();
}

bool is_common_to_a_threadgroup(llvm::Intrinsic::ID id) {
  switch (id) {
    case llvm::Intrinsic::nvvm_read_ptx_sreg_ctaid_x:
    case llvm::Intrinsic::nvvm_read_ptx_sreg_ctaid_y:
    case llvm::Intrinsic::nvvm_read_ptx_sreg_ctaid_z:
    case llvm::Intrinsic::nvvm_read_ptx_sreg_ntid_x:
    case llvm::Intrinsic::nvvm_read_ptx_sreg_ntid_y:
    case llvm::Intrinsic::nvvm_read_ptx_sreg_ntid_z:
      return true;
    default:
      return false;
  }
}

/// What lanes that load from one address together find there: the same where all see the same memory.
bool is_load_from_common_memory(const llvm::LoadInst& load) {
  if (!load.isSimple()) return false;
  const unsigned space = load.getPointerAddressSpace();
  if (space == kGlobalSpace || space == kSharedSpace) return true;
  const auto* source = llvm::getUnderlyingObject(load.getPointerOperand(), 0);
  const auto* argument = llvm::dyn_cast<llvm::Argument>(source);
  const auto* global = llvm::dyn_cast<llvm::GlobalVariable>(source);
  return (argument != nullptr && argument->hasByValAttr()) ||
         (global != nullptr && global->isConstant());  // a kernel's constants
}

/// What only the simdgroup's index decides: a thread's index without its low five bits, or whether it is below a
/// multiple of 32.
bool is_of_the_simdgroup(const Value* value) {
  using namespace llvm::PatternMatch;
  const Value* index = nullptr;
  const llvm::APInt* bits = nullptr;
  llvm::ICmpInst::Predicate predicate{};
  const bool common = (match(value, m_LShr(m_Value(index), m_APInt(bits))) && bits->uge(5)) ||
                      (match(value, m_And(m_Value(index), m_APInt(bits))) && bits->countr_zero() >= 5) ||
                      (match(value, m_ICmp(predicate, m_Value(index), m_APInt(bits))) &&
                       ((predicate == llvm::ICmpInst::ICMP_ULT && bits->countr_zero() >= 5) ||
                        (predicate == llvm::ICmpInst::ICMP_UGT && bits->countr_one() >= 5)));
  if (!common) return false;
  match(index, m_ZExt(m_Value(index)));
  return called_name(index) == kThreadIndex;
}

/// Every lane that is there gets the same from it.
bool is_common_to_lanes(const Value* value) {
  llvm::StringRef name = called_name(value);
  return name.consume_front("__msl_simd_") && name != "shuffle" && !name.starts_with("prefix_");
}

/// What LLVM's analysis asks of a target. `broadcasts` are shuffles from a lane that all agree on.
struct Target : llvm::TargetTransformInfoImplCRTPBase<Target> {
  Target(const llvm::DataLayout& layout, const CommonValues& broadcasts)
      : TargetTransformInfoImplCRTPBase(layout), broadcasts_(&broadcasts) {}
  bool hasBranchDivergence(const llvm::Function* = nullptr) const { return true; }
  bool isAlwaysUniform(const Value* value) const {
    return broadcasts_->contains(value) || is_common_to_lanes(value) || is_of_the_simdgroup(value);
  }
  bool isSourceOfDivergence(const Value* value) const {
    if (isAlwaysUniform(value)) return false;
    if (const auto* load = llvm::dyn_cast<llvm::LoadInst>(value)) return !is_load_from_common_memory(*load);
    if (llvm::isa<llvm::AtomicRMWInst, llvm::AtomicCmpXchgInst, llvm::AllocaInst>(value)) return true;
    const auto* call = llvm::dyn_cast<llvm::CallBase>(value);
    if (call == nullptr || called_name(value).starts_with("__msl_fast_")) return false;
    const auto id = call->getIntrinsicID();
    if (is_common_to_a_threadgroup(id)) return false;
    // LLVM's intrinsics for arithmetic give the same for the same; the target's own read positions and exchange values.
    return id == llvm::Intrinsic::not_intrinsic || llvm::Function::isTargetIntrinsic(id) ||
           !call->doesNotAccessMemory();
  }
  const CommonValues* broadcasts_;
};

llvm::UniformityInfo analyse(llvm::Function& kernel, const CommonValues& broadcasts,
                             llvm::FunctionAnalysisManager& analyses) {
  analyses.clear();
  analyses.registerPass([] { return llvm::PassInstrumentationAnalysis(); });
  analyses.registerPass([] { return llvm::DominatorTreeAnalysis(); });
  analyses.registerPass([] { return llvm::CycleAnalysis(); });
  analyses.registerPass([&] {
    return llvm::TargetIRAnalysis([&](const llvm::Function& of) {
      return llvm::TargetTransformInfo(Target(of.getParent()->getDataLayout(), broadcasts));
    });
  });
  return llvm::UniformityInfoAnalysis().run(kernel, analyses);
}

/// Adds the shuffles whose lane is common by what is known so far. True where there were any.
bool find_broadcasts(llvm::Function& kernel, const llvm::UniformityInfo& uniformity, CommonValues& broadcasts) {
  bool found = false;
  for (auto& instruction : llvm::instructions(kernel)) {
    if (called_name(&instruction) != "__msl_simd_shuffle") continue;
    auto& call = llvm::cast<llvm::CallInst>(instruction);
    if (!uniformity.isDivergentUse(call.getArgOperandUse(1))) found |= broadcasts.insert(&call).second;
  }
  return found;
}

/// Whether lanes may wait for others here: those that do, while others call for all lanes elsewhere, would wait for
/// ever.
bool is_synchronising(const llvm::BasicBlock& block) {
  return std::any_of(block.begin(), block.end(), [](const llvm::Instruction& instruction) {
    const auto name = called_name(&instruction);
    return name.starts_with("__msl_simd_") || name.starts_with("__msl_simdgroup_") ||
           name == "__msl_threadgroup_barrier";
  });
}

/// Blocks on ways that begin at `start`, itself included, and end before `end`.
Blocks blocks_between(const llvm::BasicBlock& start, const llvm::BasicBlock* end) {
  Blocks found;
  llvm::SmallVector<const llvm::BasicBlock*> work{&start};
  while (!work.empty()) {
    const auto* block = work.pop_back_val();
    if (block != end && found.insert(block).second) work.append(llvm::succ_begin(block), llvm::succ_end(block));
  }
  return found;
}

}  // namespace

ConvergentBlocks::ConvergentBlocks(llvm::Function& kernel) {
  CommonValues broadcasts;
  llvm::FunctionAnalysisManager analyses;
  auto uniformity = analyse(kernel, broadcasts, analyses);
  while (find_broadcasts(kernel, uniformity, broadcasts)) uniformity = analyse(kernel, broadcasts, analyses);

  const llvm::PostDominatorTree post_dominators(kernel);
  for (const auto& block : kernel) {
    if (block.getTerminator()->getNumSuccessors() > 1 && uniformity.hasDivergentTerminator(block))
      add_parting(block, post_dominators);
  }
}

void ConvergentBlocks::add_parting(const llvm::BasicBlock& branch, const llvm::PostDominatorTree& post_dominators) {
  const auto* meeting = post_dominators.getNode(&branch)->getIDom()->getBlock();  // null: the function's end
  llvm::SmallVector<Blocks> ways;
  llvm::SmallVector<bool> only_return;
  const llvm::SmallPtrSet<const llvm::BasicBlock*, 4> successors(llvm::succ_begin(&branch), llvm::succ_end(&branch));
  for (const auto* successor : successors) {
    ways.push_back(blocks_between(*successor, meeting));
    const auto beyond = blocks_between(*successor, nullptr);
    only_return.push_back(
        std::none_of(beyond.begin(), beyond.end(), [](const auto* block) { return is_synchronising(*block); }));
  }
  for (std::size_t way = 0; way < ways.size(); ++way) {
    for (const auto* block : ways[way]) {
      bool together = true;
      for (std::size_t other = 0; other < ways.size() && together; ++other) {
        together = other == way || (only_return[other] && !ways[other].contains(block));
      }
      if (!together) parted_.insert(block);
    }
  }
}

}  // namespace anymetal::device::cuda
