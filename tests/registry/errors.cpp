// Every way a request can fail, and that nothing of a failure is kept.

#include "registry/fixture.hpp"

#include <gmock/gmock.h>

#include <stdexcept>

namespace anymetal::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Errors : public RegistryTest {};

TEST_F(Errors, UnknownNameCarriesTheClosestNames) {
  registry.register_source("wombat_burrow", "kernel wombat_burrow");
  const auto result = registry.get_pipeline("wombat_borrow", device);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::KernelNotFound);
  EXPECT_EQ(result.error().kernel(), "wombat_borrow");
  EXPECT_THAT(result.error().suggestions(), ElementsAre("wombat_burrow"));
  EXPECT_THAT(result.error().message(), HasSubstr("Did you mean 'wombat_burrow'?"));
  EXPECT_EQ(registry.cached_count(), 0u);
}

TEST_F(Errors, BrokenSourceTellsWhereAndCachesNothing) {
  registry.register_source("k", "kernel k\nerror no member named 'q'");
  for (int attempt = 1; attempt <= 2; ++attempt) {
    const auto result = registry.get_pipeline_with_constants("k", device, {}, {{3, 1}});
    ASSERT_FALSE(result);
    const Error& error = result.error();
    EXPECT_EQ(error.code(), ErrorCode::ShaderCompilationError);
    EXPECT_EQ(error.kernel(), "k");
    EXPECT_EQ(error.key(), "k|3:i1");
    EXPECT_EQ(error.device(), "fake");
    EXPECT_THAT(error.message(), HasSubstr("k:2:7: error: no member named 'q'"));
    ASSERT_EQ(error.diagnostics().size(), 1u);
    EXPECT_EQ(error.diagnostics()[0].line, 2u);
    EXPECT_EQ(compiler->parses, attempt) << "a failure must not be kept";
  }
  EXPECT_EQ(registry.cached_count(), 0u);
  EXPECT_EQ(registry.statistics().failures, 2u);
  registry.register_source("k", "kernel k");
  EXPECT_TRUE(registry.get_pipeline_with_constants("k", device, {}, {{3, 1}}));
}

TEST_F(Errors, TheFileNameOfTheOptionsIsShown) {
  registry.register_source("k", "error bad", {.file_name = "dir/mine.metal"});
  EXPECT_THAT(registry.get_pipeline("k", device).error().message(), HasSubstr("dir/mine.metal:1:7"));
}

TEST_F(Errors, SourceWithoutItsKernelListsWhatItHas) {
  registry.register_source("answer", "kernel answr\nkernel other");
  const auto result = registry.get_pipeline("answer", device);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::ShaderCompilationError);
  EXPECT_THAT(result.error().suggestions(), ElementsAre("answr"));
  EXPECT_THAT(result.error().message(), HasSubstr("'answr', 'other'"));
  registry.register_source("empty", "");
  EXPECT_THAT(registry.get_pipeline("empty", device).error().message(), HasSubstr("no kernel at all"));
}

TEST_F(Errors, UndeclaredConstantNameListsTheDeclaredOnes) {
  registry.register_source("k", "kernel k\nconstant width 1\nconstant height 2");
  const auto result = registry.get_pipeline_with_constants("k", device, {FunctionConstant{"widht", 3}});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::FunctionConstantError);
  EXPECT_THAT(result.error().message(), HasSubstr("'width', 'height'"));
  EXPECT_THAT(result.error().suggestions(), ElementsAre("width"));
}

TEST_F(Errors, OneIndexWithTwoValues) {
  registry.register_source("k", "kernel k");
  const auto same_type = registry.get_pipeline_with_constants("k", device, {}, {{1, 2}, {1, 3}});
  ASSERT_FALSE(same_type);
  EXPECT_EQ(same_type.error().code(), ErrorCode::FunctionConstantError);
  EXPECT_EQ(registry.get_pipeline_with_constants("k", device, {{1, true}}, {{1, 3}}).error().code(),
            ErrorCode::FunctionConstantError);
  std::vector<IntConstant> many;
  for (int i = 0; i < 100; ++i) many.push_back({static_cast<std::uint32_t>(i), i});
  many.push_back({50, -1});
  EXPECT_EQ(registry.get_pipeline_with_constants("k", device, std::span<const BoolConstant>{}, many).error().code(),
            ErrorCode::FunctionConstantError);
}

TEST_F(Errors, TensorKernelsNeedMatrixHardware) {
  registry.register_source("mm_tensor_f16", "kernel mm_tensor_f16");
  const auto result = registry.get_pipeline("mm_tensor_f16", device);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::UnsupportedByDevice);
  EXPECT_EQ(result.error().kernel(), "mm_tensor_f16");
  EXPECT_EQ(result.error().device(), "fake");
  EXPECT_THAT(result.error().message(), HasSubstr("'mm_tensor_f16' needs matrix hardware, which fake (Fake device fake) does not have; "
                                                  "use the kernel without '_tensor_' in its name"));
  EXPECT_EQ(compiler->parses, 0);
  EXPECT_EQ(registry.get_pipeline("no_such_tensor_kernel", device).error().code(), ErrorCode::KernelNotFound);
  const auto able = std::make_shared<FakeBackend>("able");
  able->info_.has_tensor = true;
  EXPECT_TRUE(registry.get_pipeline("mm_tensor_f16", Device(able)));
}

TEST_F(Errors, EveryBuiltInTensorKernelIsGated) {
  std::size_t gated = 0;
  for (const std::string& name : registry.names()) {
    if (name.find("_tensor_") == std::string::npos) continue;
    ++gated;
    const auto result = registry.get_pipeline(name, device);
    ASSERT_FALSE(result) << name;
    EXPECT_EQ(result.error().code(), ErrorCode::UnsupportedByDevice) << name;
  }
  EXPECT_EQ(gated, 29u);
  EXPECT_EQ(compiler->parses, 0);
  EXPECT_TRUE(Device::open("cpu")->has_tensor());
}

TEST_F(Errors, MoreStaticThreadgroupMemoryThanTheDeviceHas) {
  compiler->static_threadgroup_memory = 40000;
  registry.register_source("k", "kernel k");
  EXPECT_EQ(registry.get_pipeline("k", device).error().code(), ErrorCode::UnsupportedByDevice);
  EXPECT_EQ(backend->loads, 0);
}

TEST_F(Errors, FailuresOfGenerationAndLoadingPassThrough) {
  registry.register_source("k", "kernel k");
  compiler->on_generate = [](std::string_view, auto) -> Result<void> {
    return fail(ErrorCode::FunctionConstantError, "constant 'N' has no value");
  };
  const auto generation = registry.get_pipeline("k", device);
  EXPECT_EQ(generation.error().code(), ErrorCode::FunctionConstantError);
  EXPECT_THAT(generation.error().message(), HasSubstr("kernel 'k': constant 'N' has no value"));
  compiler->on_generate = nullptr;
  backend->on_load = [](const device::Artifact&) -> Result<void> { return fail(ErrorCode::DeviceLost, "gone"); };
  EXPECT_EQ(registry.get_pipeline("k", device).error().code(), ErrorCode::DeviceLost);
  EXPECT_EQ(registry.cached_count(), 0u);
}

TEST_F(Errors, AnExceptionInTheCompilerBecomesAnError) {
  registry.register_source("k", "kernel k");
  compiler->on_parse = [](const msl::SourceRequest&) { throw std::runtime_error("deep down"); };
  EXPECT_EQ(registry.get_pipeline("k", device).error().code(), ErrorCode::InternalError);
  compiler->on_parse = [](const msl::SourceRequest&) { throw std::bad_alloc(); };
  EXPECT_EQ(registry.get_pipeline("k", device).error().code(), ErrorCode::OutOfMemory);
  compiler->on_parse = nullptr;
  EXPECT_TRUE(registry.get_pipeline("k", device));
}

TEST_F(Errors, NoNameIsTooOdd) {
  const std::string kNames[] = {"", "|", "a|200:b1", std::string("a\0b", 3), std::string(1 << 20, 'x'), "\xff\xfe", "{}%s"};
  for (const auto& name : kNames) {
    const auto unknown = registry.get_pipeline(name, device);
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().code(), ErrorCode::KernelNotFound);
    EXPECT_LT(unknown.error().message().size(), 1000u);
    registry.register_source(name, "kernel other");
    EXPECT_EQ(registry.get_pipeline(name, device).error().code(), ErrorCode::ShaderCompilationError);
  }
}

TEST_F(Errors, ANameThatLooksLikeAKeyIsAnotherPipeline) {
  registry.register_source("a", "kernel a");
  registry.register_source("a|200:b1", "kernel a|200:b1");
  const auto special = registry.get_pipeline_with_bool_constants("a", device, {{200, true}});
  const auto plain = registry.get_pipeline("a|200:b1", device);
  ASSERT_TRUE(special && plain);
  EXPECT_NE(*special, *plain);
}

}  // namespace
}  // namespace anymetal::testing
