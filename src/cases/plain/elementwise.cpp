// Element-wise kernels: kernels/elementwise, kernels/activation, and the activations of kernels/moe.
#include "cases/plain/formulas.hpp"

namespace anymetal::cases::plain {
namespace {

template <class From, class To, class F>
void each(const From* x, To* y, std::size_t n, F f) {
  for (std::size_t i = 0; i < n; ++i) y[i] = To(f(float(x[i])));
}
template <class T, class F>
void each(const T* x, const T* y, T* z, std::size_t n, F f) {
  for (std::size_t i = 0; i < n; ++i) z[i] = T(f(float(x[i]), float(y[i])));
}

/// Two inputs, an output and their length.
template <class T, auto F>
void binary(const Arguments& a) {
  each(a.at<T>(0), a.at<T>(1), a.at<T>(2), a.value<std::uint32_t>(3), [](float x, float y) { return F(x, y); });
}
float sum(float x, float y) { return x + y; }
float product(float x, float y) { return x * y; }
float gelu_times(float gate, float up) { return gelu(gate) * up; }
float silu_times(float gate, float up) { return silu(gate) * up; }
float times_logistic(float x, float gate) { return x * logistic(gate); }

template <class From, class To>
void cast(const Arguments& a) {
  each(a.at<From>(0), a.at<To>(1), a.value<std::uint32_t>(2), [](float x) { return x; });
}

struct ScalarAndCount {
  float scalar;
  std::uint32_t count;
};
template <class T>
void scalar_mul(const Arguments& a) {
  const auto p = a.value<ScalarAndCount>(2);
  each(a.at<T>(0), a.at<T>(1), p.count, [=](float x) { return x * p.scalar; });
}
template <class T>
void softcap(const Arguments& a) {
  const auto p = a.value<ScalarAndCount>(2);
  each(a.at<T>(0), a.at<T>(1), p.count, [=](float x) { return std::tanh(x / p.scalar) * p.scalar; });
}
template <class T>
void gelus(const Arguments& a) {
  each(a.at<T>(0), a.at<T>(1), a.elements(0), gelu);
}

void swiglu_fused(const Arguments& a) {
  const auto n = a.value<std::uint32_t>(2);
  const auto* gate = a.at<float>(0);
  each(gate, gate + n, a.at<float>(1), n, gelu_times);
}

/// Rows of gate and up halves.
template <class T>
void swiglu_rows(const T* x, T* y, std::size_t rows, std::size_t width) {
  for (std::size_t row = 0; row < rows; ++row) {
    each(x + 2 * row * width, x + (2 * row + 1) * width, y + row * width, width, gelu_times);
  }
}
void swiglu_batch(const Arguments& a) {
  swiglu_rows(a.at<float>(0), a.at<float>(1), a.value<std::uint32_t>(3), a.value<std::uint32_t>(2));
}
struct SequenceParams {
  std::uint32_t width, slots, tokens;
};
template <class T>
void swiglu_sequence(const Arguments& a) {
  const auto p = a.value<SequenceParams>(2);
  swiglu_rows(a.at<T>(0), a.at<T>(1), std::size_t{p.tokens} * p.slots, p.width);
}

void swiglu_sequence_backward(const Arguments& a) {
  const auto p = a.value<SequenceParams>(3);
  const auto *x = a.at<float>(0), *dy = a.at<float>(1);
  auto* dx = a.at<float>(2);
  constexpr float kRoot = 0.7978845608f, kCube = 0.044715f;
  for (std::size_t row = 0; row < std::size_t{p.tokens} * p.slots; ++row) {
    const float *gate = x + 2 * row * p.width, *up = gate + p.width, *d = dy + row * p.width;
    float *d_gate = dx + 2 * row * p.width, *d_up = d_gate + p.width;
    for (std::size_t i = 0; i < p.width; ++i) {
      const float g = gate[i], t = std::tanh(kRoot * (g + kCube * g * g * g));
      const float slope = 0.5f * (1 + t) + 0.5f * g * (1 - t * t) * kRoot * (1 + 3 * kCube * g * g);
      d_gate[i] = d[i] * up[i] * slope;
      d_up[i] = d[i] * 0.5f * g * (1 + t);
    }
  }
}

}  // namespace

void elementwise_loops(LoopList& list) {
  list.add("elementwise_add_f32", binary<float, sum>);
  list.add("elementwise_add_f16", binary<Half, sum>);
  list.add("elementwise_add_bf16", binary<Bfloat, sum>);
  list.add("elementwise_mul_f32", binary<float, product>);
  list.add("elementwise_mul_f16", binary<Half, product>);
  list.add("elementwise_mul_bf16", binary<Bfloat, product>);
  list.add("fused_gelu_mul", binary<float, gelu_times>);
  list.add("fused_gelu_mul_bf16", binary<Bfloat, gelu_times>);
  list.add("silu_mul_f32", binary<float, silu_times>);
  list.add("sigmoid_mul_f32", binary<float, times_logistic>);
  list.add("sigmoid_mul_bf16", binary<Bfloat, times_logistic>);
  list.add("cast_f16_to_f32", cast<Half, float>);
  list.add("cast_f32_to_f16", cast<float, Half>);
  list.add("cast_bf16_to_f32", cast<Bfloat, float>);
  list.add("cast_f32_to_bf16", cast<float, Bfloat>);
  list.add("scalar_mul_f32", scalar_mul<float>);
  list.add("scalar_mul_bf16", scalar_mul<Bfloat>);
  list.add("softcap_f32", softcap<float>);
  list.add("softcap_f16", softcap<Half>);
  list.add("softcap_bf16", softcap<Bfloat>);
  list.add("gelu_f32", gelus<float>);
  list.add("gelu_f16", gelus<Half>);
  list.add("gelu_bf16", gelus<Bfloat>);
  list.add("moe_swiglu_fused", swiglu_fused);
  list.add("moe_swiglu_batch", swiglu_batch);
  list.add("moe_swiglu_seq", swiglu_sequence<float>);
  list.add("moe_swiglu_seq_bf16", swiglu_sequence<Bfloat>);
  list.add("moe_swiglu_seq_backward_f32", swiglu_sequence_backward);
}

}  // namespace anymetal::cases::plain
