// Code for other processors than this one: what they have, and the steps in which bytes become floats on AArch64.

#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Instructions.h>

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

}  // namespace
}  // namespace anymetal::test
