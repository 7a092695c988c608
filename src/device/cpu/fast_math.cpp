#include "device/cpu/fast_math.hpp"

#include <fmt/format.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/Module.h>

#include <array>
#include <span>
#include <string>

namespace anymetal::device::cpu {
namespace {

/// Adding it to a float of moderate size leaves the nearest integer in the low mantissa bits: unlike a conversion this
/// is defined for NaN too.
constexpr double kRound = 0x1.8p23;
constexpr std::uint32_t kRoundBits = 0x4b40'0000;

/// Emits float formulas without fast-math flags: their steps must not be reassociated.
class Formula {
 public:
  explicit Formula(llvm::IRBuilder<>& builder) : builder_(builder) {}

  [[nodiscard]] llvm::Constant* number(double value) const { return llvm::ConstantFP::get(builder_.getFloatTy(), value); }
  llvm::Value* fma(llvm::Value* a, llvm::Value* b, llvm::Value* c) {
    return builder_.CreateIntrinsic(llvm::Intrinsic::fma, {builder_.getFloatTy()}, {a, b, c});
  }
  llvm::Value* unary(llvm::Intrinsic::ID id, llvm::Value* x) { return builder_.CreateUnaryIntrinsic(id, x); }
  llvm::Value* bits(llvm::Value* x) { return builder_.CreateBitCast(x, builder_.getInt32Ty()); }
  llvm::Value* value(llvm::Value* x) { return builder_.CreateBitCast(x, builder_.getFloatTy()); }
  /// Coefficients from the highest power down.
  llvm::Value* polynomial(llvm::Value* x, std::span<const double> coefficients) {
    llvm::Value* sum = number(coefficients.front());
    for (const double coefficient : coefficients.subspan(1)) sum = fma(sum, x, number(coefficient));
    return sum;
  }
  /// 2^n for an i32 n in [-126, 127].
  llvm::Value* power_of_two(llvm::Value* n) {
    return value(builder_.CreateShl(builder_.CreateAdd(n, builder_.getInt32(127)), 23));
  }

 private:
  llvm::IRBuilder<>& builder_;
};

/// 2^x: nearest integer apart, a polynomial on [-1/2, 1/2], and scaling in two steps so that results down to the
/// smallest subnormal come out right.
llvm::Value* exp2(llvm::IRBuilder<>& builder, llvm::Value* x) {
  Formula f(builder);
  x = builder.CreateSelect(builder.CreateFCmpOGT(x, f.number(129)), f.number(129), x);
  x = builder.CreateSelect(builder.CreateFCmpOLT(x, f.number(-151)), f.number(-151), x);
  auto* shifted = builder.CreateFAdd(x, f.number(kRound));
  auto* n = builder.CreateSub(f.bits(shifted), builder.getInt32(kRoundBits));
  auto* rest = builder.CreateFSub(x, builder.CreateFSub(shifted, f.number(kRound)));
  static constexpr std::array kPowers{1.535336188319500e-4, 1.339887440266574e-3, 9.618437357674640e-3,
                                      5.550332471162809e-2, 2.402264791363012e-1, 6.931472028550421e-1, 1.0};
  auto* power = f.polynomial(rest, kPowers);
  auto* half = builder.CreateAShr(n, 1);
  auto* scaled = builder.CreateFMul(power, f.power_of_two(half));
  return builder.CreateFMul(scaled, f.power_of_two(builder.CreateSub(n, half)));
}

/// log2 x: exponent apart, then 2 atanh(s) / ln 2 with s = (m - 1) / (m + 1) for a mantissa m in [2/3, 4/3].
llvm::Value* log2(llvm::IRBuilder<>& builder, llvm::Value* x) {
  Formula f(builder);
  auto* small = builder.CreateFCmpOLT(x, f.number(0x1p-126));
  auto* normal = builder.CreateSelect(small, builder.CreateFMul(x, f.number(0x1p23)), x);
  auto* bits = f.bits(normal);
  auto* exponent = builder.CreateAShr(builder.CreateSub(bits, builder.getInt32(0x3f2a'aaab)), 23);
  auto* mantissa = f.value(builder.CreateSub(bits, builder.CreateShl(exponent, 23)));
  auto* s = builder.CreateFDiv(builder.CreateFSub(mantissa, f.number(1)), builder.CreateFAdd(mantissa, f.number(1)));
  static constexpr double kScale = 2.8853900817779268;  // 2 / ln 2
  static constexpr std::array kSeries{kScale / 9, kScale / 7, kScale / 5, kScale / 3, kScale};
  auto* series = f.polynomial(builder.CreateFMul(s, s), kSeries);
  auto* whole = builder.CreateFSub(builder.CreateSIToFP(exponent, builder.getFloatTy()),
                                   builder.CreateSelect(small, f.number(23), f.number(0)));
  auto* result = f.fma(s, series, whole);
  auto* infinity = llvm::ConstantFP::getInfinity(builder.getFloatTy());
  result = builder.CreateSelect(builder.CreateFCmpOEQ(x, infinity), infinity, result);
  result = builder.CreateSelect(builder.CreateFCmpOEQ(x, f.number(0)),
                                llvm::ConstantFP::getInfinity(builder.getFloatTy(), true), result);
  return builder.CreateSelect(builder.CreateFCmpULT(x, f.number(0)), llvm::ConstantFP::getNaN(builder.getFloatTy()),
                              result);
}

/// sin (`quarter_turns` 0) or cos (1): x minus the nearest multiple of pi/2 in three parts, then the polynomial of the
/// quadrant. Good to some 2e-7 for |x| up to 1e5.
llvm::Value* sine(llvm::IRBuilder<>& builder, llvm::Value* x, unsigned quarter_turns) {
  Formula f(builder);
  auto* shifted = f.fma(x, f.number(0.63661977236758134), f.number(kRound));
  auto* quadrant = builder.CreateAdd(f.bits(shifted), builder.getInt32(quarter_turns));
  auto* turns = builder.CreateFNeg(builder.CreateFSub(shifted, f.number(kRound)));
  auto* rest = f.fma(turns, f.number(0x1.921fb4p+0), x);
  rest = f.fma(turns, f.number(0x1.4442d0p-24), rest);
  rest = f.fma(turns, f.number(0x1.846988p-48), rest);
  auto* square = builder.CreateFMul(rest, rest);
  static constexpr std::array kSine{2.7557314297e-6, -1.9841270114e-4, 8.3333337680e-3, -1.6666667163e-1};
  static constexpr std::array kCosine{-2.7557314297e-7, 2.4801587642e-5, -1.3888889225e-3, 4.1666667908e-2, -0.5, 1.0};
  auto* sin = f.fma(builder.CreateFMul(rest, square), f.polynomial(square, kSine), rest);
  auto* cos = f.polynomial(square, kCosine);
  auto* odd = builder.CreateIsNotNull(builder.CreateAnd(quadrant, 1));
  auto* sign = builder.CreateShl(builder.CreateAnd(quadrant, 2), 30);
  return f.value(builder.CreateXor(f.bits(builder.CreateSelect(odd, cos, sin)), sign));
}

llvm::Value* emit(llvm::StringRef name, llvm::IRBuilder<>& builder, llvm::Value* x) {
  Formula f(builder);
  if (name == "exp2") return exp2(builder, x);
  if (name == "log2") return log2(builder, x);
  if (name == "rcp") return builder.CreateFDiv(f.number(1), x);
  if (name == "rsqrt") return builder.CreateFDiv(f.number(1), f.unary(llvm::Intrinsic::sqrt, x));
  if (name == "sin") return sine(builder, x, 0);
  if (name == "cos") return sine(builder, x, 1);
  return nullptr;
}

}  // namespace

Result<void> define_fast_math(llvm::Module& module) {
  for (auto& function : module) {
    auto name = function.getName();
    if (!function.isDeclaration() || !name.consume_front("__msl_fast_")) continue;
    if (function.arg_size() != 1 || !function.getReturnType()->isFloatTy())
      return fail(ErrorCode::InternalError, fmt::format("'{}' has an unknown signature", function.getName().str()));
    llvm::IRBuilder<> builder(llvm::BasicBlock::Create(module.getContext(), "", &function));
    auto* value = emit(name, builder, function.getArg(0));
    if (!value)
      return fail(ErrorCode::InternalError, fmt::format("'{}' is not known to the CPU back end", function.getName().str()));
    builder.CreateRet(value);
    function.setLinkage(llvm::GlobalValue::InternalLinkage);
    function.removeFnAttr(llvm::Attribute::NoInline);
    function.removeFnAttr(llvm::Attribute::OptimizeNone);
    function.addFnAttr(llvm::Attribute::AlwaysInline);
  }
  return {};
}

}  // namespace anymetal::device::cpu
