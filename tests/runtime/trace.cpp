// The trace file of a process, as a viewer reads it. An executable of its own: whether there is a trace is read once.

#include <anymetal/anymetal.hpp>
#include <anymetal/log.hpp>

#include "observe/trace.hpp"

#include "cache/temporary_directory.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace anymetal {
namespace {

// The array of events of a trace, which its writer never closes.
nlohmann::json events_of(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  auto closed = text.str();
  closed.erase(closed.rfind(','));
  return nlohmann::json::parse(closed + "]");
}

bool run_one_kernel(const std::string& cache_directory) {
  auto device = Device::open("cpu").value();
  KernelRegistry registry(DiskCacheOptions{.directory = cache_directory});
  registry.register_source("k", "constant int N [[function_constant(0)]];\n"
                                "kernel void k(device int* out [[buffer(0)]]) { out[0] = N; }");
  const auto pipeline = registry.get_pipeline_with_constants("k", device, {}, {{0, 5}});
  auto out = device.make_buffer(4).value();
  const std::int32_t zero = 0;
  if (!pipeline || !out.write(std::as_bytes(std::span(&zero, 1)))) return false;
  auto encoder = device.make_command_encoder().value();
  encoder.set_pipeline(*pipeline);
  encoder.set_buffer(0, out);
  encoder.dispatch_threads({1}, {1});
  std::int32_t value = 0;
  return encoder.commit_and_wait() && out.read(std::as_writable_bytes(std::span(&value, 1))) && value == 5;
}

TEST(Trace, EventsOfAProcessThatJustEnds) {
  const testing::TemporaryDirectory root;
  const auto path = (root.path() / "trace.json").string();
  const pid_t child = ::fork();
  if (child == 0) {
    ::setenv("ANYMETAL_TRACE", path.c_str(), 1);
    {
      const trace::Span outer("parse", "a \"quoted\"\\\n name");
      const trace::Span inner("generate", "k|1:b1");
    }
    ::_exit(trace::enabled() ? 0 : 1);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  ASSERT_EQ(status, 0);

  const auto events = events_of(path);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0]["name"], "generate");
  EXPECT_EQ(events[0]["args"]["detail"], "k|1:b1");
  EXPECT_EQ(events[1]["name"], "parse");
  EXPECT_EQ(events[1]["ph"], "X");
  EXPECT_LE(events[1]["ts"].get<double>(), events[0]["ts"].get<double>());
  EXPECT_GE(events[1]["dur"].get<double>(), events[0]["dur"].get<double>());
}

TEST(Trace, EveryStageOfAKernelsLife) {
  const testing::TemporaryDirectory root;
  const auto path = (root.path() / "trace.json").string();
  const pid_t child = ::fork();
  if (child == 0) {
    ::setenv("ANYMETAL_TRACE", path.c_str(), 1);
    ::_exit(run_one_kernel((root.path() / "cache").string()) ? 0 : 1);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  ASSERT_EQ(status, 0);
  std::set<std::string> stages;
  for (const auto& event : events_of(path)) {
    stages.insert(event["name"].get<std::string>());
    EXPECT_EQ(event["ph"], "X");
    EXPECT_FALSE(event["args"]["detail"].get<std::string>().empty()) << event;
  }
  for (const char* stage : {"parse", "entry", "specialise", "optimise", "generate", "compile", "link", "load", "disk", "dispatch",
                            "commit", "copy"}) {
    EXPECT_TRUE(stages.contains(stage)) << stage;
  }
}

TEST(Trace, ThatItCannotBeWrittenIsSaidOnce) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::setenv("ANYMETAL_TRACE", "/dev/full", 1);
    std::vector<std::string> warnings;
    set_log_callback([&](Severity, std::string_view text) {
      warnings.emplace_back(text);
      const trace::Span traced("parse", "by who is told");
    });
    for (int i = 0; i < 3; ++i) const trace::Span span("parse", "a");
    ::_exit(warnings == std::vector<std::string>{"cannot write the trace /dev/full: No space left on device"} ? 0 : 1);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST(Trace, NoneIsAskedFor) {
  if (std::getenv("ANYMETAL_TRACE") != nullptr) GTEST_SKIP() << "ANYMETAL_TRACE is set";
  EXPECT_FALSE(trace::enabled());
}

}  // namespace
}  // namespace anymetal
