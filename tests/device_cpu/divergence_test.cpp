// Threads that part ways: early returns, barriers in loops, operations under conditions, loops of different lengths.

#include <array>
#include <numeric>

#include "emulated/emulated_backend.hpp"
#include "ir_kernel.hpp"

namespace anymetal::test {
namespace {

using Words = std::vector<std::uint32_t>;

/// Sum over the threadgroup by a tree in threadgroup memory; threads from `limit` on return first.
constexpr const char* kTree = R"(
@shared = internal global [1024 x i32] undef, section "msl.threadgroup", align 16
define void @kernel(ptr %in, ptr %out, ptr %limit) {
entry:
  %i = call i32 @__msl_thread_index_in_threadgroup()
  %w = call i32 @__msl_threads_per_threadgroup(i32 0)
  %g = call i32 @__msl_threadgroup_position_in_grid(i32 0)
  %n = load i32, ptr %limit
  %gone = icmp uge i32 %i, %n
  br i1 %gone, label %end, label %body
body:
  %d = call i32 @__msl_dispatch_threads_per_threadgroup(i32 0)
  %o = mul i32 %g, %d
  %gi = add i32 %o, %i
  %at = zext i32 %gi to i64
  %p = getelementptr i32, ptr %in, i64 %at
  %v = load i32, ptr %p
  %li = zext i32 %i to i64
  %s = getelementptr [1024 x i32], ptr @shared, i64 0, i64 %li
  store i32 %v, ptr %s
  call void @__msl_threadgroup_barrier(i32 2)
  br label %loop
loop:
  %stride = phi i32 [ 512, %body ], [ %half, %next ]
  %other = add i32 %i, %stride
  %inw = icmp ult i32 %other, %w
  %inn = icmp ult i32 %other, %n
  %lower = icmp ult i32 %i, %stride
  %c0 = and i1 %inw, %inn
  %c = and i1 %c0, %lower
  br i1 %c, label %add, label %next
add:
  %lo = zext i32 %other to i64
  %so = getelementptr [1024 x i32], ptr @shared, i64 0, i64 %lo
  %a = load i32, ptr %s
  %b = load i32, ptr %so
  %sum = add i32 %a, %b
  store i32 %sum, ptr %s
  br label %next
next:
  call void @__msl_threadgroup_barrier(i32 2)
  %half = lshr i32 %stride, 1
  %more = icmp ne i32 %half, 0
  br i1 %more, label %loop, label %last
last:
  %first = icmp eq i32 %i, 0
  br i1 %first, label %write, label %end
write:
  %total = load i32, ptr %s
  %og = zext i32 %g to i64
  %q = getelementptr i32, ptr %out, i64 %og
  store i32 %total, ptr %q
  br label %end
end:
  ret void
})";

TEST(Divergence, TreeReductionWithReturnedThreadsAndClippedGroups) {
  const IrKernel kernel(kTree);
  EXPECT_EQ(kernel.artifact().reflection.static_threadgroup_memory, 4096u);
  struct Shape {
    std::uint32_t threads, group, limit;
  };
  for (const auto& [threads, group, limit] :
       {Shape{1024, 1024, 1024}, Shape{1024, 256, 256}, Shape{1000, 256, 256}, Shape{1000, 256, 77}, Shape{64, 64, 1},
        Shape{33, 33, 33}, Shape{5, 1, 1}, Shape{97, 96, 40}}) {
    Words input(threads);
    std::iota(input.begin(), input.end(), 1u);
    const DeviceArray<std::uint32_t> in(input);
    const auto groups = (threads + group - 1) / group;
    const DeviceArray<std::uint32_t> out(Words(groups, 0u));
    const DeviceArray<std::uint32_t> n({limit});
    ASSERT_TRUE(kernel.run({in.bind(), out.bind(), n.bind()}, {threads}, {group}));
    const auto result = out.values();
    for (std::uint32_t g = 0; g < groups; ++g) {
      std::uint32_t expected = 0;
      for (auto i = g * group; i < std::min({threads, (g + 1) * group, g * group + limit}); ++i) expected += input[i];
      ASSERT_EQ(result[g], expected) << "group " << g << " of " << threads << '/' << group << '/' << limit;
    }
  }
}

TEST(Divergence, OperationsInBothBranchesAndAfterwards) {
  // lane < 16: a = sum(lane); else: a = sum(100 * lane); then b = sum(a) over all.
  const IrKernel kernel(R"(
define void @kernel(ptr %out) {
  %i = call i32 @__msl_thread_index_in_threadgroup()
  %low = icmp ult i32 %i, 16
  br i1 %low, label %left, label %right
left:
  %a = call i32 @__msl_simd_sum_u32(i32 %i)
  br label %join
right:
  %h = mul i32 %i, 100
  %b = call i32 @__msl_simd_sum_u32(i32 %h)
  br label %join
join:
  %v = phi i32 [ %a, %left ], [ %b, %right ]
  %all = call i32 @__msl_simd_sum_u32(i32 %v)
  %at = zext i32 %i to i64
  %p = getelementptr i32, ptr %out, i64 %at
  store i32 %all, ptr %p
  ret void
})");
  const DeviceArray<std::uint32_t> out(Words(27, 0u));
  ASSERT_TRUE(kernel.run({out.bind()}, {27}, {27}));
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  for (std::uint32_t i = 0; i < 27; ++i) (i < 16 ? low : high) += i < 16 ? i : 100 * i;
  for (const auto value : out.values()) ASSERT_EQ(value, 16 * low + 11 * high);
}

TEST(Divergence, LoopsWhoseTripCountDependsOnTheLane) {
  // for (k = 0; k < lane % 5; ++k) total += sum(1); then once more for all.
  const IrKernel kernel(R"(
define void @kernel(ptr %out) {
entry:
  %i = call i32 @__msl_thread_index_in_threadgroup()
  %n = urem i32 %i, 5
  %none = icmp eq i32 %n, 0
  br i1 %none, label %after, label %loop
loop:
  %k = phi i32 [ 0, %entry ], [ %k1, %loop ]
  %t = phi i32 [ 0, %entry ], [ %t1, %loop ]
  %s = call i32 @__msl_simd_sum_u32(i32 1)
  %t1 = add i32 %t, %s
  %k1 = add i32 %k, 1
  %more = icmp ult i32 %k1, %n
  br i1 %more, label %loop, label %after
after:
  %total = phi i32 [ 0, %entry ], [ %t1, %loop ]
  %all = call i32 @__msl_simd_sum_u32(i32 %total)
  %scaled = mul i32 %all, 1000
  %r = add i32 %scaled, %total
  %at = zext i32 %i to i64
  %p = getelementptr i32, ptr %out, i64 %at
  store i32 %r, ptr %p
  ret void
})");
  for (const std::uint32_t threads : {32u, 11u}) {
    const DeviceArray<std::uint32_t> out(Words(threads, 0u));
    ASSERT_TRUE(kernel.run({out.bind()}, {threads}, {threads}));
    Words total(threads, 0);
    for (std::uint32_t k = 0; k < 5; ++k) {
      std::uint32_t alive = 0;
      for (std::uint32_t i = 0; i < threads; ++i) alive += k < i % 5;
      for (std::uint32_t i = 0; i < threads; ++i) total[i] += k < i % 5 ? alive : 0;
    }
    const auto all = std::accumulate(total.begin(), total.end(), 0u);
    const auto result = out.values();
    for (std::uint32_t i = 0; i < threads; ++i) ASSERT_EQ(result[i], all * 1000 + total[i]) << i;
  }
}

TEST(Divergence, VectorsThatAllLanesShareAreDividedUnderACondition) {
  const IrKernel kernel(R"(
define void @kernel(ptr %out, ptr %by) {
entry:
  %i = call i32 @__msl_thread_index_in_threadgroup()
  %d = load <4 x i64>, ptr %by, align 8
  %few = icmp ult i32 %i, 5
  br i1 %few, label %then, label %end
then:
  %here = call i32 @__msl_simd_sum_u32(i32 1)
  %q = udiv <4 x i64> <i64 1000, i64 2000, i64 3000, i64 4000>, %d
  %count = zext i32 %here to i64
  %one = insertelement <4 x i64> poison, i64 %count, i64 0
  %all = shufflevector <4 x i64> %one, <4 x i64> poison, <4 x i32> zeroinitializer
  %r = add <4 x i64> %q, %all
  %at = zext i32 %i to i64
  %p = getelementptr <4 x i64>, ptr %out, i64 %at
  store <4 x i64> %r, ptr %p, align 8
  br label %end
end:
  ret void
})",
                        *cpu_or_emulated({.threads = 1, .lanes = true, .verify = true}));
  EXPECT_EQ(kernel.artifact().path_reason.find("internal error"), std::string::npos) << kernel.artifact().path_reason;
  const DeviceArray<std::uint64_t> by(std::vector<std::uint64_t>{1, 2, 3, 40});
  const DeviceArray<std::uint64_t> out(std::vector<std::uint64_t>(4 * 40, 7));
  ASSERT_TRUE(kernel.run({out.bind(), by.bind()}, {40}, {40}));
  std::vector<std::uint64_t> expected(4 * 40, 7);
  for (std::size_t i = 0; i < 5; ++i)
    for (std::size_t k = 0; k < 4; ++k) expected[4 * i + k] = std::array{1000, 1000, 1000, 100}[k] + 5;
  ASSERT_EQ(out.values(), expected);
}

TEST(Divergence, AnOperationPassedByInOneRoundIsNotThatOfTheNext) {
  // for (k = 0; k < 4; ++k) if (lane % 2 == k % 2) total += sum(1): half of the lanes take part each time.
  const IrKernel kernel(R"(
define void @kernel(ptr %out) {
entry:
  %i = call i32 @__msl_thread_index_in_threadgroup()
  %odd = and i32 %i, 1
  br label %loop
loop:
  %k = phi i32 [ 0, %entry ], [ %k1, %next ]
  %t = phi i32 [ 0, %entry ], [ %t2, %next ]
  %turn = and i32 %k, 1
  %mine = icmp eq i32 %turn, %odd
  br i1 %mine, label %add, label %next
add:
  %s = call i32 @__msl_simd_sum_u32(i32 1)
  %t1 = add i32 %t, %s
  br label %next
next:
  %t2 = phi i32 [ %t, %loop ], [ %t1, %add ]
  %k1 = add i32 %k, 1
  %more = icmp ult i32 %k1, 4
  br i1 %more, label %loop, label %end
end:
  %at = zext i32 %i to i64
  %p = getelementptr i32, ptr %out, i64 %at
  store i32 %t2, ptr %p
  ret void
})");
  for (const std::uint32_t threads : {32u, 8u}) {
    const DeviceArray<std::uint32_t> out(Words(threads, 0u));
    ASSERT_TRUE(kernel.run({out.bind()}, {threads}, {threads}));
    for (const auto total : out.values()) ASSERT_EQ(total, threads);
  }
}

TEST(Divergence, NestedLoopWithABreakAndABarrierOutside) {
  // do { if (lane == k) break; total += ballot count } per lane, inside an outer loop with a threadgroup barrier.
  const IrKernel kernel(R"(
@shared = internal global [64 x i32] undef, section "msl.threadgroup", align 16
define void @kernel(ptr %out) {
entry:
  %i = call i32 @__msl_thread_index_in_threadgroup()
  %lane = call i32 @__msl_thread_index_in_simdgroup()
  %li = zext i32 %i to i64
  %mine = getelementptr [64 x i32], ptr @shared, i64 0, i64 %li
  %ni = sub i32 63, %i
  %lni = zext i32 %ni to i64
  %theirs = getelementptr [64 x i32], ptr @shared, i64 0, i64 %lni
  br label %outer
outer:
  %r = phi i32 [ 0, %entry ], [ %r1, %latch ]
  %t = phi i32 [ 0, %entry ], [ %got, %latch ]
  br label %inner
inner:
  %k = phi i32 [ 0, %outer ], [ %k1, %count ]
  %ti = phi i32 [ %t, %outer ], [ %t1, %count ]
  %same = icmp eq i32 %k, %lane
  br i1 %same, label %out1, label %count
count:
  %b = call i64 @__msl_simd_ballot(i1 true)
  %pop = call i64 @llvm.ctpop.i64(i64 %b)
  %pop32 = trunc i64 %pop to i32
  %t1 = add i32 %ti, %pop32
  %k1 = add i32 %k, 1
  %more = icmp ult i32 %k1, 8
  br i1 %more, label %inner, label %out2
out1:
  br label %meet
out2:
  br label %meet
meet:
  %tm = phi i32 [ %ti, %out1 ], [ %t1, %out2 ]
  store i32 %tm, ptr %mine
  call void @__msl_threadgroup_barrier(i32 2)
  %got = load i32, ptr %theirs
  call void @__msl_threadgroup_barrier(i32 2)
  br label %latch
latch:
  %r1 = add i32 %r, 1
  %again = icmp ult i32 %r1, 3
  br i1 %again, label %outer, label %done
done:
  %q = getelementptr i32, ptr %out, i64 %li
  store i32 %got, ptr %q
  ret void
}
declare i64 @llvm.ctpop.i64(i64)
)");
  const DeviceArray<std::uint32_t> out(Words(64, 0u));
  ASSERT_TRUE(kernel.run({out.bind()}, {64}, {64}));
  Words total(64, 0);
  for (int r = 0; r < 3; ++r) {
    Words next = total;
    for (std::uint32_t i = 0; i < 64; ++i)
      for (std::uint32_t k = 0; k < std::min(8u, i % 32); ++k) next[i] += 32 - (k + 1);
    for (std::uint32_t i = 0; i < 64; ++i) total[i] = next[63 - i];
  }
  EXPECT_EQ(out.values(), total);
}

TEST(Divergence, DynamicThreadgroupMemoryLiesBehindTheStatic) {
  const IrKernel kernel(R"(
@a = internal global [5 x i32] undef, section "msl.threadgroup", align 4
@b = internal global [32 x i32] undef, section "msl.threadgroup", align 4
define void @kernel(ptr %out, ptr %dynamic, ptr %second) {
  %i = call i32 @__msl_thread_index_in_threadgroup()
  %li = zext i32 %i to i64
  %p = getelementptr [32 x i32], ptr @b, i64 0, i64 %li
  %d = getelementptr i32, ptr %dynamic, i64 %li
  %e = getelementptr i32, ptr %second, i64 %li
  store i32 %i, ptr %p
  store i32 77, ptr %d
  store i32 5, ptr %e
  store i32 1, ptr getelementptr ([5 x i32], ptr @a, i64 0, i64 4)
  call void @__msl_threadgroup_barrier(i32 2)
  %r = sub i32 31, %i
  %lr = zext i32 %r to i64
  %p2 = getelementptr [32 x i32], ptr @b, i64 0, i64 %lr
  %d2 = getelementptr i32, ptr %dynamic, i64 %lr
  %e2 = getelementptr i32, ptr %second, i64 %lr
  %v = load i32, ptr %p2
  %w = load i32, ptr %d2
  %x = load i32, ptr %e2
  %one = load i32, ptr getelementptr ([5 x i32], ptr @a, i64 0, i64 4)
  %m = mul i32 %v, 1000
  %s0 = add i32 %m, %w
  %s1 = add i32 %s0, %x
  %s = add i32 %s1, %one
  %q = getelementptr i32, ptr %out, i64 %li
  store i32 %s, ptr %q
  ret void
})");
  const DeviceArray<std::uint32_t> out(Words(32, 0u));
  ASSERT_TRUE(kernel.run({out.bind(), threadgroup_memory(128), threadgroup_memory(128)}, {32}, {32}));
  const auto result = out.values();
  for (std::uint32_t i = 0; i < 32; ++i) ASSERT_EQ(result[i], (31 - i) * 1000 + 83);
}

}  // namespace
}  // namespace anymetal::test
