// Gates, prefix sums, short convolutions and triangular solves of recurrent layers: kernels/recurrent.
#include <algorithm>

#include "cases/plain/formulas.hpp"

namespace anymetal::cases::plain {
namespace {

using U32 = std::uint32_t;

void g_beta(const Arguments& a) {
  struct Params {
    U32 heads, tokens;
  };
  const auto p = a.value<Params>(6);
  const float *bias = a.at<float>(2), *rate = a.at<float>(3);
  for (std::size_t t = 0; t < p.tokens; ++t) {
    const float *alpha = a.at<float>(0) + t * p.heads, *b = a.at<float>(1) + t * p.heads;
    float *g = a.at<float>(4) + t * p.heads, *beta = a.at<float>(5) + t * p.heads;
    for (std::size_t h = 0; h < p.heads; ++h) {
      const float x = alpha[h] + bias[h];
      g[h] = (std::max(x, 0.0f) + std::log1p(std::exp(-std::fabs(x)))) * -rate[h];
      beta[h] = logistic(b[h]);
    }
  }
}

void norm_gate(const Arguments& a) {
  struct Params {
    float eps, columns;
  };
  const auto p = a.value<Params>(4);
  const auto dim = static_cast<std::size_t>(p.columns);
  const float* w = a.at<float>(1);
  for (std::size_t base = 0; base < a.elements(3); base += dim) {
    const float *x = a.at<float>(0) + base, *z = a.at<float>(2) + base;
    float* y = a.at<float>(3) + base;
    float squares = 0;
    for (std::size_t i = 0; i < dim; ++i) squares += x[i] * x[i];
    const float r = 1 / std::sqrt(squares / p.columns + p.eps);
    for (std::size_t i = 0; i < dim; ++i) y[i] = x[i] * r * w[i] * silu(z[i]);
  }
}

template <class T>
void cumsum(const Arguments& a) {
  const auto dim = a.value<U32>(2);
  for (std::size_t base = 0; base < a.elements(1); base += dim) {
    const T* x = a.at<T>(0) + base;
    T* y = a.at<T>(1) + base;
    float sum = 0;
    for (std::size_t i = 0; i < dim; ++i) y[i] = T(sum += float(x[i]));
  }
}

void chunk_cumsum(const Arguments& a) {
  struct Params {
    U32 batches, tokens, heads, chunk, chunks;
  };
  const auto p = a.value<Params>(2);
  for (std::size_t b = 0; b < p.batches; ++b) {
    for (std::size_t t = 0; t < p.tokens; ++t) {
      const float* g = a.at<float>(0) + (b * p.tokens + t) * p.heads;
      float* sum = a.at<float>(1) + (b * p.tokens + t) * p.heads;
      for (std::size_t h = 0; h < p.heads; ++h) sum[h] = g[h] + (t % p.chunk == 0 ? 0 : sum[h - p.heads]);
    }
  }
}

struct ConvParams {
  U32 channels, tokens, sequences, width;
};

template <class T>
void conv_forward(const Arguments& a) {
  const auto p = a.value<ConvParams>(4);
  const std::size_t past = p.width - 1;
  const T *x = a.at<T>(0), *w = a.at<T>(1), *state = a.at<T>(2);
  T* y = a.at<T>(3);
  Row<float> sums(p.channels);
  for (std::size_t s = 0; s < p.sequences; ++s) {
    for (std::size_t t = 0; t < p.tokens; ++t) {
      std::ranges::fill(sums, 0.0f);
      for (std::size_t k = 0; k < p.width; ++k) {
        for (std::size_t c = 0; c < p.channels; ++c) {
          const float value = t + k < past ? float(state[(s * p.channels + c) * past + t + k])
                                           : float(x[(s * p.tokens + t + k - past) * p.channels + c]);
          sums[c] += float(w[c * p.width + k]) * value;
        }
      }
      for (std::size_t c = 0; c < p.channels; ++c) y[(s * p.tokens + t) * p.channels + c] = T(silu(sums[c]));
    }
  }
}

template <class T>
void conv_state(const Arguments& a) {
  const auto p = a.value<ConvParams>(3);
  const std::size_t past = p.width - 1;
  const T *x = a.at<T>(0), *old_state = a.at<T>(1);
  T* state = a.at<T>(2);
  for (std::size_t s = 0; s < p.sequences; ++s) {
    for (std::size_t c = 0; c < p.channels; ++c) {
      const std::size_t row = (s * p.channels + c) * past;
      for (std::size_t i = 0; i < past; ++i) {
        const std::size_t at = p.tokens + i;
        state[row + i] = at < past ? old_state[row + at] : x[(s * p.tokens + at - past) * p.channels + c];
      }
    }
  }
}

template <class T>
void tri_solve(const Arguments& a) {
  struct Params {
    U32 n, m, batches;
  };
  const auto p = a.value<Params>(3);
  Row<float> sums(p.m);
  for (std::size_t batch = 0; batch < p.batches; ++batch) {
    const T *l = a.at<T>(0) + batch * p.n * p.n, *b = a.at<T>(1) + batch * p.n * p.m;
    T* x = a.at<T>(2) + batch * p.n * p.m;
    for (std::size_t i = 0; i < p.n; ++i) {
      for (std::size_t c = 0; c < p.m; ++c) sums[c] = float(b[i * p.m + c]);
      for (std::size_t j = 0; j < i; ++j) {
        const float factor = float(l[i * p.n + j]);
        for (std::size_t c = 0; c < p.m; ++c) sums[c] -= factor * float(x[j * p.m + c]);
      }
      for (std::size_t c = 0; c < p.m; ++c) x[i * p.m + c] = T(sums[c]);
    }
  }
}

void invert(const Arguments& a) {
  struct Params {
    U32 batches, tokens, heads, chunk;
  };
  const auto p = a.value<Params>(2);
  const std::size_t step = std::size_t{p.heads} * p.chunk;
  for (std::size_t token = 0; token < std::size_t{p.batches} * p.tokens; token += p.chunk) {
    for (std::size_t h = 0; h < p.heads; ++h) {
      const float* l = a.at<float>(0) + token * step + h * p.chunk;
      float* x = a.at<float>(1) + token * step + h * p.chunk;
      for (std::size_t i = 0; i < p.chunk; ++i) {
        float* row = x + i * step;
        for (std::size_t c = 0; c < p.chunk; ++c) row[c] = c == i ? 1.0f : 0.0f;
        for (std::size_t j = 0; j < i; ++j) {
          const float factor = l[i * step + j], *other = x + j * step;
          for (std::size_t c = 0; c <= j; ++c) row[c] -= factor * other[c];
        }
      }
    }
  }
}

}  // namespace

void recurrent_loops(LoopList& list) {
  list.add("compute_g_beta_f32", g_beta);
  list.add("ssm_norm_gate_f32", norm_gate);
  list.add("cumsum_f32", cumsum<float>);
  list.add("cumsum_bf16", cumsum<Bfloat>);
  list.add("chunk_local_cumsum_g_f32", chunk_cumsum);
  list.add("ssm_conv_forward_f32", conv_forward<float>);
  list.add("ssm_conv_forward_bf16", conv_forward<Bfloat>);
  list.add("ssm_conv_state_update_f32", conv_state<float>);
  list.add("ssm_conv_state_update_bf16", conv_state<Bfloat>);
  list.add("tri_solve_lower_unit_f32", tri_solve<float>);
  list.add("tri_solve_lower_unit_bf16", tri_solve<Bfloat>);
  list.add("chunk_tri_solve_invert_f32", invert);
}

}  // namespace anymetal::cases::plain
