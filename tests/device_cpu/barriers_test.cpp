// Threads that wait for each other where their ways part: at the same barrier, at barriers of their own, at none that completes.

#include "ir_kernel.hpp"

namespace anymetal::test {
namespace {

using Words = std::vector<std::uint32_t>;

TEST(Barriers, ThatCannotCompleteEndAsAnError) {
  const IrKernel kernel(R"(
define void @kernel(ptr %out) {
  %i = call i32 @__msl_thread_index_in_threadgroup()
  %low = icmp ult i32 %i, 16
  br i1 %low, label %left, label %right
left:
  call void @__msl_threadgroup_barrier(i32 2)
  store volatile i32 1, ptr %out
  br label %end
right:
  call void @__msl_threadgroup_barrier(i32 1)
  store volatile i32 2, ptr %out
  br label %end
end:
  ret void
})");
  const DeviceArray<std::uint32_t> out({0});
  const auto done = kernel.run({out.bind()}, {64}, {32});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), ErrorCode::InvalidDispatch);
  EXPECT_EQ(done.error().key(), "ir_kernel");
  EXPECT_NE(done.error().message().find("ir_kernel"), std::string::npos);
}

TEST(Barriers, MayBeTheSimdgroupsOwn) {
  // The last of three simdgroups goes through two barriers in a loop, the others through two in a row; each reads what another wrote.
  const IrKernel kernel(R"(
@shared = internal global [96 x i32] undef, section "msl.threadgroup", align 16
define void @kernel(ptr %out) {
  %i = call i32 @__msl_thread_index_in_threadgroup()
  %mine = getelementptr [96 x i32], ptr @shared, i32 0, i32 %i
  store i32 %i, ptr %mine
  %j = xor i32 %i, 32
  %far = icmp ult i32 %j, 96
  %k = select i1 %far, i32 %j, i32 5
  %theirs = getelementptr [96 x i32], ptr @shared, i32 0, i32 %k
  %low = icmp ult i32 %i, 64
  br i1 %low, label %left, label %right
left:
  call void @__msl_threadgroup_barrier(i32 2)
  %a = load i32, ptr %theirs
  call void @__msl_threadgroup_barrier(i32 2)
  br label %end
right:
  %n = phi i32 [ 0, %0 ], [ %n1, %right ]
  call void @__msl_threadgroup_barrier(i32 2)
  %b = load i32, ptr %theirs
  %n1 = add i32 %n, 1
  %more = icmp ult i32 %n1, 2
  br i1 %more, label %right, label %end
end:
  %v = phi i32 [ %a, %left ], [ %b, %right ]
  %o = getelementptr i32, ptr %out, i32 %i
  store i32 %v, ptr %o
  ret void
})");
  const DeviceArray<std::uint32_t> out(Words(96, 0u));
  ASSERT_TRUE(kernel.run({out.bind()}, {96}, {96}));
  const auto result = out.values();
  for (std::uint32_t i = 0; i < 96; ++i) EXPECT_EQ(result[i], i < 64 ? i ^ 32 : 5u) << i;
}

TEST(Barriers, OfASimdgroupLetOthersBeElsewhere) {
  // Simdgroup s passes s + 1 simdgroup barriers, then all meet.
  const IrKernel kernel(R"(
@shared = internal global [128 x i32] undef, section "msl.threadgroup", align 16
define void @kernel(ptr %out) {
entry:
  %i = call i32 @__msl_thread_index_in_threadgroup()
  %s = call i32 @__msl_simdgroup_index_in_threadgroup()
  %li = zext i32 %i to i64
  %x = xor i32 %i, 1
  %lx = zext i32 %x to i64
  %mine = getelementptr [128 x i32], ptr @shared, i64 0, i64 %li
  %theirs = getelementptr [128 x i32], ptr @shared, i64 0, i64 %lx
  br label %loop
loop:
  %k = phi i32 [ 0, %entry ], [ %k1, %loop ]
  %v = phi i32 [ %i, %entry ], [ %got1, %loop ]
  store i32 %v, ptr %mine
  call void @__msl_simdgroup_barrier(i32 2)
  %got = load i32, ptr %theirs
  %got1 = add i32 %got, 1
  call void @__msl_simdgroup_barrier(i32 2)
  %k1 = add i32 %k, 1
  %more = icmp ule i32 %k1, %s
  br i1 %more, label %loop, label %done
done:
  call void @__msl_threadgroup_barrier(i32 2)
  %q = getelementptr i32, ptr %out, i64 %li
  store i32 %got1, ptr %q
  ret void
})");
  const DeviceArray<std::uint32_t> out(Words(128, 0u));
  ASSERT_TRUE(kernel.run({out.bind()}, {128}, {128}));
  const auto result = out.values();
  for (std::uint32_t i = 0; i < 128; ++i) {
    const auto rounds = i / 32 + 1;
    ASSERT_EQ(result[i], (rounds % 2 ? i ^ 1u : i) + rounds) << i;
  }
}

}  // namespace
}  // namespace anymetal::test
