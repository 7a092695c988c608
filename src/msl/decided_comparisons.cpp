#include "msl/decided_comparisons.hpp"

#include <llvm/IR/Constants.h>
#include <llvm/IR/Dominators.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/PatternMatch.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

namespace anymetal::msl {
namespace {

namespace match = llvm::PatternMatch;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// How a number may lie to a constant: the bits of LLVM's predicates.
constexpr unsigned kEqual = 1, kGreater = 2, kLess = 4, kUnordered = 8, kAny = 15;

/// Where a number lies. Every half and float is a double, so closed ends are enough.
struct Range {
  double low = -kInfinity, high = kInfinity;
  bool may_be_nan = true;

  unsigned relations(double constant) const {
    return (low < constant ? kLess : 0) | (low <= constant && constant <= high ? kEqual : 0) |
           (high > constant ? kGreater : 0) | (may_be_nan ? kUnordered : 0);
  }
  void allow(unsigned relations, double constant) {
    const bool equal = (relations & kEqual) != 0;
    if ((relations & kUnordered) == 0) may_be_nan = false;
    if ((relations & kLess) == 0) low = std::max(low, equal ? constant : std::nextafter(constant, kInfinity));
    if ((relations & kGreater) == 0) high = std::min(high, equal ? constant : std::nextafter(constant, -kInfinity));
  }
};

/// A comparison of a number, or of plus or minus its magnitude, with a constant.
struct Comparison {
  const llvm::Value* number;
  bool magnitude;
  unsigned relations;
  double constant;
};

unsigned swapped(unsigned relations) {
  return (relations & (kEqual | kUnordered)) | ((relations & kLess) != 0 ? kGreater : 0) |
         ((relations & kGreater) != 0 ? kLess : 0);
}

std::optional<Comparison> read(const llvm::Value* condition) {
  const auto* compare = llvm::dyn_cast<llvm::FCmpInst>(condition);
  if (compare == nullptr || compare->getType()->isVectorTy()) return std::nullopt;
  const auto* constant = llvm::dyn_cast<llvm::ConstantFP>(compare->getOperand(1));
  if (constant == nullptr || constant->isNaN()) return std::nullopt;
  Comparison result{compare->getOperand(0), false, static_cast<unsigned>(compare->getPredicate()),
                    constant->getValueAPF().convertToDouble()};
  constexpr int kLongest = 16;
  llvm::Value* inner = nullptr;
  for (int i = 0; i < kLongest; ++i, result.number = inner) {
    if (match::match(result.number, match::m_FNeg(match::m_Value(inner)))) {
      if (result.magnitude) continue;
      result.relations = swapped(result.relations);
      result.constant = -result.constant;
    } else if (match::match(result.number, match::m_FAbs(match::m_Value(inner)))) {
      result.magnitude = true;
    } else if (!match::match(result.number, match::m_FPExt(match::m_Value(inner)))) {
      break;
    }
  }
  return result;
}

/// What branches tell of one number.
class Known {
 public:
  void learn(const Comparison& comparison) {
    (comparison.magnitude ? magnitude_ : value_).allow(comparison.relations, comparison.constant);
  }
  unsigned relations(const Comparison& comparison) const {
    Range value = value_, magnitude = magnitude_;
    value.low = std::max(value.low, -magnitude.high);
    value.high = std::min(value.high, magnitude.high);
    magnitude.low = std::max({magnitude.low, value.low, -value.high});
    magnitude.high = std::min(magnitude.high, std::max(-value.low, value.high));
    const bool may_be_nan = value.may_be_nan && magnitude.may_be_nan;
    value.may_be_nan = magnitude.may_be_nan = may_be_nan;
    return (comparison.magnitude ? magnitude : value).relations(comparison.constant);
  }

 private:
  Range value_, magnitude_{0};
};

/// Learns what a condition that came out as `outcome` says of a number.
void learn(Known& known, const llvm::Value* number, const llvm::Value* condition, bool outcome) {
  const llvm::Value *left = nullptr, *right = nullptr;
  if (outcome ? match::match(condition, match::m_LogicalAnd(match::m_Value(left), match::m_Value(right)))
              : match::match(condition, match::m_LogicalOr(match::m_Value(left), match::m_Value(right)))) {
    learn(known, number, left, outcome);
    learn(known, number, right, outcome);
    return;
  }
  if (match::match(condition, match::m_Not(match::m_Value(left)))) return learn(known, number, left, !outcome);
  std::optional<Comparison> comparison = read(condition);
  if (!comparison || comparison->number != number) return;
  if (!outcome) comparison->relations ^= kAny;
  known.learn(*comparison);
}

}  // namespace

void fold_decided_comparisons(llvm::Function& function) {
  constexpr int kFarthest = 256;  // branches looked back at
  const llvm::DominatorTree tree(function);
  std::vector<std::pair<llvm::FCmpInst*, bool>> decided;
  for (llvm::Instruction& i : llvm::instructions(function)) {
    auto* compare = llvm::dyn_cast<llvm::FCmpInst>(&i);
    const std::optional<Comparison> comparison = read(&i);
    const llvm::DomTreeNode* node = comparison ? tree.getNode(i.getParent()) : nullptr;
    Known known;
    for (int steps = 0; node != nullptr && node->getIDom() != nullptr && steps < kFarthest;
         ++steps, node = node->getIDom()) {
      const auto* branch = llvm::dyn_cast<llvm::BranchInst>(node->getIDom()->getBlock()->getTerminator());
      if (branch == nullptr || !branch->isConditional() || branch->getSuccessor(0) == branch->getSuccessor(1)) continue;
      for (const unsigned side : {0U, 1U}) {
        if (tree.dominates(llvm::BasicBlockEdge(branch->getParent(), branch->getSuccessor(side)), i.getParent())) {
          learn(known, comparison->number, branch->getCondition(), side == 0);
        }
      }
    }
    if (!comparison || !tree.getNode(i.getParent())) continue;
    const unsigned possible = known.relations(*comparison);
    if ((possible & comparison->relations) == 0)
      decided.emplace_back(compare, false);
    else if ((possible & ~comparison->relations) == 0)
      decided.emplace_back(compare, true);
  }
  for (const auto& [compare, outcome] : decided) {
    compare->replaceAllUsesWith(llvm::ConstantInt::getBool(compare->getContext(), outcome));
    compare->eraseFromParent();
  }
}

}  // namespace anymetal::msl
