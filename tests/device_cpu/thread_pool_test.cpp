// Every item is done exactly once, whatever the number of threads and the rhythm of the jobs.

#include "device/cpu/thread_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <numeric>
#include <vector>

namespace anymetal::test {
namespace {

class Pool : public testing::TestWithParam<unsigned> {};

TEST_P(Pool, DoesEveryItemOnce) {
  device::cpu::ThreadPool pool(GetParam());
  EXPECT_EQ(pool.threads(), GetParam());
  for (const std::uint64_t count : {0ull, 1ull, 2ull, 3ull, 17ull, 1000ull, 4097ull}) {
    std::vector<std::atomic<int>> done(count);
    std::vector<std::atomic<int>> busy(GetParam());
    for (int round = 0; round < 20; ++round) {
      pool.run(count, [&](unsigned worker, std::uint64_t first, std::uint64_t last) {
        EXPECT_EQ(busy[worker].fetch_add(1), 0) << "two threads share a worker";
        for (auto i = first; i < last; ++i) done[i].fetch_add(1);
        busy[worker].fetch_sub(1);
      });
    }
    for (std::uint64_t i = 0; i < count; ++i) ASSERT_EQ(done[i].load(), 20);
  }
}

TEST_P(Pool, WakesAfterASleep) {
  device::cpu::ThreadPool pool(GetParam());
  for (int round = 0; round < 5; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
    std::atomic<std::uint64_t> sum = 0;
    pool.run(100, [&](unsigned, std::uint64_t first, std::uint64_t last) {
      for (auto i = first; i < last; ++i) sum += i;
    });
    ASSERT_EQ(sum.load(), 4950u);
  }
}

INSTANTIATE_TEST_SUITE_P(Threads, Pool, testing::Values(1u, 2u, 3u, 8u));

}  // namespace
}  // namespace anymetal::test
