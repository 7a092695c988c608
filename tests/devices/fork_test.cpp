// A program that has compiled and run kernels forks: the child compiles, runs kernels and lets go of all it has, though
// none of the threads that worked for its parent is there.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <anymetal/anymetal.hpp>
#include <atomic>
#include <cstdlib>
#include <optional>
#include <thread>
#include <vector>

#include "cache/temporary_directory.hpp"
#include "device/cpu/cpu_backend.hpp"
#include "msl/parsed_source.hpp"
#include "registry/flight.hpp"
#include "registry/pipeline_flight.hpp"

namespace anymetal::testing {
namespace {

constexpr std::size_t kElements = std::size_t{1} << 18;

Device four_threads() {
  ::setenv("ANYMETAL_THREADS", "4", 1);
  return *Device::open("cpu");
}

/// What a program holds: with workers of the device's and compile threads that have worked.
struct Held {
  TemporaryDirectory cache;
  std::optional<KernelRegistry> registry;
  std::optional<Device> device;

  Held() : registry(std::in_place, DiskCacheOptions{.directory = cache.path().string()}), device(four_threads()) {
    registry->register_source("k", R"(#include <metal_stdlib>
constant int c [[function_constant(0)]];
kernel void k(device float* out [[buffer(0)]], uint t [[thread_position_in_grid]]) { out[t] = float(c) + float(t); })");
  }
  /// Whether the kernel with this constant gives what it must.
  bool is_right(int constant, bool async) {
    const std::vector<FunctionConstant> constants{{0U, constant}};
    const auto pipeline = async ? registry->get_pipeline_async("k", *device, constants).wait()
                                : registry->get_pipeline_with_constants("k", *device, constants);
    if (!pipeline) return false;
    const auto buffer = *device->make_buffer(kElements * sizeof(float));
    auto encoder = *device->make_command_encoder();
    for (int i = 0; i < 20; ++i) {
      encoder.set_pipeline(*pipeline);
      encoder.set_buffer(0, buffer);
      encoder.dispatch_threads({kElements, 1, 1}, {256, 1, 1});
    }
    if (!encoder.commit_and_wait()) return false;
    std::vector<float> values(kElements);
    if (!buffer.read(std::as_writable_bytes(std::span(values)))) return false;
    for (std::size_t i = 0; i < kElements; ++i)
      if (values[i] != static_cast<float>(constant) + static_cast<float>(i)) return false;
    return true;
  }
};

/// How a child that does `work` ends: its exit code, or minus the signal that ended it. One that hangs gets SIGALRM.
template <class Work>
int in_child(Work work) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(60);
    ::_exit(work() ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

class Fork : public ::testing::Test {
 protected:
  void SetUp() override {
#if defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "ThreadSanitizer lets no child of several threads start threads";
#endif
  }
};

TEST_F(Fork, TheChildCompilesAndRunsAndLetsGo) {
  Held held;
  ASSERT_TRUE(held.is_right(1, false));
  ASSERT_TRUE(held.is_right(2, true));
  EXPECT_EQ(in_child([&] { return held.is_right(1, false); }), 0) << "a pipeline that the parent has made";
  EXPECT_EQ(in_child([&] { return held.is_right(3, false) && held.is_right(4, true); }), 0) << "new ones";
  EXPECT_EQ(in_child([&] {
              const bool is_right = held.is_right(5, true);
              held.registry.reset();
              held.device.reset();
              return is_right;
            }),
            0);
  EXPECT_EQ(in_child([&] {
              held.device.reset();
              held.registry.reset();
              return true;
            }),
            0)
      << "without having used them";
  EXPECT_TRUE(held.is_right(6, true)) << "the parent is as it was";
}

TEST_F(Fork, TheChildLinksWhateverItsParentWasLinking) {
  const std::shared_ptr<device::Backend> backend = *device::cpu::make_cpu_backend({1, std::nullopt});
  msl::SourceRequest request;
  request.name = "a.metal";
  request.text = "kernel void a(device int* x [[buffer(0)]], uint i [[thread_position_in_grid]]) { x[i] += 1; }";
  const auto source = *msl::ParsedSource::parse(std::move(request));
  const auto artifact = *backend->compile(*msl::specialise(**source->entry("a", {}), {}), "a");
  std::atomic<bool> may_end = false;
  std::thread linking([&] {
    while (!may_end) EXPECT_TRUE(backend->load(artifact, "a"));
  });
  // Locks of LLVM's own, or a sanitizer's, may be held: such a child gets an error after a while, and none hangs.
  int linked = 0;
  for (int i = 0; i < 50 && !HasFailure(); ++i) {
    const int result = in_child([&] { return backend->load(artifact, "a").has_value(); });
    EXPECT_GE(result, 0);
    linked += static_cast<int>(result == 0);
  }
  EXPECT_GT(linked, 25);
  may_end = true;
  linking.join();
}

TEST_F(Fork, WhatAThreadOfTheParentWasCompilingIsAnError) {
  std::atomic<bool> has_begun = false;
  std::atomic<bool> may_end = false;
  registry::PipelineFlight flight([&](const registry::PipelineFlight&) -> Result<PipelinePtr> {
    has_begun = true;
    while (!may_end) std::this_thread::yield();
    return nullptr;
  });
  registry::Flight<int> parse;
  std::thread compiling([&] { flight.fly(); });
  while (!has_begun) std::this_thread::yield();
  const auto is_cancelled = [](const auto& result) { return !result && result.error().code() == ErrorCode::Cancelled; };
  EXPECT_EQ(in_child([&] { return is_cancelled(flight.wait()) && is_cancelled(parse.wait()); }), 0);
  may_end = true;
  compiling.join();
  parse.land(1);
  EXPECT_TRUE(flight.wait());
  EXPECT_EQ(in_child([&] { return flight.wait().has_value() && parse.wait().has_value(); }), 0);
}

}  // namespace
}  // namespace anymetal::testing
