// A hit allocates nothing; where there is no memory, a request is an error.

#include "registry/fixture.hpp"
#include "support/allocation_count.hpp"

#include <limits>
#include <semaphore>

namespace anymetal::testing {
namespace {

TEST(Allocation, TheCounterCounts) {
  const auto before = allocation_count();
  const auto owned = std::make_unique<int>(1);
  EXPECT_GT(allocation_count(), before + static_cast<std::size_t>(*owned) - 1);
}

TEST(Allocation, AHitAllocatesNothing) {
  KernelRegistry registry(std::make_shared<FakeCompiler>());
  const Device device(std::make_shared<FakeBackend>());
  registry.register_source("flash", "kernel flash");
  const auto ask = [&] {
    return registry.get_pipeline_with_constants("flash", device, {{200, true}, {7, false}}, {{300, 4}, {2, 1}, {9, 8}}).has_value() &&
           registry.get_pipeline("flash", device).has_value() &&
           registry.get_pipeline_with_constants("flash", device, {FunctionConstant{1u, 2.0f}}).has_value();
  };
  ASSERT_TRUE(ask());
  const auto before = allocation_count();
  bool all = true;
  for (int i = 0; i < 100; ++i) all = ask() && all;
  EXPECT_EQ(allocation_count(), before);
  EXPECT_TRUE(all);
}

using Ask = Result<PipelinePtr> (*)(KernelRegistry&, const Device&);

Result<PipelinePtr> plainly(KernelRegistry& registry, const Device& device) { return registry.get_pipeline("flash", device); }

// More than a request has room for without an allocation.
Result<PipelinePtr> with_many_constants(KernelRegistry& registry, const Device& device) {
  return registry.get_pipeline_with_constants("flash", device, {{1, true}, {2, true}},
                                              {{3, 1}, {4, 1}, {5, 1}, {6, 1}, {7, 1}, {8, 1}, {9, 1}, {10, 1}, {11, 1}});
}

Result<PipelinePtr> with_values(KernelRegistry& registry, const Device& device) {
  return registry.get_pipeline_with_constants("flash", device, {FunctionConstant{1U, 2.0F}, FunctionConstant{2U, std::int64_t{3}}});
}

Result<PipelinePtr> by_future(KernelRegistry& registry, const Device& device) {
  return registry.get_pipeline_async("flash", device).wait();
}

Result<PipelinePtr> by_callback(KernelRegistry& registry, const Device& device) {
  Result<PipelinePtr> answer;
  std::binary_semaphore answered{0};
  registry.get_pipeline_async("flash", device, {}, [&](const Result<PipelinePtr>& given) {
    answer = given;
    answered.release();
  });
  answered.acquire();
  return answer;
}

TEST(Allocation, ARequestThatFindsNoMemoryIsAnErrorAndMayBeRepeated) {
  constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();
  for (const Ask ask : {&plainly, &with_many_constants, &with_values, &by_future, &by_callback}) {
    for (const std::size_t count : {std::size_t{1}, kAll}) {
      std::size_t refused = 0;
      for (std::size_t before = 0;; ++before) {
        KernelRegistry registry(std::make_shared<FakeCompiler>());
        registry.set_compile_threads(1);
        const Device device(std::make_shared<FakeBackend>());
        registry.register_source("flash", "kernel flash");
        Result<PipelinePtr> answer;
        bool happened = false;
        {
          const FailingAllocations failing(before, count);
          answer = ask(registry, device);
          happened = failing.happened();
        }
        if (!answer) {
          ++refused;
          ASSERT_EQ(answer.error().code(), ErrorCode::OutOfMemory) << before << ": " << answer.error().message();
        }
        const auto again = ask(registry, device);
        ASSERT_TRUE(again) << before << ": " << again.error().message();
        if (!happened) break;
      }
      EXPECT_GT(refused, 3U);
    }
  }
}

TEST(Allocation, SoIsOneForAKernelThatNobodyKnows) {
  KernelRegistry registry(std::make_shared<FakeCompiler>());
  const Device device(std::make_shared<FakeBackend>());
  registry.register_source("flash", "kernel flash");
  for (std::size_t before = 0;; ++before) {
    Result<PipelinePtr> answer;
    bool happened = false;
    {
      const FailingAllocations failing(before, 1);
      answer = registry.get_pipeline("flsh", device);
      happened = failing.happened();
    }
    ASSERT_FALSE(answer);
    ASSERT_EQ(answer.error().code(), happened ? ErrorCode::OutOfMemory : ErrorCode::KernelNotFound) << before;
    if (!happened) break;
  }
}

}  // namespace
}  // namespace anymetal::testing
