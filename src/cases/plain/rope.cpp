// Rotary embeddings: kernels/rope.
#include <algorithm>

#include "cases/plain/types.hpp"

namespace anymetal::cases::plain {
namespace {

using I32 = std::int32_t;
using U32 = std::uint32_t;

template <class T>
void turn(const T* x, T* y, std::size_t i, std::size_t j, float cosine, float sine) {
  const float a = float(x[i]), b = float(x[j]);
  y[i] = T(a * cosine - b * sine);
  y[j] = T(a * sine + b * cosine);
}
/// Radians of pair i of a period of `dim` elements.
float angle_of(float position, std::size_t i, std::size_t dim, float theta) {
  return position / std::pow(theta, 2 * static_cast<float>(i) / static_cast<float>(dim));
}

template <class T>
void adjacent(const Arguments& a) {
  const float* params = a.at<float>(2);
  const auto dim = static_cast<std::size_t>(params[1]);
  for (std::size_t s = 0; s < a.elements(0) / dim; ++s) {
    for (std::size_t i = 0; i < dim / 2; ++i) {
      const float angle = angle_of(static_cast<float>(a.at<U32>(3)[s]), i, dim, params[0]);
      turn(a.at<T>(0) + s * dim, a.at<T>(1) + s * dim, 2 * i, 2 * i + 1, std::cos(angle), std::sin(angle));
    }
  }
}

template <class T>
void split(const Arguments& a) {
  const float* params = a.at<float>(2);
  const U32* flags = a.at<U32>(4);
  const auto dim = static_cast<std::size_t>(params[1]), pairs = static_cast<std::size_t>(params[2]) / 2;
  const bool factors = std::is_same_v<T, float> && flags[1] != 0;
  for (std::size_t row = 0; row < a.elements(0) / dim; ++row) {
    const T* x = a.at<T>(0) + row * dim;
    T* y = a.at<T>(1) + row * dim;
    for (std::size_t i = 0; i < dim / 2; ++i) {
      if (i >= pairs) {
        y[i] = x[i], y[i + dim / 2] = x[i + dim / 2];
        continue;
      }
      float angle = angle_of(static_cast<float>(a.at<U32>(3)[row / flags[0]]), i, dim, params[0]);
      if (factors) angle /= a.at<float>(5)[i];
      turn(x, y, i, i + dim / 2, std::cos(angle), std::sin(angle));
    }
  }
}

template <class T>
void multi(const Arguments& a) {
  const float* params = a.at<float>(2);
  const U32 *p = a.at<U32>(4), *s = a.at<U32>(5);
  const auto dim = static_cast<std::size_t>(params[1]), rotated = static_cast<std::size_t>(params[2]);
  const U32 heads = p[0], mode = p[1], tokens = p[2];
  for (std::size_t row = 0; row < a.elements(0) / dim; ++row) {
    const T* x = a.at<T>(0) + row * dim;
    T* y = a.at<T>(1) + row * dim;
    for (std::size_t i = 0; i < dim / 2; ++i) {
      if (i >= rotated / 2) {
        y[i] = x[i], y[i + dim / 2] = x[i + dim / 2];
        continue;
      }
      const bool vision = mode == 24;
      const std::size_t at = i % std::max(1u, vision ? s[0] + s[1] : s[0] + s[1] + s[2] + s[3]);
      std::size_t axis = 0, place = i;
      if (vision) {
        axis = at < s[0] ? 0 : 1;
        place = at < s[0] ? at : at - s[0];
      } else if (mode == 40) {
        axis = at < 3 * s[at % 3] ? at % 3 : 3;
      } else {
        axis = at < s[0] ? 0 : at < s[0] + s[1] ? 1 : at < s[0] + s[1] + s[2] ? 2 : 3;
      }
      const auto position = static_cast<float>(a.at<I32>(3)[axis * tokens + row / heads]);
      const float angle = angle_of(position, place, vision ? rotated / 2 : rotated, params[0]);
      turn(x, y, i, i + dim / 2, std::cos(angle), std::sin(angle));
    }
  }
}

/// One head in f32, normalised.
template <class T>
void normalise(const T* x, const T* w, bool has_weight, float eps, std::size_t dim, float* n) {
  float squares = 0;
  for (std::size_t i = 0; i < dim; ++i) squares += float(x[i]) * float(x[i]);
  const float r = 1 / std::sqrt(squares / static_cast<float>(dim) + eps);
  for (std::size_t i = 0; i < dim; ++i) n[i] = float(x[i]) * r * (has_weight ? float(w[i]) : 1.0f);
}

struct Fused {
  U32 dim, heads, pairs;
  float eps;
  U32 has_weight;
  float theta;
  U32 has_factors, has_bf16, permuted, tokens, has_f32_copy;
};
void rotate_row(float* n, const Fused& p, float position, const float* factors) {
  for (std::size_t i = 0; i < p.pairs; ++i) {
    float angle = angle_of(position, i, p.dim, p.theta);
    if (p.has_factors != 0) angle /= factors[i];
    turn(n, n, i, i + p.dim / 2, std::cos(angle), std::sin(angle));
  }
}

void fused_f32(const Arguments& a) {
  const auto p = a.value<Fused>(3);
  const std::size_t dim = p.dim;
  Row<float> n(dim);
  for (std::size_t row = 0; row < a.elements(0) / dim; ++row) {
    const std::size_t token = row / p.heads, head = row % p.heads;
    normalise(a.at<float>(0) + row * dim, a.at<float>(2), p.has_weight != 0, p.eps, dim, n.data());
    rotate_row(n.data(), p, static_cast<float>(a.at<U32>(4)[token]), a.at<float>(5));
    const std::size_t copy = p.permuted != 0 ? (head * p.tokens + token) * dim : row * dim;
    for (std::size_t i = 0; i < dim; ++i) {
      a.at<float>(1)[row * dim + i] = n[i];
      if (p.has_bf16 != 0) a.at<Bfloat>(6)[copy + i] = Bfloat(n[i]);
      if (p.has_f32_copy != 0) a.at<float>(7)[copy + i] = n[i];
    }
  }
}

void fused_batch_bf16(const Arguments& a) {
  Fused p = {};
  std::memcpy(&p, a.at<std::byte>(3), 28);
  const std::size_t dim = p.dim;
  Row<float> n(dim);
  for (std::size_t row = 0; row < a.elements(0) / dim; ++row) {
    normalise(a.at<Bfloat>(0) + row * dim, a.at<Bfloat>(2), p.has_weight != 0, p.eps, dim, n.data());
    rotate_row(n.data(), p, static_cast<float>(a.at<U32>(4)[row / p.heads]), a.at<float>(5));
    for (std::size_t i = 0; i < dim; ++i) a.at<Bfloat>(1)[row * dim + i] = Bfloat(n[i]);
  }
}

void fused_bf16(const Arguments& a) {
  Fused p = {};
  std::memcpy(&p, a.at<std::byte>(5), 20);
  const std::size_t dim = p.dim;
  Row<float> n(dim);
  for (std::size_t head = 0; head < p.heads; ++head) {
    normalise(a.at<Bfloat>(0) + head * dim, a.at<Bfloat>(2), p.has_weight != 0, p.eps, dim, n.data());
    for (std::size_t i = 0; i < p.pairs; ++i) {
      turn(n.data(), n.data(), i, i + p.pairs, a.at<float>(3)[i], a.at<float>(4)[i]);
    }
    for (std::size_t i = 0; i < dim; ++i) a.at<Bfloat>(1)[head * dim + i] = Bfloat(n[i]);
  }
}

}  // namespace

void rope_loops(LoopList& list) {
  list.add("rope_f32", adjacent<float>);
  list.add("rope_f16", adjacent<Half>);
  list.add("rope_bf16", adjacent<Bfloat>);
  list.add("rope_neox_f32", split<float>);
  list.add("rope_neox_bf16", split<Bfloat>);
  list.add("rope_multi_f32", multi<float>);
  list.add("rope_multi_bf16", multi<Bfloat>);
  list.add("fused_head_norm_rope_f32", fused_f32);
  list.add("fused_head_norm_rope_f32_v2", fused_f32);
  list.add("fused_head_norm_rope_batch_bf16", fused_batch_bf16);
  list.add("fused_head_norm_rope_bf16", fused_bf16);
}

}  // namespace anymetal::cases::plain
