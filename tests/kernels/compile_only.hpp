#pragma once
// The pipelines of the case table compiled for a processor that need not be here.

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string_view>
#include <utility>

#include "cases/case_list.hpp"
#include "cases/runner.hpp"
#include "device/cpu/cpu_backend.hpp"
#include "support/forwarding_backend.hpp"

namespace anymetal::test {

/// The CPU device, but that artifacts are looked at where they would be linked.
class CompileOnlyBackend : public ForwardingBackend {
 public:
  using Look = std::function<void(const device::Artifact&, std::string_view label)>;

  CompileOnlyBackend(const device::cpu::CpuOptions& options, Look look)
      : ForwardingBackend(device::cpu::make_cpu_backend(options).value()), look_(std::move(look)) {}
  [[nodiscard]] Result<std::shared_ptr<const device::Executable>> load(const device::Artifact& artifact,
                                                                       std::string_view label) override {
    look_(artifact, label);
    return std::make_shared<Loaded>();
  }

 private:
  class Loaded final : public device::Executable {
   public:
    [[nodiscard]] std::size_t max_total_threads_per_threadgroup() const override { return 1024; }
  };

  Look look_;
};

/// Asks for the wanted kernels with each set of function constants that their cases use.
inline void compile_pipelines(std::shared_ptr<CompileOnlyBackend> backend,
                              const std::function<bool(const std::string& kernel)>& is_wanted) {
  const Device device(std::move(backend));
  KernelRegistry registry;
  const cases::CaseList all = cases::all_cases();
  for (const auto& test : all.cases()) {
    if (test.purpose != cases::Purpose::Test || !is_wanted(test.kernel)) continue;
    const auto problem = test.make();
    const auto pipeline = cases::pipeline_for(test, problem, registry, device);
    EXPECT_TRUE(pipeline) << test.kernel << " [" << test.label << "]: " << pipeline.error().message();
  }
}

}  // namespace anymetal::test
