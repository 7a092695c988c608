// Kernels whose threadgroups may be merged with their neighbours (nvidia::merge_threadgroups) on NVIDIA GPUs of compute
// capability 9.0.
#pragma once
#include "common/nvidia.h"

namespace anymetal {

// How many threadgroups' threads a merged one has. Other devices start all threadgroups as they are, of which the first of each rectangle
// works.
#if defined(ANYMETAL_EMULATE_NVIDIA)
constexpr constant uint kMergedParts = 1;
inline bool are_merged() { return have_warpgroup_products(); }
#else
constexpr constant uint kMergedParts = 2;
inline bool are_merged() { return have_warpgroup_products() && nvidia::threadgroups_are_merged(); }
#endif
constexpr constant uint kMergedThreads = 128 * kMergedParts;

// A rectangle of threadgroups of 128, merged where there are at least `least` of them.
template <uint across, uint down, uint least>
struct Merged {
  uint3 first;  // threadgroup
  bool is_merged;
  explicit Merged(uint3 group) : first(group), is_merged(are_merged()) {
    if (have_warpgroup_products()) nvidia::merge_threadgroups<across, down, kMergedParts, least>();
  }
  // Where the threads of this threadgroup have nothing to do.
  bool is_taken() const { return is_merged && (first.x % across != 0 || first.y % down != 0); }

  // work(group, thread_index, part) by the 128 threads of every threadgroup, kMergedParts of them side by side, with barriers in the same
  // places. Threadgroups past the end of the grid are among them.
  template <class Work>
  void for_each(uint thread_index, Work work) const {
    for (uint i = 0; i < (is_merged ? across * down : 1); i += kMergedParts) {
      if (i != 0) metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
      const uint at = i + thread_index / 128;
      work(first + uint3(at % across, at / across, 0), thread_index % 128, thread_index / 128);
    }
  }
};

}  // namespace anymetal
