// Every float as the argument of every unary function. Minutes of work: label `full`.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "measure.hpp"

namespace msl_math {

namespace {

class Exhaustive : public testing::TestWithParam<Case> {};

TEST_P(Exhaustive, EveryFloat) {
  const Case& test = GetParam();
  if (test.binary) GTEST_SKIP() << "2^64 pairs";
  const Evaluator* function = find_evaluator(evaluators_relaxed, test.name);
  constexpr std::uint32_t kBlock = 1u << 16;
  std::atomic<std::uint32_t> next{0};
  std::mutex mutex;
  Worst worst;
  const auto work = [&] {
    std::vector<float> x(kBlock);
    Worst mine;
    for (std::uint32_t block = next++; block < (1u << 16); block = next++) {
      for (std::uint32_t i = 0; i < kBlock; ++i) x[i] = std::bit_cast<float>(block * kBlock + i);
      mine.merge(measure(test, *function, x, {}));
    }
    const std::lock_guard lock(mutex);
    worst.merge(mine);
  };
  std::vector<std::jthread> threads(std::max(1u, std::thread::hardware_concurrency()));
  for (std::jthread& thread : threads) thread = std::jthread(work);
  threads.clear();
  fmt::print("{}\n", summary(test, worst));
  EXPECT_EQ(worst.failures, 0u) << worst.first_failure;
}

INSTANTIATE_TEST_SUITE_P(Functions, Exhaustive, testing::ValuesIn(cases().begin(), cases().end()),
                         [](const auto& parameter) { return identifier(parameter.param); });

}  // namespace
}  // namespace msl_math
