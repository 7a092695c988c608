// The plain C++ loops that kernels are measured against: every kernel has one, and each computes what the reference
// says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <anymetal/anymetal.hpp>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "cases/case_list.hpp"
#include "cases/host_arguments.hpp"
#include "support/registry_only.hpp"

namespace {

using namespace anymetal;

TEST(PlainLoops, EveryKernelHasOne) {
  for (const KernelInfo& kernel : KernelRegistry().kernels()) {
    if (kernel.name == test::kRegistryOnly) continue;
    EXPECT_NE(cases::plain::loop_of(kernel.name.c_str()), nullptr) << kernel.family << '/' << kernel.name;
  }
}

TEST(PlainLoops, AgreeWithTheReferences) {
  if (!cases::plain::host_runs_loops()) GTEST_SKIP() << "this processor lacks what plain loops are compiled for";
  // The table begins with plain sizes; what a kernel makes of infinities is no business of its loop.
  constexpr std::size_t kCases = 4;
  const cases::CaseList list = cases::all_cases();
  std::map<std::string, std::size_t> seen;
  for (const cases::Case& test : list.cases()) {
    const cases::plain::Loop loop = cases::plain::loop_of(test.kernel.c_str());
    if (loop == nullptr || test.purpose != cases::Purpose::Test || ++seen[test.kernel] > kCases) continue;
    const cases::Problem problem = test.make();
    cases::HostArguments arguments(problem);
    for (const std::string& failure : arguments.failures_of(loop)) {
      ADD_FAILURE() << test.kernel << " [" << test.label << "] " << failure;
    }
  }
  EXPECT_FALSE(seen.empty());
}

TEST(PlainLoops, HaveABenchmarkEach) {
  std::set<std::string> with_loop, measured;
  const cases::CaseList list = cases::all_cases();
  for (const cases::Case& test : list.cases()) {
    if (cases::plain::loop_of(test.kernel.c_str()) == nullptr) continue;
    with_loop.insert(test.kernel);
    if (test.purpose == cases::Purpose::Benchmark) measured.insert(test.kernel);
  }
  EXPECT_THAT(measured, testing::ContainerEq(with_loop));
}

}  // namespace
