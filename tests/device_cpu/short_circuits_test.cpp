// Conditions whose second operand is computed without a branch.

#include "device/cpu/short_circuits.hpp"

#include <fmt/format.h>
#include <llvm/ADT/STLExtras.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/Module.h>
#include <llvm/IR/Verifier.h>

#include "ir_kernel.hpp"

namespace anymetal::test {
namespace {

/// out[i] = in[i] < 5 `kind` SECOND, `&&` and `||`; the front end's form of them.
std::string kernel_text(bool is_or, std::string_view second) {
  return fmt::format(R"(
define void @kernel(ptr %in, ptr %out) {{
entry:
  %i = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %i to i64
  %from = getelementptr i32, ptr %in, i64 %wide
  %x = load i32, ptr %from
  %first = icmp ult i32 %x, 5
  br i1 %first, label %{}, label %{}
joint:
  %both = phi i1 [ {}, %entry ], [ %decided, %second ]
  %number = zext i1 %both to i32
  %to = getelementptr i32, ptr %out, i64 %wide
  store i32 %number, ptr %to
  ret void
second:
{}
  br label %joint
}}
)",
                     is_or ? "joint" : "second", is_or ? "second" : "joint", is_or, second);
}

constexpr const char* kCheap = "  %a = icmp ne i32 %x, 2\n  %b = icmp ult i32 %x, 8\n  %decided = and i1 %a, %b";

std::size_t blocks_after(msl::SpecialisedKernel& kernel) {
  auto& function = *kernel.module->getFunction("kernel");
  llvm::FunctionAnalysisManager analyses;
  device::cpu::JoinShortCircuits::run(function, analyses);
  EXPECT_FALSE(llvm::verifyModule(*kernel.module, &llvm::errs()));
  return function.size();
}

TEST(ShortCircuits, OfAFewOperationsAreNoBranches) {
  for (const bool is_or : {false, true}) {
    auto kernel = parse_kernel(kernel_text(is_or, kCheap));
    EXPECT_EQ(blocks_after(kernel), 2U);
    EXPECT_TRUE(llvm::none_of(llvm::instructions(*kernel.module->getFunction("kernel")), [](const auto& instruction) {
      const auto* branch = llvm::dyn_cast<llvm::BranchInst>(&instruction);
      return branch && branch->isConditional();
    }));
    const IrKernel runs(std::move(kernel));
    const DeviceArray<std::uint32_t> in({0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
    const DeviceArray<std::uint32_t> out(std::vector<std::uint32_t>(10, 99));
    ASSERT_TRUE(runs.run({in.bind(), out.bind()}, {10}, {10}));
    for (std::uint32_t x = 0; x < 10; ++x) {
      const bool first = x < 5, second = x != 2 && x < 8;
      EXPECT_EQ(out.values()[x], (is_or ? first || second : first && second) ? 1U : 0U) << is_or << ' ' << x;
    }
  }
}

TEST(ShortCircuits, ThatMayNotBeAskedOrAreLongStayBranches) {
  const auto blocks = [](std::string_view second) {
    auto kernel = parse_kernel(kernel_text(true, second));
    return blocks_after(kernel);
  };
  EXPECT_EQ(blocks("  %q = udiv i32 9, %x\n  %decided = icmp ult i32 %q, 2"), 3U) << "x may be 0";
  EXPECT_EQ(blocks("  %y = load i32, ptr %out\n  %decided = icmp ult i32 %y, 2"), 3U);
  std::string many = "  %y0 = add i32 %x, 1\n";
  for (int i = 1; i < 8; ++i) many += fmt::format("  %y{} = mul i32 %y{}, %x\n", i, i - 1);
  EXPECT_EQ(blocks(many + "  %decided = icmp ult i32 %y7, 2"), 3U);
}

}  // namespace
}  // namespace anymetal::test
