#pragma once
/// \file
/// Counts the allocations of an executable that links allocation_count.cpp, and makes some of them fail.

#include <cstddef>

namespace anymetal::testing {

/// Calls of operator new since the start of the process.
std::size_t allocation_count();

/// While it lives, `count` allocations of this thread throw std::bad_alloc, after `before` that do not.
class FailingAllocations {
 public:
  FailingAllocations(std::size_t before, std::size_t count);
  ~FailingAllocations();
  FailingAllocations(const FailingAllocations&) = delete;
  FailingAllocations& operator=(const FailingAllocations&) = delete;
  /// Whether one has failed by now.
  [[nodiscard]] bool happened() const;
};

}  // namespace anymetal::testing
