// Every kernel of the case table, with each set of function constants it is used with, as an object for AArch64 that
// the CPU device would link there: what it calls is what the device offers. Nothing is run; docs/aarch64.md says how to
// do that.

#include <gmock/gmock.h>
#include <llvm/Object/ELFObjectFile.h>

#include <cstdlib>
#include <set>

#include "cases/case_list.hpp"
#include "cases/runner.hpp"
#include "device/cpu/cpu_backend.hpp"
#include "device/cpu/runtime_symbols.hpp"
#include "support/forwarding_backend.hpp"

namespace anymetal::test {
namespace {

/// Read once, by the first device that is opened.
[[maybe_unused]] const int target = ::setenv("ANYMETAL_CPU_TARGET", "aarch64-linux-gnu:neoverse-n1", 1);

class Loaded final : public device::Executable {
 public:
  [[nodiscard]] std::size_t max_total_threads_per_threadgroup() const override { return 1024; }
};

/// The CPU device, but that objects are looked at where they would be linked.
class ObjectReader final : public ForwardingBackend {
 public:
  explicit ObjectReader(std::shared_ptr<device::Backend> cpu) : ForwardingBackend(std::move(cpu)) {
    for (const auto& symbol : device::cpu::runtime_symbols()) offered_.insert(std::string(symbol.name));
  }
  [[nodiscard]] Result<std::shared_ptr<const device::Executable>> load(const device::Artifact& artifact,
                                                                       std::string_view label) override {
    look_at(artifact.code, label);
    return std::make_shared<Loaded>();
  }

 private:
  void look_at(std::string_view code, std::string_view label) const {
    auto object = llvm::object::ObjectFile::createELFObjectFile(llvm::MemoryBufferRef(code, "kernel"));
    ASSERT_TRUE(static_cast<bool>(object)) << label;
    EXPECT_EQ((*object)->getArch(), llvm::Triple::aarch64) << label;
    for (const auto& symbol : (*object)->symbols()) {
      const auto flags = llvm::cantFail(symbol.getFlags());
      const auto name = llvm::cantFail(symbol.getName());
      if ((flags & llvm::object::SymbolRef::SF_Undefined) == 0 || name.empty()) continue;
      EXPECT_TRUE(offered_.contains(name.str())) << label << " calls " << name.str();
    }
  }

  std::set<std::string> offered_;
};

TEST(Aarch64, EveryPipelineCompiles) {
  auto cpu = device::cpu::make_cpu_backend();
  ASSERT_TRUE(cpu) << cpu.error().message();
  const Device device(std::make_shared<ObjectReader>(*cpu));
  KernelRegistry registry;
  const cases::CaseList all = cases::all_cases();
  std::set<std::string> made;
  for (const auto& test : all.cases()) {
    if (test.purpose != cases::Purpose::Test) continue;
    const auto problem = test.make();
    const auto pipeline = cases::pipeline_for(test, problem, registry, device);
    EXPECT_TRUE(pipeline) << test.kernel << " [" << test.label << "]: " << pipeline.error().message();
    if (pipeline) made.emplace((*pipeline)->label());
  }
  EXPECT_GT(made.size(), 500U);
  RecordProperty("pipelines", std::to_string(made.size()));
}

}  // namespace
}  // namespace anymetal::test
