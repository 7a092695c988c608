// What a registry and an encoder cost when nothing is compiled.
#include <anymetal/anymetal.hpp>

#include "support/fake_compiler.hpp"
#include "support/fake_device.hpp"

#include <benchmark/benchmark.h>

#include <string>

namespace {

using namespace anymetal;  // NOLINT(google-build-using-namespace): a program, not a header
using anymetal::testing::FakeBackend;
using anymetal::testing::FakeCompiler;

struct Warm {
  std::shared_ptr<FakeBackend> backend = std::make_shared<FakeBackend>();
  Device device{backend};
  std::shared_ptr<FakeCompiler> compiler = std::make_shared<FakeCompiler>();
  KernelRegistry registry{compiler};

  Warm() {
    compiler->arguments.resize(4);
    for (unsigned i = 0; i < 4; ++i) compiler->arguments[i].index = i;
    std::string text;
    for (int i = 0; i < 300; ++i) text += "kernel warm_kernel_" + std::to_string(i) + "\n";
    for (int i = 0; i < 300; ++i) {
      const std::string name = "warm_kernel_" + std::to_string(i);
      registry.register_source(name, text);
      if (!registry.get_pipeline(name, device) ||
          !registry.get_pipeline_with_constants(name, device, {{200, true}}, {{300, 4}, {301, 128}})) {
        std::abort();
      }
    }
  }
};

Warm& warm() {
  static Warm state;
  return state;
}

void construction(benchmark::State& state) {
  const auto compiler = std::make_shared<FakeCompiler>();
  for (auto _ : state) {
    KernelRegistry registry(compiler);
    benchmark::DoNotOptimize(registry);
  }
}
BENCHMARK(construction);

void hit(benchmark::State& state) {
  auto& w = warm();
  for (auto _ : state) benchmark::DoNotOptimize(w.registry.get_pipeline("warm_kernel_150", w.device));
}
BENCHMARK(hit)->ThreadRange(1, 8)->UseRealTime();

// Threads ask for different kernels, so that they share no reference count.
void hit_other_kernel_per_thread(benchmark::State& state) {
  auto& w = warm();
  const std::string name = "warm_kernel_" + std::to_string(state.thread_index() * 7);
  for (auto _ : state) benchmark::DoNotOptimize(w.registry.get_pipeline(name, w.device));
}
BENCHMARK(hit_other_kernel_per_thread)->ThreadRange(1, 8)->UseRealTime();

void hit_with_constants(benchmark::State& state) {
  auto& w = warm();
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        w.registry.get_pipeline_with_constants("warm_kernel_150", w.device, {{200, true}}, {{300, 4}, {301, 128}}));
  }
}
BENCHMARK(hit_with_constants);

// One dispatch: pipeline from the registry, three buffers, parameters, geometry.
void encode(benchmark::State& state) {
  auto& w = warm();
  const auto pipeline = *w.registry.get_pipeline("warm_kernel_1", w.device);
  const auto buffer = *w.device.make_buffer(4096);
  auto encoder = *w.device.make_command_encoder();
  struct {
    std::uint32_t rows = 4, columns = 8;
  } params;
  int recorded = 0;
  for (auto _ : state) {
    encoder.set_pipeline(pipeline);
    for (unsigned i = 0; i < 3; ++i) encoder.set_buffer(i, buffer);
    encoder.set_value(3, params);
    encoder.dispatch_threadgroups({16, 4, 1}, {256, 1, 1});
    if (++recorded % 256 == 0) (void)encoder.commit_and_wait();
  }
}
BENCHMARK(encode);

}  // namespace

BENCHMARK_MAIN();
