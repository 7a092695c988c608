// Softmax of a row of any length by one core.
#pragma once
#include "cpu/wide.h"

namespace anymetal {

// Calls `body(i, values)` for the 16 elements from i on; of the last ones, where they are fewer, those past n are `rest`.
// wide(i) gives 16 elements, one(i) one of them.
template <class Wide16, class One, class Body>
void for_each_wide(uint n, float rest, Wide16 wide, One one, Body body) {
  uint i = 0;
#pragma clang loop unroll_count(2)
  for (; i + 16 <= n; i += 16) body(i, wide(i));
  if (i == n) return;
  WideF values = rest;
#pragma clang loop vectorize(disable) unroll(disable)
  for (uint j = i; j < n; ++j) values[j - i] = one(j);
  body(i, values);
}

// exp(t - top) / sum over the row of exp(t - top) for every element t of a row. NaN where nothing exceeds -inf, or where
// something is +inf or NaN.
struct WideSoftmax {
  float top, inverse_sum;
  // e^(t - top), not normalised; t + -inf is 0 where top is finite.
  WideF weight(WideF t) const { return wide_exp(t - top); }
  WideF operator()(WideF t) const { return weight(t) * inverse_sum; }
};

// The scale of a row. keep(i, weights) is called with the weights, not normalised, of the elements from i on.
template <class Wide16, class One, class Keep>
WideSoftmax wide_softmax(uint n, Wide16 wide, One one, Keep keep) {
  WideF most = -INFINITY;
  for_each_wide(n, -INFINITY, wide, one, [&](uint, WideF t) { most = wide_max(most, t); });
  WideSoftmax softmax = {__builtin_reduce_max(most), 1.0f};
  // Sums of 512 elements are added, so that the rounding of a long row's sum stays small.
  WideF sum = 0.0f, run = 0.0f;
  for_each_wide(n, -INFINITY, wide, one, [&](uint i, WideF t) {
    const WideF weights = softmax.weight(t);
    run += weights;
    keep(i, weights);
    if (i % 512 == 496) sum += run, run = 0.0f;
  });
  softmax.inverse_sum = 1.0f / Wide::sum(sum + run);
  return softmax;
}

template <class Wide16, class One>
WideSoftmax wide_softmax(uint n, Wide16 wide, One one) {
  return wide_softmax(n, wide, one, [](uint, WideF) {});
}

constant constexpr uint kKeptRow = 4096;  // elements of a row that stay in the near caches

// Writes the softmax of a row, which may be what wide and one read. Its elements, and then their weights, are kept until the
// weights' sum is known. Those of a row too long for that are kept in y where it is f32, else made twice.
template <class T, class Wide16, class One>
WideSoftmax store_softmax(device T* y, uint n, Wide16 wide, One one) {
  if constexpr (metal::is_same_v<T, float>) {
    if (n > kKeptRow) {
      const WideSoftmax softmax = wide_softmax(n, wide, one, [=](uint i, WideF weights) { wide_store(y, i, n, weights); });
      for_each_wide(
          n, 0.0f, [=](uint i) { return Wide::load(y + i); }, [=](uint i) { return y[i]; },
          [=](uint i, WideF weights) { wide_store(y, i, n, weights * softmax.inverse_sum); });
      return softmax;
    }
  } else if (n > kKeptRow) {
    const WideSoftmax softmax = wide_softmax(n, wide, one);
    for_each_wide(n, 0.0f, wide, one, [=](uint i, WideF t) { wide_store(y, i, n, softmax(t)); });
    return softmax;
  }
  alignas(64) float kept[kKeptRow];
  WideF most = -INFINITY;
  for_each_wide(n, -INFINITY, wide, one, [&](uint i, WideF t) {
    Wide::store(kept + i, t);
    most = wide_max(most, t);
  });
  WideSoftmax softmax = {__builtin_reduce_max(most), 1.0f};
  WideF sum = 0.0f;
  for (uint begin = 0; begin < n; begin += 512) {
    WideF run = 0.0f;
#pragma clang loop unroll_count(4)
    for (uint i = begin; i < metal::min(begin + 512, n); i += 16) {
      const WideF weights = softmax.weight(Wide::load(kept + i));
      Wide::store(kept + i, weights);
      run += weights;
    }
    sum += run;
  }
  softmax.inverse_sum = 1.0f / Wide::sum(sum);
  for (uint i = 0; i < n; i += 16) wide_store(y, i, n, Wide::load(kept + i) * softmax.inverse_sum);
  return softmax;
}

}  // namespace anymetal
