// Where no memory is left and nothing can be caught any more, the program says so.
#include "run/without_memory.hpp"

#include <gtest/gtest.h>

#include <new>
#include <stdexcept>

namespace anymetal::cli {
namespace {

template <class Exception>
[[noreturn]] void raise(const Exception& exception) {
  throw exception;
}

/// As a destructor that allocates.
template <class Exception>
void throw_where_nothing_can_pass(const Exception& exception) noexcept {
  raise(exception);  // NOLINT(bugprone-exception-escape)
}

TEST(WithoutMemory, IsSaidInsteadOfASignal) {
  EXPECT_EXIT(
      {
        end_cleanly_without_memory();
        throw_where_nothing_can_pass(std::bad_alloc());
      },
      ::testing::ExitedWithCode(1), "^anymetal: not enough memory");
}

TEST(WithoutMemory, OtherEndsStayWhatTheyAre) {
  EXPECT_EXIT(
      {
        end_cleanly_without_memory();
        throw_where_nothing_can_pass(std::runtime_error("a defect"));
      },
      ::testing::KilledBySignal(SIGABRT), "a defect");
}

}  // namespace
}  // namespace anymetal::cli
