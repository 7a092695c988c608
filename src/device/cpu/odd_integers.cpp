#include "device/cpu/odd_integers.hpp"

#include <llvm/ADT/STLExtras.h>
#include <llvm/ADT/bit.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Instructions.h>
#include <llvm/Support/MathExtras.h>

namespace anymetal::device::cpu {
namespace {

bool is_odd(llvm::Type* type) {
  const auto* integer = llvm::dyn_cast<llvm::IntegerType>(type);
  return integer != nullptr && integer->getBitWidth() % 8 == 0 && !llvm::isPowerOf2_32(integer->getBitWidth());
}

/// Calls `piece` with the first byte and the number of bytes of each piece, the largest first.
template <class Piece>
void for_each_piece(llvm::Type* type, Piece piece) {
  const unsigned bytes = type->getIntegerBitWidth() / 8;
  for (unsigned at = 0; at < bytes;) {
    const unsigned size = llvm::bit_floor(bytes - at);
    piece(at, size);
    at += size;
  }
}

void split(llvm::LoadInst& load) {
  llvm::IRBuilder<> builder(&load);
  llvm::Value* whole = llvm::ConstantInt::get(load.getType(), 0);
  for_each_piece(load.getType(), [&](unsigned at, unsigned size) {
    auto* address = builder.CreateConstGEP1_64(builder.getInt8Ty(), load.getPointerOperand(), at);
    auto* piece = builder.CreateAlignedLoad(builder.getIntNTy(8 * size), address,
                                            llvm::commonAlignment(load.getAlign(), at), load.isVolatile());
    whole = builder.CreateOr(whole, builder.CreateShl(builder.CreateZExt(piece, load.getType()), 8 * at));
  });
  load.replaceAllUsesWith(whole);
  load.eraseFromParent();
}

void split(llvm::StoreInst& store) {
  llvm::IRBuilder<> builder(&store);
  auto* whole = store.getValueOperand();
  for_each_piece(whole->getType(), [&](unsigned at, unsigned size) {
    auto* piece = builder.CreateTrunc(builder.CreateLShr(whole, 8 * at), builder.getIntNTy(8 * size));
    auto* address = builder.CreateConstGEP1_64(builder.getInt8Ty(), store.getPointerOperand(), at);
    builder.CreateAlignedStore(piece, address, llvm::commonAlignment(store.getAlign(), at), store.isVolatile());
  });
  store.eraseFromParent();
}

}  // namespace

void split_odd_integers(llvm::Function& function) {
  for (auto& instruction : llvm::make_early_inc_range(llvm::instructions(function))) {
    if (auto* load = llvm::dyn_cast<llvm::LoadInst>(&instruction); load && is_odd(load->getType()))
      split(*load);
    else if (auto* store = llvm::dyn_cast<llvm::StoreInst>(&instruction);
             store && is_odd(store->getValueOperand()->getType()))
      split(*store);
  }
}

}  // namespace anymetal::device::cpu
