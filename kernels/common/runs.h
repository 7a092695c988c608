// Runs of neighbouring elements for kernels whose grid has a thread per element: the first threads of an axis do a run each,
// and the others, mostly whole threadgroups of them, nothing. Neighbours share what they read and lie in one cache line.
#pragma once
#include <metal_stdlib>

namespace anymetal {

constant constexpr uint kRun = 16;

inline uint runs_of(uint n) { return n / kRun + (n % kRun != 0 ? 1 : 0); }

// Whether the thread at `at` of an axis, `in_group` of its threadgroup, has no run of the n elements. The first condition is
// the same for a whole threadgroup.
inline bool has_no_run(uint at, uint in_group, uint n) { return at - in_group >= runs_of(n) || at >= runs_of(n); }

// Runs `Part<N>::run(first, parts...)` over the run at `at`: whole, or element by element where it is cut short.
template <template <uint> class Part, class... Arguments>
void do_run(uint at, uint n, Arguments... arguments) {
  const uint first = at * kRun;
  if (n - first >= kRun) {
    Part<kRun>::run(first, arguments...);
  } else {
    for (uint i = first; i < n; ++i) Part<1>::run(i, arguments...);
  }
}

}  // namespace anymetal
