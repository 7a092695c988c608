#pragma once
/// \file
/// One computation that any number of threads may wait for.

#include <anymetal/error.hpp>

#include <exception>
#include <future>
#include <memory>
#include <new>
#include <string>
#include <utility>

namespace anymetal::registry {

/// The thread that makes a Flight runs the work and lands it; all others wait for the same result.
/// Thread contract: `land` once; `wait` from any thread.
template <class T>
class Flight {
 public:
  void land(Result<T> result) { promise_.set_value(std::move(result)); }
  [[nodiscard]] Result<T> wait() const { return future_.get(); }

 private:
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
