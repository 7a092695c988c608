// Choosing the largest elements of a row, one after the other.
#pragma once
#include <metal_stdlib>

namespace anymetal {

// An element and where it stands.
struct Candidate {
  float value;
  int index;
};

constant Candidate kBeforeAll = {INFINITY, -1};
constant Candidate kAfterAll = {-INFINITY, 0x7fffffff};

// The order of choice: larger values first, of equal ones the lower index. NaN has no place in it. As the order is total,
// "what is left" is what comes after the last choice: nothing has to be crossed out.
inline bool precedes(Candidate a, Candidate b) {
  return a.value > b.value || (a.value == b.value && a.index < b.index);
}

// The first of the simdgroup's candidates, to every active lane.
inline Candidate simd_first(Candidate c) {
  const float top = metal::simd_max(c.value);
  return {top, metal::simd_min(c.value == top ? c.index : kAfterAll.index)};
}

// The first of value(i), i < n, that comes after `last`, or kAfterAll; lane `lane` of `lanes` takes every lanes-th.
template <class Value>
Candidate simd_next_largest(uint n, Candidate last, uint lane, uint lanes, Value value) {
  Candidate best = kAfterAll;
  for (uint i = lane; i < n; i += lanes) {
    const Candidate c = {value(i), int(i)};
    if (precedes(c, best) && precedes(last, c)) best = c;
  }
  return simd_first(best);
}

}  // namespace anymetal
