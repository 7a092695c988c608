// The cache between two runs of the program.

#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "process.hpp"

namespace anymetal::test {
namespace {

class CliCache : public ::testing::Test {
 protected:
  CliCache() {
    ::setenv("ANYMETAL_CACHE", "1", 1);
    ::setenv("ANYMETAL_CACHE_DIR", scratch.file("cache").c_str(), 1);
  }
  ~CliCache() override {
    ::unsetenv("ANYMETAL_CACHE_DIR");
    ::setenv("ANYMETAL_CACHE", "0", 1);
  }
  static nlohmann::json json(const std::vector<std::string>& arguments) {
    const auto result = run_program(arguments);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return nlohmann::json::parse(result.out);
  }

  ScratchDirectory scratch;
};

TEST_F(CliCache, WarmUpFillsItAndTheNextRunCompilesNothing) {
  const auto manifest = scratch.write("m", "# two kernels\nrms_norm_f32\n\nelementwise_add_f32\n");
  const std::vector<std::string> warm_up{"warm-up", "--manifest", manifest, "--device", "cpu", "--json"};
  const auto cold = json(warm_up);
  EXPECT_EQ(cold["ready"], 2);
  EXPECT_EQ(cold["compiled"], 2);
  EXPECT_EQ(cold["from_disk"], 0);
  const auto warm = json(warm_up);
  EXPECT_EQ(warm["compiled"], 0);
  EXPECT_EQ(warm["from_disk"], 2);

  EXPECT_EQ(json({"cache", "stats", "--json"})["entries"], 4) << "an entry and a pipeline for each kernel";
  EXPECT_EQ(json({"cache", "verify", "--json"})["damaged"], 0);
  EXPECT_EQ(json({"cache", "clear", "--json"})["entries"], 4);
  EXPECT_EQ(json({"cache", "stats", "--json"})["entries"], 0);
}

TEST_F(CliCache, UnknownKeysAndManifestsAreTheInputsFault) {
  EXPECT_EQ(run_program({"warm-up", "no_such_kernel", "--device", "cpu"}).exit_code, 1);
  EXPECT_EQ(run_program({"warm-up", "--manifest", scratch.file("none"), "--device", "cpu"}).exit_code, 1);
  EXPECT_EQ(run_program({"cache", "explode"}).exit_code, 2);
}

}  // namespace
}  // namespace anymetal::test
