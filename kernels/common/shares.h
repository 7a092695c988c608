// A thread's share of a row that a threadgroup works on together, and sums of a thread of its own.
#pragma once
#include "common/nvidia.h"

namespace anymetal {

// use(i, load(i)) for i = index, index + size, ... below n. Elements are the thread's own: on NVIDIA GPUs eight or four of
// them are on their way before the first is used.
template <class Load, class Use>
void for_share(uint n, uint index, uint size, Load load, Use use) {
  uint i = index;
#if ANYMETAL_NVIDIA
  constexpr uint kMost = sizeof(load(i)) > 8 ? 4 : 8;  // registers
  for (; kMost == 8 && i < n && n - i > 7 * size; i += 8 * size) {
    decltype(load(i)) ahead[kMost];
#pragma unroll
    for (uint j = 0; j < kMost; ++j) ahead[j] = load(i + j * size);
#pragma unroll
    for (uint j = 0; j < kMost; ++j) use(i + j * size, ahead[j]);
  }
  for (; i < n && n - i > 3 * size; i += 4 * size) {
    const auto a = load(i), b = load(i + size), c = load(i + 2 * size), d = load(i + 3 * size);
    use(i, a);
    use(i + size, b);
    use(i + 2 * size, c);
    use(i + 3 * size, d);
  }
#endif
  for (; i < n; i += size) use(i, load(i));
}

// Sum of term(i, load(i)), i < n ascending. On NVIDIA GPUs kAhead loads or twice as many are on their way at once. The lanes of a
// simdgroup call together.
template <uint kAhead, class Load, class Term>
float sum_in_order(uint n, Load load, Term term) {
  float sum = 0.0f;
  uint i = 0;
#if ANYMETAL_NVIDIA
  decltype(load(i)) now[kAhead], then[kAhead];
  const auto ask = [&](thread decltype(load(i))* ahead, uint from) {
#pragma unroll
    for (uint j = 0; j < kAhead; ++j) ahead[j] = load(from + j);
    metal::simdgroup_barrier(metal::mem_flags::mem_none);  // else the first is used before the last is asked for
  };
  const auto use = [&](thread const decltype(load(i))* ahead, uint from) {
#pragma unroll
    for (uint j = 0; j < kAhead; ++j) sum += term(from + j, ahead[j]);
  };
  if (n >= kAhead) {
    ask(now, 0);
    for (; n - i >= 3 * kAhead; i += 2 * kAhead) {
      ask(then, i + kAhead);
      use(now, i);
      ask(now, i + 2 * kAhead);
      use(then, i + kAhead);
    }
    use(now, i);
    i += kAhead;
  }
  for (; n - i >= kAhead; i += kAhead) {
    ask(now, i);
    use(now, i);
  }
#endif
  for (; i < n; ++i) sum += term(i, load(i));
  return sum;
}

}  // namespace anymetal
