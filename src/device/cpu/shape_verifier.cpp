#include "device/cpu/shape_verifier.hpp"

#include <fmt/format.h>
#include <llvm/Analysis/ConstantFolding.h>
#include <llvm/Analysis/CycleAnalysis.h>
#include <llvm/Analysis/TargetTransformInfo.h>
#include <llvm/Analysis/TargetTransformInfoImpl.h>
#include <llvm/Analysis/UniformityAnalysis.h>
#include <llvm/IR/CFG.h>
#include <llvm/IR/Constants.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/Module.h>
#include <llvm/IR/PassInstrumentation.h>
#include <llvm/IR/PassManager.h>

#include <array>
#include <random>
#include <vector>

#include "device/cpu/kernel_abi.hpp"
#include "device/cpu/lane_emitter.hpp"
#include "device/cpu/lane_shapes.hpp"
#include "device/cpu/sync_operation.hpp"
#include "device/cpu/thread_flow.hpp"

namespace anymetal::device::cpu {
namespace {

bool counts_lanes(const ThreadFunction& thread, const llvm::Value* value) {
  return value == thread.geometry(kThread) || value == thread.geometry(kThreadIndex);
}

/// What LLVM's analysis asks of a processor with lanes.
struct LaneSources : llvm::TargetTransformInfoImplCRTPBase<LaneSources> {
  LaneSources(const llvm::DataLayout& layout, const ThreadFunction& of, const LaneShapes& said)
      : TargetTransformInfoImplCRTPBase(layout), thread(of), shapes(said) {}
  bool hasBranchDivergence(const llvm::Function* = nullptr) const { return true; }
  bool isSourceOfDivergence(const llvm::Value* value) const {
    if (counts_lanes(thread, value)) return true;
    const auto* load = llvm::dyn_cast<llvm::LoadInst>(value);
    if (load && private_variable(const_cast<llvm::Value*>(load->getPointerOperand()))) return true;
    if (llvm::isa<llvm::AtomicRMWInst, llvm::AtomicCmpXchgInst>(value)) return true;
    const auto* call = llvm::dyn_cast<llvm::CallInst>(value);
    const auto operation = call ? sync_operation(*call) : std::nullopt;
    return operation && !operation->uniform_result() && operation->kind != SyncOperation::Kind::Shuffle;
  }
  bool isAlwaysUniform(const llvm::Value* value) const {
    const auto* instruction = llvm::dyn_cast<llvm::Instruction>(value);
    if (!instruction) return false;
    if (const auto* call = llvm::dyn_cast<llvm::CallInst>(instruction))
      if (const auto operation = sync_operation(*call)) {
        // What one lane holds: the same for all where all name the same lane.
        if (operation->kind == SyncOperation::Kind::Shuffle) return shapes.of(call->getArgOperand(1)).is_uniform();
        return operation->uniform_result();
      }
    return follows_from_strides(*instruction);
  }
  /// Operands differ and the result does not: for the evaluation to confirm.
  [[nodiscard]] bool follows_from_strides(const llvm::Instruction& instruction) const {
    if (!instruction.getType()->isIntOrPtrTy() || llvm::isa<llvm::PHINode, llvm::LoadInst, llvm::CallInst>(instruction))
      return false;
    return shapes.of(&instruction).is_uniform() && llvm::any_of(instruction.operands(), [&](const auto& operand) {
             return shapes.of(operand.get()).is_linear();
           });
  }
  const ThreadFunction& thread;
  const LaneShapes& shapes;
};

class ShapeVerifier {
 public:
  ShapeVerifier(const ThreadFunction& thread, const ThreadFlow& flow, const LaneShapes& shapes)
      : thread_(thread), flow_(flow), shapes_(shapes), layout_(thread.function->getParent()->getDataLayout()) {}

  std::string run() {
    for (const auto* block : flow_.order)
      for (const auto& instruction : *block)
        if (auto problem = check_progression(instruction); !problem.empty()) return problem;
    if (auto problem = check_uniformity(); !problem.empty()) return problem;
    return check_partial_blocks();
  }

 private:
  static std::string name(const llvm::Value& value) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    if (llvm::isa<llvm::BasicBlock>(value)) {
      value.printAsOperand(stream, false);
    } else {
      stream << value;
    }
    return text;
  }
  [[nodiscard]] bool parts_lanes(const llvm::BasicBlock& block) const {
    const auto* branch = llvm::dyn_cast<llvm::BranchInst>(block.getTerminator());
    return branch && branch->isConditional() && !shapes_.of(branch->getCondition()).is_uniform();
  }
  [[nodiscard]] const llvm::BasicBlock* meeting(const llvm::BasicBlock& block) const {
    const auto* node = flow_.post_dominators.getNode(&block);
    return node && node->getIDom() ? node->getIDom()->getBlock() : nullptr;
  }

  /// An operand as lane `lane` has it.
  llvm::Constant* sample(const llvm::Value* operand, unsigned lane, std::uint64_t first) const {
    if (const auto* constant = llvm::dyn_cast<llvm::Constant>(operand)) return const_cast<llvm::Constant*>(constant);
    auto* type = operand->getType();
    if (counts_lanes(thread_, operand)) first &= 0x3e0;
    if (shapes_.counts_lanes(operand)) first -= first % shapes_.width();
    const auto value = first + static_cast<std::uint64_t>(shapes_.of(operand).stride * lane);
    if (type->isPointerTy())
      return llvm::ConstantExpr::getIntToPtr(llvm::ConstantInt::get(llvm::Type::getInt64Ty(type->getContext()), value),
                                             type);
    return llvm::ConstantInt::get(type, value);
  }

  std::string check_progression(const llvm::Instruction& instruction) {
    const auto shape = shapes_.of(&instruction);
    if (shape.kind != Shape::Kind::Linear || shape.conditional) return {};
    if (const auto* phi = llvm::dyn_cast<llvm::PHINode>(&instruction)) {
      for (const auto& incoming : phi->incoming_values())
        if (const auto of = shapes_.of(incoming.get()); of.kind != shape.kind || of.stride != shape.stride)
          return fmt::format("lanes do not bring values {} apart to '{}'", shape.stride, name(instruction));
      return {};
    }
    if (!instruction.getType()->isIntOrPtrTy() ||
        llvm::isa<llvm::LoadInst, llvm::CallInst, llvm::AllocaInst>(instruction))
      return {};
    for (const auto& operand : instruction.operands())
      if (!operand->getType()->isIntOrPtrTy() || shapes_.of(operand.get()).is_divergent()) return {};
    for (unsigned trial = 0; trial < 8; ++trial) {
      // Small numbers: none wraps around when it is widened.
      std::vector<std::uint64_t> firsts(instruction.getNumOperands());
      for (auto& first : firsts) first = random_() % (1u << 12) + (1u << 20);
      const auto result = [&](unsigned lane) -> const llvm::ConstantInt* {
        llvm::SmallVector<llvm::Constant*, 4> operands;
        for (unsigned i = 0; i < instruction.getNumOperands(); ++i)
          operands.push_back(sample(instruction.getOperand(i), lane, firsts[i]));
        // Samples share bits; where no bits are shared, `or` is a sum.
        const auto* disjoint = llvm::dyn_cast<llvm::PossiblyDisjointInst>(&instruction);
        auto* folded =
            disjoint && disjoint->isDisjoint()
                ? llvm::ConstantFoldBinaryOpOperands(llvm::Instruction::Add, operands[0], operands[1], layout_)
                : llvm::ConstantFoldInstOperands(const_cast<llvm::Instruction*>(&instruction), operands, layout_);
        if (folded && folded->getType()->isPointerTy())
          folded = llvm::ConstantFoldCastOperand(llvm::Instruction::PtrToInt, folded,
                                                 llvm::Type::getInt64Ty(folded->getContext()), layout_);
        return llvm::dyn_cast_or_null<llvm::ConstantInt>(folded);
      };
      const auto* first = result(0);
      for (const unsigned lane : {1u, 2u, 15u, 31u}) {
        const auto* other = first && lane < shapes_.width() ? result(lane) : nullptr;
        if (!other) continue;
        const llvm::APInt step(first->getBitWidth(), static_cast<std::uint64_t>(shape.stride * lane), true);
        if (other->getValue() != first->getValue() + step)
          return fmt::format("lane {} is not {} away from lane 0 in '{}'", lane, shape.stride * lane,
                             name(instruction));
      }
    }
    return {};
  }

  std::string check_uniformity() {
    // A phi of constants in every block where ways join: it differs between lanes that meet there.
    auto& function = *thread_.function;
    llvm::DenseMap<const llvm::BasicBlock*, llvm::PHINode*> probes;
    for (auto* block : flow_.order) {
      const auto ways = static_cast<unsigned>(std::distance(llvm::pred_begin(block), llvm::pred_end(block)));
      if (ways < 2) continue;
      auto* word = llvm::Type::getInt32Ty(function.getContext());
      auto* probe = llvm::PHINode::Create(word, ways, "", block->begin());
      unsigned way = 0;
      for (auto* from : llvm::predecessors(block)) probe->addIncoming(llvm::ConstantInt::get(word, way++), from);
      probes[block] = probe;
    }
    llvm::FunctionAnalysisManager analyses;
    analyses.registerPass([] { return llvm::PassInstrumentationAnalysis(); });
    analyses.registerPass([] { return llvm::DominatorTreeAnalysis(); });
    analyses.registerPass([] { return llvm::CycleAnalysis(); });
    analyses.registerPass([this] {
      return llvm::TargetIRAnalysis(
          [this](const llvm::Function&) { return llvm::TargetTransformInfo(LaneSources(layout_, thread_, shapes_)); });
    });
    const auto uniformity = llvm::UniformityInfoAnalysis().run(function, analyses);
    std::string problem;
    for (const auto* block : flow_.order)
      for (const auto& instruction : *block) {
        if (!problem.empty()) break;
        const auto* probe = probes.lookup(block);
        const auto* phi = llvm::dyn_cast<llvm::PHINode>(&instruction);
        if (probe == &instruction) continue;
        const auto shape = shapes_.of(&instruction);
        if (shape.is_uniform() && !instruction.isTerminator() && uniformity.isDivergent(&instruction))
          problem = fmt::format("lanes have different values in '{}'", name(instruction));
        if (phi && shape.is_linear() && (probe ? uniformity.isDivergent(probe) : follows_parted_loop(*block)))
          problem = fmt::format("lanes that took different ways meet in '{}'", name(instruction));
      }
    for (const auto& [block, probe] : probes) probe->eraseFromParent();
    return problem;
  }

  /// Whether lanes come to `exit` from a loop in different rounds.
  [[nodiscard]] bool follows_parted_loop(const llvm::BasicBlock& exit) const {
    for (const auto* from : llvm::predecessors(&exit))
      for (const auto* loop = flow_.loops.getLoopFor(from); loop && !loop->contains(&exit);
           loop = loop->getParentLoop())
        for (const auto* inside : loop->blocks())
          if (parts_lanes(*inside) && !(meeting(*inside) && loop->contains(meeting(*inside)))) return true;
    return false;
  }

  std::string check_partial_blocks() {
    for (const auto* block : flow_.order) {
      if (!parts_lanes(*block)) continue;
      const auto* end = meeting(*block);
      llvm::SmallPtrSet<const llvm::BasicBlock*, 16> reached;
      llvm::SmallVector<const llvm::BasicBlock*, 16> open(llvm::successors(block));
      while (!open.empty()) {
        const auto* next = open.pop_back_val();
        if (next == end || !reached.insert(next).second) continue;
        if (!shapes_.is_partial(next))
          return fmt::format("lanes that part in block '{}' reach '{}', which is taken for one of all lanes",
                             name(*block), name(*next));
        open.append(llvm::succ_begin(next), llvm::succ_end(next));
      }
    }
    return {};
  }

  const ThreadFunction& thread_;
  const ThreadFlow& flow_;
  const LaneShapes& shapes_;
  const llvm::DataLayout& layout_;
  std::mt19937 random_{1};
};

}  // namespace

std::string shape_violation(const ThreadFunction& thread, const ThreadFlow& flow, const LaneShapes& shapes) {
  return ShapeVerifier(thread, flow, shapes).run();
}

}  // namespace anymetal::device::cpu
