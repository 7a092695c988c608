// Code for other processors than this one: what they have, the steps in which bytes become floats on AArch64, and bfloat16
// without an instruction for it.

#include <bit>
#include <limits>

#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Instructions.h>

#include "device/cpu/bfloat_conversions.hpp"
#include "device/cpu/integer_conversions.hpp"
#include "device/cpu/processor_features.hpp"
#include "ir_kernel.hpp"

namespace anymetal::test {
namespace {

using device::cpu::as_text;
using device::cpu::features_of;

TEST(ProcessorFeatures, FollowFromTheName) {
  const auto n1 = features_of("aarch64-linux-gnu", "neoverse-n1");
  EXPECT_TRUE(n1.at("dotprod"));
  EXPECT_TRUE(n1.at("fullfp16"));
  EXPECT_FALSE(n1.contains("bf16"));
  EXPECT_TRUE(features_of("aarch64-linux-gnu", "neoverse-v1").at("bf16"));
  EXPECT_TRUE(features_of("x86_64-linux-gnu", "x86-64-v3").at("avx2"));
  EXPECT_FALSE(features_of("x86_64-linux-gnu", "x86-64-v3").contains("avx512f"));
  EXPECT_TRUE(features_of("x86_64-linux-gnu", "neoverse-n1").empty());
}

TEST(ProcessorFeatures, HaveGathersWhereVectorsOfEightDo) {
  EXPECT_TRUE(features_of("x86_64-linux-gnu", "x86-64-v3").at("fast-gather"));
  EXPECT_TRUE(features_of("x86_64-linux-gnu", "znver3").at("fast-gather"));
  EXPECT_FALSE(features_of("x86_64-linux-gnu", "x86-64-v2").contains("fast-gather"));
  EXPECT_FALSE(features_of("x86_64-linux-gnu", "x86-64-v4").contains("fast-gather")) << "follows from the name";
}

TEST(ProcessorFeatures, AreNeverScalableVectors) {
  const auto v1 = features_of("aarch64-linux-gnu", "neoverse-v1");
  EXPECT_FALSE(v1.at("sve"));
  EXPECT_NE(as_text(v1).find(",-sve,"), std::string::npos);
}

TEST(ProcessorFeatures, OfThisProcessorHoldWhatEveryOneHas) {
  const auto here = device::cpu::features_of_this_processor();
#if defined(__aarch64__)
  EXPECT_TRUE(here.at("neon"));
#elif defined(__x86_64__)
  EXPECT_TRUE(here.at("sse2"));
#endif
  EXPECT_FALSE(here.empty());
}

constexpr const char* kConversions = R"(
define void @kernel(ptr %from, ptr %to) {
  %bytes = load <16 x i8>, ptr %from
  %signed = sitofp <16 x i8> %bytes to <16 x float>
  %unsigned = uitofp <16 x i8> %bytes to <16 x float>
  %sum = fadd <16 x float> %signed, %unsigned
  store <16 x float> %sum, ptr %to
  ret void
}
)";

/// How many instructions of a kind the module has, and how many of them take bytes.
template <class Instruction>
std::pair<int, int> count(const llvm::Module& module) {
  std::pair<int, int> counts;
  for (const auto& function : module)
    for (const auto& instruction : llvm::instructions(function)) {
      if (!llvm::isa<Instruction>(instruction)) continue;
      ++counts.first;
      counts.second += instruction.getOperand(0)->getType()->getScalarSizeInBits() == 8;
    }
  return counts;
}

TEST(IntegerConversions, GoByWordsOnAarch64) {
  const auto kernel = parse_kernel(kConversions);
  kernel.module->setTargetTriple("aarch64-linux-gnu");
  device::cpu::split_conversions(*kernel.module);
  EXPECT_EQ(count<llvm::SExtInst>(*kernel.module), std::pair(1, 1));
  EXPECT_EQ(count<llvm::ZExtInst>(*kernel.module), std::pair(1, 1));
  EXPECT_EQ(count<llvm::SIToFPInst>(*kernel.module), std::pair(2, 0));
  EXPECT_EQ(count<llvm::UIToFPInst>(*kernel.module), std::pair(0, 0));
}

TEST(IntegerConversions, StayElsewhere) {
  const auto kernel = parse_kernel(kConversions);
  kernel.module->setTargetTriple("x86_64-linux-gnu");
  device::cpu::split_conversions(*kernel.module);
  EXPECT_EQ(count<llvm::SIToFPInst>(*kernel.module), std::pair(1, 1));
  EXPECT_EQ(count<llvm::UIToFPInst>(*kernel.module), std::pair(1, 1));
}

TEST(IntegerConversions, FromHalvesGoThroughFloatsOnX86) {
  const auto kernel = parse_kernel(R"(
define void @kernel(ptr %from, ptr %to) {
  %x = load <8 x half>, ptr %from
  %y = call <8 x i16> @llvm.fptosi.sat.v8i16.v8f16(<8 x half> %x)
  store <8 x i16> %y, ptr %to
  %a = load half, ptr %from
  %b = call i16 @llvm.fptosi.sat.i16.f16(half %a)
  store i16 %b, ptr %to
  ret void
}
)");
  kernel.module->setTargetTriple("x86_64-linux-gnu");
  device::cpu::split_conversions(*kernel.module);
  EXPECT_EQ(count<llvm::FPExtInst>(*kernel.module), std::pair(2, 0));
}

TEST(BfloatConversions, RoundToTheNearestWithoutAnInstruction) {
  auto kernel = parse_kernel(R"(
define void @kernel(ptr %from, ptr %to) {
  %x = load <8 x float>, ptr %from, align 4
  %y = fptrunc <8 x float> %x to <8 x bfloat>
  store <8 x bfloat> %y, ptr %to, align 2
  %last = getelementptr float, ptr %from, i64 8
  %a = load float, ptr %last
  %b = fptrunc float %a to bfloat
  %place = getelementptr bfloat, ptr %to, i64 8
  store bfloat %b, ptr %place
  ret void
}
)");
  device::cpu::expand_bfloat_rounding(*kernel.module);
  EXPECT_EQ(count<llvm::FPTruncInst>(*kernel.module).first, 0);
  const IrKernel run(std::move(kernel));
  const float infinity = std::numeric_limits<float>::infinity();
  // Ties go to even bits; the largest float, subnormals, a NaN whose upper bits alone would be an infinity.
  const DeviceArray<float> from({1.0f, 0x1.01p0f, 0x1.03p0f, -0x1.010002p0f, 0x1.fffffep127f, -infinity, 0x1.8p-133f,
                                 std::bit_cast<float>(0x7f800001u), -0.0f});
  const DeviceArray<std::uint16_t> to(std::vector<std::uint16_t>(9));
  ASSERT_TRUE(run.run({from.bind(), to.bind()}, {1, 1, 1}, {1, 1, 1}));
  EXPECT_EQ(to.values(),
            (std::vector<std::uint16_t>{0x3f80, 0x3f80, 0x3f82, 0xbf81, 0x7f80, 0xff80, 0x0002, 0x7fc0, 0x8000}));
}

}  // namespace
}  // namespace anymetal::test
