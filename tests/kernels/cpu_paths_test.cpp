// The way in which each kernel of the case table runs on a processor with AVX-512, held against cpu_paths.txt: a change
// that loses a kernel its vectors changes nothing else that a test sees. One kernel of sixteen, and all kernels whose
// threads run as vectors; with ANYMETAL_CPU_PATHS=all the whole table. What was found is written to cpu_paths.txt in
// the working directory.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <string>

#include "compile_only.hpp"
#include "device/cpu/code_generator.hpp"
#include "device/cpu/kernel_compiler.hpp"
#include "msl/parsed_source.hpp"

namespace anymetal::test {
namespace {

/// Read once, by the first device that is opened.
[[maybe_unused]] const int target = ::setenv("ANYMETAL_CPU_TARGET", "x86_64-linux-gnu:x86-64-v4", 1);

/// By kernel the paths of its pipelines, in the form for processors where it has one; and in the general form, where
/// they are others.
using Paths = std::map<std::string, std::string>;

constexpr std::string_view kGeneral = " in the general form";

/// Chooses a kernel's path and makes no code.
class LowerOnlyBackend final : public CompileOnlyBackend {
 public:
  LowerOnlyBackend(bool variants, Look look)
      : CompileOnlyBackend({.threads = 1, .lanes = true, .variants = variants}, std::move(look)), variants_(variants) {}
  [[nodiscard]] Result<device::Artifact> compile(msl::SpecialisedKernel kernel, std::string_view label) const override {
    const auto generator = device::cpu::CodeGenerator::create();
    if (!generator) return std::unexpected(generator.error());
    return device::cpu::lower_kernel(kernel, label, {.lanes = true, .one_thread = variants_}, *generator);
  }

 private:
  bool variants_;
};

void add_paths(Paths& paths, bool general, const std::function<bool(const std::string&)>& is_wanted) {
  std::map<std::string, std::set<std::string>> found;
  const auto name = [&](std::string_view label) {
    return std::string(label.substr(0, label.find('|'))) + std::string(general ? kGeneral : "");
  };
  const auto look = [&](const device::Artifact& artifact, std::string_view label) {
    found[name(label)].insert(artifact.execution_path);
  };
  compile_pipelines(std::make_shared<LowerOnlyBackend>(!general, look),
                    [&](const std::string& kernel) { return is_wanted(name(kernel)); });
  for (const auto& [kernel, ways] : found) {
    auto path = fmt::format("{}", fmt::join(ways, ", "));
    const auto usual = paths.find(kernel.substr(0, kernel.find(kGeneral)));
    if (usual == paths.end() || usual->second != path) paths[kernel] = std::move(path);
  }
}

Paths expected_paths() {
  Paths paths;
  std::ifstream file(ANYMETAL_SOURCE_DIR "/tests/kernels/cpu_paths.txt");
  for (std::string line; std::getline(file, line);)
    if (const auto colon = line.find(": "); colon != std::string::npos)
      paths[line.substr(0, colon)] = line.substr(colon + 2);
  return paths;
}

TEST(CpuPaths, AreThoseOfTheTable) {
  const auto expected = expected_paths();
  const bool all = std::getenv("ANYMETAL_CPU_PATHS") != nullptr;
  const auto is_wanted = [&](const std::string& kernel) {
    const auto found = expected.find(kernel);
    if (all || found == expected.end()) return all;
    const auto place = static_cast<std::size_t>(std::distance(expected.begin(), found));
    return place % 16 == 0 || found->second.find("threads as vectors") != std::string::npos;
  };
  Paths paths;
  add_paths(paths, /*general=*/false, is_wanted);
  add_paths(paths, /*general=*/true, is_wanted);
  std::ofstream file("cpu_paths.txt");
  for (const auto& [kernel, path] : paths) {
    file << kernel << ": " << path << '\n';
    const auto found = expected.find(kernel);
    EXPECT_EQ(path, found == expected.end() ? "" : found->second) << kernel;
  }
  EXPECT_GT(paths.size(), 40U);
  if (!all) return;
  for (const auto& [kernel, path] : expected) EXPECT_TRUE(paths.contains(kernel)) << kernel << " is gone";
}

}  // namespace
}  // namespace anymetal::test
