// Norms over rows and their fusions: kernels/norm.
#include "cases/plain/types.hpp"

namespace anymetal::cases::plain {
namespace {

template <class T>
float sum_of_squares(const T* x, std::size_t n) {
  float sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += float(x[i]) * float(x[i]);
  return sum;
}
/// 1 / sqrt(mean(x^2) + eps)
template <class T>
float inverse_rms(const T* x, std::size_t n, float eps) {
  return 1 / std::sqrt(sum_of_squares(x, n) / static_cast<float>(n) + eps);
}

/// Parameters of most: eps and the row's length, both as floats.
struct EpsAndDim {
  float eps, columns;
  [[nodiscard]] std::size_t dim() const { return static_cast<std::size_t>(columns); }
};

template <class T, class Weight>
void rms_norm(const Arguments& a) {
  const auto p = a.value<EpsAndDim>(3);
  const auto* w = a.at<Weight>(1);
  const std::size_t dim = p.dim();
  for (std::size_t base = 0; base < a.elements(0); base += dim) {
    const T* x = a.at<T>(0) + base;
    T* y = a.at<T>(2) + base;
    const float r = inverse_rms(x, dim, p.eps);
    for (std::size_t i = 0; i < dim; ++i) y[i] = T(float(x[i]) * r * float(w[i]));
  }
}

template <class T>
void rms_norm_no_scale(const Arguments& a) {
  const auto p = a.value<EpsAndDim>(2);
  const std::size_t dim = p.dim();
  for (std::size_t base = 0; base < a.elements(0); base += dim) {
    const T* x = a.at<T>(0) + base;
    T* y = a.at<T>(1) + base;
    const float r = inverse_rms(x, dim, p.eps);
    for (std::size_t i = 0; i < dim; ++i) y[i] = T(float(x[i]) * r);
  }
}

template <bool kPermuted>
void rms_norm_dual(const Arguments& a) {
  const auto p = a.value<EpsAndDim>(2);
  const std::size_t dim = p.dim(), rows = a.elements(0) / dim;
  struct Heads {
    std::uint32_t heads, tokens;
  };
  Heads h = {1, 0};
  if constexpr (kPermuted) h = a.value<Heads>(4);
  for (std::size_t row = 0; row < rows; ++row) {
    const float* x = a.at<float>(0) + row * dim;
    float* y = a.at<float>(1) + row * dim;
    Bfloat* copy = a.at<Bfloat>(3) + (row % h.heads * h.tokens + row / h.heads) * dim;
    const float r = inverse_rms(x, dim, p.eps);
    for (std::size_t i = 0; i < dim; ++i) {
      y[i] = x[i] * r;
      copy[i] = Bfloat(y[i]);
    }
  }
}

void rms_norm_triple(const Arguments& a) {
  const auto p = a.value<EpsAndDim>(7);
  const std::size_t dim = p.dim();
  for (std::size_t base = 0; base < a.elements(0); base += dim) {
    const float* x = a.at<float>(0) + base;
    const float r = inverse_rms(x, dim, p.eps);
    const float *w0 = a.at<float>(1), *w1 = a.at<float>(2), *w2 = a.at<float>(3);
    float *y0 = a.at<float>(4) + base, *y1 = a.at<float>(5) + base, *y2 = a.at<float>(6) + base;
    for (std::size_t i = 0; i < dim; ++i) {
      const float normed = x[i] * r;  // read before it is written: a result may lie over x
      y0[i] = normed * w0[i];
      y1[i] = normed * w1[i];
      y2[i] = normed * w2[i];
    }
  }
}

template <class T, class Weight>
void rms_norm_mul(const Arguments& a) {
  const auto p = a.value<EpsAndDim>(4);
  const auto* w = a.at<Weight>(1);
  const std::size_t dim = p.dim();
  for (std::size_t base = 0; base < a.elements(0); base += dim) {
    const T *x = a.at<T>(0) + base, *scale = a.at<T>(2) + base;
    T* y = a.at<T>(3) + base;
    const float r = inverse_rms(x, dim, p.eps);
    for (std::size_t i = 0; i < dim; ++i) y[i] = T(float(x[i]) * r * float(w[i]) * float(scale[i]));
  }
}

template <class T>
void l2_norm(const Arguments& a) {
  const auto p = a.value<EpsAndDim>(2);
  const std::size_t dim = p.dim();
  for (std::size_t base = 0; base < a.elements(0); base += dim) {
    const T* x = a.at<T>(0) + base;
    T* y = a.at<T>(1) + base;
    const float r = 1 / std::sqrt(sum_of_squares(x, dim) + p.eps);
    for (std::size_t i = 0; i < dim; ++i) y[i] = T(float(x[i]) * r);
  }
}

/// y = residual + norm(x) w for one row.
template <class T>
void add_normed(const T* residual, const T* x, const T* w, T* y, std::size_t dim, float eps) {
  const float r = inverse_rms(x, dim, eps);
  for (std::size_t i = 0; i < dim; ++i) {
    y[i] = T(float(residual[i]) + float(x[i]) * r * (w == nullptr ? 1.0f : float(w[i])));
  }
}

template <class T, bool kWeighted>
void norm_add(const Arguments& a) {
  const unsigned out = kWeighted ? 3 : 2;
  const auto dim = a.value<std::uint32_t>(out + 1), rows = a.value<std::uint32_t>(out + 2);
  const auto eps = a.value<float>(out + 3);
  for (std::size_t row = 0; row < rows; ++row) {
    const std::size_t base = row * dim;
    add_normed(a.at<T>(0) + base, a.at<T>(1) + base, kWeighted ? a.at<T>(2) : nullptr, a.at<T>(out) + base, dim, eps);
  }
}

struct RowParams {
  std::uint32_t dim, rows;
  float eps;
  std::uint32_t flag;
};

void norm_add_scalar(const Arguments& a) {
  const auto p = a.value<RowParams>(5);
  const float* scalar = a.at<float>(4);
  for (std::size_t row = 0; row < p.rows; ++row) {
    float* y = a.at<float>(3) + row * p.dim;
    add_normed(a.at<float>(0) + row * p.dim, a.at<float>(1) + row * p.dim, a.at<float>(2), y, p.dim, p.eps);
    for (std::size_t i = 0; i < p.dim; ++i) y[i] *= scalar[p.flag != 0 ? i : 0];
  }
}

/// Sum of the two, then its norm times w; the sum goes to `sum`.
void residual_norm_row(const float* residual, const float* x, const float* w, float* sum, float* y, std::size_t dim,
                       float eps) {
  for (std::size_t i = 0; i < dim; ++i) sum[i] = residual[i] + x[i];
  const float r = inverse_rms(sum, dim, eps);
  for (std::size_t i = 0; i < dim; ++i) y[i] = sum[i] * r * w[i];
}

void residual_norm(const Arguments& a) {
  const auto p = a.value<RowParams>(5);
  Row<float> scratch(p.dim);
  for (std::size_t row = 0; row < p.rows; ++row) {
    const std::size_t base = row * p.dim;
    residual_norm_row(a.at<float>(0) + base, a.at<float>(1) + base, a.at<float>(2),
                      p.flag != 0 ? a.at<float>(4) + base : scratch.data(), a.at<float>(3) + base, p.dim, p.eps);
  }
}

void residual_norm_scalar(const Arguments& a) {
  const auto p = a.value<RowParams>(5);
  const float* scalar = a.at<float>(4);
  Row<float> sum(p.dim);
  for (std::size_t row = 0; row < p.rows; ++row) {
    const std::size_t base = row * p.dim;
    float* y = a.at<float>(3) + base;
    residual_norm_row(a.at<float>(0) + base, a.at<float>(1) + base, a.at<float>(2), sum.data(), y, p.dim, p.eps);
    for (std::size_t i = 0; i < p.dim; ++i) y[i] *= scalar[p.flag != 0 ? i : 0];
  }
}

void post_attention(const Arguments& a) {
  struct Params {
    float eps;
    std::uint32_t dim;
  };
  const auto p = a.value<Params>(10);
  for (std::size_t base = 0; base < a.elements(0); base += p.dim) {
    float* sum = a.at<float>(6) + base;
    add_normed(a.at<float>(0) + base, a.at<float>(1) + base, a.at<float>(2), sum, p.dim, p.eps);
    const float r = inverse_rms(sum, p.dim, p.eps);
    for (unsigned k = 0; k < 3; ++k) {
      const float* w = a.at<float>(3 + k);
      float* y = a.at<float>(7 + k) + base;
      for (std::size_t i = 0; i < p.dim; ++i) y[i] = sum[i] * r * w[i];
    }
  }
}

void end_of_layer(const Arguments& a) {
  struct Params {
    float eps;
    std::uint32_t dim, per_column;
  };
  const auto p = a.value<Params>(8);
  const float* scalar = a.at<float>(5);
  for (std::size_t base = 0; base < a.elements(0); base += p.dim) {
    float *sum = a.at<float>(6) + base, *y = a.at<float>(7) + base;
    add_normed(a.at<float>(0) + base, a.at<float>(1) + base, a.at<float>(3), sum, p.dim, p.eps);
    add_normed(a.at<float>(2) + base, sum, a.at<float>(4), y, p.dim, p.eps);
    for (std::size_t i = 0; i < p.dim; ++i) y[i] *= scalar[p.per_column != 0 ? i : 0];
  }
}

/// v = sum over slots of weight times expert row.
void weighted_sum(const float* experts, const float* weights, float* v, std::size_t slots, std::size_t dim) {
  for (std::size_t i = 0; i < dim; ++i) v[i] = experts[i] * weights[0];
  for (std::size_t k = 1; k < slots; ++k) {
    for (std::size_t i = 0; i < dim; ++i) v[i] += experts[k * dim + i] * weights[k];
  }
}

template <bool kNormedResidual>
void experts_norm_add(const Arguments& a) {
  const unsigned out = kNormedResidual ? 5 : 4;
  const auto dim = a.value<std::uint32_t>(out + 1), slots = a.value<std::uint32_t>(out + 2),
             rows = a.value<std::uint32_t>(out + 3);
  const auto eps = a.value<float>(out + 4);
  const float *residual_w = a.at<float>(3), *w = kNormedResidual ? a.at<float>(4) : residual_w;
  Row<float> v(dim);
  for (std::size_t row = 0; row < rows; ++row) {
    const float* residual = a.at<float>(2) + row * dim;
    float* y = a.at<float>(out) + row * dim;
    weighted_sum(a.at<float>(0) + row * slots * dim, a.at<float>(1) + row * slots, v.data(), slots, dim);
    if (kNormedResidual) {
      const float r = inverse_rms(residual, dim, eps), r_v = inverse_rms(v.data(), dim, eps);
      for (std::size_t i = 0; i < dim; ++i) y[i] = residual[i] * r * residual_w[i] + v[i] * r_v * w[i];
    } else {
      add_normed(residual, v.data(), w, y, dim, eps);
    }
  }
}

}  // namespace

void norms_loops(LoopList& list) {
  list.add("rms_norm_f32", rms_norm<float, float>);
  list.add("rms_norm_f32_v2", rms_norm<float, float>);
  list.add("rms_norm_f16", rms_norm<Half, float>);
  list.add("rms_norm_bf16", rms_norm<Bfloat, Bfloat>);
  list.add("rms_norm_no_scale_f32", rms_norm_no_scale<float>);
  list.add("rms_norm_no_scale_f32_v2", rms_norm_no_scale<float>);
  list.add("rms_norm_no_scale_bf16", rms_norm_no_scale<Bfloat>);
  list.add("rms_norm_no_scale_f32_dual", rms_norm_dual<false>);
  list.add("rms_norm_no_scale_f32_dual_perm", rms_norm_dual<true>);
  list.add("rms_norm_f32_triple", rms_norm_triple);
  list.add("rms_norm_mul_f32", rms_norm_mul<float, float>);
  list.add("rms_norm_mul_f16", rms_norm_mul<Half, float>);
  list.add("rms_norm_mul_bf16", rms_norm_mul<Bfloat, Bfloat>);
  list.add("l2_norm_f32", l2_norm<float>);
  list.add("l2_norm_f16", l2_norm<Half>);
  list.add("l2_norm_bf16", l2_norm<Bfloat>);
  list.add("fused_norm_add_f32", norm_add<float, true>);
  list.add("fused_norm_add_f32_v2", norm_add<float, true>);
  list.add("fused_norm_add_bf16", norm_add<Bfloat, true>);
  list.add("fused_norm_add_no_weight_bf16", norm_add<Bfloat, false>);
  list.add("fused_norm_add_scalar_f32", norm_add_scalar);
  list.add("fused_residual_norm_f32", residual_norm);
  list.add("fused_residual_norm_scalar_f32", residual_norm_scalar);
  list.add("fused_post_attn_triple_norm_f32", post_attention);
  list.add("fused_post_ff_norm2_endlayer_f32", end_of_layer);
  list.add("fused_moe_wsum_norm_add_f32", experts_norm_add<false>);
  list.add("fused_moe_wsum_dnorm_add_f32", experts_norm_add<true>);
}

}  // namespace anymetal::cases::plain
