#include "parts/misspelt_variables.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>

#include "observe/environment.hpp"

namespace anymetal::cli {
namespace {

TEST(MisspeltVariables, AreNamedWithTheOneThatWasMeant) {
  const char* const variables[] = {"HOME=/root",
                                   "ANYMETAL_CACH_DIR=/tmp",
                                   "ANYMETAL_CACHE_DIR=/tmp",
                                   "ANYMETAL_COMPILE_THREAD=2",
                                   "ANYMETAL_CPU_VARIANT=",
                                   "ANYMETAL_DEVISE=cpu",
                                   "ANYMETAL_=x",
                                   "ANYMETAL_CACHEDIR",  // no variable: there is no '='
                                   nullptr};
  const std::vector<std::string> expected = {
      "ANYMETAL_CACH_DIR is left out: no variable has that name, did you mean ANYMETAL_CACHE_DIR?",
      "ANYMETAL_COMPILE_THREAD is left out: no variable has that name, did you mean ANYMETAL_COMPILE_THREADS?",
      "ANYMETAL_CPU_VARIANT is left out: no variable has that name, did you mean ANYMETAL_CPU_VARIANTS?",
      "ANYMETAL_DEVISE is left out: no variable has that name, did you mean ANYMETAL_DEVICE?"};
  EXPECT_EQ(misspelt_variables(variables, environment::names()), expected);
}

TEST(MisspeltVariables, ThoseOfOthersAndOfTheTestsAreNone) {
  const char* const variables[] = {"ANYMETAL_MODEL=m",        "ANYMETAL_HOME=/opt",         "ANYMETAL_TEST_LANES=0",
                                   "ANYMETAL_STRESS_SEED=1",  "ANYMETAL_WRITE_DOCS=1",      "ANYMETAL_TEST_GPUS=real",
                                   "ANYMETAL_NEED_MODEL=1",   "ANYMETAL_RANDOM_KERNELS=10", "ANYMETAL_EVENTS=x",
                                   "ANYMETAL_EVENTS_CLEAN=1", "ANYMETAL_EMULATE_NVIDIA=1",  "ANYMETAL_STRESS_SECONDS=1",
                                   nullptr};
  EXPECT_EQ(misspelt_variables(variables, environment::names()), std::vector<std::string>{});
}

// A variable that is read under a name which the list lacks would be taken for a misspelt one.
TEST(MisspeltVariables, TheListHasAllThatTheSourcesRead) {
  const std::filesystem::path root = ANYMETAL_SOURCE_DIR;
  std::set<std::string> read;
  for (const char* folder : {"src", "tools"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root / folder)) {
      if (entry.path().extension() != ".cpp" && entry.path().extension() != ".hpp") continue;
      std::ifstream in(entry.path());
      const std::string text(std::istreambuf_iterator<char>(in), {});
      static const std::regex kName("\"(ANYMETAL_[A-Z_]+)\"");
      for (std::sregex_iterator at(text.begin(), text.end(), kName), end; at != end; ++at) read.insert((*at)[1]);
    }
  }
  const auto names = environment::names();
  EXPECT_EQ(read, std::set<std::string>(names.begin(), names.end()));
}

}  // namespace
}  // namespace anymetal::cli
