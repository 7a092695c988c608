// Every kernel of the case table, with each set of function constants it is used with, as an object for AArch64 that
// the CPU device would link there: what it calls is what the device offers. Nothing is run; docs/aarch64.md says how to
// do that.

#include <gmock/gmock.h>
#include <llvm/Object/ELFObjectFile.h>

#include <cstdlib>
#include <set>

#include "compile_only.hpp"
#include "device/cpu/runtime_symbols.hpp"

namespace anymetal::test {
namespace {

/// Read once, by the first device that is opened.
[[maybe_unused]] const int target = ::setenv("ANYMETAL_CPU_TARGET", "aarch64-linux-gnu:neoverse-n1", 1);

void look_at(std::string_view code, std::string_view label, const std::set<std::string>& offered) {
  auto object = llvm::object::ObjectFile::createELFObjectFile(llvm::MemoryBufferRef(code, "kernel"));
  ASSERT_TRUE(static_cast<bool>(object)) << label;
  EXPECT_EQ((*object)->getArch(), llvm::Triple::aarch64) << label;
  for (const auto& symbol : (*object)->symbols()) {
    const auto flags = llvm::cantFail(symbol.getFlags());
    const auto name = llvm::cantFail(symbol.getName());
    if ((flags & llvm::object::SymbolRef::SF_Undefined) == 0 || name.empty()) continue;
    EXPECT_TRUE(offered.contains(name.str())) << label << " calls " << name.str();
  }
}

TEST(Aarch64, EveryPipelineCompiles) {
  std::set<std::string> offered, made;
  for (const auto& symbol : device::cpu::runtime_symbols()) offered.insert(std::string(symbol.name));
  const auto look = [&](const device::Artifact& artifact, std::string_view label) {
    look_at(artifact.code, label, offered);
    made.emplace(label);
  };
  compile_pipelines(std::make_shared<CompileOnlyBackend>(device::cpu::CpuOptions{}, look),
                    [](const std::string&) { return true; });
  EXPECT_GT(made.size(), 500U);
  RecordProperty("pipelines", std::to_string(made.size()));
}

}  // namespace
}  // namespace anymetal::test
