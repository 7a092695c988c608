#pragma once
/// \file
/// What a process that was forked from another one cannot use: threads, and all that they were in the middle of.

#include <atomic>
#include <functional>
#include <memory>
#include <utility>

namespace anymetal {

/// How many forks lie between the process that loaded the library and this one. Costs a load. Thread contract: safe
/// from any thread.
[[nodiscard]] unsigned forks();

/// A T for each process: the first one's, and another for a child that asks after a fork. The child's copy of the first
/// one is left as it is for ever: its threads are not there, and its locks may be held by one of them. Thread contract:
/// safe from any thread, but for the end.
template <class T>
class PerProcess {
 public:
  explicit PerProcess(std::function<std::unique_ptr<T>()> make)
      : make_(std::move(make)), held_(new Held{forks(), make_()}) {}
  ~PerProcess() {
    Held* const held = held_.load();
    if (held->forks == forks()) delete held;
  }
  PerProcess(const PerProcess&) = delete;
  PerProcess& operator=(const PerProcess&) = delete;

  T& operator*() {
    Held* held = held_.load();
    while (held->forks != forks()) {
      auto made = std::unique_ptr<Held>(new Held{forks(), make_()});
      if (held_.compare_exchange_strong(held, made.get())) return *made.release()->value;
    }
    return *held->value;
  }
  T* operator->() { return &**this; }

 private:
  struct Held {
    unsigned forks;
    std::unique_ptr<T> value;
  };
  const std::function<std::unique_ptr<T>()> make_;
  std::atomic<Held*> held_;
};

}  // namespace anymetal
