// Pairs of 16-bit sums: two instructions each, that ptxas does right.

#include "device/cuda/packed_additions.hpp"

#include <gmock/gmock.h>

#include "ptx_support.hpp"

namespace anymetal::test {
namespace {

using device::cuda::split_packed_additions;

TEST(PackedAdditions, BecomeTwo) {
  EXPECT_EQ(split_packed_additions("a;\n\tadd.s16x2 \t%r3, %r1, %r2;\n\tadd.s32 \t%r4, %r3, 1;"),
            "a;\n\t{ .reg .b16 %low<2>, %high<2>; mov.b32 {%low0, %high0}, %r1; mov.b32 {%low1, %high1}, %r2; "
            "add.s16 %low0, %low0, %low1; add.s16 %high0, %high0, %high1; mov.b32 %r3, {%low0, %high0}; }\n"
            "\tadd.s32 \t%r4, %r3, 1;");
  EXPECT_EQ(split_packed_additions("min.s16x2 \t%r3, %r1, %r2;"), "min.s16x2 \t%r3, %r1, %r2;");
}

TEST(PackedAdditions, OfAKernelAreNoneWherePtxHasThem) {
  const auto ptx = ptx_of(kHeader + R"(
define void @k(ptr %in, ptr %out) {
  %i = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %p = getelementptr <2 x i16>, ptr %in, i32 %i
  %x = load <2 x i16>, ptr %p
  %y = add <2 x i16> %x, <i16 -18, i16 -16>
  %z = add <2 x i16> %y, %x
  %low = extractelement <2 x i16> %y, i64 0
  %o = getelementptr i16, ptr %out, i32 %i
  store i16 %low, ptr %o
  %q = getelementptr <2 x i16>, ptr %out, i32 %i
  %r = getelementptr i8, ptr %q, i64 4096
  store <2 x i16> %z, ptr %r
  ret void
})",
                          {ArgumentKind::Buffer, ArgumentKind::Buffer}, "sm_90a");
  EXPECT_THAT(ptx, testing::HasSubstr("%low<2>"));
  EXPECT_THAT(ptx, testing::Not(testing::HasSubstr("add.s16x2")));
  if (!ptxas_path().empty()) {
    EXPECT_EQ(assemble(ptx, "sm_90a").status, 0) << ptx;
  }
}

}  // namespace
}  // namespace anymetal::test
