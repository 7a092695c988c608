// Many threads, one registry.

#include "registry/fixture.hpp"

#include <barrier>
#include <latch>
#include <set>
#include <thread>

namespace anymetal::testing {
namespace {

constexpr std::size_t kThreads = 16;

// Runs `body(thread)` in kThreads threads that start together.
template <class Body>
void in_threads(Body body) {
  std::latch start(kThreads);
  std::vector<std::jthread> threads;
  for (std::size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      start.arrive_and_wait();
      body(t);
    });
  }
}

// Returns once `count` requests wait for a flight.
void await_waiters(const KernelRegistry& registry, std::size_t count) {
  while (registry.statistics().waits < count) std::this_thread::yield();
}

class Threads : public RegistryTest {};

TEST_F(Threads, OneColdKeyIsCompiledOnce) {
  compiler->on_generate = [&](std::string_view, auto) -> Result<void> {
    await_waiters(registry, kThreads - 1);
    return {};
  };
  registry.register_source("k", "kernel k");
  std::vector<PipelinePtr> got(kThreads);
  in_threads([&](std::size_t t) { got[t] = *registry.get_pipeline_with_constants("k", device, {}, {{1, 2}}); });
  for (const auto& pipeline : got) EXPECT_EQ(pipeline, got[0]);
  EXPECT_EQ(compiler->generates, 1);
  EXPECT_EQ(compiler->parses, 1);
  EXPECT_EQ(registry.statistics().waits, kThreads - 1);
}

TEST_F(Threads, DistinctKeysOfOneSourceShareTheParse) {
  registry.register_source("k", "kernel k");
  std::barrier all_generating(static_cast<std::ptrdiff_t>(kThreads));
  compiler->on_generate = [&](std::string_view, auto) -> Result<void> {
    all_generating.arrive_and_wait();  // returns only if all keys compile at the same time
    return {};
  };
  in_threads([&](std::size_t t) {
    EXPECT_TRUE(registry.get_pipeline_with_constants("k", device, {}, {{1, static_cast<int>(t)}}));
  });
  EXPECT_EQ(compiler->parses, 1);
  EXPECT_EQ(compiler->generates, static_cast<int>(kThreads));
  EXPECT_EQ(registry.cached_count(), kThreads);
}

TEST_F(Threads, AFailureReachesEveryWaiterAndIsNotKept) {
  registry.register_source("k", "kernel k\nerror bad");
  compiler->on_parse = [&](const msl::SourceRequest&) { await_waiters(registry, kThreads - 1); };
  in_threads([&](std::size_t) {
    const auto result = registry.get_pipeline("k", device);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), ErrorCode::ShaderCompilationError);
  });
  EXPECT_EQ(compiler->parses, 1);
  compiler->on_parse = nullptr;
  EXPECT_FALSE(registry.get_pipeline("k", device));
  EXPECT_EQ(compiler->parses, 2);
}

TEST_F(Threads, AHitNeverWaitsForACompile) {
  registry.register_source("slow", "kernel slow");
  registry.register_source("fast", "kernel fast");
  ASSERT_TRUE(registry.get_pipeline("fast", device));
  std::latch compiling(1);
  std::latch finish(1);
  compiler->on_generate = [&](std::string_view, auto) -> Result<void> {
    compiling.count_down();
    finish.wait();
    return {};
  };
  std::jthread other([&] { EXPECT_TRUE(registry.get_pipeline("slow", device)); });
  compiling.wait();
  EXPECT_TRUE(registry.get_pipeline("fast", device));  // hangs if it waits
  EXPECT_EQ(registry.names().size(), registry.source_count());
  finish.count_down();
}

TEST_F(Threads, ASourceReplacedDuringItsCompile) {
  registry.register_source("k", "kernel k\nversion old");
  std::latch compiling(1);
  std::latch finish(1);
  std::atomic<bool> first{true};
  compiler->on_generate = [&](std::string_view, auto) -> Result<void> {
    if (!first.exchange(false)) return {};
    compiling.count_down();
    finish.wait();
    return {};
  };
  PipelinePtr early;
  {
    std::jthread other([&] { early = *registry.get_pipeline("k", device); });
    compiling.wait();
    registry.register_source("k", "kernel k\nversion new");
    EXPECT_EQ((*registry.get_pipeline("k", device))->execution_path(), "new") << "must not join the old compile";
    finish.count_down();
  }
  EXPECT_EQ(early->execution_path(), "old");
  EXPECT_EQ((*registry.get_pipeline("k", device))->execution_path(), "new");
  EXPECT_EQ(registry.cached_count(), 1u);
}

TEST_F(Threads, AfterRegisteringNobodyGetsAnOlderText) {
  registry.register_source("k", "kernel k\nversion 0");
  std::atomic<int> registered{0};
  std::atomic<bool> stop{false};
  std::vector<std::jthread> readers;
  for (int t = 0; t < 6; ++t) {
    readers.emplace_back([&, t] {
      while (!stop) {
        const int before = registered;
        const auto pipeline = registry.get_pipeline_with_constants("k", device, {}, {{1, t % 3}});
        ASSERT_TRUE(pipeline);
        EXPECT_GE(std::stoi(std::string((*pipeline)->execution_path())), before);
      }
    });
  }
  for (int version = 1; version <= 300; ++version) {
    registry.register_source("k", "kernel k\nversion " + std::to_string(version));
    registered = version;
    std::this_thread::yield();
  }
  stop = true;
}

TEST_F(Threads, RandomMixOfEverything) {
  std::atomic<std::size_t> failures{0};
  in_threads([&](std::size_t t) {
    std::uint32_t random = static_cast<std::uint32_t>(t) * 747796405u + 1;
    for (int step = 0; step < 400; ++step) {
      random = random * 1664525u + 1013904223u;
      const std::string name = "k" + std::to_string((random >> 8) % 5);
      switch ((random >> 16) % 16) {
        case 0: registry.register_source(name, "kernel " + name + "\nversion " + std::to_string(step)); break;
        case 1: registry.register_source(name, "error broken"); break;
        case 2: (void)registry.names(); break;
        case 3: (void)registry.is_cached(name); break;
        case 4: (void)registry.statistics(); break;
        default: {
          const auto result = registry.get_pipeline_with_constants(name, device, {}, {{1, static_cast<int>(random >> 28)}});
          if (result) {
            EXPECT_TRUE((*result)->label().starts_with(name));
          } else {
            ++failures;
          }
        }
      }
    }
  });
  const auto statistics = registry.statistics();
  EXPECT_EQ(static_cast<int>(statistics.source_parses), compiler->parses);
  EXPECT_LE(registry.cached_count(), statistics.compiles);
}

}  // namespace
}  // namespace anymetal::testing
