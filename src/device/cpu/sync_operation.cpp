#include "device/cpu/sync_operation.hpp"

#include <llvm/ADT/StringRef.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/Instructions.h>

#include <array>
#include <utility>

namespace anymetal::device::cpu {
namespace {

using Kind = SyncOperation::Kind;
using Combine = SyncOperation::Combine;
using Element = SyncOperation::Element;

constexpr std::array<std::pair<const char*, Combine>, 7> kCombines{{{"sum", Combine::Sum},
                                                                    {"product", Combine::Product},
                                                                    {"min", Combine::Min},
                                                                    {"max", Combine::Max},
                                                                    {"and", Combine::And},
                                                                    {"or", Combine::Or},
                                                                    {"xor", Combine::Xor}}};

std::optional<Element> element(llvm::StringRef suffix) {
  if (suffix == "i32") return Element::I32;
  if (suffix == "u32") return Element::U32;
  if (suffix == "f32") return Element::F32;
  return std::nullopt;
}

std::optional<SyncOperation> combining(Kind kind, llvm::StringRef name) {
  const auto [word, suffix] = name.rsplit('_');
  const auto type = element(suffix);
  if (!type) return std::nullopt;
  for (const auto& [spelling, combine] : kCombines)
    if (word == spelling) return SyncOperation{kind, combine, *type};
  return std::nullopt;
}

}  // namespace

std::optional<SyncOperation> sync_operation(const llvm::Function& function) {
  llvm::StringRef name = function.getName();
  if (!name.consume_front("__msl_")) return std::nullopt;
  if (name == "threadgroup_barrier") return SyncOperation{Kind::ThreadgroupBarrier, Combine::None, Element::U32};
  if (name == "simdgroup_barrier") return SyncOperation{Kind::SimdgroupBarrier, Combine::None, Element::U32};
  if (name.starts_with("simdgroup_multiply_accumulate_"))
    return SyncOperation{Kind::MultiplyAccumulate, Combine::None, Element::F32};
  if (!name.consume_front("simd_")) return std::nullopt;
  if (name == "shuffle") return SyncOperation{Kind::Shuffle, Combine::None, Element::U32};
  if (name == "ballot") return SyncOperation{Kind::Ballot, Combine::None, Element::U32};
  if (name.consume_front("prefix_inclusive_")) return combining(Kind::InclusiveScan, name);
  if (name.consume_front("prefix_exclusive_")) return combining(Kind::ExclusiveScan, name);
  return combining(Kind::Reduce, name);
}

std::optional<SyncOperation> sync_operation(const llvm::CallInst& call) {
  const auto* callee = call.getCalledFunction();
  return callee && callee->isDeclaration() ? sync_operation(*callee) : std::nullopt;
}

}  // namespace anymetal::device::cpu
