// A thread's share of a row that a threadgroup works on together, and sums of a thread of its own.
#pragma once
#include "common/nvidia.h"

namespace anymetal {

// use(i, load(i)) for i = index, index + size, ... below n. Elements are the thread's own: on NVIDIA GPUs four of them are on
// their way before the first is used.
template <class Load, class Use>
void for_share(uint n, uint index, uint size, Load load, Use use) {
  uint i = index;
#if ANYMETAL_NVIDIA
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

// Sum of a(i) * b(i), i < n ascending; factors(i) gives both. On NVIDIA GPUs sixteen pairs are on their way before the first is used.
template <class Factors>
float dot_in_order(uint n, Factors factors) {
  float sum = 0.0f;
  uint i = 0;
#if ANYMETAL_NVIDIA
  constexpr uint kAhead = 16;
  for (; n - i >= kAhead; i += kAhead) {
    metal::float2 ahead[kAhead];
#pragma unroll
    for (uint j = 0; j < kAhead; ++j) ahead[j] = factors(i + j);
#pragma unroll
    for (uint j = 0; j < kAhead; ++j) sum += ahead[j].x * ahead[j].y;
  }
#endif
  for (; i < n; ++i) {
    const metal::float2 pair = factors(i);
    sum += pair.x * pair.y;
  }
  return sum;
}

}  // namespace anymetal
