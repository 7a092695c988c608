// The cache between two runs of the program.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "model/toy_gemma3.hpp"
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

TEST_F(CliCache, AfterWarmUpOfAModelARunCompilesNothing) {
  const auto bytes = toy_gemma3({.layers = 6, .window = 512, .context = 1024});  // as the real file but for the sizes
  const auto file = scratch.write("toy.gguf", {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  const auto cold = json({"warm-up", "--model", file, "--device", "cpu", "--json"});
  EXPECT_EQ(cold["failed"], 0);
  EXPECT_GT(cold["compiled"], 0);
  EXPECT_EQ(cold["compiled"], cold["ready"]) << "the shipped manifest is what the file asks for";
  const auto run = json({"generate", "--model", file, "--prompt-tokens", "2,7,9,5,11", "--tokens", "3", "--device", "cpu", "--json"});
  const auto& statistics = run["statistics"];
  EXPECT_EQ(statistics["compiles"], 0);
  EXPECT_EQ(statistics["source_parses"], 0);
  EXPECT_GT(statistics["disk_hits"], 0);
  EXPECT_EQ(statistics["disk_hits"], statistics["loads"]);
  EXPECT_EQ(statistics["disk_corrupt"], 0);
}

TEST_F(CliCache, ADamagedEntryIsToldOnceAndMadeAgain) {
  const std::vector<std::string> warm_up{"warm-up", "rms_norm_f32", "--device", "cpu", "--json"};
  EXPECT_EQ(json(warm_up)["compiled"], 1);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(scratch.file("cache"))) {
    if (entry.is_regular_file()) std::filesystem::resize_file(entry.path(), entry.file_size() - 1);
  }
  const auto again = run_program(warm_up);
  EXPECT_EQ(again.exit_code, 0);
  const auto first = again.err.find("damaged entry");
  EXPECT_NE(first, std::string::npos) << again.err;
  EXPECT_EQ(again.err.find("damaged entry", first + 1), std::string::npos) << again.err;
  EXPECT_EQ(nlohmann::json::parse(again.out)["statistics"]["disk_corrupt"], 2);
  EXPECT_EQ(json(warm_up)["compiled"], 0);
}

TEST_F(CliCache, UnknownKeysAndManifestsAreTheInputsFault) {
  EXPECT_EQ(run_program({"warm-up", "no_such_kernel", "--device", "cpu"}).exit_code, 1);
  EXPECT_EQ(run_program({"warm-up", "--manifest", scratch.file("none"), "--device", "cpu"}).exit_code, 1);
  EXPECT_EQ(run_program({"cache", "explode"}).exit_code, 2);
}

TEST_F(CliCache, ADirectoryThatCannotBeUsedIsAnError) {
  const auto file = scratch.write("file", "no directory");
  ::setenv("ANYMETAL_CACHE_DIR", file.c_str(), 1);
  for (const char* operation : {"stats", "verify", "clear"}) {
    const auto plain = run_program({"cache", operation});
    EXPECT_EQ(plain.exit_code, 1) << operation;
    EXPECT_EQ(plain.out, "") << operation;
    EXPECT_NE(plain.err.find("cache " + std::string(operation) + ": "), std::string::npos) << plain.err;
    EXPECT_NE(plain.err.find(file), std::string::npos) << plain.err;
    const auto as_json = run_program({"cache", operation, "--json"});
    EXPECT_EQ(as_json.exit_code, 1) << operation;
    EXPECT_EQ(nlohmann::json::parse(as_json.out)["error"]["code"], "IoError") << as_json.out;
  }
}

TEST_F(CliCache, AVariableWithNearlyTheNameOfOneIsNamed) {
  ::setenv("ANYMETAL_CACH_DIR", "/nowhere", 1);
  const auto result = run_program({"cache", "stats"});
  ::unsetenv("ANYMETAL_CACH_DIR");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err,
            "anymetal: warning: ANYMETAL_CACH_DIR is left out: no variable has that name, did you mean ANYMETAL_CACHE_DIR?\n");
}

}  // namespace
}  // namespace anymetal::test
