#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "process.hpp"

namespace anymetal::test {
namespace {

using ::testing::HasSubstr;
using Arguments = std::vector<std::string>;

TEST(CliHelp, NamesEverySubcommand) {
  const auto help = run_program({"--help"});
  EXPECT_EQ(help.exit_code, 0) << help.err;
  for (const char* name :
       {"devices", "kernels", "doctor", "demo", "compile", "run", "tokenize", "generate", "bench", "fetch", "cache", "warm-up"}) {
    EXPECT_THAT(help.out, HasSubstr(name));
    const auto own = run_program({name, "--help"});
    EXPECT_EQ(own.exit_code, 0) << name;
    EXPECT_THAT(own.out, HasSubstr("Usage: "));
  }
}

TEST(CliHelp, Version) {
  const auto version = run_program({"--version"});
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_THAT(version.out, ::testing::StartsWith("anymetal "));
}

class WrongUsage : public ::testing::TestWithParam<Arguments> {};

TEST_P(WrongUsage, ExitsWithTwoAndSaysWhyOnStandardError) {
  const auto result = run_program(GetParam());
  EXPECT_EQ(result.exit_code, 2) << result.err;
  EXPECT_EQ(result.out, "");
  EXPECT_NE(result.err, "");
}

INSTANTIATE_TEST_SUITE_P(Cli, WrongUsage,
                         ::testing::Values(Arguments{}, Arguments{"nonsense"}, Arguments{"devices", "--nonsense"},
                                           Arguments{"compile"}, Arguments{"run"},
                                           Arguments{"compile", "x.metal", "--entry", "a", "--all"},
                                           Arguments{"compile", "x.metal", "--emit", "pdf"},
                                           Arguments{"run", "--kernel", "add", "--group", "1"},
                                           Arguments{"run", "--kernel", "add", "--grid", "1", "--threads", "1"},
                                           Arguments{"run", "x.metal", "--threads", "1"},
                                           Arguments{"run", "x.metal", "--kernel", "add", "--threads", "1"},
                                           Arguments{"generate"}, Arguments{"generate", "--model", "x.gguf"},
                                           Arguments{"tokenize", "--model", "x.gguf"}, Arguments{"bench"},
                                           Arguments{"bench", "model"}));

class UnknownDevice : public ::testing::TestWithParam<Arguments> {};

TEST_P(UnknownDevice, ExitsWithThree) {
  const auto result = run_program(GetParam());
  EXPECT_EQ(result.exit_code, 3) << result.err;
  EXPECT_NE(result.err, "");
}

INSTANTIATE_TEST_SUITE_P(
    Cli, UnknownDevice,
    ::testing::Values(Arguments{"demo", "--device", "nonsense"},
                      Arguments{"run", "--kernel", "scalar_mul_f32", "--threads", "1", "--device", "cpu:7"},
                      Arguments{"generate", "--model", "x.gguf", "--prompt", "x", "--device", "cuda:99"},
                      Arguments{"compile", "x.metal", "--device", "nonsense"}));

TEST(CliDevices, TheProcessorIsAlwaysThere) {
  const auto result = run_program({"devices", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto devices = nlohmann::json::parse(result.out).at("devices");
  const auto cpu = std::find_if(devices.begin(), devices.end(), [](const auto& d) { return d.at("id") == "cpu"; });
  ASSERT_NE(cpu, devices.end());
  EXPECT_TRUE(cpu->at("usable"));
  EXPECT_GE(cpu->at("compute_units"), 1);
  EXPECT_THAT(run_program({"devices"}).out, HasSubstr("cpu"));
}

TEST(CliKernels, JsonListsNamesWithFamilies) {
  const auto result = run_program({"kernels", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto kernels = nlohmann::json::parse(result.out).at("kernels");
  const auto named =
      std::find_if(kernels.begin(), kernels.end(), [](const auto& k) { return k.at("name") == "rms_norm_f32"; });
  ASSERT_NE(named, kernels.end());
  EXPECT_EQ(named->at("family"), "norm");
  const auto family = run_program({"kernels", "--family", "norm", "--json"});
  EXPECT_LT(nlohmann::json::parse(family.out).at("kernels").size(), kernels.size());
  EXPECT_EQ(run_program({"kernels", "--family", "nonsense"}).exit_code, 1);
}

TEST(CliDoctor, FindsTheWayThrough) {
  const auto result = run_program({"doctor", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.out << result.err;
  EXPECT_TRUE(nlohmann::json::parse(result.out).at("ok"));
}

TEST(CliDemo, EveryKernelIsRight) {
  const auto result = run_program({"demo", "--device", "cpu", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.out << result.err;
  const auto object = nlohmann::json::parse(result.out);
  EXPECT_TRUE(object.at("ok"));
  EXPECT_GE(object.at("kernels").size(), 5U);
  for (const auto& kernel : object.at("kernels")) EXPECT_GT(kernel.at("rate"), 0) << kernel;
}

}  // namespace
}  // namespace anymetal::test
