#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "process.hpp"

namespace anymetal::test {
namespace {

using ::testing::HasSubstr;

/// What the commands do with files that are no models; what they do with a model stands in tests/model.
class CliModel : public ::testing::TestWithParam<const char*> {
 protected:
  std::vector<std::string> command(const std::string& model) const {
    const std::string name = GetParam();
    if (name == "tokenize") return {"tokenize", "--model", model, "text", "--json"};
    if (name == "bench") return {"bench", "model", model, "--json"};
    return {"generate", "--model", model, "--prompt", "text", "--device", "cpu", "--json"};
  }

  void expect_refused(const std::string& model, const std::string& reason) {
    const auto result = run_program(command(model));
    EXPECT_EQ(result.exit_code, 1) << result.err;
    EXPECT_THAT(result.err, HasSubstr(reason));
    ASSERT_TRUE(nlohmann::json::accept(result.out)) << result.out;
    EXPECT_TRUE(nlohmann::json::parse(result.out).contains("error"));
  }

  ScratchDirectory scratch;
};

TEST_P(CliModel, RefusesWhatIsNoModel) {
  expect_refused(scratch.file("missing.gguf"), "missing.gguf");
  expect_refused(scratch.file(""), "");
  expect_refused(scratch.write("empty.gguf", ""), "empty.gguf");
  expect_refused(scratch.write("text.gguf", "a text of some length, not a model at all"), "text.gguf");
  expect_refused(scratch.write("cut.gguf", std::string("GGUF\3\0\0\0\xff\xff", 10)), "cut.gguf");
}

TEST(CliGenerate, WantsOnePrompt) {
  const std::vector<std::string> command = {"generate", "--model", "missing.gguf"};
  EXPECT_EQ(run_program(command).exit_code, 2);
  auto twice = command;
  twice.insert(twice.end(), {"--prompt", "a", "--prompt-file", "b"});
  EXPECT_EQ(run_program(twice).exit_code, 2);
}

INSTANTIATE_TEST_SUITE_P(Commands, CliModel, ::testing::Values("tokenize", "generate", "bench"));

}  // namespace
}  // namespace anymetal::test
