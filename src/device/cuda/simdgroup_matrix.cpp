#include "device/cuda/simdgroup_matrix.hpp"

#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InlineAsm.h>
#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/IntrinsicsNVPTX.h>

#include <array>

namespace anymetal::device::cuda {

namespace {

using llvm::Value;

// A lane index whose bits are those of `lane`, bit k of the result being bit `from[k]` of `lane`.
Value* permute_bits(llvm::IRBuilder<>& b, Value* lane, const std::array<unsigned, 5>& from) {
  Value* result = b.getInt32(0);
  for (unsigned bit = 0; bit < 5; ++bit) {
    Value* one = b.CreateAnd(b.CreateLShr(lane, b.getInt32(from[bit])), b.getInt32(1));
    result = b.CreateOr(result, b.CreateShl(one, b.getInt32(bit)));
  }
  return result;
}
// Metal's 8x8 layout has the row in lane bits 4, 2, 1 and the column pair in bits 3, 0; `mma` fragments have the row in
// bits 4, 3, 2 and the column pair in bits 1, 0 (PTX ISA, section "Matrix Fragments for mma.m16n8k8").
constexpr std::array<unsigned, 5> kMetalLaneOfFragment{0, 2, 3, 1, 4};
constexpr std::array<unsigned, 5> kFragmentOfMetalLane{0, 3, 1, 2, 4};

class MatrixEmitter {
 public:
  MatrixEmitter(llvm::IRBuilder<>& builder, llvm::Module& module)
      : b_(builder), module_(module), mask_(builder.getInt32(~0U)) {
    lane_ = b_.CreateCall(declaration(llvm::Intrinsic::nvvm_read_ptx_sreg_laneid));
  }
  Value* shuffle(Value* value, Value* lane) {
    const auto id = value->getType()->isFloatTy() ? llvm::Intrinsic::nvvm_shfl_sync_idx_f32
                                                  : llvm::Intrinsic::nvvm_shfl_sync_idx_i32;
    return b_.CreateCall(declaration(id), {mask_, value, lane, b_.getInt32(31)});
  }
  Value* element(Value* pair, unsigned index) { return b_.CreateExtractElement(pair, b_.getInt32(index)); }
  Value* pair(Value* first, Value* second) {
    auto* type = llvm::FixedVectorType::get(b_.getFloatTy(), 2);
    return b_.CreateInsertElement(b_.CreateInsertElement(llvm::PoisonValue::get(type), first, b_.getInt32(0)), second,
                                  b_.getInt32(1));
  }
  /// Two floats as two 16-bit values in one register.
  Value* packed(Value* floats, bool half) {
    auto* narrow = half ? b_.getHalfTy() : b_.getBFloatTy();
    Value* halves = b_.CreateFPTrunc(floats, llvm::FixedVectorType::get(narrow, 2));
    return b_.CreateBitCast(halves, b_.getInt32Ty());
  }
  Value* fragment_lane() { return permute_bits(b_, lane_, kMetalLaneOfFragment); }
  Value* metal_lane() { return permute_bits(b_, lane_, kFragmentOfMetalLane); }
  Value* lane() { return lane_; }

  /// a and b in Metal's layout, c and the result in the fragment layout of `mma`.
  Value* tensor_core(Value* a, Value* b, Value* c, bool half) {
    Value* to_fragment = fragment_lane();
    Value* fa = shuffle(packed(a, half), to_fragment);
    Value* fb = transpose(shuffle(packed(b, half), to_fragment));
    Value* c0 = element(c, 0);
    Value* c1 = element(c, 1);
    auto* f = b_.getFloatTy();
    auto* result = llvm::StructType::get(f, f, f, f);
    auto* i = b_.getInt32Ty();
    auto* type = llvm::FunctionType::get(result, {i, i, i, f, f, f, f}, false);
    const std::string kind = half ? "f16" : "bf16";
    auto* assembly = llvm::InlineAsm::get(type,
                                          "mma.sync.aligned.m16n8k8.row.col.f32." + kind + "." + kind +
                                              ".f32 {$0, $1, $2, $3}, {$4, $5}, {$6}, {$7, $8, $9, $10};",
                                          "=f,=f,=f,=f,r,r,r,f,f,f,f", true);
    Value* zero = llvm::ConstantFP::get(f, 0.0);
    auto* d = b_.CreateCall(type, assembly, {fa, b_.getInt32(0), fb, c0, c1, zero, zero});
    d->addFnAttr(llvm::Attribute::Convergent);
    return pair(b_.CreateExtractValue(d, 0), b_.CreateExtractValue(d, 1));
  }

  Value* move_lanes(Value* matrix, Value* source) {
    return pair(shuffle(element(matrix, 0), source), shuffle(element(matrix, 1), source));
  }

  /// float x float keeps all 24 bits: every lane gathers its row of a and its two columns of b.
  Value* exact(Value* a, Value* b, Value* c) {
    Value* row_lanes = b_.CreateAnd(lane_, b_.getInt32(0b10110));     // lane bits that hold the row
    Value* column_lanes = b_.CreateAnd(lane_, b_.getInt32(0b01001));  // and the column pair
    Value* d0 = element(c, 0);
    Value* d1 = element(c, 1);
    for (unsigned k = 0; k < 8; ++k) {
      const unsigned k_pair = k / 2;
      const unsigned k_column_bits = (k_pair & 1) | ((k_pair & 2) << 2);
      const unsigned k_row_bits = ((k & 3) << 1) | ((k & 4) << 2);
      Value* x = shuffle(element(a, k % 2), b_.CreateOr(row_lanes, b_.getInt32(k_column_bits)));
      Value* b_lane = b_.CreateOr(column_lanes, b_.getInt32(k_row_bits));
      d0 = fma(x, shuffle(element(b, 0), b_lane), d0);
      d1 = fma(x, shuffle(element(b, 1), b_lane), d1);
    }
    return pair(d0, d1);
  }

 private:
  Value* transpose(Value* fragment) {
    auto* type = llvm::FunctionType::get(b_.getInt32Ty(), {b_.getInt32Ty()}, false);
    auto* assembly = llvm::InlineAsm::get(type, "movmatrix.sync.aligned.m8n8.trans.b16 $0, $1;", "=r,r", true);
    auto* call = b_.CreateCall(type, assembly, {fragment});
    call->addFnAttr(llvm::Attribute::Convergent);
    return call;
  }
  Value* fma(Value* x, Value* y, Value* z) { return b_.CreateIntrinsic(llvm::Intrinsic::fma, {x->getType()}, {x, y, z}); }
  llvm::Function* declaration(llvm::Intrinsic::ID id) { return llvm::Intrinsic::getDeclaration(&module_, id); }

  llvm::IRBuilder<>& b_;
  llvm::Module& module_;
  Value* mask_;
  Value* lane_;
};

constexpr const char* kToFragment = "nv.matrix.to_fragment";
constexpr const char* kToMetal = "nv.matrix.to_metal";

llvm::Function* opaque(llvm::Module& module, llvm::StringRef name, unsigned operands) {
  if (auto* made = module.getFunction(name)) return made;
  auto* pair = llvm::FixedVectorType::get(llvm::Type::getFloatTy(module.getContext()), 2);
  auto* type = llvm::FunctionType::get(pair, llvm::SmallVector<llvm::Type*>(operands, pair), false);
  auto* function = llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage, name, module);
  function->addFnAttr(llvm::Attribute::Convergent);
  function->addFnAttr(llvm::Attribute::NoUnwind);
  function->addFnAttr(llvm::Attribute::WillReturn);
  function->setDoesNotAccessMemory();
  return function;
}

bool is_call_to(const Value* value, llvm::StringRef name) {
  const auto* call = llvm::dyn_cast<llvm::CallInst>(value);
  return call != nullptr && call->getCalledFunction() != nullptr && call->getCalledFunction()->getName() == name;
}

bool is_splat_constant(const Value* value) {
  const auto* constant = llvm::dyn_cast<llvm::Constant>(value);
  return constant != nullptr && (llvm::isa<llvm::UndefValue>(constant) || constant->getSplatValue() != nullptr);
}

/// A phi of fragments for a phi of Metal matrices, which then is computed only where something else still reads it.
llvm::PHINode* fragment_phi(llvm::PHINode& phi, llvm::Module& module) {
  llvm::IRBuilder<> b(&phi);
  auto* fragments = b.CreatePHI(phi.getType(), phi.getNumIncomingValues());
  for (unsigned i = 0; i < phi.getNumIncomingValues(); ++i) {
    b.SetInsertPoint(phi.getIncomingBlock(i)->getTerminator());
    fragments->addIncoming(b.CreateCall(opaque(module, kToFragment, 1), {phi.getIncomingValue(i)}), phi.getIncomingBlock(i));
  }
  for (auto& use : llvm::make_early_inc_range(phi.uses())) {
    auto* user = llvm::cast<llvm::Instruction>(use.getUser());
    if (is_call_to(user, kToFragment)) {
      user->replaceAllUsesWith(fragments);
      continue;
    }
    auto* user_phi = llvm::dyn_cast<llvm::PHINode>(user);
    b.SetInsertPoint(user_phi == nullptr ? user : user_phi->getIncomingBlock(use)->getTerminator());
    use.set(b.CreateCall(opaque(module, kToMetal, 1), {fragments}));
  }
  return fragments;
}

/// One step of folding; false where there is nothing left to fold.
bool fold_one(llvm::Function& kernel) {
  for (auto& block : kernel) {
    for (auto& instruction : llvm::make_early_inc_range(block)) {
      if (auto* phi = llvm::dyn_cast<llvm::PHINode>(&instruction); phi != nullptr && phi->getNumIncomingValues() == 1) {
        phi->replaceAllUsesWith(phi->getIncomingValue(0));
        phi->eraseFromParent();
        return true;
      }
      if (!is_call_to(&instruction, kToFragment)) continue;
      Value* source = llvm::cast<llvm::CallInst>(instruction).getArgOperand(0);
      if (instruction.use_empty()) {
        instruction.eraseFromParent();
        return true;
      }
      if (is_call_to(source, kToMetal)) source = llvm::cast<llvm::CallInst>(source)->getArgOperand(0);
      else if (auto* phi = llvm::dyn_cast<llvm::PHINode>(source)) source = fragment_phi(*phi, *kernel.getParent());
      else if (!is_splat_constant(source)) continue;
      instruction.replaceAllUsesWith(source);
      instruction.eraseFromParent();
      return true;
    }
  }
  return false;
}

void erase_dead_conversions(llvm::Function& kernel) {
  for (auto& block : kernel) {
    for (auto& instruction : llvm::make_early_inc_range(llvm::reverse(block))) {
      const bool conversion = is_call_to(&instruction, kToMetal) || is_call_to(&instruction, kToFragment);
      if (instruction.use_empty() && (conversion || llvm::isa<llvm::PHINode>(instruction))) instruction.eraseFromParent();
    }
  }
}

/// Gives an opaque function its body.
template <class Emit>
void define(llvm::Module& module, llvm::StringRef name, Emit emit) {
  auto* function = module.getFunction(name);
  if (function == nullptr) return;
  function->setLinkage(llvm::GlobalValue::InternalLinkage);
  function->addFnAttr(llvm::Attribute::AlwaysInline);
  llvm::IRBuilder<> b(llvm::BasicBlock::Create(module.getContext(), "entry", function));
  MatrixEmitter emitter(b, module);
  b.CreateRet(emit(emitter, *function));
}

const char* opaque_name(MatrixInput input) {
  switch (input) {
    case MatrixInput::F16: return "nv.matrix.f16";
    case MatrixInput::Bf16: return "nv.matrix.bf16";
    case MatrixInput::F32: return "nv.matrix.f32";
  }
  return "";
}

}  // namespace

Value* emit_multiply_accumulate(llvm::IRBuilder<>& b, llvm::Module& module, MatrixInput input, Value* x, Value* y, Value* z) {
  auto* multiply = opaque(module, opaque_name(input), 3);
  if (input == MatrixInput::F32) return b.CreateCall(multiply, {x, y, z});
  Value* fragment = b.CreateCall(opaque(module, kToFragment, 1), {z});
  return b.CreateCall(opaque(module, kToMetal, 1), {b.CreateCall(multiply, {x, y, fragment})});
}

bool uses_matrix_products(const llvm::Module& module) {
  return std::any_of(module.begin(), module.end(), [](const llvm::Function& f) { return f.getName().starts_with("nv.matrix."); });
}

void keep_accumulators_in_fragments(llvm::Function& kernel) {
  while (fold_one(kernel)) {
  }
  erase_dead_conversions(kernel);
}

void define_matrix_functions(llvm::Module& module) {
  define(module, kToFragment, [](MatrixEmitter& e, llvm::Function& f) { return e.move_lanes(f.getArg(0), e.fragment_lane()); });
  define(module, kToMetal, [](MatrixEmitter& e, llvm::Function& f) { return e.move_lanes(f.getArg(0), e.metal_lane()); });
  for (const auto input : {MatrixInput::F16, MatrixInput::Bf16, MatrixInput::F32}) {
    define(module, opaque_name(input), [input](MatrixEmitter& e, llvm::Function& f) {
      if (input == MatrixInput::F32) return e.exact(f.getArg(0), f.getArg(1), f.getArg(2));
      return e.tensor_core(f.getArg(0), f.getArg(1), f.getArg(2), input == MatrixInput::F16);
    });
  }
}

}  // namespace anymetal::device::cuda
