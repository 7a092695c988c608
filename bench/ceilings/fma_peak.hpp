#pragma once
/// \file
/// A loop of independent multiply-adds, for the widest vectors of the processor it runs on.

#include <cstddef>

namespace anymetal::bench {

/// Runs `rounds` rounds on this thread and returns the floating-point operations done.
double run_fma(std::size_t rounds);

}  // namespace anymetal::bench
