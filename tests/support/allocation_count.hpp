#pragma once
/// \file
/// Counts the allocations of an executable that links allocation_count.cpp.

#include <cstddef>

namespace anymetal::testing {

/// Calls of operator new since the start of the process.
std::size_t allocation_count();

}  // namespace anymetal::testing
