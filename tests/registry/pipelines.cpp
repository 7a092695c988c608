// What the registry keeps, shares and drops.

#include "registry/fixture.hpp"

#include <algorithm>

namespace anymetal::testing {
namespace {

class Pipelines : public RegistryTest {};

TEST_F(Pipelines, ConstructionCompilesNothing) {
  EXPECT_EQ(compiler->parses, 0);
  EXPECT_EQ(registry.cached_count(), 0u);
  EXPECT_EQ(registry.source_count(), registry.names().size());
  EXPECT_TRUE(std::ranges::is_sorted(registry.names()));
}

TEST_F(Pipelines, AHitIsTheSameObjectAndCompilesNothing) {
  registry.register_source("k", "kernel k");
  EXPECT_EQ(compiler->parses, 0);
  const auto first = registry.get_pipeline("k", device);
  ASSERT_TRUE(first);
  const auto again = registry.get_pipeline("k", device);
  EXPECT_EQ(*first, *again);
  EXPECT_EQ(compiler->generates, 1);
  EXPECT_EQ((*first)->label(), "k");
  const auto statistics = registry.statistics();
  EXPECT_EQ(statistics.memory_hits, 1u);
  EXPECT_EQ(statistics.compiles, 1u);
  EXPECT_EQ(statistics.source_parses, 1u);
  EXPECT_EQ(statistics.entries, 1u);
  EXPECT_EQ(statistics.loads, 1u);
  EXPECT_EQ(statistics.failures, 0u);
  EXPECT_EQ(statistics.cancelled, 0u);
  EXPECT_EQ(statistics.waits, 0u);
}

TEST_F(Pipelines, OnePipelinePerDistinctConstants) {
  registry.register_source("int_fc", "kernel int_fc\nconstant N 100");
  const auto four = *registry.get_pipeline_with_constants("int_fc", device, {}, {{100, 4}});
  EXPECT_EQ(registry.cached_count(), 1u);
  const auto eight = *registry.get_pipeline_with_constants("int_fc", device, {}, {{100, 8}});
  EXPECT_EQ(registry.cached_count(), 2u);
  EXPECT_EQ(*registry.get_pipeline_with_constants("int_fc", device, {}, {{100, 4}}), four);
  EXPECT_EQ(registry.cached_count(), 2u);
  EXPECT_NE(four, eight);
  EXPECT_EQ(four->label(), "int_fc|100:i4");
  EXPECT_EQ(eight->label(), "int_fc|100:i8");
  EXPECT_TRUE(registry.is_cached("int_fc|100:i8"));
  EXPECT_FALSE(registry.is_cached("int_fc"));
  EXPECT_EQ(compiler->parses, 1);
}

TEST_F(Pipelines, OrderOfConstantsMakesNoSecondPipeline) {
  registry.register_source("flash", "kernel flash");
  const auto a = *registry.get_pipeline_with_constants("flash", device, {{200, true}, {7, false}}, {{300, 4}, {2, -1}});
  const auto b = *registry.get_pipeline_with_constants("flash", device, {{7, false}, {200, true}}, {{2, -1}, {300, 4}});
  const auto c = *registry.get_pipeline_with_constants(
      "flash", device, {FunctionConstant{300u, 4}, {2u, -1}, {200u, true}, {7u, false}, {7u, false}});
  EXPECT_EQ(a, b);
  EXPECT_EQ(a, c);
  EXPECT_EQ(registry.cached_count(), 1u);
}

TEST_F(Pipelines, BoolConstantsAloneAreTheSameAsAnEmptyIntList) {
  registry.register_source("k", "kernel k");
  EXPECT_EQ((*registry.get_pipeline_with_bool_constants("k", device, {}))->label(), "k");
  EXPECT_EQ(registry.cached_count(), 1u);
  EXPECT_EQ(*registry.get_pipeline_with_bool_constants("k", device, {{1, true}}),
            *registry.get_pipeline_with_constants("k", device, {{1, true}}, {}));
  const std::vector<BoolConstant> bools{{1, true}};
  EXPECT_TRUE(registry.get_pipeline_with_bool_constants("k", device, bools));
  EXPECT_EQ(registry.cached_count(), 2u);
}

TEST_F(Pipelines, ReplacingASourceDropsAllItsSpecialisationsAndNoOthers) {
  registry.register_source("a", "kernel a\nversion old");
  registry.register_source("ab", "kernel ab");
  const auto held = *registry.get_pipeline("a", device);
  (void)registry.get_pipeline_with_bool_constants("a", device, {{1, true}});
  (void)registry.get_pipeline_with_constants("a", device, {}, {{1, 2}});
  const auto other = *registry.get_pipeline("ab", device);
  ASSERT_EQ(registry.cached_count(), 4u);
  registry.register_source("a", "kernel a\nversion new");
  EXPECT_EQ(registry.cached_count(), 1u);
  EXPECT_EQ(*registry.get_pipeline("ab", device), other);
  EXPECT_EQ((*registry.get_pipeline("a", device))->execution_path(), "new");
  EXPECT_EQ(held->execution_path(), "old");
  EXPECT_EQ(held->label(), "a");
}

TEST_F(Pipelines, ADroppedPipelineIsFreedWhenNobodyHoldsIt) {
  registry.register_source("a", "kernel a");
  std::weak_ptr<const ComputePipeline> seen = *registry.get_pipeline("a", device);
  EXPECT_FALSE(seen.expired());
  registry.register_source("a", "kernel a\n");
  EXPECT_TRUE(seen.expired());
}

TEST_F(Pipelines, AHeldPipelineOutlivesTheRegistry) {
  PipelinePtr held;
  {
    KernelRegistry brief(compiler);
    brief.register_source("a", "kernel a");
    held = *brief.get_pipeline("a", device);
  }
  EXPECT_EQ(held->label(), "a");
  EXPECT_EQ(held->thread_execution_width(), 32u);
}

TEST_F(Pipelines, FortyKernelsOfOneTextAreParsedOnce) {
  std::string text;
  for (int i = 0; i < 40; ++i) text += "kernel k" + std::to_string(i) + "\n";
  for (int i = 0; i < 40; ++i) registry.register_source("k" + std::to_string(i), text);
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(registry.get_pipeline("k" + std::to_string(i), device));
  EXPECT_EQ(compiler->parses, 1);
  EXPECT_EQ(compiler->generates, 40);
}

TEST_F(Pipelines, OptionsArePartOfASourcesIdentity) {
  const auto parses_of_second = [&](const SourceOptions& options) {
    KernelRegistry fresh(compiler);
    const int before = compiler->parses;
    fresh.register_source("a", "kernel a\nkernel b");
    fresh.register_source("b", "kernel a\nkernel b", options);
    (void)fresh.get_pipeline("a", device);
    (void)fresh.get_pipeline("b", device);
    return compiler->parses - before - 1;
  };
  EXPECT_EQ(parses_of_second({}), 0);
  EXPECT_EQ(parses_of_second({.defines = {{"X", "1"}}}), 1);
  EXPECT_EQ(parses_of_second({.include_files = {{"a.h", ""}}}), 1);
  EXPECT_EQ(parses_of_second({.include_directories = {"/tmp"}}), 1);
  EXPECT_EQ(parses_of_second({.language_standard = "metal3.1"}), 1);
  EXPECT_EQ(parses_of_second({.math_mode = MathMode::Safe}), 1);
}

TEST_F(Pipelines, DevicesShareTheParseButNotThePipeline) {
  const auto second = std::make_shared<FakeBackend>("second");
  const auto nvidia = std::make_shared<FakeBackend>("nvidia");
  nvidia->target = msl::Target::Nvptx;
  registry.register_source("k", "kernel k");
  const auto on_first = *registry.get_pipeline("k", device);
  const auto on_second = *registry.get_pipeline("k", Device(second));
  EXPECT_NE(on_first, on_second);
  EXPECT_EQ(compiler->parses, 1);
  (void)registry.get_pipeline("k", Device(nvidia));
  EXPECT_EQ(compiler->parses, 2);
  EXPECT_EQ(registry.cached_count(), 3u);
  registry.register_source("k", "kernel k\n");
  EXPECT_EQ(registry.cached_count(), 0u);
}

TEST_F(Pipelines, NamedConstantsResolveToTheirIndex) {
  registry.register_source("k", "kernel k\nconstant width 12\nconstant causal 3");
  const auto named = registry.get_pipeline_with_constants("k", device, {FunctionConstant{"width", 64}, {"causal", true}});
  ASSERT_TRUE(named);
  EXPECT_EQ((*named)->label(), "k|3:b1|12:i64");
  EXPECT_EQ(*registry.get_pipeline_with_constants("k", device, {{3, true}}, {{12, 64}}), *named);
  EXPECT_EQ(compiler->parses, 1);
}

TEST_F(Pipelines, ConstantsReachTheCompilerByIndexAndValue) {
  std::vector<FunctionConstant> seen;
  compiler->on_generate = [&](std::string_view, std::span<const FunctionConstant> constants) -> Result<void> {
    seen.assign(constants.begin(), constants.end());
    return {};
  };
  registry.register_source("k", "kernel k");
  ASSERT_TRUE(registry.get_pipeline_with_constants("k", device, {{9, true}}, {{4, -7}}));
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(std::get<std::uint32_t>(seen[0].which), 9u);
  EXPECT_EQ(seen[0].value, ConstantValue(true));
  EXPECT_EQ(std::get<std::uint32_t>(seen[1].which), 4u);
  EXPECT_EQ(seen[1].value, ConstantValue(-7));
}

TEST_F(Pipelines, ManyConstantsAndManyPipelines) {
  registry.register_source("k", "kernel k");
  std::vector<IntConstant> ints;
  for (std::uint32_t i = 0; i < 500; ++i) ints.push_back({499 - i, static_cast<int>(i)});
  const auto forward = registry.get_pipeline_with_constants("k", device, std::span<const BoolConstant>{}, ints);
  std::ranges::reverse(ints);
  EXPECT_EQ(*registry.get_pipeline_with_constants("k", device, std::span<const BoolConstant>{}, ints), *forward);
  std::vector<PipelinePtr> all;
  for (int i = 0; i < 1000; ++i) all.push_back(*registry.get_pipeline_with_constants("k", device, {}, {{1, i}}));
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(*registry.get_pipeline_with_constants("k", device, {}, {{1, i}}), all[static_cast<std::size_t>(i)]) << i;
  }
  EXPECT_EQ(registry.cached_count(), 1001u);
}

TEST_F(Pipelines, TheSmallerThreadLimitHolds) {
  backend->thread_limit = 256;
  registry.register_source("k", "kernel k");
  EXPECT_EQ((*registry.get_pipeline("k", device))->max_total_threads_per_threadgroup(), 256u);
}

}  // namespace
}  // namespace anymetal::testing
