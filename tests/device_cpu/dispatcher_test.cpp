// How command lists are spread over threads: every threadgroup once, at once what may be at once, nothing busy
// afterwards.

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <new>
#include <vector>

#include "native_kernel.hpp"
#include "support/no_memory.hpp"
#include "support/no_threads.hpp"

namespace anymetal::test {
namespace {

class Threads : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Dispatcher, Threads, testing::Values(1u, 2u, 3u, 8u));

TEST_P(Threads, RunEveryThreadgroupOnce) {
  Dispatcher dispatcher(GetParam());
  for (const std::uint32_t count : {1u, 2u, 3u, 17u, 1000u, 4097u}) {
    const Numbers done(count);
    const NativeKernel kernel(
        [](auto& context, auto group) { ++static_cast<std::uint32_t*>(context.arguments[1])[group]; });
    NativeList list;
    for (int i = 0; i < 20; ++i) list.add(kernel, count, {done.bind()});
    ASSERT_TRUE(dispatcher.execute(list.list()));
    for (std::uint32_t i = 0; i < count; ++i) ASSERT_EQ(done[i], 20u) << i << " of " << count;
  }
}

TEST_P(Threads, AreToldThatADispatchIsTheirsAlone) {
  Dispatcher dispatcher(GetParam());
  for (const std::uint32_t count : {1u, 2u, 3000u})
    for (int round = 0; round < 20; ++round) {
      std::vector<std::thread::id> ran(count);
      const Numbers alone(count);
      const NativeKernel kernel([&](auto& context, auto group) {
        ran[group] = std::this_thread::get_id();
        alone[group] = context.is_alone;
      });
      NativeList list;
      list.add(kernel, count);
      ASSERT_TRUE(dispatcher.execute(list.list()));
      const bool all = std::ranges::all_of(ran, [&](auto thread) { return thread == ran[0]; });
      for (std::uint32_t i = 0; i < count; ++i) {
        const bool must_be = GetParam() == 1 || count == 1;
        ASSERT_TRUE(must_be ? alone[i] == 1 : all || alone[i] == 0) << i << " of " << count;
      }
    }
}

TEST_P(Threads, WakeAfterASleep) {
  Dispatcher dispatcher(GetParam());
  for (int round = 0; round < 5; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
    std::atomic<std::uint64_t> sum = 0;
    const NativeKernel kernel([&](auto&, auto group) { sum += group; });
    NativeList list;
    list.add(kernel, 100);
    ASSERT_TRUE(dispatcher.execute(list.list()));
    ASSERT_EQ(sum.load(), 4950u);
  }
}

TEST_P(Threads, AreNeverMoreThanWasSaid) {
  Dispatcher dispatcher(GetParam());
  std::atomic<unsigned> running = 0;
  std::atomic<unsigned> most = 0;
  const NativeKernel kernel([&](auto&, auto) {
    const auto now = ++running;
    auto seen = most.load();
    while (seen < now && !most.compare_exchange_weak(seen, now)) {
    }
    std::this_thread::yield();
    --running;
  });
  NativeList list;
  for (int i = 0; i < 10; ++i) list.add(kernel, 50);
  {
    std::vector<std::jthread> hosts;
    for (int i = 0; i < 6; ++i)
      hosts.emplace_back([&] {
        for (int round = 0; round < 5; ++round) EXPECT_TRUE(dispatcher.execute(list.list()));
      });
  }
  EXPECT_LE(most.load(), GetParam());
}

/// A kernel that comes to an end only if another thread is in a kernel of the same counter.
NativeKernel meeting(std::atomic<unsigned>& present, std::atomic<bool>& met) {
  return NativeKernel([&](auto&, auto) {
    ++present;
    if (!wait_for([&] { return present >= 2; })) met = false;
  });
}

TEST(Dispatcher, RunsIndependentDispatchesAtOnce) {
  Dispatcher dispatcher(2);
  std::atomic<unsigned> present = 0;
  std::atomic<bool> met = true;
  const Numbers a(1), b(1);
  const auto kernel = meeting(present, met);
  NativeList list;
  list.add(kernel, 1, {a.bind()});
  list.add(kernel, 1, {b.bind()});
  ASSERT_TRUE(dispatcher.execute(list.list()));
  EXPECT_TRUE(met);
}

TEST(Dispatcher, RunsListsOfTwoThreadsAtOnce) {
  Dispatcher dispatcher(2);
  std::atomic<unsigned> present = 0;
  std::atomic<bool> met = true;
  const auto kernel = meeting(present, met);
  {
    std::vector<std::jthread> hosts;
    for (int i = 0; i < 2; ++i)
      hosts.emplace_back([&] {
        NativeList list;
        list.add(kernel, 1);
        EXPECT_TRUE(dispatcher.execute(list.list()));
      });
  }
  EXPECT_TRUE(met);
}

TEST(Dispatcher, HasNoBarrierBetweenChains) {
  Dispatcher dispatcher(2);
  const Numbers slow(1), fast(1), ranges(2);
  std::atomic<bool> second_done = false;
  std::atomic<bool> overtaken = true;
  const NativeKernel waits([&](auto&, auto) {
    if (!wait_for([&] { return second_done.load(); })) overtaken = false;
  });
  const NativeKernel first([](auto& context, auto) { *static_cast<std::uint32_t*>(context.arguments[1]) = 5; });
  const NativeKernel second(
      [&](auto& context, auto) { second_done = *static_cast<std::uint32_t*>(context.arguments[1]) == 5; });
  NativeList list;
  list.add(waits, 1, {slow.bind(), ranges.bind(0, 1)});
  list.add(first, 1, {fast.bind(), ranges.bind(1, 1)});  // the other half of what the slow one uses
  list.add(second, 1, {fast.bind()});
  ASSERT_TRUE(dispatcher.execute(list.list()));
  EXPECT_TRUE(overtaken);
}

/// A dispatch waits for those only that none of the others it waits for has waited for: here for `joint` and `late`.
/// `late` is in the slot that `early` had, for which `slow`, which `joint` waits for, has waited.
TEST(Dispatcher, ForgetsWhatDispatchesOfEarlierSlotsWaitedFor) {
  constexpr std::size_t kSlots = 32;  // of dispatches in flight
  Dispatcher dispatcher(4);
  const Numbers x(1), y(1), z(1), w(1);
  std::atomic<bool> late_runs = false, slow_done = false, met = true;
  std::uint32_t seen = 0;
  const NativeKernel early([](auto&, auto) {});
  const NativeKernel slow(
      [&](auto&, auto) {
        met = met && wait_for([&] { return late_runs.load(); });
        std::this_thread::sleep_for(std::chrono::milliseconds(20));  // the last two are opened meanwhile
        slow_done = true;
      },
      2);
  const NativeKernel late([&](auto& context, auto) {
    late_runs = true;
    met = met && wait_for([&] { return slow_done.load(); });
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    *static_cast<std::uint32_t*>(context.arguments[1]) = 1;
  });
  const NativeKernel joint([](auto&, auto) {}, 2);
  const NativeKernel last([&](auto& context, auto) { seen = *static_cast<std::uint32_t*>(context.arguments[2]); }, 3);
  const NativeKernel nothing([](auto&, auto) {});
  NativeList list;
  list.add(early, 1, {x.bind()});
  list.add(nothing, 1);
  list.add(nothing, 1);
  list.add(slow, 1, {x.bind(), y.bind()});
  while (list.list().dispatches.size() < kSlots) list.add(nothing, 1);
  list.add(late, 1, {z.bind()});
  list.add(joint, 1, {y.bind(), w.bind()});
  list.add(last, 1, {w.bind(), z.bind()});
  for (int round = 0; round < 3; ++round) {  // numbers of dispatches go on from list to list
    late_runs = slow_done = false;
    z[0] = 0;
    ASSERT_TRUE(dispatcher.execute(list.list()));
    EXPECT_TRUE(met);
    EXPECT_EQ(seen, 1u);
  }
}

TEST(Dispatcher, OrdersListsOfManyThreadsByTheirMemory) {
  constexpr unsigned kHosts = 4;
  constexpr unsigned kRounds = 200;
  Dispatcher dispatcher(3);
  const Numbers shared(8);
  const NativeKernel add(
      [](auto& context, auto group) { static_cast<std::uint32_t*>(context.arguments[1])[group] += 1; });
  const NativeKernel copy(
      [](auto& context, auto group) {
        static_cast<std::uint32_t*>(context.arguments[2])[group] =
            static_cast<const std::uint32_t*>(context.arguments[1])[group];
      },
      2);
  {
    std::vector<std::jthread> hosts;
    for (unsigned host = 0; host < kHosts; ++host)
      hosts.emplace_back([&] {
        const Numbers own(8);
        std::uint32_t before = 0;
        for (unsigned round = 0; round < kRounds; ++round) {
          NativeList list;
          list.add(add, 8, {shared.bind()});
          list.add(copy, 8, {shared.bind(), own.bind()});
          ASSERT_TRUE(dispatcher.execute(list.list()));
          for (std::size_t i = 1; i < 8; ++i) ASSERT_EQ(own[i], own[0]) << "another list came between";
          ASSERT_GT(own[0], before);
          before = own[0];
        }
      });
  }
  for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(shared[i], kHosts * kRounds);
}

TEST_P(Threads, ReportTheFirstFailureAndRunWhatCameBefore) {
  Dispatcher dispatcher(GetParam());
  const auto stuck = NativeKernel::stuck();
  const NativeKernel add(
      [](auto& context, auto group) { static_cast<std::uint32_t*>(context.arguments[1])[group] += 1; });
  for (int round = 0; round < 50; ++round) {
    const Numbers before(64), after(64), other(1);
    NativeList list;
    for (int i = 0; i < 40; ++i) list.add(add, 64, {before.bind()});
    list.add_stuck(*stuck, "first", {before.bind(), after.bind()});
    list.add_stuck(*stuck, "second", {other.bind()});  // need not wait for the first
    for (int i = 0; i < 40; ++i) list.add(add, 64, {after.bind()});
    const auto done = dispatcher.execute(list.list());
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code(), ErrorCode::InvalidDispatch);
    EXPECT_EQ(done.error().key(), "first");
    for (std::size_t i = 0; i < 64; ++i) {
      EXPECT_EQ(before[i], 40u);
      EXPECT_EQ(after[i], 0u);
    }
    NativeList next;
    next.add(add, 64, {after.bind()});
    ASSERT_TRUE(dispatcher.execute(next.list()));
    EXPECT_EQ(after[63], 1u);
  }
}

TEST_P(Threads, StopAtAGridThatCannotRun) {
  Dispatcher dispatcher(GetParam());
  const NativeKernel add(
      [](auto& context, auto group) { static_cast<std::uint32_t*>(context.arguments[1])[group] += 1; });
  const Numbers before(64), after(64);
  NativeList good;
  for (int i = 0; i < 40; ++i) good.add(add, 64, {before.bind()});
  good.add(add, 64, {after.bind()});
  auto list = good.list();
  list.dispatches.push_back(list.dispatches.back());
  list.dispatches[40].threads_per_threadgroup = {2000};
  const auto done = dispatcher.execute(list);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), ErrorCode::InvalidDispatch);
  EXPECT_EQ(before[0], 40u);
  EXPECT_EQ(after[0], 0u);
}

/// Times that threads of this process but the calling one went to sleep.
long sleeps_of_others() {
  rusage all{}, own{};
  getrusage(RUSAGE_SELF, &all);
  getrusage(RUSAGE_THREAD, &own);
  return all.ru_nvcsw - own.ru_nvcsw;
}

TEST(Dispatcher, WakesNobodyForAShortList) {
  Dispatcher dispatcher(4);
  const Numbers count(1);
  const NativeKernel kernel([](auto& context, auto) { ++*static_cast<std::uint32_t*>(context.arguments[1]); });
  NativeList list;
  for (int i = 0; i < 3; ++i) list.add(kernel, 1, {count.bind()});
  constexpr int kLists = 50;
  // How long a kernel takes must become known first, and the machine may do something else meanwhile.
  EXPECT_TRUE(wait_for([&] {
    const auto before = sleeps_of_others();
    for (int i = 0; i < kLists; ++i) {
      EXPECT_TRUE(dispatcher.execute(list.list()));
      std::this_thread::sleep_for(std::chrono::milliseconds(1));  // longer than threads look for work
    }
    return sleeps_of_others() - before < kLists / 4;
  }));
  EXPECT_EQ(count[0] % (3 * kLists), 0u);
}

TEST(Dispatcher, UsesNoProcessorWhenIdle) {
  Dispatcher dispatcher(4);
  const NativeKernel kernel([](auto&, auto) { std::this_thread::sleep_for(std::chrono::microseconds(200)); });
  NativeList list;
  list.add(kernel, 64);
  ASSERT_TRUE(dispatcher.execute(list.list()));
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  const auto used = [] {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto microseconds = [](const timeval& t) {
      return std::chrono::microseconds(t.tv_sec * 1'000'000 + t.tv_usec);
    };
    return microseconds(usage.ru_utime) + microseconds(usage.ru_stime);
  };
  const auto before = used();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  // Of threads that spin each would use a good part of these 200 ms.
  EXPECT_LT(used() - before, std::chrono::milliseconds(20));
}

TEST(Dispatcher, RunsListsOnTheThreadsThatAreToBeHad) {
  for (const unsigned more : {0u, 1u}) {  // of the three workers it wants
    EXPECT_EXIT(
        {
          ::alarm(60);  // where it waits for what never comes
          limit_threads(more);
          Dispatcher dispatcher(4);
          const Numbers done(100);
          const NativeKernel kernel(
              [](auto& context, auto group) { ++static_cast<std::uint32_t*>(context.arguments[1])[group]; });
          NativeList list;
          for (int i = 0; i < 20; ++i) list.add(kernel, 100, {done.bind()});
          if (!dispatcher.execute(list.list())) std::_Exit(3);
          for (std::size_t i = 0; i < 100; ++i) {
            if (done[i] != 20) std::_Exit(4);
          }
          std::_Exit(0);
        },
        ::testing::ExitedWithCode(0), "")
        << more;
  }
}

TEST(Dispatcher, GoesOnAfterAListForWhichThereWasNoMemory) {
  if (!kCanLimitMemory) GTEST_SKIP() << "memory cannot be limited under a sanitizer";
  EXPECT_EXIT(
      {
        Dispatcher dispatcher(2);
        std::atomic<unsigned> present = 0;
        std::atomic<bool> met = true;
        const Numbers a(1);
        const Numbers b(1);
        const auto kernel = meeting(present, met);
        NativeList list;
        list.add(kernel, 1, {a.bind()});
        list.add(kernel, 1, {b.bind()});
        const auto wanted = list.list();
        // Runs on this thread alone, so that what is missing later is what several threads share a list by.
        device::CommandList small;
        small.arguments.push_back(a.bind());
        small.dispatches.push_back({nullptr, "fill", 0, 1, {}, {}, device::Dispatch::Kind::Fill, std::byte{0}});
        if (!dispatcher.execute(small)) std::_Exit(2);
        rlimit before{};
        ::getrlimit(RLIMIT_AS, &before);
        use_up_memory();
        bool threw = false;
        try {
          (void)dispatcher.execute(wanted);
        } catch (const std::bad_alloc&) {
          threw = true;
        }
        ::setrlimit(RLIMIT_AS, &before);
        if (!threw) std::_Exit(3);
        std::_Exit(dispatcher.execute(wanted) ? 0 : 4);
      },
      ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace anymetal::test
