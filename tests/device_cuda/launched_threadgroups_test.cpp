// What a kernel asks of its launch, and what code is made for that: threadgroups left out, merged ones, waiting for kernels before.

#include "ptx_support.hpp"

#include <gmock/gmock.h>

namespace anymetal::test {
namespace {

using testing::HasSubstr;

constexpr auto kBuffer = ArgumentKind::Buffer;

TEST(LaunchedThreadgroups, ThoseThatDoNothingAreLeftOutOfPositions) {
  auto kernel = kernel_from_ir(R"(
declare void @__msl_take_every_threadgroup(i32, i32, i32) nounwind
declare i32 @__msl_threadgroup_position_in_grid(i32)
define void @k(ptr %out) {
  call void @__msl_take_every_threadgroup(i32 6, i32 1, i32 7)
  %x = call i32 @__msl_threadgroup_position_in_grid(i32 0)
  %z = call i32 @__msl_threadgroup_position_in_grid(i32 2)
  %both = mul i32 %x, %z
  store i32 %both, ptr %out
  ret void
})",
                               {kBuffer}, 1024);
  const auto architecture = *device::cuda::Architecture::parse("sm_80");
  const auto made = device::cuda::generate_ptx(std::move(kernel), architecture, "k");
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_EQ(made->threadgroups.step, (device::cuda::ThreadgroupStep{6, 1, 7}));
  EXPECT_THAT(made->ptx, testing::ContainsRegex("mad\\.lo\\.s32[^;]*, 6, "));
  EXPECT_THAT(made->ptx, testing::ContainsRegex("mad\\.lo\\.s32[^;]*, 7, "));
  EXPECT_THAT(made->ptx, testing::Not(HasSubstr("call")));
}

// From compute capability 9.0 on a kernel may be started before those it follows are complete: all its threads wait first.
TEST(EarlyStarts, KernelsWaitForThoseTheyFollow) {
  const std::string ir = "define void @k(ptr %a) {\n store i32 1, ptr %a\n ret void\n}";
  const std::string ptx = ptx_of(ir, {kBuffer}, "sm_90");
  const auto wait = ptx.find("griddepcontrol.wait;");
  ASSERT_NE(wait, std::string::npos) << ptx;
  EXPECT_LT(wait, ptx.find("setp"));
  EXPECT_LT(wait, ptx.find("st.global"));
  EXPECT_THAT(ptx_of(ir, {kBuffer}, "sm_89"), testing::Not(HasSubstr("griddepcontrol")));
}

TEST(LaunchedThreadgroups, MergedOnesStandWhereTheirFirstWould) {
  auto kernel = kernel_from_ir(R"(
declare void @__msl_merge_threadgroups(i32, i32, i32, i32) nounwind
declare i1 @__msl_threadgroups_are_merged() memory(none)
declare i32 @__msl_threadgroup_position_in_grid(i32)
define void @k(ptr %out) {
  call void @__msl_merge_threadgroups(i32 11, i32 7, i32 2, i32 5)
  %merged = call i1 @__msl_threadgroups_are_merged()
  %x = call i32 @__msl_threadgroup_position_in_grid(i32 0)
  %y = call i32 @__msl_threadgroup_position_in_grid(i32 1)
  %sum = add i32 %x, %y
  %either = select i1 %merged, i32 %sum, i32 77
  store i32 %either, ptr %out
  ret void
})",
                               {kBuffer}, 128);
  const auto architecture = *device::cuda::Architecture::parse("sm_90a");
  const auto made = device::cuda::generate_ptx(std::move(kernel), architecture, "k");
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_EQ(made->threadgroups, (device::cuda::LaunchedThreadgroups{device::cuda::kEveryThreadgroup, 11, 7, 2, 5}));
  EXPECT_THAT(made->ptx, HasSubstr(".maxntid 256"));
  // Only a block of more threads than the dispatch says is a merged threadgroup.
  EXPECT_THAT(made->ptx, testing::ContainsRegex("selp[^;]*, 11, 1, "));
  EXPECT_THAT(made->ptx, testing::ContainsRegex("selp[^;]*, 7, 1, "));
  EXPECT_THAT(made->ptx, HasSubstr("%ntid.x"));
  EXPECT_THAT(made->ptx, testing::Not(HasSubstr("call")));
  if (ptxas_path().empty()) GTEST_SKIP() << "ptxas is not on this machine";
  EXPECT_EQ(assemble(made->ptx, "sm_90a").status, 0) << made->ptx;
}

}  // namespace
}  // namespace anymetal::test
