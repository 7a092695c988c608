// Which form of a kernel runs a threadgroup.

#include "device/cpu/forms.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace anymetal::test {
namespace {

using device::cpu::for_any_buffer;
using device::cpu::Form;
using device::cpu::form_for;

TEST(Forms, AreChosenByTheLengthOfRows) {
  EXPECT_EQ(form_for({.row = 256, .dispatched = 256, .is_one_row = true}, true), Form::Rows32);
  EXPECT_EQ(form_for({.row = 16, .dispatched = 16}, false), Form::Rows16);
  EXPECT_EQ(form_for({.row = 48, .dispatched = 48}, false), Form::Rows16);
  EXPECT_EQ(form_for({.row = 8, .dispatched = 8}, false), Form::Rows8);
  EXPECT_EQ(form_for({.row = 20, .dispatched = 20}, false), Form::Ends16);
  EXPECT_EQ(form_for({.row = 3, .dispatched = 3}, false), Form::Ends8);
}

TEST(Forms, OfRowsThatTheGridCutsOffDependOnBothLengths) {
  EXPECT_EQ(form_for({.row = 32, .dispatched = 48}, false), Form::Rows16);  // rows of 48 begin at multiples of 16
  EXPECT_EQ(form_for({.row = 232, .dispatched = 256, .is_one_row = true}, false), Form::Rows8);
  EXPECT_EQ(form_for({.row = 231, .dispatched = 256, .is_one_row = true}, false), Form::Ends16);
}

TEST(Forms, OfSimdgroupsAreNeverNarrower) {
  EXPECT_EQ(form_for({.row = 16, .dispatched = 16, .threads = 256}, true), Form::Folded);
  EXPECT_EQ(form_for({.row = 10, .dispatched = 10, .threads = 60}, true), Form::FoldedEnds);
  EXPECT_EQ(form_for({.row = 4, .dispatched = 16}, true), Form::FoldedEnds);
  EXPECT_EQ(form_for({.row = 48, .dispatched = 48, .is_one_row = true}, true), Form::Ends32);
  EXPECT_EQ(form_for({.row = 100, .dispatched = 256, .is_one_row = true}, true), Form::Ends32);
}

TEST(Forms, ForAnyBufferTakeTheSameThreadgroups) {
  EXPECT_EQ(for_any_buffer(Form::Rows32), Form::Large32);
  for (const auto form : {Form::Rows16, Form::Rows8, Form::Ends32, Form::Ends16, Form::Ends8, Form::General})
    EXPECT_EQ(for_any_buffer(form), Form::General);
}

TEST(Forms, OfMergedThreadsAreChosenByTheSizeOfThreadgroups) {
  using device::cpu::merged_form_for;
  device::cpu::KernelTable kernel{.along_x = 8, .along_y = 16, .merged_lanes = 256};
  EXPECT_EQ(merged_form_for({256, 1, 1}, kernel), Form::Group256);
  EXPECT_EQ(merged_form_for({512, 1, 1}, kernel), Form::Parts256);
  EXPECT_EQ(merged_form_for({384, 1, 1}, kernel), Form::Parts128);
  EXPECT_EQ(merged_form_for({256, 1, 2}, kernel), Form::Parts256);
  EXPECT_EQ(merged_form_for({16, 16, 1}, kernel), Form::Group16x16);
  EXPECT_EQ(merged_form_for({32, 16, 1}, kernel), Form::Parts32x8);
  EXPECT_EQ(merged_form_for({16, 4, 3}, kernel), Form::Parts16x4);
  EXPECT_EQ(merged_form_for({32, 1, 1}, kernel), std::nullopt);
  EXPECT_EQ(merged_form_for({250, 1, 1}, kernel), std::nullopt);
  kernel.in_simdgroups = 1;
  EXPECT_EQ(merged_form_for({16, 16, 1}, kernel), std::nullopt);
}

TEST(Forms, OfMergedThreadsKeepWithinWhatTheKernelAllows) {
  using device::cpu::merged_form_for;
  EXPECT_EQ(merged_form_for({256, 1, 1}, {.along_x = 7, .along_y = 16, .merged_lanes = 256}), Form::Parts128);
  EXPECT_EQ(merged_form_for({256, 1, 1}, {.along_x = 8, .along_y = 16, .merged_lanes = 255}), Form::Parts128);
  EXPECT_EQ(merged_form_for({256, 1, 1}, {.along_x = 3, .along_y = 16, .merged_lanes = 256}), std::nullopt);
  EXPECT_EQ(merged_form_for({16, 16, 1}, {.along_x = 8, .along_y = 15, .merged_lanes = 256}), Form::Parts16x8);
  EXPECT_EQ(merged_form_for({256, 1, 1}, {}), std::nullopt);
}

TEST(Forms, OfMergedThreadsTakeWhatOthersTakeOneByOne) {
  for (std::size_t number = 0; number < device::cpu::kFormCount; ++number) {
    const auto form = static_cast<Form>(number);
    if (rows_of(form).merged() == 1) {
      EXPECT_EQ(unmerged(form), form);
    } else {
      EXPECT_EQ(rows_of(unmerged(form)).merged(), 1U);
      EXPECT_EQ(rows_of(unmerged(form)).width, rows_of(form).width);
    }
  }
}

TEST(Forms, HaveNamesOfTheirOwn) {
  std::set<std::string_view> names;
  for (std::size_t form = 0; form < device::cpu::kFormCount; ++form) names.insert(name_of(static_cast<Form>(form)));
  EXPECT_EQ(names.size(), device::cpu::kFormCount);
}

}  // namespace
}  // namespace anymetal::test
