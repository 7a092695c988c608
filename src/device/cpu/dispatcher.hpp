#pragma once
/// \file
/// Executes command lists.

#include "device/backend.hpp"
#include "observe/per_process.hpp"

namespace anymetal::device::cpu {

/// Thread contract: safe from any thread; lists of several threads run at once unless they use the same memory. A
/// forked process gets workers of its own.
class Dispatcher {
 public:
  explicit Dispatcher(unsigned threads);
  ~Dispatcher();
  /// Runs the list and waits. InvalidDispatch where a grid cannot be run or a barrier can never complete: all
  /// dispatches before that one have run then, those after it may have run where they do not depend on it.
  Result<void> execute(const CommandList& list);

 private:
  struct Impl;
  PerProcess<Impl> impl_;
};

}  // namespace anymetal::device::cpu
