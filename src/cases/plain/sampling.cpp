// Softmax, choice and order: kernels/sampling.
#include <algorithm>
#include <numeric>

#include "cases/plain/types.hpp"

namespace anymetal::cases::plain {
namespace {

using U32 = std::uint32_t;

template <class T>
float largest(const T* x, std::size_t n) {
  float top = -std::numeric_limits<float>::infinity();
  for (std::size_t i = 0; i < n; ++i) top = std::max(top, float(x[i]));
  return top;
}

template <class T>
void softmax(const Arguments& a) {
  const auto columns = static_cast<std::size_t>(a.value<float>(2));
  Row<float> e(columns);
  for (std::size_t base = 0; base < a.elements(0); base += columns) {
    const T* x = a.at<T>(0) + base;
    T* y = a.at<T>(1) + base;
    const float top = largest(x, columns);
    for (std::size_t i = 0; i < columns; ++i) e[i] = std::exp(float(x[i]) - top);
    float sum = 0;
    for (std::size_t i = 0; i < columns; ++i) sum += e[i];
    for (std::size_t i = 0; i < columns; ++i) y[i] = T(e[i] * (1 / sum));
  }
}

void sample(const Arguments& a) {
  struct Params {
    float n, temperature, draw;
  };
  const auto p = a.value<Params>(4);
  const auto n = static_cast<std::size_t>(p.n);
  const float* x = a.at<float>(0);
  float* y = a.at<float>(1);
  const float scale = 1 / p.temperature, top = largest(x, n);
  float sum = 0;
  for (std::size_t i = 0; i < n; ++i) y[i] = std::exp((x[i] - top) * scale);
  for (std::size_t i = 0; i < n; ++i) sum += y[i];
  for (std::size_t i = 0; i < n; ++i) y[i] *= 1 / sum;
  std::size_t token = 0;
  float reached = y[0];
  while (token + 1 < n && reached < p.draw) reached += y[++token];
  *a.at<U32>(2) = static_cast<U32>(token);
  *a.at<float>(3) = std::log(y[token]);
}

void argmax(const Arguments& a) {
  const auto n = a.value<U32>(3);
  const float* x = a.at<float>(0);
  const float top = largest(x, n);
  *a.at<U32>(1) = static_cast<U32>(std::find(x, x + n, top) - x);
  *a.at<float>(2) = top;
}

void argsort(const Arguments& a) {
  struct Params {
    U32 length, rows;
  };
  const auto p = a.value<Params>(2);
  for (std::size_t row = 0; row < p.rows; ++row) {
    const float* x = a.at<float>(0) + row * p.length;
    U32* order = a.at<U32>(1) + row * p.length;
    std::iota(order, order + p.length, 0);
    std::sort(order, order + p.length, [=](U32 i, U32 j) { return x[i] > x[j] || (x[i] == x[j] && i > j); });
  }
}

void top_k(const Arguments& a) {
  struct Params {
    U32 n, k;
  };
  const auto p = a.value<Params>(3);
  const float* x = a.at<float>(0);
  U32* index = a.at<U32>(1);
  float* value = a.at<float>(2);
  Row<U32> order(p.n);
  std::iota(order.data(), order.data() + p.n, 0);
  const U32 count = std::min(p.k, p.n);
  std::partial_sort(order.data(), order.data() + count, order.data() + p.n,
                    [=](U32 i, U32 j) { return x[i] > x[j] || (x[i] == x[j] && i < j); });
  for (std::size_t slot = 0; slot < p.k; ++slot) {
    index[slot] = slot < count ? order[slot] : 0;
    value[slot] = slot < count ? x[order[slot]] : -std::numeric_limits<float>::infinity();
  }
}

}  // namespace

void sampling_loops(LoopList& list) {
  list.add("softmax_f32", softmax<float>);
  list.add("softmax_f16", softmax<Half>);
  list.add("softmax_bf16", softmax<Bfloat>);
  list.add("softmax_sample_f32", sample);
  list.add("argmax_f32", argmax);
  list.add("argsort_desc_f32", argsort);
  list.add("top_k_f32", top_k);
}

}  // namespace anymetal::cases::plain
