// What a command line gets that means nothing: exit code 2, one line that says so, and nothing done.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "process.hpp"

namespace anymetal::test {
namespace {

using ::testing::HasSubstr;
using Arguments = std::vector<std::string>;

struct WrongOption {
  Arguments arguments;
  const char* message;
};

class WrongOptions : public ::testing::TestWithParam<WrongOption> {};

TEST_P(WrongOptions, AreNamed) {
  const auto result = run_program(GetParam().arguments);
  EXPECT_EQ(result.exit_code, 2) << result.err;
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, HasSubstr(std::string("anymetal: ") + GetParam().message));
}

const Arguments kGenerate{"generate", "--model", "x.gguf", "--prompt", "x"};
const Arguments kRun{"run", "--kernel", "add_f32", "--threads", "1"};

Arguments with(Arguments arguments, const Arguments& more) {
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

INSTANTIATE_TEST_SUITE_P(
    Cli, WrongOptions,
    ::testing::Values(
        WrongOption{{}, "a subcommand is required: devices, "},
        WrongOption{{"generat"}, "there is no subcommand 'generat'. Did you mean 'generate'?"},
        WrongOption{{"bench", "modell", "x"}, "there is no subcommand 'modell'. Did you mean 'model'?"},
        WrongOption{{"--nonsense"}, "there is no option '--nonsense' here"},
        WrongOption{with(kGenerate, {"--tokens", "-1"}), "--tokens: '-1' is not a whole number from 0 on"},
        WrongOption{with(kGenerate, {"--seed", "18446744073709551616"}),
                    "--seed: '18446744073709551616' is not a whole"},
        WrongOption{with(kGenerate, {"--temperature", "nan"}), "--temperature: 'nan' is not a number"},
        WrongOption{with(kGenerate, {"--temperature", ""}), "--temperature: '' is not a number"},
        WrongOption{with(kGenerate, {"--temperature", "-1"}), "temperature is -1, outside 0 and above"},
        WrongOption{with(kGenerate, {"--top-p", "2"}), "top_p is 2, outside (0, 1]"},
        WrongOption{with(kGenerate, {"--threads", "0"}), "--threads: '0' is not a whole number from 1 to 1024"},
        WrongOption{with(kGenerate, {"--cache", "bf16"}), "--cache: bf16 not in {f32,f16}"},
        WrongOption{{"generate", "--model", "x.gguf", "--prompt-tokens", "2,,3"},
                    "--prompt-tokens: '' is not a token number"},
        WrongOption{{"generate", "--model", "x.gguf", "--prompt-tokens", ""},
                    "--prompt-tokens: '' is not a token number"},
        WrongOption{{"bench", "model", "x.gguf", "--prompt", "99999999999"}, "--prompt: '99999999999' is not a whole"},
        WrongOption{{"bench", "kernel", "x", "--seconds", "nan"}, "--seconds: 'nan' is not a number from 0 on"},
        WrongOption{with(kRun, {"--buffer", "0=zeros:f32:1", "--buffer", "0=zeros:f32:2"}),
                    "--buffer 0: the argument is given twice"},
        WrongOption{with(kRun, {"--buffer", "1=zeros:f32:1", "--bytes", "1=u32:2"}),
                    "--bytes 1: the argument is given twice"},
        WrongOption{with(kRun, {"-D", "1x=2"}), "-D 1x=2: expected NAME or NAME=VALUE"},
        WrongOption{{"warm-up"}, "nothing to compile: give keys, --manifest or --model"}));

TEST(CliOptions, AnUnknownLanguageStandardIsWrongUsage) {
  const ScratchDirectory scratch;
  const auto file = scratch.write("a.metal", "kernel void a(device int* x [[buffer(0)]]) { x[0] = 1; }");
  const auto compiled = run_program({"compile", file, "--std", "metal9.9"});
  EXPECT_EQ(compiled.exit_code, 2);
  EXPECT_THAT(compiled.err, HasSubstr("unknown language standard 'metal9.9'"));
  EXPECT_EQ(
      run_program({"run", file, "--entry", "a", "--buffer", "0=zeros:i32:1", "--threads", "1", "--std", "x"}).exit_code,
      2);
}

TEST(CliOptions, WhatHasNoNameIsNotFound) {
  EXPECT_THAT(run_program({"compile", ""}).err, HasSubstr("'': cannot read: no such file"));
  const auto family = run_program({"kernels", "--family", ""});
  EXPECT_EQ(family.exit_code, 1);
  EXPECT_THAT(family.err, HasSubstr("there is no kernel family ''; families are "));
  EXPECT_THAT(run_program({"warm-up", "--manifest", "nowhere"}).err, HasSubstr("'nowhere': No such file or directory"));
}

TEST(CliOptions, AFileWithoutKernelsSaysSo) {
  const ScratchDirectory scratch;
  const auto result = run_program({"compile", scratch.write("empty.metal", "")});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.err, HasSubstr("declares no kernel"));
}

TEST(CliOptions, TheFetchScriptSpeaksAsTheProgram) {
  const auto result = run_program({"fetch", "nonsense"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("anymetal fetch: error: argument model: invalid choice"));
}

}  // namespace
}  // namespace anymetal::test
