// Pipelines asked for without waiting: futures, callbacks, priorities, and requests nobody wants any more.

#include <latch>
#include <mutex>
#include <semaphore>
#include <thread>

#include "registry/fixture.hpp"

namespace anymetal::testing {
namespace {

using namespace std::chrono_literals;

// A base of its own, before the registry's: the compile threads use it to their end.
struct Gate {
  std::latch occupied{1};
  std::binary_semaphore go_on{0};
  PipelineFuture blocker;
  std::mutex mutex;  // guards order
  std::vector<std::string> order;
};

class Async : protected Gate, public RegistryTest {
 protected:
  Async() {
    registry.set_compile_threads(1);
    registry.register_source("k", "kernel k\nconstant N 3");
  }
  std::vector<FunctionConstant> number(int value) { return {{1u, value}}; }

  // Keeps the only compile thread busy until `free` is called.
  void occupy() {
    compiler->on_generate = [this](std::string_view label, auto) -> Result<void> {
      {
        const std::lock_guard lock(mutex);
        order.emplace_back(label);
      }
      if (label == "blocker") {
        occupied.count_down();
        go_on.acquire();
      }
      return {};
    };
    registry.register_source("blocker", "kernel blocker");
    blocker = registry.get_pipeline_async("blocker", device);
    occupied.wait();
  }
  void free() { go_on.release(); }
  // Without moving it forward or doing it here.
  static void await(const PipelineFuture& future) {
    while (!future.ready()) std::this_thread::yield();
  }
};

TEST_F(Async, AFutureGivesThePipelineThatEveryoneElseGets) {
  auto future = registry.get_pipeline_async("k", device, number(5));
  const auto pipeline = future.wait();
  ASSERT_TRUE(pipeline);
  EXPECT_TRUE(future.ready());
  EXPECT_EQ(*future.wait(), *pipeline) << "each time the same";
  EXPECT_EQ(*registry.get_pipeline_with_constants("k", device, {}, {{1, 5}}), *pipeline);
  auto hit = registry.get_pipeline_async("k", device, number(5));
  EXPECT_TRUE(hit.ready()) << "a hit needs no thread";
  EXPECT_EQ(compiler->generates, 1);
  EXPECT_EQ(registry.statistics().memory_hits, 2u);
}

TEST_F(Async, ACallbackIsCalledOnceOnACompileThreadOrAtOnce) {
  occupy();
  std::thread::id where;
  std::atomic<int> calls{0};
  registry.get_pipeline_async("k", device, {}, [&](const Result<PipelinePtr>& pipeline) {
    EXPECT_EQ((*pipeline)->label(), "k");
    where = std::this_thread::get_id();
    ++calls;
  });
  free();
  while (calls == 0) std::this_thread::yield();
  EXPECT_NE(where, std::this_thread::get_id());
  registry.get_pipeline_async("k", device, {}, [&](const Result<PipelinePtr>& pipeline) { calls += pipeline ? 1 : 0; });
  EXPECT_EQ(calls, 2);
}

TEST_F(Async, NamedConstantsAreResolvedOnTheCompileThread) {
  occupy();
  auto future = registry.get_pipeline_async("k", device, std::vector{FunctionConstant{"N", 7}});
  EXPECT_EQ(compiler->parses, 1) << "only the blocker's";
  free();
  const auto pipeline = future.wait();
  ASSERT_TRUE(pipeline);
  EXPECT_EQ((*pipeline)->label(), "k|3:i7");
  EXPECT_EQ(registry.get_pipeline_async("k", device, std::vector{FunctionConstant{"M", 7}}).wait().error().code(),
            ErrorCode::FunctionConstantError);
}

TEST_F(Async, ErrorsThatNeedNoCompileAreKnownAtOnce) {
  auto unknown = registry.get_pipeline_async("nothing", device);
  ASSERT_TRUE(unknown.ready());
  EXPECT_EQ(unknown.wait().error().code(), ErrorCode::KernelNotFound);
  const std::vector<FunctionConstant> twice{{1u, 2}, {1u, 3}};
  EXPECT_EQ(registry.get_pipeline_async("k", device, twice).wait().error().code(), ErrorCode::FunctionConstantError);
}

TEST_F(Async, AFailureReachesEveryWaiterAndIsTriedAgain) {
  registry.register_source("bad", "error no");
  occupy();
  std::atomic<int> failures{0};
  std::vector<PipelineFuture> futures;
  for (int i = 0; i < 5; ++i) {
    futures.push_back(registry.get_pipeline_async("bad", device));
    registry.get_pipeline_async("bad", device, {},
                                [&](const Result<PipelinePtr>& result) { failures += result ? 0 : 1; });
  }
  free();
  for (auto& future : futures) EXPECT_EQ(future.wait().error().code(), ErrorCode::ShaderCompilationError);
  while (failures < 5) std::this_thread::yield();
  EXPECT_EQ(compiler->parses, 2) << "the blocker's and one for all that wait";
  EXPECT_FALSE(registry.get_pipeline_async("bad", device).wait());
  EXPECT_EQ(compiler->parses, 3);
}

TEST_F(Async, AnExceptionInTheCompilerBecomesAnError) {
  compiler->on_parse = [](const msl::SourceRequest&) { throw std::bad_alloc(); };
  auto future = registry.get_pipeline_async("k", device);
  await(future);
  EXPECT_EQ(future.wait().error().code(), ErrorCode::OutOfMemory);
}

TEST_F(Async, TheMoreUrgentGoesFirst) {
  occupy();
  std::vector<PipelineFuture> futures;
  futures.push_back(registry.get_pipeline_async("k", device, number(1), CompilePriority::Ahead));
  futures.push_back(registry.get_pipeline_async("k", device, number(2), CompilePriority::Ahead));
  futures.push_back(registry.get_pipeline_async("k", device, number(3)));
  futures.push_back(registry.get_pipeline_async("k", device, number(4)));
  futures.push_back(registry.get_pipeline_async("k", device, number(2)));  // wanted ahead, now wanted soon
  EXPECT_FALSE(futures[3].wait_for(1us));                                  // and this one is waited for
  free();
  await(futures[0]);
  const std::vector<std::string> wanted{"blocker", "k|1:i4", "k|1:i3", "k|1:i2", "k|1:i1"};
  EXPECT_EQ(order, wanted);
}

TEST_F(Async, AWaiterDoesItselfWhatNobodyHasBegun) {
  occupy();
  auto future = registry.get_pipeline_async("k", device, number(1));
  EXPECT_TRUE(future.wait()) << "the only thread is busy";
  auto other = registry.get_pipeline_async("k", device, number(2));
  EXPECT_TRUE(registry.get_pipeline_with_constants("k", device, {}, {{1, 2}})) << "a request that waits likewise";
  EXPECT_TRUE(other.ready());
  EXPECT_EQ(registry.statistics().waits, 1u);
  free();
  EXPECT_TRUE(blocker.wait());
  EXPECT_EQ(compiler->generates, 3);
}

TEST_F(Async, OneWhoGoesLeavesTheOthersTheirPipeline) {
  occupy();
  {
    auto dropped = registry.get_pipeline_async("k", device, number(1));
    auto first = registry.get_pipeline_async("k", device, number(2));
    auto second = registry.get_pipeline_async("k", device, number(2));
    first.cancel();
    EXPECT_EQ(first.wait().error().code(), ErrorCode::Cancelled);
    first = std::move(second);  // one who wants it is left
    auto last = registry.get_pipeline_async("k", device, number(3));
    free();
    await(last);
    EXPECT_TRUE(first.ready());
    EXPECT_TRUE(dropped.ready());
  }
  EXPECT_EQ(registry.statistics().cancelled, 0u);
}

TEST_F(Async, ADroppedRequestIsPassedOver) {
  occupy();
  registry.get_pipeline_async("k", device, number(1)).cancel();
  (void)registry.get_pipeline_async("k", device, number(2));
  (void)registry.get_pipeline_async("k", device, std::vector{FunctionConstant{"N", 7}});
  auto last = registry.get_pipeline_async("k", device, number(3), CompilePriority::Ahead);
  free();
  await(last);
  EXPECT_EQ(order, (std::vector<std::string>{"blocker", "k|1:i3"}));
  EXPECT_EQ(registry.statistics().cancelled, 2u);
  EXPECT_EQ(registry.statistics().failures, 0u);
  EXPECT_EQ(registry.cached_count(), 2u);
  EXPECT_TRUE(registry.get_pipeline_async("k", device, number(1)).wait()) << "the next request compiles";
}

TEST_F(Async, ACompileIsCalledOffBetweenItsSteps) {
  std::latch parsing(1);
  std::binary_semaphore parse_on{0};
  std::atomic<bool> hold{true};
  compiler->on_parse = [&](const msl::SourceRequest&) {
    if (!hold.exchange(false)) return;
    parsing.count_down();
    parse_on.acquire();
  };
  auto future = registry.get_pipeline_async("k", device);
  parsing.wait();
  future.cancel();
  parse_on.release();
  while (registry.statistics().cancelled == 0) std::this_thread::yield();
  EXPECT_EQ(compiler->generates, 0);
  EXPECT_EQ(registry.cached_count(), 0u);
  EXPECT_TRUE(registry.get_pipeline("k", device));
  EXPECT_EQ(compiler->parses, 1) << "what was parsed is kept";
}

TEST_F(Async, OneWhoJoinsInTimeSavesTheCompile) {
  occupy();
  auto future = registry.get_pipeline_async("k", device, number(1));
  future.cancel();
  auto saviour = registry.get_pipeline_async("k", device, number(1));
  free();
  await(saviour);
  EXPECT_TRUE(saviour.wait());
  EXPECT_EQ(registry.statistics().cancelled, 0u);
}

TEST_F(Async, TheRegistrysEndCallsOffWhatWasNotBegun) {
  std::optional<KernelRegistry> brief(compiler);
  brief->set_compile_threads(1);
  brief->register_source("k", "kernel k");
  brief->register_source("blocker", "kernel blocker");
  std::latch busy(1);
  std::binary_semaphore end{0};
  compiler->on_generate = [&](std::string_view label, auto) -> Result<void> {
    if (label == "blocker") {
      busy.count_down();
      end.acquire();
    }
    return {};
  };
  auto running = brief->get_pipeline_async("blocker", device);
  busy.wait();
  auto waiting = brief->get_pipeline_async("k", device);
  std::atomic<bool> told{false};
  brief->get_pipeline_async("k", device, {}, [&](const Result<PipelinePtr>& result) {
    told = result.error().code() == ErrorCode::Cancelled;
  });
  std::jthread ender([&] { brief.reset(); });
  while (!told) std::this_thread::yield();
  end.release();
  ender.join();
  EXPECT_EQ(waiting.wait().error().code(), ErrorCode::Cancelled);
  EXPECT_TRUE(running.wait()) << "what was begun is ended";
}

TEST_F(Async, ASourceReplacedMeanwhileGivesEachCallerItsText) {
  registry.register_source("v", "kernel v\nversion old");
  occupy();
  auto early = registry.get_pipeline_async("v", device);
  registry.register_source("v", "kernel v\nversion new");
  auto late = registry.get_pipeline_async("v", device);
  free();
  EXPECT_EQ((*early.wait())->execution_path(), "old");
  EXPECT_EQ((*late.wait())->execution_path(), "new");
  EXPECT_EQ((*registry.get_pipeline("v", device))->execution_path(), "new");
}

TEST_F(Async, ACallbackMayAskForMore) {
  std::atomic<int> done{0};
  registry.get_pipeline_async("k", device, number(1), [&](const Result<PipelinePtr>&) {
    registry.get_pipeline_async("k", device, number(2),
                                [&](const Result<PipelinePtr>& second) { done += second ? 1 : 0; });
    EXPECT_TRUE(registry.get_pipeline_with_constants("k", device, {}, {{1, 3}}));
    ++done;
  });
  while (done < 2) std::this_thread::yield();
}

TEST_F(Async, NoMoreThreadsThanAreSet) {
  registry.set_compile_threads(3);
  EXPECT_EQ(registry.compile_threads(), 3u);
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  compiler->on_generate = [&](std::string_view, auto) -> Result<void> {
    const int now = ++inside;
    for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
    }
    std::this_thread::sleep_for(1ms);
    --inside;
    return {};
  };
  std::vector<PipelineFuture> futures;
  for (int i = 0; i < 30; ++i) futures.push_back(registry.get_pipeline_async("k", device, number(i)));
  for (auto& future : futures) await(future);
  EXPECT_LE(most, 3);
  EXPECT_EQ(compiler->generates, 30);
}

TEST_F(Async, ManyThreadsAskWaitDropAndReplace) {
  registry.set_compile_threads(4);
  const auto or_called_off = [](const Result<PipelinePtr>& p) {
    EXPECT_TRUE(p || p.error().code() == ErrorCode::Cancelled);
  };
  std::vector<std::jthread> threads;
  for (unsigned t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      std::uint32_t random = t * 747796405u + 1;
      std::vector<PipelineFuture> held;
      for (int step = 0; step < 300; ++step) {
        random = random * 1664525u + 1013904223u;
        const auto constants = number(static_cast<int>((random >> 24) % 7));
        switch ((random >> 16) % 8) {
          case 0:
            registry.register_source("k", "kernel k\nversion " + std::to_string(step));
            break;
          case 1:
            held.clear();
            break;
          case 2:
            registry.get_pipeline_async("k", device, constants, or_called_off);
            break;
          case 3:
            EXPECT_TRUE(registry.get_pipeline_with_constants("k", device, constants));
            break;
          case 4:
            EXPECT_TRUE(registry.get_pipeline_async("k", device, constants).wait());
            break;
          default:
            held.push_back(registry.get_pipeline_async("k", device, constants, CompilePriority::Ahead));
        }
      }
      for (auto& future : held) EXPECT_TRUE(future.wait());
    });
  }
  threads.clear();
  EXPECT_EQ(registry.statistics().failures, 0u);
}

}  // namespace
}  // namespace anymetal::testing
