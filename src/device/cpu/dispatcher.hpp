#pragma once
/// \file
/// Executes command lists.

#include <memory>

#include "device/backend.hpp"

namespace anymetal::device::cpu {

/// Thread contract: safe from any thread; lists of several threads run at once unless they use the same memory.
class Dispatcher {
 public:
  explicit Dispatcher(unsigned threads);
  ~Dispatcher();
  /// Runs the list and waits. InvalidDispatch where a grid cannot be run or a barrier can never complete: all
  /// dispatches before that one have run then, those after it may have run where they do not depend on it.
  Result<void> execute(const CommandList& list);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace anymetal::device::cpu
