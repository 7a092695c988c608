// Kernels that are right for any threadgroup size, run with one thread for a threadgroup.

#include "device/cpu/one_thread.hpp"

#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>
#include <llvm/Support/raw_ostream.h>

#include <numeric>

#include "emulated/emulated_backend.hpp"
#include "prepared_thread.hpp"

namespace anymetal::test {
namespace {

using Words = std::vector<std::uint32_t>;

/// y[i] = x[i] + the sum of x + what the threads before this one hold of it, over 1,000 elements: the last is 0 for
/// thread 0.
constexpr const char* kRow = R"(
define void @kernel(ptr %x, ptr %y, ptr %scratch) {
entry:
  %i = call i32 @__msl_thread_index_in_threadgroup()
  %size = call i32 @__msl_threads_per_threadgroup(i32 0)
  br label %add
add:
  %k = phi i32 [ %i, %entry ], [ %k1, %add ]
  %t = phi i32 [ 0, %entry ], [ %t1, %add ]
  %wide = zext i32 %k to i64
  %p = getelementptr i32, ptr %x, i64 %wide
  %v = load i32, ptr %p
  %t1 = add i32 %t, %v
  %k1 = add i32 %k, %size
  %more = icmp ult i32 %k1, 1000
  br i1 %more, label %add, label %meet
meet:
  %own = call i32 @__msl_simd_sum_u32(i32 %t1)
  %before = call i32 @__msl_simd_prefix_exclusive_sum_u32(i32 %t1)
  %zero = icmp eq i32 %i, 0
  br i1 %zero, label %note, label %wait
note:
  store i32 %before, ptr %scratch
  br label %wait
wait:
  call void @__msl_threadgroup_barrier(i32 2)
  %noted = load i32, ptr %scratch
  %total = add i32 %own, %noted
  br label %write
write:
  %m = phi i32 [ %i, %wait ], [ %m1, %write ]
  %wide2 = zext i32 %m to i64
  %q = getelementptr i32, ptr %x, i64 %wide2
  %u = load i32, ptr %q
  %r = add i32 %u, %total
  %o = getelementptr i32, ptr %y, i64 %wide2
  store i32 %r, ptr %o
  %m1 = add i32 %m, %size
  %again = icmp ult i32 %m1, 1000
  br i1 %again, label %write, label %done
done:
  ret void
})";

constexpr const char* kPositionInGrid = R"(
define void @kernel(ptr %out) {
  %g = call i32 @__msl_threadgroup_position_in_grid(i32 0)
  %n = call i32 @__msl_dispatch_threads_per_threadgroup(i32 0)
  %t = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %s = mul i32 %g, %n
  %i = add i32 %s, %t
  %wide = zext i32 %i to i64
  %p = getelementptr i32, ptr %out, i64 %wide
  %sum = call i32 @__msl_simd_sum_u32(i32 1)
  store i32 %sum, ptr %p
  ret void
})";

msl::SpecialisedKernel right_for_any_size(const char* ir) {
  auto kernel = parse_kernel(ir);
  kernel.reflection.any_threadgroup_size = true;
  return kernel;
}

TEST(OneThread, DoesTheWorkOfAThreadgroupInPlaceToo) {
  const IrKernel kernel(right_for_any_size(kRow));
  EXPECT_EQ(kernel.artifact().execution_path, "loop");
  EXPECT_EQ(kernel.artifact().path_reason, "");
  Words x(1000);
  std::iota(x.begin(), x.end(), 1u);
  for (const std::size_t group : {1u, 7u, 32u, 256u}) {
    const DeviceArray<std::uint32_t> in(x), out(Words(1000, 0)), both(x);
    ASSERT_TRUE(kernel.run({in.bind(), out.bind(), threadgroup_memory(4)}, {group, 1, 1}, {group, 1, 1}));
    ASSERT_TRUE(kernel.run({both.bind(), both.bind(), threadgroup_memory(4)}, {group, 1, 1}, {group, 1, 1}));
    for (std::uint32_t i = 0; i < 1000; ++i) ASSERT_EQ(out.values()[i], i + 1 + 500500) << group;
    EXPECT_EQ(both.values(), out.values());
  }
}

TEST(OneThread, RoundsOfStridedLoopsAreUnordered) {
  const auto prepared = prepare_thread(right_for_any_size(kRow));
  device::cpu::run_as_one_thread(prepared.thread);
  std::string text;
  llvm::raw_string_ostream(text) << *prepared.kernel.module;
  EXPECT_EQ(text.find("call"), std::string::npos) << text;
  const auto mark = text.find("llvm.loop.parallel_accesses");
  ASSERT_NE(mark, std::string::npos) << text;
  EXPECT_NE(text.find("llvm.loop.parallel_accesses", mark + 1), std::string::npos) << text;
}

TEST(OneThread, OnlyWhereTheKernelSaysSoAndReadsNoPositionInTheGrid) {
  EXPECT_EQ(IrKernel(kRow).artifact().execution_path, "lanes");
  const IrKernel kernel(right_for_any_size(kPositionInGrid));
  EXPECT_EQ(kernel.artifact().execution_path, "lanes");
  EXPECT_NE(kernel.artifact().path_reason.find("positions"), std::string::npos);
  const DeviceArray<std::uint32_t> out(Words(96, 0));
  ASSERT_TRUE(kernel.run({out.bind()}, {96, 1, 1}, {32, 1, 1}));
  EXPECT_EQ(out.values(), Words(96, 32));
}

TEST(OneThread, NotWhereVariantsAreSwitchedOff) {
  const auto general = *cpu_or_emulated({.threads = 1, .lanes = true, .variants = false});
  EXPECT_EQ(IrKernel(right_for_any_size(kRow), general).artifact().execution_path, "lanes");
  EXPECT_NE(general->artifact_identity(), cpu_device()->artifact_identity());
}

}  // namespace
}  // namespace anymetal::test
