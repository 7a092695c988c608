// A hit allocates nothing.

#include "registry/fixture.hpp"
#include "support/allocation_count.hpp"

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

}  // namespace
}  // namespace anymetal::testing
