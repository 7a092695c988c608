// Where a simdgroup function takes all lanes that are there (mask -1), and where those that happen to be together
// (activemask).

#include <gmock/gmock.h>

#include "ptx_support.hpp"

namespace anymetal::test {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr ArgumentKind kBuffer = ArgumentKind::Buffer;

/// Where `condition` (an i1 named %c, made from %lane, %index, %group and the words %w of the buffer) holds, lanes add
/// up. `after` is what all do behind that.
std::string sum_where(const std::string& condition, const std::string& after = "") {
  return kHeader + R"(
define void @k(ptr %buffer) {
entry:
  %lane = call i32 @__msl_thread_index_in_simdgroup()
  %index = call i32 @__msl_thread_index_in_threadgroup()
  %simdgroup = call i32 @__msl_simdgroup_index_in_threadgroup()
  %group = call i32 @__msl_threadgroup_position_in_grid(i32 0)
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %i = zext i32 %index to i64
  %a = getelementptr float, ptr %buffer, i64 %i
  %v = load float, ptr %a
)" + condition +
         R"(
  br i1 %c, label %sum, label %done
sum:
  %s = call float @__msl_simd_sum_f32(float %v)
  br label %done
done:
  %r = phi float [ %s, %sum ], [ %v, %entry ]
)" + after +
         R"(
  store float %r, ptr %a
  ret void
})";
}

struct Condition {
  const char* name;
  const char* text;
  bool common;
};

class Masks : public testing::TestWithParam<Condition> {};

// Something behind it that lanes do together, so that those who skip the sum do not merely return.
const std::string kMore = "%more = call i32 @__msl_simd_sum_u32(i32 %index)\n store volatile i32 %more, ptr %buffer";

TEST_P(Masks, TakeAllLanesWhereTheConditionIsCommon) {
  const bool dynamic = ptx_of(sum_where(GetParam().text, kMore), {kBuffer}).find("activemask") != std::string::npos;
  EXPECT_EQ(dynamic, !GetParam().common);
}

INSTANTIATE_TEST_SUITE_P(
    Conditions, Masks,
    testing::Values(
        Condition{"threadgroup", "%c = icmp ult i32 %group, 3", true},
        Condition{"simdgroup", "%c = icmp ult i32 %simdgroup, 3", true},
        Condition{"first_simdgroup", "%c = icmp eq i32 %simdgroup, 0", true},
        Condition{"index_by_64", "%q = udiv i32 %index, 64\n %c = icmp eq i32 %q, 2", true},
        Condition{"index_by_16", "%q = udiv i32 %index, 16\n %c = icmp eq i32 %q, 2", false},
        Condition{"index_below_40", "%c = icmp ult i32 %index, 40", false},
        Condition{"position_in_x", "%q = udiv i32 %x, 32\n %c = icmp eq i32 %q, 2", false},
        Condition{"lane", "%c = icmp ult i32 %lane, 3", false},
        Condition{"word_at_common_place",
                  "%at = getelementptr i32, ptr %buffer, i32 %group\n %w = load i32, ptr %at\n %c = icmp eq i32 %w, 0",
                  true},
        Condition{"word_at_own_place",
                  "%at = getelementptr i32, ptr %buffer, i32 %lane\n %w = load i32, ptr %at\n %c = icmp eq i32 %w, 0",
                  false},
        Condition{"word_that_others_write",
                  "%w = load atomic i32, ptr %buffer monotonic, align 4\n %c = icmp eq i32 %w, 0", false},
        Condition{"old_word", "%w = atomicrmw add ptr %buffer, i32 1 monotonic\n %c = icmp eq i32 %w, 0", false},
        Condition{"sum", "%w = call i32 @__msl_simd_sum_u32(i32 %index)\n %c = icmp eq i32 %w, 0", true},
        Condition{"broadcast", "%w = call i32 @__msl_simd_shuffle(i32 %index, i32 3)\n %c = icmp eq i32 %w, 0", true},
        Condition{"broadcast_of_a_sum",
                  "%t = call i32 @__msl_simd_sum_u32(i32 %index)\n %u = and i32 %t, 31\n %w = call i32 "
                  "@__msl_simd_shuffle(i32 %index, i32 %u)\n %c = icmp eq i32 %w, 0",
                  true},
        Condition{
            "shuffle",
            "%u = xor i32 %lane, 1\n %w = call i32 @__msl_simd_shuffle(i32 %index, i32 %u)\n %c = icmp eq i32 %w, 0",
            false},
        Condition{"smaller", "%w = call i32 @llvm.umin.i32(i32 %group, i32 %simdgroup)\n %c = icmp eq i32 %w, 0",
                  true}),
    [](const auto& row) { return row.param.name; });

TEST(Masks, LanesThatSkipItAndReturnDoNotCount) {
  EXPECT_THAT(ptx_of(sum_where("%c = icmp ult i32 %lane, 3"), {kBuffer}), Not(HasSubstr("activemask")));
}

TEST(Masks, LanesThatSkipItAndWaitAtABarrierCount) {
  const auto ptx =
      ptx_of(sum_where("%c = icmp ult i32 %lane, 3", "call void @__msl_threadgroup_barrier(i32 2)"), {kBuffer});
  EXPECT_THAT(ptx, HasSubstr("activemask"));
}

/// Some lanes return at once; the others go `rounds` times through a loop with a sum, in a branch that is common to
/// them.
std::string loop_after_return(const std::string& rounds) {
  return kHeader + R"(
define void @k(ptr %buffer) {
entry:
  %lane = call i32 @__msl_thread_index_in_simdgroup()
  %group = call i32 @__msl_threadgroup_position_in_grid(i32 0)
  %a = getelementptr i32, ptr %buffer, i32 %lane
  %v = load i32, ptr %a
  %outside = icmp ugt i32 %lane, 20
  br i1 %outside, label %leave, label %loop
leave:
  ret void
loop:
  %n = phi i32 [ 0, %entry ], [ %next, %latch ]
  %t = phi i32 [ %v, %entry ], [ %u, %latch ]
  %odd = and i32 %n, 1
  %c = icmp eq i32 %odd, 0
  br i1 %c, label %sum, label %latch
sum:
  %s = call i32 @__msl_simd_sum_u32(i32 %t)
  br label %latch
latch:
  %u = phi i32 [ %s, %sum ], [ %t, %loop ]
  %next = add i32 %n, 1
  %again = icmp ult i32 %next, )" +
         rounds + R"(
  br i1 %again, label %loop, label %done
done:
  %r = call i32 @__msl_simd_sum_u32(i32 %u)
  store i32 %r, ptr %a
  ret void
})";
}

TEST(Masks, LoopsAfterSomeHaveReturnedTakeAllLanes) {
  EXPECT_THAT(ptx_of(loop_after_return("%group"), {kBuffer}), Not(HasSubstr("activemask")));
}

TEST(Masks, LanesThatLeaveALoopAtDifferentTimesAndMeetBehindItCount) {
  EXPECT_THAT(ptx_of(loop_after_return("%v"), {kBuffer}), HasSubstr("activemask"));
}

}  // namespace
}  // namespace anymetal::test
