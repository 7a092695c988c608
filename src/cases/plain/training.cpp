// Gradients, and kernels that only training calls: kernels/training.
#include <algorithm>

#include "cases/plain/formulas.hpp"

namespace anymetal::cases::plain {
namespace {

using U32 = std::uint32_t;

template <auto F>
void unary(const Arguments& a) {
  const float* x = a.at<float>(0);
  float* y = a.at<float>(1);
  for (std::size_t i = 0; i < a.elements(0); ++i) y[i] = F(x[i]);
}
template <auto F>
void binary(const Arguments& a) {
  const float *x = a.at<float>(0), *z = a.at<float>(1);
  float* y = a.at<float>(2);
  for (std::size_t i = 0; i < a.elements(0); ++i) y[i] = F(x[i], z[i]);
}
float exponential(float x) { return std::exp(x); }
float root(float x) { return std::sqrt(x); }
float logarithm(float x) { return std::log(x); }
float product(float y, float dy) { return y * dy; }
float root_slope(float y, float dy) { return dy / (2 * y); }
float quotient(float x, float y) { return x / y; }
float logarithm_slope(float x, float dy) { return dy / x; }
float silu_slope(float x, float dy) {
  const float s = logistic(x);
  return dy * s * (1 + x * (1 - s));
}

void divide_backward(const Arguments& a) {
  const float *b = a.at<float>(0), *y = a.at<float>(1), *dy = a.at<float>(2);
  float *da = a.at<float>(3), *db = a.at<float>(4);
  for (std::size_t i = 0; i < a.elements(0); ++i) {
    da[i] = dy[i] / b[i];
    db[i] = -dy[i] * y[i] / b[i];
  }
}

void adam(const Arguments& a) {
  struct Params {
    float rate, beta1, beta2, eps, correction1, correction2;
  };
  const auto p = a.value<Params>(4);
  const float* g = a.at<float>(1);
  float *theta = a.at<float>(0), *m = a.at<float>(2), *v = a.at<float>(3);
  for (std::size_t i = 0; i < a.elements(0); ++i) {
    m[i] = p.beta1 * m[i] + (1 - p.beta1) * g[i];
    v[i] = p.beta2 * v[i] + (1 - p.beta2) * g[i] * g[i];
    theta[i] -= p.rate * (m[i] / p.correction1) / (std::sqrt(v[i] / p.correction2) + p.eps);
  }
}

struct FloatParams {
  float first, second;
};

float dot(const float* x, const float* y, std::size_t n) {
  float sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += x[i] * y[i];
  return sum;
}

void softmax_backward(const Arguments& a) {
  const auto columns = static_cast<std::size_t>(a.value<FloatParams>(3).first);
  for (std::size_t base = 0; base < a.elements(2); base += columns) {
    const float *y = a.at<float>(0) + base, *dy = a.at<float>(1) + base;
    float* dx = a.at<float>(2) + base;
    const float mean = dot(y, dy, columns);
    for (std::size_t i = 0; i < columns; ++i) dx[i] = y[i] * (dy[i] - mean);
  }
}

void row_sum(const Arguments& a) {
  const auto columns = static_cast<std::size_t>(a.value<FloatParams>(2).first);
  for (std::size_t row = 0; row < a.elements(1); ++row) {
    const float* x = a.at<float>(0) + row * columns;
    float sum = 0;
    for (std::size_t i = 0; i < columns; ++i) sum += x[i];
    a.at<float>(1)[row] = sum;
  }
}

void row_sum_backward(const Arguments& a) {
  const auto columns = static_cast<std::size_t>(a.value<FloatParams>(2).first);
  for (std::size_t row = 0; row < a.elements(0); ++row) {
    std::fill_n(a.at<float>(1) + row * columns, columns, a.at<float>(0)[row]);
  }
}

void rms_inverse(const Arguments& a) {
  const auto p = a.value<FloatParams>(2);
  const auto columns = static_cast<std::size_t>(p.second);
  for (std::size_t row = 0; row < a.elements(1); ++row) {
    const float* x = a.at<float>(0) + row * columns;
    a.at<float>(1)[row] = 1 / std::sqrt(dot(x, x, columns) / p.second + p.first);
  }
}

void rms_dx(const Arguments& a) {
  const auto p = a.value<FloatParams>(5);
  const auto columns = static_cast<std::size_t>(p.first);
  const float* w = a.at<float>(1);
  for (std::size_t row = 0; row < a.elements(3); ++row) {
    const std::size_t base = row * columns;
    const float *x = a.at<float>(0) + base, *dy = a.at<float>(2) + base, r = a.at<float>(3)[row];
    float* dx = a.at<float>(4) + base;
    float sum = 0;
    for (std::size_t i = 0; i < columns; ++i) sum += dy[i] * x[i] * w[i];
    const float c = sum * r * r / p.first;
    for (std::size_t i = 0; i < columns; ++i) dx[i] = r * (dy[i] * w[i] - x[i] * c);
  }
}

void rms_dw(const Arguments& a) {
  const std::size_t columns = a.elements(3), rows = a.elements(2);
  float* dw = a.at<float>(3);
  std::fill_n(dw, columns, 0.0f);
  for (std::size_t row = 0; row < rows; ++row) {
    const float *x = a.at<float>(0) + row * columns, *dy = a.at<float>(1) + row * columns, r = a.at<float>(2)[row];
    for (std::size_t i = 0; i < columns; ++i) dw[i] += dy[i] * x[i] * r;
  }
}

void outer_product(const Arguments& a) {
  const std::size_t rows = a.elements(0), columns = a.elements(1);
  const float *lhs = a.at<float>(0), *rhs = a.at<float>(1);
  for (std::size_t i = 0; i < rows; ++i) {
    float* y = a.at<float>(2) + i * columns;
    for (std::size_t j = 0; j < columns; ++j) y[j] = lhs[i] * rhs[j];
  }
}
void outer_product_lhs(const Arguments& a) {
  const std::size_t rows = a.elements(2), columns = a.elements(1);
  for (std::size_t i = 0; i < rows; ++i) a.at<float>(2)[i] = dot(a.at<float>(0) + i * columns, a.at<float>(1), columns);
}
void outer_product_rhs(const Arguments& a) {
  const std::size_t rows = a.elements(1), columns = a.elements(2);
  float* drhs = a.at<float>(2);
  std::fill_n(drhs, columns, 0.0f);
  for (std::size_t i = 0; i < rows; ++i) {
    const float *dy = a.at<float>(0) + i * columns, lhs = a.at<float>(1)[i];
    for (std::size_t j = 0; j < columns; ++j) drhs[j] += dy[j] * lhs;
  }
}

struct Taking {
  U32 rows, columns, k;
};
void take(const Arguments& a) {
  const auto p = a.value<Taking>(3);
  const U32* index = a.at<U32>(1);
  for (std::size_t i = 0; i < std::size_t{p.rows} * p.k; ++i) {
    a.at<float>(2)[i] = index[i] < p.columns ? a.at<float>(0)[i / p.k * p.columns + index[i]] : 0;
  }
}
void take_backward(const Arguments& a) {
  const auto p = a.value<Taking>(3);
  const U32* index = a.at<U32>(1);
  for (std::size_t i = 0; i < std::size_t{p.rows} * p.k; ++i) {
    if (index[i] < p.columns) a.at<float>(2)[i / p.k * p.columns + index[i]] += a.at<float>(0)[i];
  }
}

struct Table {
  U32 vocab, hidden, batch;
};
void lookup(const Arguments& a) {
  struct Params {
    U32 vocab, hidden;
  };
  const auto p = a.value<Params>(3);
  for (std::size_t b = 0; b < a.elements(1); ++b) {
    const U32 id = a.at<U32>(1)[b];
    float* y = a.at<float>(2) + b * p.hidden;
    if (id < p.vocab)
      std::copy_n(a.at<float>(0) + std::size_t{id} * p.hidden, p.hidden, y);
    else
      std::fill_n(y, p.hidden, 0.0f);
  }
}
void scatter_add(const Arguments& a) {
  const auto p = a.value<Table>(3);
  std::fill_n(a.at<float>(2), a.elements(2), 0.0f);
  for (std::size_t b = 0; b < p.batch; ++b) {
    const U32 id = a.at<U32>(1)[b];
    if (id >= p.vocab) continue;
    float* row = a.at<float>(2) + std::size_t{id} * p.hidden;
    for (std::size_t h = 0; h < p.hidden; ++h) row[h] += a.at<float>(0)[b * p.hidden + h];
  }
}

/// Columns of one matrix that are a whole other one.
struct Slab {
  U32 from_columns, to_columns, start;
};
void slice(const Arguments& a) {
  const auto p = a.value<Slab>(2);
  for (std::size_t row = 0; row * p.to_columns < a.elements(1); ++row) {
    std::copy_n(a.at<float>(0) + row * p.from_columns + p.start, p.to_columns, a.at<float>(1) + row * p.to_columns);
  }
}
void copy_into(const Arguments& a) {
  const auto p = a.value<Slab>(2);
  for (std::size_t row = 0; row * p.from_columns < a.elements(0); ++row) {
    std::copy_n(a.at<float>(0) + row * p.from_columns, p.from_columns, a.at<float>(1) + row * p.to_columns + p.start);
  }
}

struct Conv {
  U32 tokens, channels, width;
};
void conv_forward(const Arguments& a) {
  const auto p = a.value<Conv>(3);
  const float *x = a.at<float>(0), *w = a.at<float>(1);
  for (std::size_t t = 0; t < p.tokens; ++t) {
    float* y = a.at<float>(2) + t * p.channels;
    std::fill_n(y, p.channels, 0.0f);
    for (std::size_t k = 0; k < p.width; ++k) {
      if (t + k + 1 < p.width) continue;
      const float* from = x + (t + k + 1 - p.width) * p.channels;
      for (std::size_t c = 0; c < p.channels; ++c) y[c] += w[c * p.width + k] * from[c];
    }
  }
}
void conv_dx(const Arguments& a) {
  const auto p = a.value<Conv>(3);
  const float *dy = a.at<float>(0), *w = a.at<float>(1);
  for (std::size_t i = 0; i < p.tokens; ++i) {
    float* dx = a.at<float>(2) + i * p.channels;
    std::fill_n(dx, p.channels, 0.0f);
    for (std::size_t k = 0; k < p.width; ++k) {
      const std::size_t t = i + p.width - 1 - k;
      if (t >= p.tokens) continue;
      for (std::size_t c = 0; c < p.channels; ++c) dx[c] += w[c * p.width + k] * dy[t * p.channels + c];
    }
  }
}
void conv_dw(const Arguments& a) {
  const auto p = a.value<Conv>(3);
  const float *x = a.at<float>(0), *dy = a.at<float>(1);
  float* dw = a.at<float>(2);
  std::fill_n(dw, a.elements(2), 0.0f);
  for (std::size_t k = 0; k < p.width; ++k) {
    for (std::size_t t = p.width - 1 - k; t < p.tokens; ++t) {
      const float *from = x + (t + k + 1 - p.width) * p.channels, *to = dy + t * p.channels;
      for (std::size_t c = 0; c < p.channels; ++c) dw[c * p.width + k] += from[c] * to[c];
    }
  }
}

}  // namespace

void training_loops(LoopList& list) {
  list.add("exp_f32", unary<exponential>);
  list.add("exp_backward_f32", binary<product>);
  list.add("sqrt_f32", unary<root>);
  list.add("sqrt_backward_f32", binary<root_slope>);
  list.add("divide_f32", binary<quotient>);
  list.add("divide_backward_f32", divide_backward);
  list.add("silu_f32", unary<silu>);
  list.add("silu_backward_f32", binary<silu_slope>);
  list.add("log_f32", unary<logarithm>);
  list.add("log_backward_f32", binary<logarithm_slope>);
  list.add("adam_update_f32", adam);
  list.add("softmax_backward_f32", softmax_backward);
  list.add("row_sum_f32", row_sum);
  list.add("row_sum_backward_f32", row_sum_backward);
  list.add("rms_norm_compute_rms_inv_f32", rms_inverse);
  list.add("rms_norm_backward_dx_f32", rms_dx);
  list.add("rms_norm_backward_dw_f32", rms_dw);
  list.add("outer_product_f32", outer_product);
  list.add("outer_product_backward_lhs_f32", outer_product_lhs);
  list.add("outer_product_backward_rhs_f32", outer_product_rhs);
  list.add("take_along_axis_f32", take);
  list.add("take_along_axis_backward_f32", take_backward);
  list.add("embedding_lookup_f32", lookup);
  list.add("embedding_scatter_add_f32", scatter_add);
  list.add("slice_2d_cols_f32", slice);
  list.add("copy_2d_cols_into_f32", copy_into);
  list.add("conv1d_depthwise_causal_forward_f32", conv_forward);
  list.add("conv1d_depthwise_causal_backward_dx_f32", conv_dx);
  list.add("conv1d_depthwise_causal_backward_dw_f32", conv_dw);
}

}  // namespace anymetal::cases::plain
