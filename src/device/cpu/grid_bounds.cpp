#include "device/cpu/grid_bounds.hpp"

#include <llvm/ADT/STLExtras.h>
#include <llvm/ADT/SmallPtrSet.h>
#include <llvm/Analysis/InstructionSimplify.h>
#include <llvm/Analysis/ValueTracking.h>
#include <llvm/Analysis/VectorUtils.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/PatternMatch.h>
#include <llvm/IR/ValueHandle.h>
#include <llvm/Transforms/Utils/Local.h>
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

using Blocks = llvm::SmallPtrSet<const llvm::BasicBlock*, 4>;

/// Whether all threads of a threadgroup get this value, computed in one of the blocks from what nobody writes; before
/// all of them it may be computed where no thread comes to its block.
bool is_common(const ThreadFunction& thread, const Blocks& blocks, const llvm::Value* value, unsigned depth = 0) {
  if (llvm::isa<llvm::Constant>(value)) return true;
  if (const auto* argument = llvm::dyn_cast<llvm::Argument>(value)) {
    const auto number = argument->getArgNo();
    const auto first = thread.argument_count + 1;
    return number < thread.argument_count || number >= first + kGroup;
  }
  const auto* instruction = llvm::dyn_cast<llvm::Instruction>(value);
  if (!instruction || depth > 8 || !blocks.contains(instruction->getParent())) return false;
  if (!instruction->getParent()->isEntryBlock() && !llvm::isSafeToSpeculativelyExecute(instruction)) return false;
  if (const auto* load = llvm::dyn_cast<llvm::LoadInst>(instruction)) {
    const auto* base = llvm::dyn_cast<llvm::Argument>(load->getPointerOperand()->stripInBoundsOffsets());
    if (!load->isSimple() || !base || !base->hasNoAliasAttr() || !base->onlyReadsMemory()) return false;
  } else if (!llvm::isa<llvm::BinaryOperator, llvm::CastInst, llvm::GetElementPtrInst>(instruction)) {
    return false;
  }
  return llvm::all_of(instruction->operands(),
                      [&](const llvm::Use& use) { return is_common(thread, blocks, use, depth + 1); });
}

/// Whether a block does nothing but return.
bool returns(const llvm::BasicBlock* block) { return llvm::isa<llvm::ReturnInst>(block->front()); }

/// A comparison, of numbers or of the elements of vectors, that must be `wanted` for threads to go on.
struct Comparison {
  llvm::WeakVH comparison;
  bool wanted = true;
};

/// The comparisons that must all have their outcome; of a vector each element must.
void collect(llvm::Value* condition, bool wanted, llvm::SmallVectorImpl<Comparison>& comparisons) {
  llvm::Value *a = nullptr, *b = nullptr;
  llvm::ICmpInst::Predicate predicate{};
  const bool parts = wanted ? match(condition, m_LogicalAnd(m_Value(a), m_Value(b)))
                            : match(condition, m_LogicalOr(m_Value(a), m_Value(b)));
  if (parts) {
    collect(a, wanted, comparisons);
    collect(b, wanted, comparisons);
    return;
  }
  auto* comparison = llvm::dyn_cast<llvm::ICmpInst>(condition);
  if (!comparison) return;
  // all(v) and any(v) as the bits of a number
  const bool all = match(condition, m_ICmp(predicate, m_BitCast(m_Value(a)), m_AllOnes()));
  const bool none = match(condition, m_ICmp(predicate, m_BitCast(m_Value(a)), m_Zero()));
  if ((all || none) && a->getType()->isIntOrIntVectorTy(1) && comparison->isEquality() &&
      wanted == (predicate == llvm::ICmpInst::ICMP_EQ))
    return collect(a, all, comparisons);
  comparisons.push_back({comparison, wanted});
}

/// The bounds that a comparison of two numbers amounts to, if threads go on where it holds.
std::optional<GridBound> bound_of(const ThreadFunction& thread, const Blocks& blocks,
                                  llvm::ICmpInst::Predicate predicate, llvm::Value* position, llvm::Value* bound) {
  using Side = GridBound::Side;
  if (!position || !bound) return std::nullopt;
  auto axis = axis_of(thread, position);
  if (!axis) {
    std::swap(position, bound);
    predicate = llvm::CmpInst::getSwappedPredicate(predicate);
    axis = axis_of(thread, position);
  }
  if (!axis || !is_common(thread, blocks, bound)) return std::nullopt;
  switch (predicate) {
    case llvm::CmpInst::ICMP_ULT:
      return GridBound{*axis, Side::Before, bound, false};
    case llvm::CmpInst::ICMP_ULE:
      return GridBound{*axis, Side::Before, bound, true};
    case llvm::CmpInst::ICMP_UGE:
      return GridBound{*axis, Side::From, bound, false};
    case llvm::CmpInst::ICMP_UGT:
      return GridBound{*axis, Side::From, bound, true};
    case llvm::CmpInst::ICMP_NE:
      if (match(bound, m_Zero())) return GridBound{*axis, Side::From, bound, true};
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

/// Deletes vectors that nobody needs any more. Numbers stay: they may be bounds.
void delete_unused_vectors(llvm::ArrayRef<llvm::Value*> values) {
  llvm::SmallVector<llvm::WeakTrackingVH, 8> open(values.begin(), values.end());
  while (!open.empty()) {
    auto* made = llvm::dyn_cast_or_null<llvm::Instruction>(open.pop_back_val());
    if (!made || !made->getType()->isVectorTy() || !llvm::isInstructionTriviallyDead(made)) continue;
    open.append(made->op_begin(), made->op_end());
    made->eraseFromParent();
  }
}

/// Takes a comparison, if all of it are bounds.
void take(const ThreadFunction& thread, const Blocks& blocks, const Comparison& found,
          llvm::SmallVectorImpl<GridBound>& bounds) {
  auto* comparison = llvm::cast_or_null<llvm::ICmpInst>(found.comparison);
  if (!comparison) return;  // it stood there twice
  const auto predicate = found.wanted ? comparison->getPredicate() : comparison->getInversePredicate();
  auto *left = comparison->getOperand(0), *right = comparison->getOperand(1);
  const auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(left->getType());
  llvm::SmallVector<GridBound, 4> own;
  for (unsigned i = 0; i < (vector ? vector->getNumElements() : 1); ++i) {
    const auto element = [&](llvm::Value* operand) { return vector ? llvm::findScalarElement(operand, i) : operand; };
    const auto bound = bound_of(thread, blocks, predicate, element(left), element(right));
    if (!bound) return;
    own.push_back(*bound);
  }
  bounds.append(own);
  llvm::replaceAndRecursivelySimplify(comparison, llvm::ConstantInt::getBool(comparison->getType(), found.wanted));
  delete_unused_vectors({left, right});
}

}  // namespace

llvm::SmallVector<GridBound, 3> take_grid_bounds(const ThreadFunction& thread) {
  llvm::SmallVector<GridBound, 3> bounds;
  Blocks blocks;
  llvm::SmallVector<Comparison, 4> comparisons;
  // One way leads through the blocks, past returns.
  const auto* block = &thread.function->getEntryBlock();
  while (block) {
    const auto* branch = llvm::dyn_cast<llvm::BranchInst>(block->getTerminator());
    if (!branch || !branch->isConditional()) break;
    // Threads past the bound do what stands before it.
    if (llvm::any_of(*block, [](const llvm::Instruction& before) { return before.mayHaveSideEffects(); })) break;
    const bool wanted = returns(branch->getSuccessor(1));
    if (!wanted && !returns(branch->getSuccessor(0))) break;
    blocks.insert(block);
    collect(branch->getCondition(), wanted, comparisons);
    const auto* next = branch->getSuccessor(wanted ? 0 : 1);
    block = next->getSinglePredecessor() ? next : nullptr;
  }
  for (const auto& found : comparisons) take(thread, blocks, found, bounds);
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
  auto* end = builder.CreateZExtOrTrunc(copy(copy, bound.bound), builder.getInt64Ty());
  if (!bound.one_more) return end;
  return builder.CreateBinaryIntrinsic(llvm::Intrinsic::uadd_sat, end, builder.getInt64(1));
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
