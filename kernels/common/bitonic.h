// Bitonic sorting network (K. E. Batcher, "Sorting networks and their applications", 1968) in threadgroup memory.
#pragma once
#include "common/reduce.h"

namespace anymetal {

// Sorts keys[0 .. count) in descending order; `count` is a power of two. Every thread of the threadgroup must call; the keys
// may be written right before and read right after.
template <class Key>
void bitonic_sort_descending(threadgroup Key* keys, uint count, Team team) {
  for (uint run = 2; run <= count; run *= 2) {
    for (uint distance = run / 2; distance > 0; distance /= 2) {
      metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
      for (uint i = team.index; i < count; i += team.size) {
        const uint partner = i ^ distance;
        if (partner < i) continue;
        const Key a = keys[i], b = keys[partner];
        const bool descending = (i & run) == 0;
        if (descending ? a < b : b < a) {
          keys[i] = b;
          keys[partner] = a;
        }
      }
    }
  }
  metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
}

}  // namespace anymetal
