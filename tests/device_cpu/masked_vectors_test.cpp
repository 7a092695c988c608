// What processors without registers for masks are given in the place of masked stores and of masks made of bits.

#include <fmt/format.h>
#include <llvm/ADT/STLExtras.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/Module.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Support/raw_ostream.h>

#include <numeric>

#include "device/cpu/mask_bits.hpp"
#include "device/cpu/whole_stores.hpp"
#include "ir_kernel.hpp"

namespace anymetal::test {
namespace {

/// A thread stores 8 numbers at its place in `out` where the bits of its word in `in` are set: by a masked store in the
/// block that makes the mask, and 8 others behind them by one in another block.
constexpr const char* kStores = R"(
define void @kernel(ptr %in, ptr %out) {
entry:
  %i = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %i to i64
  %from = getelementptr i8, ptr %in, i64 %wide
  %bits = load i8, ptr %from
  %mask = bitcast i8 %bits to <8 x i1>
  %to = getelementptr <16 x i32>, ptr %out, i64 %wide
  call void @llvm.masked.store.v8i32.p0(<8 x i32> <i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8>, ptr %to, i32 4, <8 x i1> %mask)
  %odd = and i32 %i, 1
  %again = icmp ne i32 %odd, 0
  br i1 %again, label %second, label %done
second:
  %behind = getelementptr i32, ptr %to, i64 8
  call void @llvm.masked.store.v8i32.p0(<8 x i32> <i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15, i32 16>, ptr %behind, i32 4, <8 x i1> %mask)
  call void @llvm.masked.store.v8i32.p0(<8 x i32> zeroinitializer, ptr %behind, i32 4, <8 x i1> <i1 true, i1 false, i1 false, i1 false, i1 false, i1 false, i1 false, i1 false>)
  br label %done
done:
  ret void
}
declare void @llvm.masked.store.v8i32.p0(<8 x i32>, ptr, i32, <8 x i1>)
)";

std::size_t how_many(const llvm::Module& module, llvm::function_ref<bool(const llvm::Instruction&)> is_wanted) {
  return static_cast<std::size_t>(
      llvm::count_if(llvm::instructions(*module.getFunction("kernel")), [&](const auto& i) { return is_wanted(i); }));
}

bool is_masked(const llvm::Instruction& instruction) {
  const auto* call = llvm::dyn_cast<llvm::CallInst>(&instruction);
  return call && call->getCalledFunction() && call->getCalledFunction()->getName().starts_with("llvm.masked.store");
}

bool makes_bits_a_mask(const llvm::Instruction& instruction) {
  return llvm::isa<llvm::BitCastInst>(instruction) && instruction.getType()->isVectorTy();
}

/// Runs it with all masks of 8 bits.
void expect_stores(msl::SpecialisedKernel kernel) {
  ASSERT_FALSE(llvm::verifyModule(*kernel.module, &llvm::errs()));
  const IrKernel runs(std::move(kernel));
  std::vector<std::uint8_t> masks(256);
  std::iota(masks.begin(), masks.end(), std::uint8_t{0});
  const DeviceArray<std::uint8_t> in(masks);
  const DeviceArray<std::uint32_t> out(std::vector<std::uint32_t>(256 * 16, 99));
  ASSERT_TRUE(runs.run({in.bind(), out.bind()}, {256}, {256}));
  const auto values = out.values();
  for (std::uint32_t thread = 0; thread < 256; ++thread)
    for (std::uint32_t i = 0; i < 16; ++i) {
      const bool is_set = (thread >> i % 8 & 1U) != 0;
      auto wanted = is_set && (i < 8 || thread % 2 != 0) ? i + 1 : 99;
      if (i == 8 && thread % 2 != 0) wanted = 0;
      ASSERT_EQ(values[thread * 16 + i], wanted) << thread << ' ' << i;
    }
}

TEST(MaskedVectors, AreStoredWholeOrNotAtAllWhereTheyMay) {
  auto kernel = parse_kernel(kStores);
  device::cpu::store_whole_vectors(*kernel.module);
  EXPECT_EQ(how_many(*kernel.module, is_masked), 3U) << "the last mask is known";
  EXPECT_EQ(how_many(*kernel.module, [](const auto& i) { return llvm::isa<llvm::StoreInst>(i); }), 2U);
  EXPECT_EQ(how_many(*kernel.module, [](const auto& i) { return llvm::isa<llvm::BranchInst>(i); }), 2U + 2 * 5U);
  expect_stores(std::move(kernel));
}

TEST(MaskedVectors, AreMadeOfBitsByComparisonsWhereTheyAreUsed) {
  auto kernel = parse_kernel(kStores);
  ASSERT_EQ(how_many(*kernel.module, makes_bits_a_mask), 1U);
  device::cpu::spread_mask_bits(*kernel.module);
  EXPECT_EQ(how_many(*kernel.module, makes_bits_a_mask), 0U);
  EXPECT_EQ(
      how_many(*kernel.module, [](const auto& i) { return llvm::isa<llvm::ICmpInst>(i) && i.getType()->isVectorTy(); }),
      2U)
      << "one in each block";
  expect_stores(std::move(kernel));
}

TEST(MaskedVectors, OfBothKinds) {
  auto kernel = parse_kernel(kStores);
  device::cpu::store_whole_vectors(*kernel.module);
  device::cpu::spread_mask_bits(*kernel.module);
  expect_stores(std::move(kernel));
}

/// out[i] = a bit of `in`[i] ? 1 : 0 for 32 bits, the mask being a phi's value.
TEST(MaskedVectors, ThatComeFromOtherBlocksAreMadeThere) {
  auto kernel = parse_kernel(R"(
define void @kernel(ptr %in, ptr %out) {
entry:
  %i = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %i to i64
  %from = getelementptr i32, ptr %in, i64 %wide
  %bits = load i32, ptr %from
  %mask = bitcast i32 %bits to <32 x i1>
  %odd = trunc i32 %i to i1
  br i1 %odd, label %other, label %done
other:
  br label %done
done:
  %m = phi <32 x i1> [ %mask, %entry ], [ splat (i1 true), %other ]
  %numbers = zext <32 x i1> %m to <32 x i32>
  %to = getelementptr <32 x i32>, ptr %out, i64 %wide
  store <32 x i32> %numbers, ptr %to, align 4
  ret void
}
)");
  device::cpu::spread_mask_bits(*kernel.module);
  ASSERT_FALSE(llvm::verifyModule(*kernel.module, &llvm::errs()));
  const IrKernel runs(std::move(kernel));
  const DeviceArray<std::uint32_t> in({0x80000001U, 5U, 0x7FFF0000U, 0U});
  const DeviceArray<std::uint32_t> out(std::vector<std::uint32_t>(4 * 32, 99));
  ASSERT_TRUE(runs.run({in.bind(), out.bind()}, {4}, {4}));
  const auto words = in.values(), values = out.values();
  for (std::uint32_t i = 0; i < 4 * 32; ++i)
    ASSERT_EQ(values[i], i / 32 % 2 != 0 ? 1U : words[i / 32] >> i % 32 & 1U) << i;
}

}  // namespace
}  // namespace anymetal::test
