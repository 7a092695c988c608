#include "device/cpu/grid_bounds.hpp"

#include <llvm/ADT/STLExtras.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/PatternMatch.h>
#include <llvm/Transforms/Utils/ValueMapper.h>

#include <optional>

namespace anymetal::device::cpu {
namespace {

using namespace llvm::PatternMatch;

bool is_origin(const ThreadFunction& thread, const llvm::Value* value, unsigned axis) {
  return match(
      value, m_c_Mul(m_Specific(thread.geometry(kGroup + axis)), m_Specific(thread.geometry(kDispatchThreads + axis))));
}

bool is_position(const ThreadFunction& thread, const llvm::Value* value, unsigned axis) {
  llvm::Value* origin = nullptr;
  return match(value, m_c_Add(m_Value(origin), m_Specific(thread.geometry(kThread + axis)))) &&
         is_origin(thread, origin, axis);
}

/// The axis whose position in the grid this is.
std::optional<unsigned> axis_of(const ThreadFunction& thread, llvm::Value* value) {
  llvm::Value* narrow = nullptr;
  if (match(value, m_ZExt(m_Value(narrow)))) value = narrow;
  for (unsigned axis = 0; axis < 3; ++axis)
    if (is_position(thread, value, axis)) return axis;
  return std::nullopt;
}

/// Whether all threads of a threadgroup get this value, computed in the entry block from what nobody writes.
bool is_common(const ThreadFunction& thread, const llvm::Value* value, unsigned depth = 0) {
  if (llvm::isa<llvm::Constant>(value)) return true;
  if (const auto* argument = llvm::dyn_cast<llvm::Argument>(value)) {
    const auto number = argument->getArgNo();
    const auto first = thread.argument_count + 1;
    return number < thread.argument_count || number >= first + kGroup;
  }
  const auto* instruction = llvm::dyn_cast<llvm::Instruction>(value);
  if (!instruction || depth > 8 || instruction->getParent() != &thread.function->getEntryBlock()) return false;
  if (const auto* load = llvm::dyn_cast<llvm::LoadInst>(instruction)) {
    const auto* base = llvm::dyn_cast<llvm::Argument>(load->getPointerOperand()->stripInBoundsOffsets());
    if (!load->isSimple() || !base || !base->hasNoAliasAttr() || !base->onlyReadsMemory()) return false;
  } else if (!llvm::isa<llvm::BinaryOperator, llvm::CastInst, llvm::GetElementPtrInst>(instruction)) {
    return false;
  }
  return llvm::all_of(instruction->operands(), [&](const llvm::Use& use) { return is_common(thread, use, depth + 1); });
}

/// Whether a block does nothing but return.
bool returns(const llvm::BasicBlock* block) { return llvm::isa<llvm::ReturnInst>(block->front()); }

/// The comparisons that must all be true, or all false, for threads to go on.
void collect(llvm::Value* condition, bool wanted, llvm::SmallVectorImpl<llvm::ICmpInst*>& comparisons) {
  llvm::Value *a = nullptr, *b = nullptr;
  const bool parts = wanted ? match(condition, m_LogicalAnd(m_Value(a), m_Value(b)))
                            : match(condition, m_LogicalOr(m_Value(a), m_Value(b)));
  if (parts) {
    collect(a, wanted, comparisons);
    collect(b, wanted, comparisons);
  } else if (auto* comparison = llvm::dyn_cast<llvm::ICmpInst>(condition)) {
    comparisons.push_back(comparison);
  }
}

}  // namespace

llvm::SmallVector<GridBound, 3> take_grid_bounds(const ThreadFunction& thread) {
  llvm::SmallVector<GridBound, 3> bounds;
  const auto& entry = thread.function->getEntryBlock();
  const auto* branch = llvm::dyn_cast<llvm::BranchInst>(entry.getTerminator());
  if (!branch || !branch->isConditional()) return bounds;
  // Threads past the bound do what stands before it.
  if (llvm::any_of(entry, [](const llvm::Instruction& before) { return before.mayHaveSideEffects(); })) return bounds;
  const bool wanted = returns(branch->getSuccessor(1));
  if (!wanted && !returns(branch->getSuccessor(0))) return bounds;
  llvm::SmallVector<llvm::ICmpInst*, 4> comparisons;
  collect(branch->getCondition(), wanted, comparisons);
  for (auto* comparison : comparisons) {
    auto* position = comparison->getOperand(0);
    auto* bound = comparison->getOperand(1);
    auto predicate = wanted ? comparison->getPredicate() : comparison->getInversePredicate();
    auto axis = axis_of(thread, position);
    if (!axis) {
      std::swap(position, bound);
      predicate = llvm::CmpInst::getSwappedPredicate(predicate);
      axis = axis_of(thread, position);
    }
    if (!axis || predicate != llvm::CmpInst::ICMP_ULT || !is_common(thread, bound)) continue;
    bounds.push_back({*axis, bound});
    comparison->replaceAllUsesWith(llvm::ConstantInt::getBool(comparison->getType(), wanted));
  }
  return bounds;
}

llvm::Value* emit_bound(llvm::IRBuilderBase& builder, const ThreadFunction& thread, const GridBound& bound,
                        llvm::ArrayRef<llvm::Value*> arguments) {
  llvm::ValueToValueMapTy copies;
  for (auto& argument : thread.function->args()) copies[&argument] = arguments[argument.getArgNo()];
  const auto copy = [&](auto&& self, llvm::Value* value) -> llvm::Value* {
    if (llvm::isa<llvm::Constant>(value)) return value;
    if (const auto known = copies.find(value); known != copies.end()) return known->second;
    auto* clone = llvm::cast<llvm::Instruction>(value)->clone();
    for (auto& operand : clone->operands()) operand.set(self(self, operand.get()));
    builder.Insert(clone);
    copies[value] = clone;
    return clone;
  };
  return copy(copy, bound.bound);
}

bool reads_only_grid_position_of_x(const ThreadFunction& thread) {
  if (!thread.geometry(kThreadIndex)->use_empty() || !thread.geometry(kThreadsPerGroup)->use_empty()) return false;
  const auto is_sum = [&](const llvm::User* user) { return is_position(thread, user, 0); };
  return llvm::all_of(thread.geometry(kThread)->users(), is_sum) &&
         llvm::all_of(thread.geometry(kGroup)->users(), [&](const llvm::User* user) {
           return is_origin(thread, user, 0) && llvm::all_of(user->users(), is_sum);
         });
}

}  // namespace anymetal::device::cpu
