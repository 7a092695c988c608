#include "device/cuda/simdgroup_functions.hpp"

#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/IntrinsicsNVPTX.h>

#include <optional>

namespace anymetal::device::cuda {

namespace {

using llvm::Intrinsic::ID;
using llvm::Value;

enum class Op { Sum, Product, Min, Max, And, Or, Xor };
enum class Element { I32, U32, F32 };

/// "sum_f32" and the like, parsed.
struct Reduction {
  Op op;
  Element element;
};

std::optional<Reduction> parse_reduction(llvm::StringRef text) {
  const auto [op_text, element_text] = text.rsplit('_');
  static const llvm::StringRef ops[] = {"sum", "product", "min", "max", "and", "or", "xor"};
  static const llvm::StringRef elements[] = {"i32", "u32", "f32"};
  const auto* op = std::find(std::begin(ops), std::end(ops), op_text);
  const auto* element = std::find(std::begin(elements), std::end(elements), element_text);
  if (op == std::end(ops) || element == std::end(elements)) return std::nullopt;
  return Reduction{static_cast<Op>(op - ops), static_cast<Element>(element - elements)};
}

/// Emits the pieces that every simdgroup function is made of.
class Emitter {
 public:
  Emitter(llvm::IRBuilder<>& builder, llvm::Module& module, Reduction reduction)
      : b_(builder), module_(module), reduction_(reduction) {}

  Value* combine(Value* x, Value* y) {
    const bool is_float = reduction_.element == Element::F32;
    switch (reduction_.op) {
      case Op::Sum: return is_float ? b_.CreateFAdd(x, y) : b_.CreateAdd(x, y);
      case Op::Product: return is_float ? b_.CreateFMul(x, y) : b_.CreateMul(x, y);
      case Op::Min: return b_.CreateBinaryIntrinsic(min_id(), x, y);
      case Op::Max: return b_.CreateBinaryIntrinsic(max_id(), x, y);
      case Op::And: return b_.CreateAnd(x, y);
      case Op::Or: return b_.CreateOr(x, y);
      case Op::Xor: return b_.CreateXor(x, y);
    }
    return x;
  }

  Value* identity() {
    const bool one = reduction_.op == Op::Product;
    if (reduction_.element == Element::F32) return llvm::ConstantFP::get(b_.getFloatTy(), one ? 1.0 : 0.0);
    return b_.getInt32(one ? 1 : 0);
  }

  Value* shuffle(ID integer, ID floating, Value* mask, Value* value, Value* by, unsigned clamp) {
    const ID id = value->getType()->isFloatTy() ? floating : integer;
    return call(id, {mask, value, by, b_.getInt32(clamp)});
  }
  Value* shuffle_idx(Value* mask, Value* value, Value* lane) {
    return shuffle(llvm::Intrinsic::nvvm_shfl_sync_idx_i32, llvm::Intrinsic::nvvm_shfl_sync_idx_f32, mask, value, lane, 31);
  }
  Value* shuffle_bfly(Value* mask, Value* value, unsigned distance) {
    return shuffle(llvm::Intrinsic::nvvm_shfl_sync_bfly_i32, llvm::Intrinsic::nvvm_shfl_sync_bfly_f32, mask, value,
                   b_.getInt32(distance), 31);
  }
  Value* shuffle_up(Value* mask, Value* value, unsigned distance) {
    return shuffle(llvm::Intrinsic::nvvm_shfl_sync_up_i32, llvm::Intrinsic::nvvm_shfl_sync_up_f32, mask, value,
                   b_.getInt32(distance), 0);
  }
  Value* ballot(Value* mask, Value* predicate) {
    return call(llvm::Intrinsic::nvvm_vote_ballot_sync, {mask, predicate});
  }
  Value* lane() { return call(llvm::Intrinsic::nvvm_read_ptx_sreg_laneid, {}); }
  Value* call(ID id, llvm::ArrayRef<Value*> arguments) {
    return b_.CreateCall(llvm::Intrinsic::getDeclaration(&module_, id), arguments);
  }

 private:
  [[nodiscard]] ID min_id() const {
    return reduction_.element == Element::F32   ? llvm::Intrinsic::minnum
           : reduction_.element == Element::I32 ? llvm::Intrinsic::smin
                                                : llvm::Intrinsic::umin;
  }
  [[nodiscard]] ID max_id() const {
    return reduction_.element == Element::F32   ? llvm::Intrinsic::maxnum
           : reduction_.element == Element::I32 ? llvm::Intrinsic::smax
                                                : llvm::Intrinsic::umax;
  }
  llvm::IRBuilder<>& b_;
  llvm::Module& module_;
  Reduction reduction_;
};

llvm::Function* new_function(llvm::Module& module, const llvm::Twine& name, llvm::Type* result,
                             llvm::ArrayRef<llvm::Type*> parameters) {
  auto* function = llvm::Function::Create(llvm::FunctionType::get(result, parameters, false),
                                          llvm::GlobalValue::InternalLinkage, name, module);
  function->addFnAttr(llvm::Attribute::AlwaysInline);
  function->addFnAttr(llvm::Attribute::Convergent);
  function->addFnAttr(llvm::Attribute::NoUnwind);
  return function;
}

std::optional<ID> redux_id(Reduction reduction) {
  switch (reduction.op) {
    case Op::Sum: return llvm::Intrinsic::nvvm_redux_sync_add;
    case Op::Min:
      return reduction.element == Element::I32 ? llvm::Intrinsic::nvvm_redux_sync_min : llvm::Intrinsic::nvvm_redux_sync_umin;
    case Op::Max:
      return reduction.element == Element::I32 ? llvm::Intrinsic::nvvm_redux_sync_max : llvm::Intrinsic::nvvm_redux_sync_umax;
    case Op::And: return llvm::Intrinsic::nvvm_redux_sync_and;
    case Op::Or: return llvm::Intrinsic::nvvm_redux_sync_or;
    case Op::Xor: return llvm::Intrinsic::nvvm_redux_sync_xor;
    case Op::Product: return std::nullopt;
  }
  return std::nullopt;
}

/// Folds the value of each set bit's lane in `rest`, lowest first, on `start`; `seeded` tells whether `start` counts.
Value* fold_lanes(llvm::IRBuilder<>& b, Emitter& emit, llvm::Function* function, Value* active, Value* rest, Value* value,
                  Value* start) {
  auto& context = function->getContext();
  llvm::BasicBlock* before = b.GetInsertBlock();
  auto* loop = llvm::BasicBlock::Create(context, "fold", function);
  auto* done = llvm::BasicBlock::Create(context, "folded", function);
  b.CreateCondBr(b.CreateICmpEQ(rest, b.getInt32(0)), done, loop);
  b.SetInsertPoint(loop);
  auto* remaining = b.CreatePHI(b.getInt32Ty(), 2);
  auto* total = b.CreatePHI(value->getType(), 2);
  Value* lane = b.CreateBinaryIntrinsic(llvm::Intrinsic::cttz, remaining, b.getTrue());
  Value* next_total = emit.combine(total, emit.shuffle_idx(active, value, lane));
  Value* next_remaining = b.CreateAnd(remaining, b.CreateSub(remaining, b.getInt32(1)));
  remaining->addIncoming(rest, before);
  remaining->addIncoming(next_remaining, loop);
  total->addIncoming(start, before);
  total->addIncoming(next_total, loop);
  b.CreateCondBr(b.CreateICmpEQ(next_remaining, b.getInt32(0)), done, loop);
  b.SetInsertPoint(done);
  auto* result = b.CreatePHI(value->getType(), 2);
  result->addIncoming(start, before);
  result->addIncoming(next_total, loop);
  return result;
}

/// All 32 lanes take the butterfly; a partial simdgroup (edge, early return, divergence) folds its lanes one by one.
void emit_reduction(llvm::Function* function, Reduction reduction, unsigned capability) {
  auto& context = function->getContext();
  llvm::IRBuilder<> b(llvm::BasicBlock::Create(context, "entry", function));
  Emitter emit(b, *function->getParent(), reduction);
  Value* value = function->getArg(0);
  Value* mask = function->getArg(1);
  Value* active = emit.ballot(mask, b.getTrue());
  if (const auto redux = redux_id(reduction); capability >= 80 && reduction.element != Element::F32 && redux) {
    b.CreateRet(emit.call(*redux, {value, active}));
    return;
  }
  auto* full = llvm::BasicBlock::Create(context, "full", function);
  auto* partial = llvm::BasicBlock::Create(context, "partial", function);
  b.CreateCondBr(b.CreateICmpEQ(active, b.getInt32(~0U)), full, partial);

  b.SetInsertPoint(full);
  Value* total = value;
  for (unsigned distance = 16; distance > 0; distance /= 2) {
    total = emit.combine(total, emit.shuffle_bfly(b.getInt32(~0U), total, distance));
  }
  b.CreateRet(total);

  b.SetInsertPoint(partial);
  Value* first = b.CreateBinaryIntrinsic(llvm::Intrinsic::cttz, active, b.getTrue());
  Value* rest = b.CreateAnd(active, b.CreateSub(active, b.getInt32(1)));
  Value* start = emit.shuffle_idx(active, value, first);
  Value* folded = fold_lanes(b, emit, function, active, rest, value, start);
  b.CreateRet(folded);
}

void emit_prefix(llvm::Function* function, Reduction reduction, bool inclusive) {
  auto& context = function->getContext();
  llvm::IRBuilder<> b(llvm::BasicBlock::Create(context, "entry", function));
  Emitter emit(b, *function->getParent(), reduction);
  Value* value = function->getArg(0);
  Value* active = emit.ballot(function->getArg(1), b.getTrue());
  Value* lane = emit.lane();
  auto* full = llvm::BasicBlock::Create(context, "full", function);
  auto* partial = llvm::BasicBlock::Create(context, "partial", function);
  b.CreateCondBr(b.CreateICmpEQ(active, b.getInt32(~0U)), full, partial);

  b.SetInsertPoint(full);
  Value* total = value;
  for (unsigned distance = 1; distance < 32; distance *= 2) {
    Value* below = emit.shuffle_up(b.getInt32(~0U), total, distance);
    total = b.CreateSelect(b.CreateICmpUGE(lane, b.getInt32(distance)), emit.combine(below, total), total);
  }
  if (!inclusive) {
    Value* below = emit.shuffle_up(b.getInt32(~0U), total, 1);
    total = b.CreateSelect(b.CreateICmpEQ(lane, b.getInt32(0)), emit.identity(), below);
  }
  b.CreateRet(total);

  // Every active lane folds all active lanes, taking in only those below it: the shuffles stay uniform.
  b.SetInsertPoint(partial);
  auto* loop = llvm::BasicBlock::Create(context, "fold", function);
  auto* done = llvm::BasicBlock::Create(context, "folded", function);
  b.CreateBr(loop);
  b.SetInsertPoint(loop);
  auto* remaining = b.CreatePHI(b.getInt32Ty(), 2);
  auto* sum = b.CreatePHI(value->getType(), 2);
  Value* source = b.CreateBinaryIntrinsic(llvm::Intrinsic::cttz, remaining, b.getTrue());
  Value* other = emit.shuffle_idx(active, value, source);
  Value* counts = inclusive ? b.CreateICmpULE(source, lane) : b.CreateICmpULT(source, lane);
  Value* next_sum = b.CreateSelect(counts, emit.combine(sum, other), sum);
  Value* next_remaining = b.CreateAnd(remaining, b.CreateSub(remaining, b.getInt32(1)));
  remaining->addIncoming(active, partial);
  remaining->addIncoming(next_remaining, loop);
  sum->addIncoming(emit.identity(), partial);
  sum->addIncoming(next_sum, loop);
  b.CreateCondBr(b.CreateICmpEQ(next_remaining, b.getInt32(0)), done, loop);
  b.SetInsertPoint(done);
  b.CreateRet(next_sum);
}

llvm::Type* element_type(llvm::LLVMContext& context, Element element) {
  return element == Element::F32 ? llvm::Type::getFloatTy(context) : llvm::Type::getInt32Ty(context);
}

llvm::Function* make_shuffle(llvm::Module& module, const llvm::Twine& name) {
  auto* i32 = llvm::Type::getInt32Ty(module.getContext());
  auto* function = new_function(module, name, i32, {i32, i32, i32});
  llvm::IRBuilder<> b(llvm::BasicBlock::Create(module.getContext(), "entry", function));
  Emitter emit(b, module, {Op::Sum, Element::U32});
  b.CreateRet(emit.shuffle_idx(function->getArg(2), function->getArg(0), function->getArg(1)));
  return function;
}

llvm::Function* make_ballot(llvm::Module& module, const llvm::Twine& name) {
  auto& context = module.getContext();
  auto* i32 = llvm::Type::getInt32Ty(context);
  auto* function = new_function(module, name, llvm::Type::getInt64Ty(context), {llvm::Type::getInt1Ty(context), i32});
  llvm::IRBuilder<> b(llvm::BasicBlock::Create(context, "entry", function));
  Emitter emit(b, module, {Op::Sum, Element::U32});
  b.CreateRet(b.CreateZExt(emit.ballot(function->getArg(1), function->getArg(0)), b.getInt64Ty()));
  return function;
}

}  // namespace

llvm::Function* simdgroup_function(llvm::Module& module, llvm::StringRef name, unsigned capability) {
  const std::string made_name = ("nv." + name).str();
  if (auto* made = module.getFunction(made_name)) return made;
  llvm::StringRef rest = name;
  if (!rest.consume_front("__msl_simd_")) return nullptr;
  if (rest == "shuffle") return make_shuffle(module, made_name);
  if (rest == "ballot") return make_ballot(module, made_name);
  const bool inclusive = rest.consume_front("prefix_inclusive_");
  const bool exclusive = !inclusive && rest.consume_front("prefix_exclusive_");
  const auto reduction = parse_reduction(rest);
  if (!reduction) return nullptr;
  auto* type = element_type(module.getContext(), reduction->element);
  auto* function = new_function(module, made_name, type, {type, llvm::Type::getInt32Ty(module.getContext())});
  if (inclusive || exclusive) {
    emit_prefix(function, *reduction, inclusive);
  } else {
    emit_reduction(function, *reduction, capability);
  }
  return function;
}

}  // namespace anymetal::device::cuda
