// The programs of tests/msl_front_end as PTX, each entry held against ptxas where it is present.
#include <algorithm>
#include <array>
#include <filesystem>

#include "device/cuda/architecture_choices.hpp"
#include "device/cuda/ptx_codegen.hpp"
#include "msl/parsed_source.hpp"
#include "device_cuda/ptx_support.hpp"

namespace anymetal::test {
namespace {

constexpr const char* kArchitecture = "sm_90";

/// Those named in CMakeLists.txt, or all others.
std::vector<std::string> programs() {
  std::vector<std::string> found;
  for (const auto& file : std::filesystem::directory_iterator(ANYMETAL_SOURCE_DIR "/tests/msl_front_end/programs")) {
    const std::string name = file.path().stem().string();
    const bool is_named = std::string_view(" " ANYMETAL_PROGRAMS " ").contains(" " + name + " ");
    if (is_named == ANYMETAL_NAMED_PROGRAMS) found.push_back(name);
  }
  std::ranges::sort(found);
  return found;
}

class ProgramPtx : public testing::TestWithParam<std::string> {};

TEST_P(ProgramPtx, Assembles) {
  if (ptxas_path().empty()) GTEST_SKIP() << "there is no ptxas here";
  std::stringstream text;
  text << std::ifstream(ANYMETAL_SOURCE_DIR "/tests/msl_front_end/programs/" + GetParam() + ".metal").rdbuf();
  msl::SourceRequest request;
  request.name = GetParam();
  request.text = text.str();
  request.target = msl::Target::Nvptx;
  const auto source = msl::ParsedSource::parse(request);
  ASSERT_TRUE(source) << source.error().message();
  const auto architecture = *device::cuda::Architecture::parse(kArchitecture);
  // What the programs with function constants declare.
  const std::vector<FunctionConstant> constants = {{1U, std::int32_t{5}}, {2U, true}, {5U, std::int32_t{64}}, {6U, true}, {100U, std::int16_t{4}}, {101U, true}, {300U, true},
                                                   {301U, true}, {302U, 2.0f}, {320U, std::int32_t{64}}, {321U, std::int32_t{2}}, {330U, std::uint32_t{64}}, {331U, true}};
  for (const std::string& name : (*source)->entry_names()) {
    const auto entry = (*source)->entry(name, constants);
    ASSERT_TRUE(entry) << entry.error().message();
    auto kernel = specialise(**entry, constants);
    ASSERT_TRUE(kernel) << kernel.error().message();
    device::cuda::settle_architecture(*kernel, architecture);
    const auto made = device::cuda::generate_ptx(std::move(*kernel), architecture, name);
    ASSERT_TRUE(made) << made.error().message();
    const PtxasReport report = assemble(made->ptx, kArchitecture, "-O0");  // whether it is right, not how fast
    EXPECT_EQ(report.status, 0) << name << ":\n" << report.text;
  }
}

INSTANTIATE_TEST_SUITE_P(All, ProgramPtx, testing::ValuesIn(programs()), [](const auto& program) { return program.param; });

}  // namespace
}  // namespace anymetal::test
