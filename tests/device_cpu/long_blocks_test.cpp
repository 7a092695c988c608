// Blocks that load more than the code generator can take are cut, and do what they did.

#include "device/cpu/long_blocks.hpp"

#include <fmt/format.h>
#include <llvm/ADT/STLExtras.h>
#include <llvm/Analysis/LoopInfo.h>
#include <llvm/IR/Dominators.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/Module.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Support/raw_ostream.h>

#include <numeric>

#include "ir_kernel.hpp"

namespace anymetal::test {
namespace {

constexpr unsigned kVectors = 700;  // of 64 bytes: two registers each
constexpr unsigned kThreads = 3;

/// out[i] = the sum of all vectors of `in`, each turned around if it has an odd place and first kept in a variable; in
/// a loop of one block that each thread goes around twice. All addresses are computed before the loop.
std::string summing_kernel() {
  std::string before = "  %place = alloca <16 x i32>, align 64\n", loop, sum = "%sum";
  for (unsigned i = 0; i < kVectors; ++i) {
    before += fmt::format("  %from.{0} = getelementptr <16 x i32>, ptr %in, i64 {0}\n", i);
    loop += fmt::format("  %value.{0} = load <16 x i32>, ptr %from.{0}, align 4\n", i);
    std::string value = fmt::format("%value.{}", i);
    if (i % 2 != 0) {
      loop += fmt::format(
          "  %turned.{0} = shufflevector <16 x i32> {1}, <16 x i32> poison, <16 x i32> <i32 15, i32 14, i32 13, i32 "
          "12, "
          "i32 11, i32 10, i32 9, i32 8, i32 7, i32 6, i32 5, i32 4, i32 3, i32 2, i32 1, i32 0>\n",
          i, value);
      value = fmt::format("%turned.{}", i);
    }
    if (i % 100 == 0) {
      loop += fmt::format(
          "  store volatile <16 x i32> {1}, ptr %place\n  %kept.{0} = load volatile <16 x i32>, ptr %place\n", i,
          value);
      value = fmt::format("%kept.{}", i);
    }
    loop += fmt::format("  %sum.{0} = add <16 x i32> {1}, {2}\n", i, sum, value);
    sum = fmt::format("%sum.{}", i);
  }
  return fmt::format(R"(
define void @kernel(ptr %in, ptr %out) {{
entry:
  %i = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %i to i64
{0}  %to = getelementptr <16 x i32>, ptr %out, i64 %wide
  br label %loop
loop:
  %round = phi i32 [ 0, %entry ], [ %next, %loop ]
  %sum = phi <16 x i32> [ zeroinitializer, %entry ], [ {2}, %loop ]
{1}  %next = add i32 %round, 1
  %again = icmp ult i32 %next, 2
  br i1 %again, label %loop, label %done
done:
  store <16 x i32> {2}, ptr %to, align 4
  ret void
}}
)",
                     before, loop, sum);
}

std::ptrdiff_t loads_of(const llvm::BasicBlock& block) {
  return llvm::count_if(block, [](const auto& i) { return llvm::isa<llvm::LoadInst>(i); });
}

void expect_sums(msl::SpecialisedKernel kernel) {
  const IrKernel runs(std::move(kernel));
  std::vector<std::uint32_t> numbers(kVectors * 16);
  std::iota(numbers.begin(), numbers.end(), 1U);
  const DeviceArray<std::uint32_t> in(numbers);
  const DeviceArray<std::uint32_t> out(std::vector<std::uint32_t>(kThreads * 16, 99));
  ASSERT_TRUE(runs.run({in.bind(), out.bind()}, {kThreads}, {kThreads}));
  const auto sums = out.values();
  for (unsigned i = 0; i < sums.size(); ++i) {
    std::uint32_t wanted = 0;
    for (unsigned v = 0; v < kVectors; ++v) wanted += 2 * numbers[v * 16 + (v % 2 != 0 ? 15 - i % 16 : i % 16)];
    ASSERT_EQ(sums[i], wanted) << i;
  }
}

TEST(LongBlocks, AreCutWhereTheyLoadTooMuch) {
  auto kernel = parse_kernel(summing_kernel());
  auto& function = *kernel.module->getFunction("kernel");
  llvm::DominatorTree dominators(function);
  llvm::LoopInfo loops(dominators);
  ASSERT_TRUE(device::cpu::cut_long_blocks(function, &dominators, &loops));
  ASSERT_FALSE(llvm::verifyModule(*kernel.module, &llvm::errs()));
  EXPECT_TRUE(dominators.verify());
  loops.verify(dominators);
  ASSERT_EQ(loops.getTopLevelLoops().size(), 1U);
  EXPECT_EQ(loops.getTopLevelLoops()[0]->getNumBlocks(), 3U);
  for (const auto& block : function) EXPECT_LE(loads_of(block), device::cpu::kLoadsPerBlock / 2);
  for (const auto& instruction : llvm::instructions(function)) {
    const bool is_first = instruction.getParent() == &function.getEntryBlock();
    EXPECT_TRUE(is_first || !llvm::isa<llvm::AllocaInst>(instruction));
    const auto* load = llvm::dyn_cast<llvm::LoadInst>(&instruction);
    const auto* address = load ? llvm::dyn_cast<llvm::GetElementPtrInst>(load->getPointerOperand()) : nullptr;
    EXPECT_TRUE(!address || load->getParent()->getName() == "loop" || address->getParent() == load->getParent());
  }
  EXPECT_FALSE(device::cpu::cut_long_blocks(function, &dominators, &loops)) << "nothing is left to cut";
  expect_sums(std::move(kernel));
}

TEST(LongBlocks, ComputeTheSameAsTheDeviceCompilesThem) { expect_sums(parse_kernel(summing_kernel())); }

/// Variables on the stack stay in the first block, whatever is loaded before the last of them.
TEST(LongBlocks, KeepVariablesInTheFirstBlock) {
  std::string text = "define void @kernel(ptr %in, ptr %out) {\n";
  for (unsigned i = 0; i < 600; ++i) text += fmt::format("  %a.{0} = load volatile i32, ptr %in\n", i);
  text +=
      "  %place = alloca i32\n  store volatile i32 %a.0, ptr %place\n  %b = load volatile i32, ptr %place\n  store i32 "
      "%b, ptr %out\n  ret void\n}\n";
  auto kernel = parse_kernel(text);
  auto& function = *kernel.module->getFunction("kernel");
  EXPECT_FALSE(device::cpu::cut_long_blocks(function, nullptr, nullptr));
  EXPECT_EQ(function.size(), 1U);
}

}  // namespace
}  // namespace anymetal::test
