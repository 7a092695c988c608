// Every kernel of the case table, with each set of function constants it is used with, as PTX that ptxas accepts. What ptxas
// says of each goes to nvidia_resources_sm_*.md in the build folder of the tests.

#include "ptx_support.hpp"

#include "cases/case_list.hpp"
#include "cases/runner.hpp"
#include "device/cuda/ptx_executable.hpp"
#include "runtime/pipeline_state.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <regex>

namespace anymetal::test {
namespace {

struct Resources {
  int registers = 0;
  int spilled_bytes = 0;
  int stack_bytes = 0;
  int shared_bytes = 0;
};

int number(const std::string& text, const char* pattern) {
  std::smatch match;
  return std::regex_search(text, match, std::regex(pattern)) ? std::stoi(match[1]) : 0;
}

Resources resources(const std::string& report) {
  return {number(report, "Used ([0-9]+) registers"),
          number(report, "([0-9]+) bytes spill stores") + number(report, "([0-9]+) bytes spill loads"),
          number(report, "([0-9]+) bytes stack frame"), number(report, "([0-9]+) bytes smem")};
}

/// One pipeline per label over the whole case table.
std::map<std::string, PipelinePtr> pipelines(const Device& device, KernelRegistry& registry) {
  std::map<std::string, PipelinePtr> made;
  const cases::CaseList all = cases::all_cases();
  for (const auto& test : all.cases()) {
    if (test.purpose != cases::Purpose::Test) continue;
    const auto problem = test.make();
    auto pipeline = cases::pipeline_for(test, problem, registry, device);
    if (!pipeline && !device.has_tensor() && pipeline.error().code() == ErrorCode::UnsupportedByDevice &&
        test.kernel.find("_tensor_") != std::string::npos) {
      EXPECT_THAT(pipeline.error().message(), testing::HasSubstr("use the kernel without '_tensor_' in its name"));
      continue;
    }
    if (!pipeline) {
      ADD_FAILURE() << test.kernel << " [" << test.label << "]: " << pipeline.error().message();
      continue;
    }
    made.emplace((*pipeline)->label(), *pipeline);
  }
  return made;
}

class Catalogue : public testing::TestWithParam<const char*> {};

TEST_P(Catalogue, CompilesAndAssembles) {
  const std::string architecture = GetParam();
  auto device = Device::open("cuda:" + architecture);
  ASSERT_TRUE(device) << device.error().message();
  KernelRegistry registry;
  const auto all = pipelines(*device, registry);
  EXPECT_GT(all.size(), 100U);
  if (ptxas_path().empty()) GTEST_SKIP() << all.size() << " pipelines compiled to PTX; ptxas is not on this machine to judge them";
  std::ofstream table(std::string(ANYMETAL_RESOURCE_FOLDER) + "/nvidia_resources_" + architecture + ".md");
  table << "| pipeline | registers | spilled bytes | stack bytes | shared bytes | instructions |\n| --- | --- | --- | --- | --- | --- |\n";
  for (const auto& [label, pipeline] : all) {
    const auto* executable = dynamic_cast<const device::cuda::PtxExecutable*>(pipeline->state().executable.get());
    ASSERT_NE(executable, nullptr);
    if (label.starts_with("steel_attention_")) {
      EXPECT_THAT(executable->ptx(), testing::Not(testing::HasSubstr("activemask"))) << label << ": its simdgroups stay together";
    }
    const auto report = assemble(executable->ptx(), architecture);
    EXPECT_EQ(report.status, 0) << label << ": " << report.text;
    const auto used = resources(report.text);
    constexpr std::size_t kInstructionBytes = 16;  // since compute capability 7.0
    EXPECT_GT(report.code_bytes, 0U) << label;
    table << "| " << label << " | " << used.registers << " | " << used.spilled_bytes << " | " << used.stack_bytes << " | " << used.shared_bytes
          << " | " << report.code_bytes / kInstructionBytes << " |\n";
    // The wide forms hold a whole core's vector register per value: they are for the CPU, no op picks them here. Code for sm_90 is
    // for drivers older than CUDA 12.0 only; two products spill there.
    if (architecture != "sm_90" && label.find("_wide_") == std::string::npos) {
      EXPECT_EQ(used.spilled_bytes, 0) << label;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Architectures, Catalogue, testing::Values(ANYMETAL_ARCHITECTURES),
                         [](const auto& row) { return std::string(row.param); });

}  // namespace
}  // namespace anymetal::test
