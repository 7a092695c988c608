// Other forms of a kernel: made by the first who asks, and without memory by a later one.

#include "device/made_once.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <thread>
#include <vector>

#include "support/no_memory.hpp"

namespace anymetal::test {
namespace {

using device::MadeOnce;

TEST(MadeOnce, ByTheFirstOfManyThreads) {
  MadeOnce<int> form;
  std::atomic<int> made = 0;
  std::atomic<int> seen = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i)
      threads.emplace_back([&] {
        const auto value = form.get([&] { return Result<int>(40 + ++made); });
        if (value && **value == 41) ++seen;
      });
  }
  EXPECT_EQ(made, 1);
  EXPECT_EQ(seen, 8);
}

TEST(MadeOnce, AnErrorStays) {
  MadeOnce<int> form;
  EXPECT_EQ(form.get([]() -> Result<int> { return fail(ErrorCode::InternalError, "first"); }).error().message(),
            "first");
  EXPECT_EQ(form.get([] { return Result<int>(1); }).error().message(), "first");
}

TEST(MadeOnce, WhereMemoryRanOutTheNextOneTriesAgain) {
  MadeOnce<int> form;
  EXPECT_EQ(form.get([]() -> Result<int> { throw std::bad_alloc(); }).error().code(), ErrorCode::OutOfMemory);
  EXPECT_EQ(form.get([]() -> Result<int> { return fail(ErrorCode::OutOfMemory, "none"); }).error().message(), "none");
  const auto value = form.get([] { return Result<int>(7); });
  ASSERT_TRUE(value);
  EXPECT_EQ(**value, 7);
}

TEST(MadeOnce, WithoutMemoryIsAnError) {
  if (!kCanLimitMemory) GTEST_SKIP() << "memory cannot be limited under a sanitizer";
  EXPECT_EXIT(
      {
        MadeOnce<std::vector<char>> form;
        use_up_memory();
        const auto made = form.get([] { return Result<std::vector<char>>(std::vector<char>(64)); });
        std::_Exit(!made && made.error().code() == ErrorCode::OutOfMemory ? 0 : 3);
      },
      ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace anymetal::test
