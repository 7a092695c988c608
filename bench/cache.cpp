// What a pipeline costs that another process compiled, and what many threads cost each other when all is cold.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <anymetal/anymetal.hpp>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "cache/disk_store.hpp"
#include "cache/temporary_directory.hpp"
#include "support/fake_compiler.hpp"
#include "support/fake_device.hpp"

namespace {

using namespace anymetal;  // NOLINT(google-build-using-namespace): a program, not a header
using anymetal::testing::FakeBackend;
using anymetal::testing::FakeCompiler;
using anymetal::testing::TemporaryDirectory;

std::shared_ptr<cache::DiskStore> open_store(const TemporaryDirectory& root) {
  cache::StoreSettings settings;
  settings.directory = (root.path() / "cache").string();
  return std::make_shared<cache::DiskStore>(std::move(settings));
}

// One built-in kernel on the CPU: registry made, file read, checked, linked. The device is open before.
void warm_start(benchmark::State& state, const char* kernel) {
  const TemporaryDirectory root;
  const DiskCacheOptions options{.directory = (root.path() / "cache").string()};
  const auto device = Device::open("cpu").value();
  if (!KernelRegistry(options).get_pipeline(kernel, device)) return state.SkipWithError("the kernel does not compile");
  std::vector<double> microseconds;
  for (auto _ : state) {
    const auto start = std::chrono::steady_clock::now();
    KernelRegistry registry(options);
    const auto pipeline = registry.get_pipeline(kernel, device);
    microseconds.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
    if (registry.statistics().compiles != 0) return state.SkipWithError("not from disk");
  }
  std::ranges::nth_element(microseconds, microseconds.begin() + static_cast<std::ptrdiff_t>(microseconds.size() / 2));
  state.counters["median_us"] = microseconds[microseconds.size() / 2];
}
BENCHMARK_CAPTURE(warm_start, rms_norm_f32, "rms_norm_f32")->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(warm_start, kernel_mul_mm_q4_K_f32, "kernel_mul_mm_q4_K_f32")->Unit(benchmark::kMicrosecond);

void store_get(benchmark::State& state) {
  const TemporaryDirectory root;
  const auto store = open_store(root);
  store->put("key", std::string(static_cast<std::size_t>(state.range(0)), 'x'));
  for (auto _ : state) benchmark::DoNotOptimize(store->get("key"));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(store_get)->Arg(4 << 10)->Arg(64 << 10)->Arg(1 << 20);

void store_put(benchmark::State& state) {
  const TemporaryDirectory root;
  const auto store = open_store(root);
  const std::string payload(static_cast<std::size_t>(state.range(0)), 'x');
  int next = 0;
  for (auto _ : state) store->put("key" + std::to_string(next++ % 100), payload);
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(store_put)->Arg(4 << 10)->Arg(64 << 10)->Arg(1 << 20);

// 16 threads ask for the same 64 cold keys in different orders; the compiler does nothing, so this is the registry's
// own cost.
void cold_keys(benchmark::State& state) {
  constexpr int kThreads = 16;
  constexpr int kKeys = 64;
  const auto compiler = std::make_shared<FakeCompiler>();
  const Device device(std::make_shared<FakeBackend>());
  for (auto _ : state) {
    KernelRegistry registry(compiler);
    registry.register_source("k", "kernel k");
    {
      std::vector<std::jthread> threads;
      for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
          for (int i = 0; i < kKeys; ++i) {
            benchmark::DoNotOptimize(
                registry.get_pipeline_with_constants("k", device, {}, {{1, (i * 7 + t * 11) % kKeys}}));
          }
        });
      }
    }
    if (registry.statistics().compiles != kKeys) return state.SkipWithError("a key was compiled twice");
  }
}
BENCHMARK(cold_keys)->Unit(benchmark::kMicrosecond)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
