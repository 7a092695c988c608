// Element-wise kernels whose grid of one dimension has a thread per element.
#pragma once
#include "common/nvidia.h"

namespace anymetal {

// A thread of such a grid: its position, its threadgroup's, and how many threads that has.
struct ElementThread {
  uint at, group, size;
};

// store(i, load(i)) for a thread's element i < n. On NVIDIA GPUs every fourth or, of 16-bit elements, eighth threadgroup does those of
// the ones after it, so that a thread has 16 bytes on their way and not one element: threads alone cannot keep memory busy.
template <class T, class Load, class Store>
void for_element(ElementThread own, uint n, Load load, Store store) {
#if ANYMETAL_NVIDIA
  constexpr uint kEach = 16 / sizeof(T);
  nvidia::take_every_threadgroup<kEach>();
  if (own.group % kEach != 0 || own.at >= n) return;
  const uint i = own.at, step = own.size;
  if ((n - i - 1) / step >= kEach - 1) {
    decltype(load(i)) values[kEach];
#pragma unroll
    for (uint j = 0; j < kEach; ++j) values[j] = load(i + j * step);
#pragma unroll
    for (uint j = 0; j < kEach; ++j) store(i + j * step, values[j]);
  } else {
    for (uint j = 0; j <= (n - i - 1) / step; ++j) store(i + j * step, load(i + j * step));
  }
#else
  if (own.at < n) store(own.at, load(own.at));
#endif
}

}  // namespace anymetal
