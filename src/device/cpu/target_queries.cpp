#include "device/cpu/target_queries.hpp"

#include <llvm/Analysis/VectorUtils.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/IntrinsicsAArch64.h>
#include <llvm/IR/IntrinsicsX86.h>
#include <llvm/IR/Module.h>
#include <llvm/TargetParser/Triple.h>

#include <functional>
#include <string>
#include <string_view>

#include "device/cpu/host.hpp"

namespace anymetal::device::cpu {
namespace {

bool has_feature(std::string_view name) {
  return ("," + host_target().features + ",").find("," + std::string(name) + ",") != std::string::npos;
}

bool is_aarch64() { return llvm::Triple(host_target().triple).isAArch64(); }

unsigned vector_bits() {
  if (has_feature("+avx512f") && has_feature("+avx512vl") && has_feature("+avx512bw")) return 512;
  return has_feature("+avx2") ? 256 : 128;
}

constexpr unsigned kLanes = 16;

/// Where the module declares it, the function gets a body that is inlined wherever it is called.
void define(llvm::Module& module, const char* name,
            const std::function<void(llvm::IRBuilder<>&, llvm::Function&)>& body) {
  auto* function = module.getFunction(name);
  if (!function || !function->isDeclaration()) return;
  llvm::IRBuilder<> builder(llvm::BasicBlock::Create(module.getContext(), "", function));
  body(builder, *function);
  function->setLinkage(llvm::GlobalValue::InternalLinkage);
  function->removeFnAttr(llvm::Attribute::NoInline);
  function->removeFnAttr(llvm::Attribute::OptimizeNone);
  function->addFnAttr(llvm::Attribute::AlwaysInline);
}

/// Numbers below 16 * `halves`, each in four copies with its byte's place added: where the bytes of table entries are.
llvm::Value* byte_places(llvm::IRBuilder<>& builder, llvm::Value* numbers, unsigned halves) {
  auto* wanted = builder.CreateAnd(numbers, llvm::ConstantInt::get(numbers->getType(), kLanes * halves - 1));
  auto* copies = builder.CreateMul(wanted, llvm::ConstantInt::get(numbers->getType(), 0x0404'0404));
  auto* places = builder.CreateAdd(copies, llvm::ConstantInt::get(numbers->getType(), 0x0302'0100));
  return builder.CreateBitCast(places, llvm::FixedVectorType::get(builder.getInt8Ty(), 16));
}

/// Four look-ups at a time among the 64 bytes of 16 floats; where there are 32, the second 64 replace those not found.
llvm::Value* look_up_neon(llvm::IRBuilder<>& builder, llvm::Value* low, llvm::Value* high, llvm::Value* index,
                          unsigned halves) {
  auto* bytes = llvm::FixedVectorType::get(builder.getInt8Ty(), 16);
  auto* four = llvm::FixedVectorType::get(builder.getFloatTy(), 4);
  const auto part = [&](llvm::Value* value, unsigned i) {
    return builder.CreateShuffleVector(value, llvm::createSequentialMask(4 * i, 4, 0));
  };
  const auto table = [&](llvm::Value* entries) {
    llvm::SmallVector<llvm::Value*, 4> parts;
    for (unsigned i = 0; i < 4; ++i) parts.push_back(builder.CreateBitCast(part(entries, i), bytes));
    return parts;
  };
  llvm::SmallVector<llvm::Value*, 4> found;
  for (unsigned i = 0; i < 4; ++i) {
    auto* places = byte_places(builder, part(index, i), halves);
    auto arguments = table(low);
    arguments.push_back(places);
    llvm::Value* result = builder.CreateIntrinsic(llvm::Intrinsic::aarch64_neon_tbl4, {bytes}, arguments);
    if (halves == 2) {
      arguments = table(high);
      arguments.insert(arguments.begin(), result);
      arguments.push_back(builder.CreateSub(places, llvm::ConstantInt::get(bytes, 64)));
      result = builder.CreateIntrinsic(llvm::Intrinsic::aarch64_neon_tbx4, {bytes}, arguments);
    }
    found.push_back(builder.CreateBitCast(result, four));
  }
  return llvm::concatenateVectors(builder, found);
}

/// Eight look-ups at a time in each register of 8 floats; bits 3 and 4 of the index choose among what they find.
llvm::Value* look_up_by_eights(llvm::IRBuilder<>& builder, llvm::Value* low, llvm::Value* high, llvm::Value* index,
                               unsigned halves) {
  const auto half = [&](llvm::Value* value, unsigned i) {
    return builder.CreateShuffleVector(value, llvm::createSequentialMask(8 * i, 8, 0));
  };
  llvm::SmallVector<llvm::Value*, 2> found;
  for (unsigned i = 0; i < 2; ++i) {
    auto* places = half(index, i);
    const auto entry = [&](llvm::Value* table) {
      return builder.CreateIntrinsic(llvm::Intrinsic::x86_avx2_permps, {}, {table, places});
    };
    const auto choose = [&](unsigned bit, llvm::Value* without, llvm::Value* with) {
      auto* to_sign = builder.CreateShl(places, llvm::ConstantInt::get(places->getType(), 31 - bit));
      auto* is_set = builder.CreateICmpSLT(to_sign, llvm::Constant::getNullValue(places->getType()));
      return builder.CreateSelect(is_set, with, without);
    };
    auto* result = choose(3, entry(half(low, 0)), entry(half(low, 1)));
    if (halves == 2) result = choose(4, result, choose(3, entry(half(high, 0)), entry(half(high, 1))));
    found.push_back(result);
  }
  return llvm::concatenateVectors(builder, found);
}

/// *result = lane by lane the entry of a table of 16 or 32 floats, of which `halves` are the pointers after the first
/// argument, that the low bits of the last argument's lane name.
void look_up(llvm::IRBuilder<>& builder, llvm::Function& function, unsigned halves) {
  auto* floats = llvm::FixedVectorType::get(builder.getFloatTy(), kLanes);
  auto* words = llvm::FixedVectorType::get(builder.getInt32Ty(), kLanes);
  const auto load = [&](unsigned argument, llvm::Type* type) {
    return builder.CreateAlignedLoad(type, function.getArg(argument), llvm::Align(4));
  };
  auto* low = load(1, floats);
  auto* high = halves == 2 ? load(2, floats) : low;
  auto* index = load(halves + 1, words);
  llvm::Value* result = nullptr;
  if (is_aarch64()) {
    result = look_up_neon(builder, low, high, index, halves);
  } else if (vector_bits() == 128) {
    auto* table = builder.CreateShuffleVector(low, high, llvm::createSequentialMask(0, 2 * kLanes, 0));
    result = llvm::PoisonValue::get(floats);
    for (unsigned i = 0; i < kLanes; ++i) {
      auto* entry = builder.CreateAnd(builder.CreateExtractElement(index, i), kLanes * halves - 1);
      result = builder.CreateInsertElement(result, builder.CreateExtractElement(table, entry), i);
    }
  } else if (vector_bits() == 256) {
    result = look_up_by_eights(builder, low, high, index, halves);
  } else if (halves == 1) {
    result = builder.CreateIntrinsic(llvm::Intrinsic::x86_avx512_permvar_sf_512, {}, {low, index});
  } else {
    result = builder.CreateIntrinsic(llvm::Intrinsic::x86_avx512_vpermi2var_ps_512, {}, {low, index, high});
  }
  builder.CreateAlignedStore(result, function.getArg(0), llvm::Align(4));
  builder.CreateRetVoid();
}

/// Sixteen look-ups in a table of 16 bytes.
llvm::Value* look_up_sixteen(llvm::IRBuilder<>& builder, llvm::Value* table, llvm::Value* index) {
  if (is_aarch64()) {
    return builder.CreateIntrinsic(llvm::Intrinsic::aarch64_neon_tbl1, {table->getType()}, {table, index});
  }
  if (has_feature("+ssse3")) return builder.CreateIntrinsic(llvm::Intrinsic::x86_ssse3_pshuf_b_128, {}, {table, index});
  llvm::Value* result = llvm::PoisonValue::get(table->getType());
  for (unsigned i = 0; i < 16; ++i) {
    auto* entry = builder.CreateAnd(builder.CreateExtractElement(index, i), 15);
    result = builder.CreateInsertElement(result, builder.CreateExtractElement(table, entry), i);
  }
  return result;
}

/// *result = byte by byte the entry that the index, below 16, names of a table of 16 bytes, which is given twice.
void look_up_bytes(llvm::IRBuilder<>& builder, llvm::Function& function) {
  auto* bytes = llvm::FixedVectorType::get(builder.getInt8Ty(), 32);
  auto* table = builder.CreateAlignedLoad(bytes, function.getArg(1), llvm::Align(1));
  auto* index = builder.CreateAlignedLoad(bytes, function.getArg(2), llvm::Align(1));
  llvm::Value* result = nullptr;
  if (has_feature("+avx2")) {
    result = builder.CreateIntrinsic(llvm::Intrinsic::x86_avx2_pshuf_b, {}, {table, index});
  } else {
    llvm::SmallVector<llvm::Value*, 2> halves;
    for (int first : {0, 16}) {
      const auto half = llvm::createSequentialMask(static_cast<unsigned>(first), 16, 0);
      halves.push_back(
          look_up_sixteen(builder, builder.CreateShuffleVector(table, half), builder.CreateShuffleVector(index, half)));
    }
    result = llvm::concatenateVectors(builder, halves);
  }
  builder.CreateAlignedStore(result, function.getArg(0), llvm::Align(1));
  builder.CreateRetVoid();
}

/// Whether registers of 64 bytes multiply bytes, matrices of bits too, and are permuted by the byte.
bool has_byte_dots() {
  return vector_bits() == 512 && has_feature("+avx512vnni") && has_feature("+avx512vbmi") && has_feature("+gfni");
}

/// *sums += in each of 16 lanes the four products of unsigned with signed bytes.
void add_byte_dots(llvm::IRBuilder<>& builder, llvm::Function& function) {
  auto* words = llvm::FixedVectorType::get(builder.getInt32Ty(), kLanes);
  llvm::SmallVector<llvm::Value*, 3> arguments;
  for (auto& argument : function.args()) {
    arguments.push_back(builder.CreateAlignedLoad(words, &argument, llvm::Align(64)));
  }
  auto* sums = builder.CreateIntrinsic(llvm::Intrinsic::x86_avx512_vpdpbusd_512, {}, arguments);
  builder.CreateAlignedStore(sums, function.getArg(0), llvm::Align(64));
  builder.CreateRetVoid();
}

/// Whether registers of 32 bytes multiply bytes and words, and add up what two neighbours give.
bool has_pair_dots() { return !is_aarch64() && has_feature("+avx2"); }

/// *result = what `intrinsic` makes of two registers of 32 bytes.
void of_two(llvm::IRBuilder<>& builder, llvm::Function& function, llvm::Intrinsic::ID intrinsic) {
  const auto* type = llvm::Intrinsic::getType(builder.getContext(), intrinsic);
  llvm::SmallVector<llvm::Value*, 2> arguments;
  for (unsigned i = 0; i < 2; ++i) {
    arguments.push_back(builder.CreateAlignedLoad(type->getParamType(i), function.getArg(i + 1), llvm::Align(32)));
  }
  builder.CreateAlignedStore(builder.CreateIntrinsic(intrinsic, {}, arguments), function.getArg(0), llvm::Align(32));
  builder.CreateRetVoid();
}

/// *result = byte by byte the entry that an index below 16 names, of one of four tables of 16 bytes: a quarter each.
void look_up_quarters(llvm::IRBuilder<>& builder, llvm::Function& function) {
  auto* bytes = llvm::FixedVectorType::get(builder.getInt8Ty(), 64);
  auto* table = builder.CreateAlignedLoad(bytes, function.getArg(1), llvm::Align(64));
  auto* index = builder.CreateAlignedLoad(bytes, function.getArg(2), llvm::Align(64));
  auto* result = builder.CreateIntrinsic(llvm::Intrinsic::x86_avx512_pshuf_b_512, {}, {table, index});
  builder.CreateAlignedStore(result, function.getArg(0), llvm::Align(64));
  builder.CreateRetVoid();
}

/// *result = bit by bit, from the highest on, of each byte: how many bits it shares with a byte of the matrix of its eight,
/// from the first on, modulo 2.
void multiply_bits(llvm::IRBuilder<>& builder, llvm::Function& function) {
  auto* bytes = llvm::FixedVectorType::get(builder.getInt8Ty(), 64);
  auto* from = builder.CreateAlignedLoad(bytes, function.getArg(1), llvm::Align(64));
  auto* matrices = builder.CreateAlignedLoad(bytes, function.getArg(2), llvm::Align(64));
  auto* result = builder.CreateIntrinsic(llvm::Intrinsic::x86_vgf2p8affineqb_512, {}, {from, matrices, builder.getInt8(0)});
  builder.CreateAlignedStore(result, function.getArg(0), llvm::Align(64));
  builder.CreateRetVoid();
}

/// *result = the integer nearest to each of 16 floats, of two the even one.
void nearest_integers(llvm::IRBuilder<>& builder, llvm::Function& function) {
  auto* words = llvm::FixedVectorType::get(builder.getInt32Ty(), kLanes);
  auto* floats = llvm::FixedVectorType::get(builder.getFloatTy(), kLanes);
  auto* from = builder.CreateAlignedLoad(floats, function.getArg(1), llvm::Align(64));
  llvm::Value* result = nullptr;
  if (has_byte_dots()) {
    constexpr unsigned kCurrentRounding = 4;
    result = builder.CreateIntrinsic(
        llvm::Intrinsic::x86_avx512_mask_cvtps2dq_512, {},
        {from, llvm::Constant::getNullValue(words), builder.getInt16(0xffff), builder.getInt32(kCurrentRounding)});
  } else {
    llvm::SmallVector<llvm::Value*, 2> halves;
    for (int first : {0, 8}) {
      auto* half = builder.CreateShuffleVector(from, llvm::createSequentialMask(static_cast<unsigned>(first), 8, 0));
      halves.push_back(builder.CreateIntrinsic(llvm::Intrinsic::x86_avx_cvt_ps2dq_256, {}, {half}));
    }
    result = llvm::concatenateVectors(builder, halves);
  }
  builder.CreateAlignedStore(result, function.getArg(0), llvm::Align(64));
  builder.CreateRetVoid();
}

}  // namespace

void define_target_queries(llvm::Module& module) {
  define(module, "__msl_vector_bits",
         [](llvm::IRBuilder<>& builder, llvm::Function&) { builder.CreateRet(builder.getInt32(vector_bits())); });
  define(module, "__msl_look_up_16", [](auto& builder, auto& function) { look_up(builder, function, 1); });
  define(module, "__msl_look_up_bytes", look_up_bytes);
  define(module, "__msl_look_up_32", [](auto& builder, auto& function) { look_up(builder, function, 2); });
  const auto answer = [&](const char* name, bool has) {
    define(module, name, [has](auto& builder, auto&) { builder.CreateRet(builder.getInt32(has)); });
  };
  answer("__msl_has_byte_dots", has_byte_dots());
  answer("__msl_has_pair_dots", has_pair_dots());
  if (has_byte_dots() || has_pair_dots()) define(module, "__msl_nearest_integers", nearest_integers);
  if (has_pair_dots()) {
    const auto define_of_two = [&](const char* name, llvm::Intrinsic::ID intrinsic) {
      define(module, name, [intrinsic](auto& builder, auto& function) { of_two(builder, function, intrinsic); });
    };
    define_of_two("__msl_byte_pair_dots", llvm::Intrinsic::x86_avx2_pmadd_ub_sw);
    define_of_two("__msl_word_pair_dots", llvm::Intrinsic::x86_avx2_pmadd_wd);
    define_of_two("__msl_with_signs", llvm::Intrinsic::x86_avx2_psign_b);
  }
  if (!has_byte_dots()) return;
  define(module, "__msl_add_byte_dots", add_byte_dots);
  define(module, "__msl_look_up_quarters", look_up_quarters);
  define(module, "__msl_multiply_bits", multiply_bits);
}

}  // namespace anymetal::device::cpu
