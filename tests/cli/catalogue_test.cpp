// docs/kernels.md is what the program prints of the built-in kernels.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "process.hpp"

namespace anymetal::test {
namespace {

using ::testing::HasSubstr;

std::vector<std::string> lines_of(std::istream&& in) {
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST(KernelCatalogue, TheDocumentIsUpToDate) {
  const auto printed = run_program({"kernels", "--markdown"});
  ASSERT_EQ(printed.exit_code, 0) << printed.err;
  const auto wanted = lines_of(std::istringstream(printed.out));
  const auto present = lines_of(std::ifstream(ANYMETAL_SOURCE_DIR "/docs/kernels.md"));
  const auto [first, other] = std::ranges::mismatch(wanted, present);
  EXPECT_TRUE(first == wanted.end() && other == present.end())
      << "docs/kernels.md, line " << first - wanted.begin() + 1 << " is\n  "
      << (other == present.end() ? "missing" : *other) << "\nand must be\n  "
      << (first == wanted.end() ? "the end" : *first)
      << "\nRegenerate it: build/dev/anymetal kernels --markdown > docs/kernels.md";
}

TEST(KernelCatalogue, HoldsEveryKernelWithItsArguments) {
  const auto printed = run_program({"kernels", "--markdown"});
  const auto listed = nlohmann::json::parse(run_program({"kernels", "--json"}).out).at("kernels");
  for (const auto& kernel : listed) {
    const auto name = kernel.at("name").get<std::string>();
    EXPECT_TRUE(printed.out.contains("\n| `" + name + "` | `")) << name << " is missing";
  }
  EXPECT_TRUE(printed.out.contains("| all | " + std::to_string(listed.size()) + " |")) << listed.size();
  const auto family = run_program({"kernels", "--markdown", "--family", "sampling"});
  EXPECT_EQ(family.exit_code, 0);
  EXPECT_THAT(family.out, HasSubstr("buffer 0 `"));
  EXPECT_LT(family.out.size(), printed.out.size() / 4);
  EXPECT_EQ(run_program({"kernels", "--markdown", "--json"}).exit_code, 2);
  EXPECT_EQ(run_program({"kernels", "--markdown", "--family", "nonsense"}).exit_code, 1);
}

}  // namespace
}  // namespace anymetal::test
