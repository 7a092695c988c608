// The smallest acceptance program of the registry, as a user writes it: public headers only.

#include <anymetal/anymetal.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <span>

namespace {

constexpr const char* kIntConstant = R"(
#include <metal_stdlib>
using namespace metal;
constant int N [[function_constant(100)]];
kernel void int_fc(device int* out [[buffer(0)]]) { out[0] = N; }
)";

constexpr const char* kNoConstant = R"(
#include <metal_stdlib>
using namespace metal;
kernel void plain(device int* out [[buffer(0)]]) { out[0] = 7; }
)";

// Runs one thread of `pipeline` and returns the int it wrote.
std::int32_t run(anymetal::Device& device, const anymetal::PipelinePtr& pipeline) {
  auto out = device.make_buffer(sizeof(std::int32_t)).value();
  auto encoder = device.make_command_encoder().value();
  encoder.set_pipeline(pipeline);
  encoder.set_buffer(0, out);
  encoder.dispatch_threadgroups({1, 1, 1}, {1, 1, 1});
  const auto done = encoder.commit_and_wait();
  EXPECT_TRUE(done) << done.error().message();
  std::int32_t value = -1;
  EXPECT_TRUE(out.read(std::as_writable_bytes(std::span(&value, 1))));
  return value;
}

class Acceptance : public ::testing::Test {
 protected:
  anymetal::Device device = anymetal::Device::open("cpu").value();
  anymetal::KernelRegistry registry;
};

TEST_F(Acceptance, IntConstant) {
  registry.register_source("int_fc", kIntConstant);
  ASSERT_EQ(registry.cached_count(), 0u);

  const auto four = registry.get_pipeline_with_constants("int_fc", device, {}, {{100, 4}});
  ASSERT_TRUE(four) << four.error().message();
  EXPECT_EQ(registry.cached_count(), 1u);
  const auto eight = registry.get_pipeline_with_constants("int_fc", device, {}, {{100, 8}});
  ASSERT_TRUE(eight) << eight.error().message();
  EXPECT_EQ(registry.cached_count(), 2u);
  const auto again = registry.get_pipeline_with_constants("int_fc", device, {}, {{100, 4}});
  ASSERT_TRUE(again);
  EXPECT_EQ(registry.cached_count(), 2u);

  EXPECT_EQ(again->get(), four->get());
  EXPECT_NE(eight->get(), four->get());
  EXPECT_EQ((*four)->label(), "int_fc|100:i4");
  EXPECT_EQ((*eight)->label(), "int_fc|100:i8");
  EXPECT_TRUE(registry.is_cached("int_fc|100:i4"));
  EXPECT_EQ(run(device, *four), 4);
  EXPECT_EQ(run(device, *eight), 8);
}

TEST_F(Acceptance, NoConstants) {
  registry.register_source("plain", kNoConstant);
  const auto pipeline = registry.get_pipeline_with_bool_constants("plain", device, {});
  ASSERT_TRUE(pipeline) << pipeline.error().message();
  EXPECT_EQ(registry.cached_count(), 1u);
  EXPECT_EQ((*pipeline)->label(), "plain");
  EXPECT_EQ((*pipeline)->thread_execution_width(), 32u);
  EXPECT_EQ(run(device, *pipeline), 7);
}

TEST_F(Acceptance, ReplacedSourceRunsTheNewText) {
  registry.register_source("plain", kNoConstant);
  const auto old_pipeline = registry.get_pipeline("plain", device).value();
  registry.register_source("plain", "kernel void plain(device int* out [[buffer(0)]]) { out[0] = 8; }");
  EXPECT_FALSE(registry.is_cached("plain"));
  EXPECT_EQ(run(device, registry.get_pipeline("plain", device).value()), 8);
  EXPECT_EQ(run(device, old_pipeline), 7) << "a held pipeline stays valid";
}

TEST_F(Acceptance, BrokenSourceTellsLineAndColumn) {
  registry.register_source("broken", "kernel void broken(device int* out [[buffer(0)]]) {\n  out[0] = missing;\n}\n");
  const auto pipeline = registry.get_pipeline("broken", device);
  ASSERT_FALSE(pipeline);
  const anymetal::Error& error = pipeline.error();
  EXPECT_EQ(error.code(), anymetal::ErrorCode::ShaderCompilationError);
  EXPECT_EQ(error.kernel(), "broken");
  ASSERT_FALSE(error.diagnostics().empty());
  EXPECT_EQ(error.diagnostics()[0].line, 2u);
  EXPECT_EQ(error.diagnostics()[0].column, 12u);
  EXPECT_NE(error.message().find("missing"), std::string::npos) << error.message();
  EXPECT_EQ(registry.cached_count(), 0u);
}

TEST_F(Acceptance, ConstantsAndDeclarations) {
  registry.register_source("int_fc", kIntConstant);
  const auto missing = registry.get_pipeline("int_fc", device);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), anymetal::ErrorCode::FunctionConstantError);
  const auto mismatch = registry.get_pipeline_with_bool_constants("int_fc", device, {{100, true}});
  ASSERT_FALSE(mismatch);
  EXPECT_EQ(mismatch.error().code(), anymetal::ErrorCode::FunctionConstantError);
  const auto undeclared = registry.get_pipeline_with_constants("int_fc", device, {}, {{100, 4}, {5, 1}});
  ASSERT_TRUE(undeclared) << "an undeclared index is ignored: " << undeclared.error().message();
  EXPECT_EQ((*undeclared)->label(), "int_fc|5:i1|100:i4");
  const auto named = registry.get_pipeline_with_constants("int_fc", device, {anymetal::FunctionConstant{"N", 11}});
  ASSERT_TRUE(named) << named.error().message();
  EXPECT_EQ((*named)->label(), "int_fc|100:i11");
  EXPECT_EQ(run(device, *named), 11);
}

TEST(Devices, UnknownOnesSayWhatToDo) {
  for (const char* id : {"", "gpu", "metal", "cpu:1", "CPU"}) {
    const auto device = anymetal::Device::open(id);
    ASSERT_FALSE(device) << id;
    EXPECT_EQ(device.error().code(), anymetal::ErrorCode::DeviceNotFound);
    EXPECT_EQ(device.error().device(), id);
  }
  EXPECT_NE(anymetal::Device::open("metal").error().message().find("macOS"), std::string::npos);
}

TEST(Devices, TheVariableOverrides) {
  ASSERT_EQ(setenv("ANYMETAL_DEVICE", "cpu", 1), 0);
  const auto cpu = anymetal::Device::system_default();
  ASSERT_TRUE(cpu);
  EXPECT_EQ(cpu->info().id, "cpu");
  ASSERT_EQ(setenv("ANYMETAL_DEVICE", "nonsense", 1), 0);
  const auto wrong = anymetal::Device::system_default();
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().message().find("ANYMETAL_DEVICE=nonsense"), std::string::npos);
  ASSERT_EQ(unsetenv("ANYMETAL_DEVICE"), 0);
  EXPECT_TRUE(anymetal::Device::system_default());
}

TEST(Devices, HandlesOfOneDeviceWorkTogether) {
  auto first = anymetal::Device::open("cpu").value();
  auto second = anymetal::Device::open("cpu").value();
  EXPECT_EQ(first.backend(), second.backend());
  const auto all = anymetal::Device::list();
  ASSERT_FALSE(all.empty());
  EXPECT_EQ(all[0].id, "cpu");
  EXPECT_TRUE(all[0].usable);
}

}  // namespace
