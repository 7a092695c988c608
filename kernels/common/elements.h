// Kernels whose grid has a thread per element.
#pragma once
#include "common/nvidia.h"

namespace anymetal {

// A thread along one axis of such a grid: its position, its threadgroup's, how many threads that has, and its position there where that is asked for.
struct ElementThread {
  uint at, group, size, in_group;
};

// store(i, load(i)) for what a thread does of i < n: its own position, and on NVIDIA GPUs, where only every kEach-th threadgroup of the
// axis works, that in each of the kEach - 1 threadgroups after it. All are loaded before the first is stored.
template <uint kEach, class Load, class Store>
void for_each_own(ElementThread own, uint n, Load load, Store store) {
#if ANYMETAL_NVIDIA
  if (own.group % kEach != 0 || own.at >= n) return;
  const uint i = own.at, step = own.size, left = n - i;
  if (left > (kEach - 1) * step) {
    decltype(load(i)) values[kEach];
#pragma unroll
    for (uint j = 0; j < kEach; ++j) values[j] = load(i + j * step);
#pragma unroll
    for (uint j = 0; j < kEach; ++j) store(i + j * step, values[j]);
  } else {
    for (uint j = 0; j * step < left; ++j) store(i + j * step, load(i + j * step));
  }
#else
  if (own.at < n) store(own.at, load(own.at));
#endif
}

// Of a grid of one dimension: store(i, load(i)) for i < n. On NVIDIA GPUs a thread does 16 bytes of T, in every fourth or, of 16-bit
// elements, eighth threadgroup: threads with one element each cannot keep memory busy, and starting them takes longer than the copy.
template <class T, class Load, class Store>
void for_element(ElementThread own, uint n, Load load, Store store) {
  constexpr uint kEach = 16 / sizeof(T);
#if ANYMETAL_NVIDIA
  nvidia::take_every_threadgroup<kEach>();
#endif
  for_each_own<kEach>(own, n, load, store);
}

// The same along y: kEach rows a thread.
template <uint kEach, class Load, class Store>
void for_row(ElementThread own, uint n, Load load, Store store) {
#if ANYMETAL_NVIDIA
  nvidia::take_every_threadgroup<1, kEach>();
#endif
  for_each_own<kEach>(own, n, load, store);
}

// The same along z.
template <uint kEach, class Load, class Store>
void for_plane(ElementThread own, uint n, Load load, Store store) {
#if ANYMETAL_NVIDIA
  nvidia::take_every_threadgroup<1, 1, kEach>();
#endif
  for_each_own<kEach>(own, n, load, store);
}

#if ANYMETAL_NVIDIA
// kRun elements side by side: one, or two of 16 bits as one word.
template <class T, uint kRun>
struct ElementRun {
  metal::vec<T, 2> values;
  void load(device const T* p) {
    if (kRun == 2) {
      values = as_type<metal::vec<T, 2>>(*(device const uint*)p);
    } else {
      values = *p;
    }
  }
  void store(device T* p) const {
    if (kRun == 2) {
      *(device uint*)p = as_type<uint>(values);
    } else {
      *p = values.x;
    }
  }
};
// Numbers of 32 bits, which are never two of a word.
template <>
struct ElementRun<float, 1> {
  metal::float2 values;
  void load(device const float* p) { values = *p; }
  void store(device float* p) const { *p = values.x; }
};
#endif

}  // namespace anymetal
