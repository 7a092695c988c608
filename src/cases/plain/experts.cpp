// Choosing experts and summing over them: kernels/moe.
#include <algorithm>
#include <numeric>

#include "cases/plain/formulas.hpp"

namespace anymetal::cases::plain {
namespace {

using U32 = std::uint32_t;

/// The k experts of largest logit, of equal ones the lowest first, and their shares of e^logit, which sum to 1.
void route(const float* logits, U32* ids, float* weights, std::size_t experts, std::size_t k, U32* order) {
  std::iota(order, order + experts, 0);
  std::partial_sort(order, order + k, order + experts,
                    [=](U32 i, U32 j) { return logits[i] > logits[j] || (logits[i] == logits[j] && i < j); });
  float sum = 0;
  for (std::size_t slot = 0; slot < k; ++slot) {
    ids[slot] = order[slot];
    weights[slot] = std::exp(logits[order[slot]] - logits[order[0]]);
    sum += weights[slot];
  }
  for (std::size_t slot = 0; slot < k; ++slot) weights[slot] /= sum;
}

void fused_routing(const Arguments& a) {
  struct Params {
    U32 experts, k;
  };
  const auto p = a.value<Params>(4);
  const float* scale = a.at<float>(3);
  Row<U32> order(p.experts);
  for (std::size_t token = 0; token < a.elements(0) / p.experts; ++token) {
    U32* ids = a.at<U32>(1) + token * p.k;
    float* weights = a.at<float>(2) + token * p.k;
    route(a.at<float>(0) + token * p.experts, ids, weights, p.experts, p.k, order.data());
    for (std::size_t slot = 0; slot < p.k; ++slot) weights[slot] *= scale[ids[slot]];
  }
}

void softmax_topk(const Arguments& a) {
  struct Params {
    U32 tokens, experts, k;
  };
  const auto p = a.value<Params>(0);
  Row<U32> order(p.experts);
  for (std::size_t token = 0; token < p.tokens; ++token) {
    route(a.at<float>(1) + token * p.experts, a.at<U32>(2) + token * p.k, a.at<float>(3) + token * p.k, p.experts, p.k,
          order.data());
  }
}

void gate(const Arguments& a) {
  const auto dim = a.value<U32>(6), experts = a.value<U32>(7), k = a.value<U32>(8);
  const auto eps = a.value<float>(9);
  const float *router = a.at<float>(1), *norm = a.at<float>(2), *scale = a.at<float>(3);
  Row<float> x(dim), logits(experts);
  Row<U32> order(experts);
  for (std::size_t token = 0; token < a.elements(0) / dim; ++token) {
    const Bfloat* hidden = a.at<Bfloat>(0) + token * dim;
    float squares = 0;
    for (std::size_t i = 0; i < dim; ++i) squares += float(hidden[i]) * float(hidden[i]);
    const float r = 1 / std::sqrt(squares / static_cast<float>(dim) + eps);
    for (std::size_t i = 0; i < dim; ++i) x[i] = float(hidden[i]) * r * norm[i];
    for (std::size_t e = 0; e < experts; ++e) {
      float sum = 0;
      for (std::size_t i = 0; i < dim; ++i) sum += x[i] * router[e * dim + i];
      logits[e] = sum;
    }
    U32* ids = a.at<U32>(4) + token * k;
    float* weights = a.at<float>(5) + token * k;
    route(logits.data(), ids, weights, experts, std::min(k, experts), order.data());
    float sum = 0;
    for (std::size_t slot = 0; slot < k; ++slot) sum += weights[slot] *= scale[ids[slot]];
    for (std::size_t slot = 0; slot < k; ++slot) weights[slot] /= sum;
  }
}

void gather_weights(const Arguments& a) {
  struct Params {
    U32 experts, k;
  };
  const auto p = a.value<Params>(5);
  const float *probabilities = a.at<float>(0), *scale = a.at<float>(2);
  const U32* order = a.at<U32>(1);
  float* weights = a.at<float>(4);
  float sum = 0;
  for (std::size_t slot = 0; slot < p.k; ++slot) sum += probabilities[order[slot]];
  for (std::size_t slot = 0; slot < p.k; ++slot) {
    a.at<U32>(3)[slot] = order[slot];
    weights[slot] = probabilities[order[slot]] / sum * scale[order[slot]];
  }
}

/// y += weight x.
template <class T>
void accumulate(const T* x, float weight, float* y, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) y[i] += weight * float(x[i]);
}

void accumulate_one(const Arguments& a) {
  struct Params {
    U32 n;
    float weight;
  };
  const auto p = a.value<Params>(2);
  accumulate(a.at<float>(1), p.weight, a.at<float>(0), p.n);
}

/// Per token the weighted sum over its slots.
template <class T>
void weighted_sums(const T* x, const float* w, float* y, std::size_t tokens, std::size_t slots, std::size_t width) {
  for (std::size_t t = 0; t < tokens; ++t) {
    std::fill_n(y + t * width, width, 0.0f);
    for (std::size_t k = t * slots; k < (t + 1) * slots; ++k) accumulate(x + k * width, w[k], y + t * width, width);
  }
}
struct SumParams {
  U32 width, slots, tokens;
};
void weighted_sum(const Arguments& a) {
  struct Params {
    U32 width, slots;
  };
  const auto p = a.value<Params>(3);
  weighted_sums(a.at<float>(0), a.at<float>(1), a.at<float>(2), 1, p.slots, p.width);
}
template <class T>
void weighted_sum_sequence(const Arguments& a) {
  const auto p = a.value<SumParams>(3);
  weighted_sums(a.at<T>(0), a.at<float>(1), a.at<float>(2), p.tokens, p.slots, p.width);
}

void backward_outputs(const Arguments& a) {
  const auto p = a.value<SumParams>(3);
  for (std::size_t k = 0; k < std::size_t{p.tokens} * p.slots; ++k) {
    const float *dy = a.at<float>(1) + k / p.slots * p.width, w = a.at<float>(0)[k];
    float* dx = a.at<float>(2) + k * p.width;
    for (std::size_t i = 0; i < p.width; ++i) dx[i] = w * dy[i];
  }
}
float dot(const float* x, const float* y, std::size_t n) {
  float sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += x[i] * y[i];
  return sum;
}
void backward_weights(const Arguments& a) {
  const auto p = a.value<SumParams>(3);
  for (std::size_t k = 0; k < std::size_t{p.tokens} * p.slots; ++k) {
    a.at<float>(2)[k] = dot(a.at<float>(0) + k * p.width, a.at<float>(1) + k / p.slots * p.width, p.width);
  }
}

void weighted_reduce(const Arguments& a) {
  struct Params {
    U32 tokens, slots, width, add_residual;
  };
  const auto p = a.value<Params>(0);
  weighted_sums(a.at<float>(2), a.at<float>(1), a.at<float>(6), p.tokens, p.slots, p.width);
  for (std::size_t t = 0; t < p.tokens; ++t) {
    float* y = a.at<float>(6) + t * p.width;
    accumulate(a.at<float>(4) + t * p.width, logistic(a.at<float>(3)[t]), y, p.width);
    if (p.add_residual != 0) accumulate(a.at<float>(5) + t * p.width, 1, y, p.width);
  }
}

void matvec(const Arguments& a) {
  struct Params {
    U32 m, k, n;
  };
  const auto p = a.value<Params>(3);
  for (std::size_t row = 0; row < p.n; ++row) {
    a.at<float>(2)[row] = dot(a.at<float>(0) + row * p.k, a.at<float>(1), p.k);
  }
}

}  // namespace

void experts_loops(LoopList& list) {
  list.add("fused_moe_routing_f32", fused_routing);
  list.add("fused_moe_routing_batch_f32", fused_routing);
  list.add("moe_softmax_topk_f32", softmax_topk);
  list.add("moe_gate", gate);
  list.add("moe_gather_topk_weights", gather_weights);
  list.add("moe_accumulate", accumulate_one);
  list.add("moe_weighted_sum", weighted_sum);
  list.add("moe_weighted_sum_seq", weighted_sum_sequence<float>);
  list.add("moe_weighted_sum_seq_bf16_input", weighted_sum_sequence<Bfloat>);
  list.add("moe_weighted_sum_seq_backward_outputs_f32", backward_outputs);
  list.add("moe_weighted_sum_seq_backward_weights_f32", backward_weights);
  list.add("moe_weighted_reduce_f32", weighted_reduce);
  list.add("naive_matvec_f32", matvec);
}

}  // namespace anymetal::cases::plain
