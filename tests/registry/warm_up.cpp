// Labels back into constants, manifests, and compiling ahead.

#include <anymetal/warm_up.hpp>

#include "cache/temporary_directory.hpp"
#include "registry/fixture.hpp"
#include "registry/label_parser.hpp"

#include <cstdlib>
#include <fstream>

namespace anymetal::testing {
namespace {

class WarmUp : public RegistryTest {};

TEST_F(WarmUp, LabelsReadBack) {
  registry.register_source("k", "kernel k");
  const char* kLabels[] = {"k", "k|200:b1", "k|1:b0|300:i-4", "k|2:c-128|3:uc255|4:s-1|5:us65535|6:u4294967295",
                           "k|7:h0.099975586|8:f0.1", "k|1:f-0", "k|1:finf|2:f-inf|3:fnan:7fc00001", "k|1:hnan:7e01",
                           "k|1:b(1,0)|2:i(1,-2,3,-4)|3:f(0.5,1)", "k|1:uc(0,1,2)|2:h(1,-2)"};
  for (const char* label : kLabels) {
    const auto parsed = registry::parse_label(label);
    ASSERT_TRUE(parsed) << parsed.error().message();
    const auto pipeline = registry.get_pipeline_with_constants(parsed->name, device, parsed->constants);
    ASSERT_TRUE(pipeline);
    EXPECT_EQ((*pipeline)->label(), label);
  }
}

TEST_F(WarmUp, WhatIsNoLabel) {
  for (const char* bad : {"", "|1:b1", "k|", "k|1", "k|x:b1", "k|1:b2", "k|1:z1", "k|1:i", "k|1:i1x", "k|1:i(1)", "k|1:i(1,2",
                          "k|1:i(1,2,3,4,5)", "k|1:c128", "k|-1:b1", "k|1:f", "k|1:fnan:zz", "k|1:hnan:12345", "k|1:u-1",
                          "k|4294967296:b1", "k|1:i1,2"}) {
    const auto parsed = registry::parse_label(bad);
    if (std::string_view(bad) == "k|") {
      EXPECT_TRUE(parsed);
      continue;
    }
    ASSERT_FALSE(parsed) << bad;
    EXPECT_EQ(parsed.error().code(), ErrorCode::InvalidArgument);
  }
}

TEST_F(WarmUp, CompilesEachKeyOnceOnSeveralThreads) {
  std::vector<std::string> keys;
  for (int i = 0; i < 40; ++i) {
    const auto name = "k" + std::to_string(i % 10);
    registry.register_source(name, "kernel " + name);
    keys.push_back(name + "|1:i" + std::to_string(i));
  }
  struct Counting final : WarmUpProgress {
    bool on_pipeline(std::size_t done, std::size_t total, std::string_view, const Error* error) override {
      EXPECT_EQ(done, ++calls);
      EXPECT_EQ(total, 40u);
      EXPECT_EQ(error, nullptr);
      return true;
    }
    std::size_t calls = 0;
  } progress;
  const auto result = warm_up(registry, device, keys, &progress, 4);
  EXPECT_EQ(result.ready, 40u);
  EXPECT_TRUE(result.errors.empty());
  EXPECT_EQ(progress.calls, 40u);
  EXPECT_EQ(compiler->generates, 40);
  EXPECT_TRUE(registry.is_cached("k7|1:i37"));
}

TEST_F(WarmUp, FailuresDoNotStopTheOthersAndACallerCan) {
  registry.register_source("good", "kernel good");
  registry.register_source("bad", "error no");
  const std::vector<std::string> keys{"bad", "good", "missing", "good|1:z", "good|1:i1"};
  const auto result = warm_up(registry, device, keys, nullptr, 1);
  EXPECT_EQ(result.ready, 2u);
  ASSERT_EQ(result.errors.size(), 3u);
  EXPECT_EQ(result.errors[0].key(), "bad");
  EXPECT_EQ(result.errors[0].code(), ErrorCode::ShaderCompilationError);
  EXPECT_EQ(result.errors[1].code(), ErrorCode::KernelNotFound);
  EXPECT_EQ(result.errors[2].key(), "good|1:z");
  struct Stopping final : WarmUpProgress {
    bool on_pipeline(std::size_t, std::size_t, std::string_view, const Error*) override { return false; }
  } stop;
  EXPECT_EQ(warm_up(registry, device, std::vector<std::string>{"good|1:i2", "good|1:i3"}, &stop, 1).ready, 1u);
  EXPECT_FALSE(registry.is_cached("good|1:i3"));
  EXPECT_EQ(warm_up(registry, device, {}).ready, 0u);
}

TEST_F(WarmUp, ARunWritesTheManifestItsSuccessorReads) {
  const TemporaryDirectory root;
  const auto path = (root.path() / "run.manifest").string();
  ASSERT_EQ(::setenv("ANYMETAL_MANIFEST", path.c_str(), 1), 0);
  KernelRegistry recording(compiler);
  ASSERT_EQ(::unsetenv("ANYMETAL_MANIFEST"), 0);
  recording.register_source("k", "kernel k");
  for (int round = 0; round < 2; ++round) {
    ASSERT_TRUE(recording.get_pipeline("k", device));
    ASSERT_TRUE(recording.get_pipeline_with_constants("k", device, {{2, true}}, {{1, 5}}));
    (void)recording.get_pipeline("unknown", device);
  }
  recording.register_source("k", "kernel k\n");
  ASSERT_TRUE(recording.get_pipeline("k", device));
  const auto keys = read_manifest(path);
  ASSERT_TRUE(keys);
  EXPECT_EQ(*keys, (std::vector<std::string>{"k", "k|2:b1|1:i5"}));
}

TEST_F(WarmUp, ManifestsHaveCommentsAndMayBeMissing) {
  const TemporaryDirectory root;
  const auto path = (root.path() / "m").string();
  std::ofstream(path) << "# what it is\n\na|1:b1\r\nb\n";
  EXPECT_EQ(read_manifest(path).value(), (std::vector<std::string>{"a|1:b1", "b"}));
  EXPECT_EQ(read_manifest(path + "x").error().code(), ErrorCode::IoError);
}

}  // namespace
}  // namespace anymetal::testing
