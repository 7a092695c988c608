// The matcher of expected lines: what it must take, and what it must refuse.

#include "support/file_check.hpp"

#include <gtest/gtest.h>

namespace anymetal::test {
namespace {

constexpr const char* kText =
    "define void @f() {\n"
    "entry:\n"
    "  %1 = add   i32 %a, 4\n"
    "  %2 = mul i32 %1, %1\n"
    "  store i32 %2, ptr %p\n"
    "  ret void\n"
    "}\n";

TEST(FileCheck, TakesWhatMatches) {
  for (const char* checks : {
           "CHECK: entry:\nCHECK-NEXT: add i32 %a, 4",
           "; CHECK: [[SUM:%[0-9]+]] = add\n; CHECK-NEXT: mul i32 [[SUM]], [[SUM]]",
           "CHECK: add{{.*}}%a\nCHECK-SAME: , 4\nCHECK-NOT: add\nCHECK: ret",
           "CHECK-NOT: load\nCHECK: store\nCHECK-NOT: store",
           "CHECK-COUNT-2: i32 %\nCHECK-NEXT: store",
           "CHECK: @f()",
       })
    EXPECT_EQ(file_check(kText, checks), "") << checks;
  EXPECT_EQ(file_check(kText, "CHECK: sub\nOTHER: mul", "OTHER"), "");
}

TEST(FileCheck, RefusesWhatDoesNot) {
  for (const char* checks : {
           "",
           "no directive",
           "CHECK: sub",
           "CHECK: mul\nCHECK: add",
           "CHECK: entry:\nCHECK-NEXT: mul",
           "CHECK: [[SUM:%[0-9]+]] = add\nCHECK: store i32 [[SUM]]",
           "CHECK: store i32 [[UNSET]]",
           "CHECK: add\nCHECK-NOT: store\nCHECK: ret",
           "CHECK: add\nCHECK-SAME: %a, 4, 5",
           "CHECK-NOT: add",
           "CHECK: ret\nCHECK-NOT: }",
           "CHECK-COUNT-4: i32 %",
           "CHECK: @f.)",
       })
    EXPECT_NE(file_check(kText, checks), "") << checks;
}

}  // namespace
}  // namespace anymetal::test
