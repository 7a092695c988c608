// Every built-in kernel has cases, and every case names a built-in kernel.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <anymetal/anymetal.hpp>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>

#include "cases/case_list.hpp"
#include "cases/operations.hpp"
#include "support/registry_only.hpp"

namespace {

using namespace anymetal;

TEST(Coverage, EveryKernelHasCasesAndEveryCaseAKernel) {
  std::set<std::string> covered;
  const cases::CaseList list = cases::all_cases();
  for (const cases::Case& test : list.cases()) covered.insert(test.kernel);
  std::set<std::string> known;
  for (const std::string& name : KernelRegistry().names()) {
    if (name != test::kRegistryOnly) known.insert(name);
  }
  EXPECT_THAT(covered, testing::ContainerEq(known));
}

/// Kernels of which docs/kernels.md says that an output may be an input.
std::set<std::string> kernels_that_work_in_place() {
  std::ifstream file(ANYMETAL_SOURCE_DIR "/docs/kernels.md");
  const std::string document{std::istreambuf_iterator<char>(file), {}};
  const std::regex in_place(R"( may\s(each\s)?be\s(an?|the|[a-z]\w*|[A-Z]\b))"), elsewhere(R"(may\sbe\s(short|drawn))");
  const std::regex row(R"(\n\| `(\w+)` \|)");
  std::set<std::string> found;
  for (std::size_t at = document.find("\n### "); at != std::string::npos;) {
    const std::size_t next = document.find("\n### ", at + 1);
    const std::string section = document.substr(at, next - at);
    at = next;
    const std::string text = std::regex_replace(section.substr(0, section.find("\n| ")), elsewhere, "");
    if (!std::regex_search(text, in_place)) continue;
    for (std::sregex_iterator name(section.begin(), section.end(), row), end; name != end; ++name) found.insert((*name)[1]);
  }
  return found;
}

TEST(Coverage, WhatMayBeDoneInPlaceIs) {
  auto documented = kernels_that_work_in_place();
  EXPECT_GT(documented.size(), 60u);
  const cases::CaseList list = cases::all_cases();
  for (const cases::Case& test : list.cases()) {
    if (!documented.contains(test.kernel) || test.purpose != cases::Purpose::Test) continue;
    if (!test.make().aliases().empty()) documented.erase(test.kernel);
  }
  for (const std::string& kernel : documented) ADD_FAILURE() << kernel << " has no case in place";
}

TEST(Coverage, LabelsAreUnique) {
  std::set<std::string> seen;
  const cases::CaseList list = cases::all_cases();
  for (const cases::Case& test : list.cases())
    EXPECT_TRUE(seen.insert(test.kernel + '/' + test.label).second) << test.kernel << ' ' << test.label;
}

TEST(Coverage, CountsOfArithmeticAreOfKernelsAndTheirBuffers) {
  std::multiset<std::string> counted;
  for (const std::string_view kernel : cases::counted_kernels()) counted.emplace(kernel);
  const cases::CaseList list = cases::all_cases();
  for (const cases::Case& test : list.cases()) {
    if (test.purpose != cases::Purpose::Test || !counted.contains(test.kernel)) continue;
    EXPECT_GT(cases::operations_of(test.kernel, test.make()), 0) << test.kernel << " has no buffer of that index";
    EXPECT_EQ(counted.erase(test.kernel), 1u) << test.kernel << " stands twice in the table";
  }
  for (const std::string& kernel : counted) ADD_FAILURE() << kernel << " has no case";
}

}  // namespace
