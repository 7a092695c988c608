// Many kernels of one source where the system gives no thread to compile them on.
#include "code/compile_entries.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "support/no_threads.hpp"

namespace anymetal::cli {
namespace {

// Exit code 0 where each of three entries says so.
[[noreturn]] void compile_without_threads() {
  const auto device = Device::open("cpu");
  const auto source = msl::ParsedSource::parse(
      {"two.metal", "kernel void a(device int* x [[buffer(0)]]) { x[0] = 1; } kernel void b(device int* x [[buffer(0)]]) { x[0] = 2; }", {}, {}});
  if (!device || !source) std::_Exit(3);
  test::limit_threads(0);
  const std::vector<std::string> names{"a", "b", "a"};
  const auto entries = compile_entries(**source, names, *device, {}, UnsetConstants::AreErrors, 4, [](auto...) {});
  if (entries.size() != names.size()) std::_Exit(4);
  for (const auto& entry : entries) {
    if (entry.artifact) std::_Exit(5);
    if (entry.artifact.error().message().find("the system gives no thread") == std::string::npos) std::_Exit(6);
  }
  std::_Exit(0);
}

TEST(CompileEntries, EachSaysThatThereIsNoThread) { EXPECT_EXIT(compile_without_threads(), ::testing::ExitedWithCode(0), ""); }

}  // namespace
}  // namespace anymetal::cli
