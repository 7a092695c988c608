#include "device/cuda/simdgroup_functions.hpp"

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
  MatrixEmitter(llvm::IRBuilder<>& builder, llvm::Module& module, Value* mask) : b_(builder), module_(module), mask_(mask) {
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

  Value* tensor_core(Value* a, Value* b, Value* c, bool half) {
    Value* to_fragment = fragment_lane();
    Value* fa = shuffle(packed(a, half), to_fragment);
    Value* fb = transpose(shuffle(packed(b, half), to_fragment));
    Value* c0 = shuffle(element(c, 0), to_fragment);
    Value* c1 = shuffle(element(c, 1), to_fragment);
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
    Value* to_metal = metal_lane();
    return pair(shuffle(b_.CreateExtractValue(d, 0), to_metal), shuffle(b_.CreateExtractValue(d, 1), to_metal));
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

}  // namespace

llvm::Function* matrix_function(llvm::Module& module, MatrixInput input) {
  const char* name = input == MatrixInput::F16 ? "nv.matrix.f16" : input == MatrixInput::Bf16 ? "nv.matrix.bf16" : "nv.matrix.f32";
  if (auto* made = module.getFunction(name)) return made;
  auto& context = module.getContext();
  auto* pair = llvm::FixedVectorType::get(llvm::Type::getFloatTy(context), 2);
  auto* type = llvm::FunctionType::get(pair, {pair, pair, pair, llvm::Type::getInt32Ty(context)}, false);
  auto* function = llvm::Function::Create(type, llvm::GlobalValue::InternalLinkage, name, module);
  function->addFnAttr(llvm::Attribute::AlwaysInline);
  function->addFnAttr(llvm::Attribute::Convergent);
  function->addFnAttr(llvm::Attribute::NoUnwind);
  llvm::IRBuilder<> b(llvm::BasicBlock::Create(context, "entry", function));
  MatrixEmitter emit(b, module, function->getArg(3));
  Value* x = function->getArg(0);
  Value* y = function->getArg(1);
  Value* z = function->getArg(2);
  b.CreateRet(input == MatrixInput::F32 ? emit.exact(x, y, z) : emit.tensor_core(x, y, z, input == MatrixInput::F16));
  return function;
}

}  // namespace anymetal::device::cuda
