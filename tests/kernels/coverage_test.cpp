// Every built-in kernel has cases, and every case names a built-in kernel.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <anymetal/anymetal.hpp>
#include <set>
#include <string>

#include "cases/case_list.hpp"

namespace {

using namespace anymetal;

/// The name exists in the registry only: its pipeline cannot be made.
const std::set<std::string> kWithoutFunction = {"placeholder"};

TEST(Coverage, EveryKernelHasCasesAndEveryCaseAKernel) {
  std::set<std::string> covered;
  const cases::CaseList list = cases::all_cases();
  for (const cases::Case& test : list.cases()) covered.insert(test.kernel);
  std::set<std::string> known;
  for (const std::string& name : KernelRegistry().names()) {
    if (!kWithoutFunction.contains(name)) known.insert(name);
  }
  EXPECT_THAT(covered, testing::ContainerEq(known));
}

TEST(Coverage, LabelsAreUnique) {
  std::set<std::string> seen;
  const cases::CaseList list = cases::all_cases();
  for (const cases::Case& test : list.cases())
    EXPECT_TRUE(seen.insert(test.kernel + '/' + test.label).second) << test.kernel << ' ' << test.label;
}

}  // namespace
