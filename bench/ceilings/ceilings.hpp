#pragma once
/// \file
/// What this machine's memory and arithmetic reach at best: the figures a kernel's own figure stands beside.

#include <cstddef>

namespace anymetal::bench {

/// Measured with `threads` threads, best of several passes.
struct Ceilings {
  unsigned threads = 1;
  double read_gigabytes_per_second = 0;
  double copy_gigabytes_per_second = 0;  ///< bytes read plus bytes written
  double fma_gigaflops = 0;              ///< f32, two operations a multiply-add
};

/// Takes about half a second. The arrays are larger than any cache; each thread owns a part of them.
Ceilings measure_ceilings(unsigned threads);

/// The read bandwidth alone, in GB/s, in a tenth of a second or two: for those who measure it again between their runs,
/// as that of a shared machine changes within seconds.
double measure_read(unsigned threads);

/// Processors this process may run on.
unsigned available_threads();

}  // namespace anymetal::bench
