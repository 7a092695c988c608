#include "device/cpu/small_copies.hpp"

#include <llvm/ADT/STLExtras.h>
#include <llvm/Analysis/ValueTracking.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/IntrinsicInst.h>

namespace anymetal::device::cpu {
namespace {

constexpr std::uint64_t kWord = 4, kLongest = 32;

bool is_private(const llvm::Value* pointer) {
  return llvm::isa<llvm::AllocaInst>(llvm::getUnderlyingObject(pointer, 0));
}

}  // namespace

void make_small_copies_vectors(llvm::Function& function) {
  for (auto& instruction : llvm::make_early_inc_range(llvm::instructions(function))) {
    auto* copy = llvm::dyn_cast<llvm::MemCpyInst>(&instruction);
    const auto* length = copy ? llvm::dyn_cast<llvm::ConstantInt>(copy->getLength()) : nullptr;
    if (!length || copy->isVolatile() || is_private(copy->getRawSource()) || is_private(copy->getRawDest())) continue;
    const auto bytes = length->getZExtValue();
    const auto from = copy->getSourceAlign().valueOrOne(), to = copy->getDestAlign().valueOrOne();
    if (bytes <= 8 || bytes > kLongest || bytes % kWord != 0 || from < kWord || to < kWord) continue;
    llvm::IRBuilder<> builder(copy);
    auto* words = llvm::FixedVectorType::get(builder.getInt32Ty(), static_cast<unsigned>(bytes / kWord));
    builder.CreateAlignedStore(builder.CreateAlignedLoad(words, copy->getRawSource(), from), copy->getRawDest(), to);
    copy->eraseFromParent();
  }
}

}  // namespace anymetal::device::cpu
