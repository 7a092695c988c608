#pragma once
/// \file
/// Other forms of a loaded kernel, made when they are first needed.

#include <anymetal/error.hpp>
#include <atomic>
#include <mutex>
#include <new>
#include <optional>
#include <utility>

namespace anymetal::device {

/// Made beforehand: where there is no memory, there is none for an error either.
inline const Error kNoMemoryForAForm(ErrorCode::OutOfMemory, "no memory left to make another form of a kernel");

/// A value that the first who asks makes while the others wait. Not by std::call_once: an exception that passes glibc's
/// frames makes it load the unwinder, and it aborts where there is no memory for that. Thread contract: safe from any
/// thread.
template <class T>
class MadeOnce {
 public:
  /// What `make` gave, a Result<T>, the first time. Where it ran out of memory, by an error or by std::bad_alloc, this
  /// call gives OutOfMemory and the next one tries again.
  template <class Make>
  Result<const T*> get(Make&& make) {
    if (!is_made_.load(std::memory_order_acquire)) {
      const std::scoped_lock lock(making_);
      if (!is_made_.load(std::memory_order_relaxed)) {
        if (auto made = try_to_make(std::forward<Make>(make)); !made) return std::unexpected(made.error());
      }
    }
    if (!*value_) return std::unexpected(value_->error());
    return &**value_;
  }

 private:
  template <class Make>
  Result<void> try_to_make(Make&& make) {
    try {
      value_.emplace(std::forward<Make>(make)());
    } catch (const std::bad_alloc&) {
      return std::unexpected(kNoMemoryForAForm);
    }
    if (!*value_ && value_->error().code() == ErrorCode::OutOfMemory) return std::unexpected(value_->error());
    is_made_.store(true, std::memory_order_release);
    return {};
  }

  std::mutex making_;
  std::atomic<bool> is_made_ = false;
  std::optional<Result<T>> value_;
};

}  // namespace anymetal::device
