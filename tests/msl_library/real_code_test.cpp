// Idioms of production kernels, one file each: every entry must come out of the front end.

#include "msl_library/parse_support.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

namespace anymetal::tests {
namespace {

std::vector<std::filesystem::path> files() {
  std::vector<std::filesystem::path> all;
  for (const auto& entry : std::filesystem::directory_iterator(ANYMETAL_SOURCE_DIR "/tests/msl_library/real_code")) all.push_back(entry.path());
  std::ranges::sort(all);
  return all;
}

class RealCode : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(RealCode, EveryEntryIsGenerated) {
  std::ifstream file(GetParam());
  const auto parsed = parse(with_library({std::istreambuf_iterator<char>(file), {}}));
  ASSERT_TRUE(parsed.has_value()) << explain(parsed.error());
  EXPECT_FALSE((*parsed)->entry_names().empty());
  for (const std::string& name : (*parsed)->entry_names()) {
    const auto entry = (*parsed)->entry(name);
    EXPECT_TRUE(entry.has_value()) << name << ": " << explain(entry.error());
  }
}

INSTANTIATE_TEST_SUITE_P(Idioms, RealCode, testing::ValuesIn(files()),
                         [](const auto& p) { return p.param.stem().string(); });

}  // namespace
}  // namespace anymetal::tests
