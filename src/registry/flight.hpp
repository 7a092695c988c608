#pragma once
/// \file
/// One computation that any number of threads may wait for.

#include <anymetal/error.hpp>

#include <chrono>
#include <exception>
#include <future>
#include <memory>
#include <new>
#include <string>
#include <utility>

#include "observe/per_process.hpp"

namespace anymetal::registry {

/// Of what a thread was at when this process was forked from its own.
inline Error begun_before_fork() {
  return Error(ErrorCode::Cancelled,
               "it was being compiled when this process was forked, by a thread that only the other one has");
}

/// The thread that makes a Flight runs the work and lands it; all others wait for the same result, or get an error in a
/// forked process.
/// Thread contract: `land` once; `wait` from any thread.
template <class T>
class Flight {
 public:
  void land(Result<T> result) { promise_.set_value(std::move(result)); }
  [[nodiscard]] Result<T> wait() const {
    const bool may_never_land = forks_ != forks();
    if (may_never_land && future_.wait_for(std::chrono::seconds(0)) != std::future_status::ready)
      return std::unexpected(begun_before_fork());
    return future_.get();
  }

 private:
  const unsigned forks_ = forks();
  std::promise<Result<T>> promise_;
  std::shared_future<Result<T>> future_ = promise_.get_future().share();
};

/// Made beforehand: where there is no memory, there is none for an error either.
inline const Error kNoMemoryToCompile(ErrorCode::OutOfMemory, "no memory left to compile");

/// Runs `work`; an exception from the compiler's depths becomes an error, so that waiters always get a result.
template <class T, class Work>
Result<T> guarded(Work&& work) {
  try {
    try {
      return std::forward<Work>(work)();
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception& e) {
      return fail(ErrorCode::InternalError, std::string("the compiler failed: ") + e.what());
    }
  } catch (const std::bad_alloc&) {
    return std::unexpected(kNoMemoryToCompile);
  }
}

}  // namespace anymetal::registry
