// Products with dense and affine weights, affine look-ups and round trips: kernels/matmul, kernels/quantise.
#include <algorithm>

#include "cases/plain/blocks.hpp"

namespace anymetal::cases::plain {
namespace {

using U64 = std::uint64_t;
using I32 = std::int32_t;
using U32 = std::uint32_t;

template <class T>
void widen(const T* from, float* to, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) to[i] = float(from[i]);
}
template <class A, class B>
float mixed_product(const A* a, const B* b, std::size_t n) {
  float sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += float(a[i]) * float(b[i]);
  return sum;
}

struct Sizes {
  U32 m, n, k;
};
template <class X, class W, class Y>
void matvec(const Arguments& a) {
  const auto p = a.value<Sizes>(3);
  for (std::size_t n = 0; n < p.n; ++n) a.at<Y>(2)[n] = Y(mixed_product(a.at<X>(0), a.at<W>(1) + n * p.k, p.k));
}

void gemm_f16(const Arguments& a) {
  const auto p = a.value<Sizes>(3);
  const std::size_t m = p.m, n = p.n, k = p.k;
  Row<float> left(m * k), right(k);
  widen(a.at<Half>(0), left.data(), m * k);
  for (std::size_t j = 0; j < n; ++j) {
    widen(a.at<Half>(1) + j * k, right.data(), k);
    for (std::size_t i = 0; i < m; ++i) a.at<Half>(2)[i * n + j] = Half(dot_product(&left[i * k], right.data(), k));
  }
}

struct MatMat {
  I32 ne00, ne02;
  U64 nb01, nb02, nb03;
  I32 ne12, pad0;
  U64 nb10, nb11, nb12, nb13;
  I32 ne0, ne1;
  std::int16_t r2, r3;
};
struct MatVec {
  I32 ne00, ne01, ne02, pad0;
  U64 nb00, nb01, nb02, nb03;
  I32 ne10, ne11, ne12, pad1;
  U64 nb10, nb11, nb12, nb13;
  I32 ne0, ne1, nr0;
  std::int16_t r2, r3;
};
template <class T, class P>
void batched(const Arguments& a) {
  const auto p = a.value<P>(0);
  const auto k = static_cast<std::size_t>(p.ne00), n = static_cast<std::size_t>(p.ne0),
             m = static_cast<std::size_t>(p.ne1);
  Row<float> row(k);
  for (std::size_t b = 0; b < static_cast<std::size_t>(p.ne12); ++b) {
    const Byte* w = a.at<Byte>(1) + b / static_cast<std::size_t>(p.r2) * p.nb02;
    const float* x = a.at<float>(2) + b * p.nb12 / 4;
    for (std::size_t j = 0; j < n; ++j) {
      widen(reinterpret_cast<const T*>(w + j * p.nb01), row.data(), k);
      for (std::size_t i = 0; i < m; ++i) {
        a.at<float>(3)[(b * m + i) * n + j] = dot_product(row.data(), x + i * p.nb11 / 4, k);
      }
    }
  }
}

/// Codes of a packed row, each within `kBytes` bytes that hold kCodes of them.
template <std::size_t kBits, std::size_t kBytes>
void unpack(const Byte* row, std::size_t k, float* codes) {
  constexpr std::size_t kCodes = kBytes * 8 / kBits;
  for (std::size_t i = 0; i < k; ++i) {
    U32 bits = 0;
    for (std::size_t byte = 0; byte < kBytes; ++byte) bits |= U32{row[i / kCodes * kBytes + byte]} << 8 * byte;
    codes[i] = static_cast<float>(bits >> i % kCodes * kBits & ((1u << kBits) - 1));
  }
}
void unpack(const Byte* row, std::size_t k, std::size_t bits, float* codes) {
  switch (bits) {
    case 2:
      return unpack<2, 1>(row, k, codes);
    case 3:
      return unpack<3, 3>(row, k, codes);
    case 4:
      return unpack<4, 1>(row, k, codes);
    case 6:
      return unpack<6, 3>(row, k, codes);
    default:
      return unpack<8, 1>(row, k, codes);
  }
}
constexpr std::size_t packed_bytes(std::size_t n, std::size_t bits) {
  const std::size_t unit = bits == 3 || bits == 6 ? 3 : 4, codes = unit * 8 / bits;
  return (n + codes - 1) / codes * unit;
}
/// w = code * scale + bias in place of the codes.
template <class S>
void rescale(float* w, const S* scales, const S* biases, std::size_t k, std::size_t group) {
  for (std::size_t g = 0; g * group < k; ++g) {
    const float scale = float(scales[g]), bias = float(biases[g]);
    for (std::size_t i = g * group; i < std::min(k, (g + 1) * group); ++i) w[i] = w[i] * scale + bias;
  }
}

struct Affine {
  U32 m, k, n, group, bits, slots, experts, weight_stride, scales_stride, biases_stride;
};
struct Packed {
  const Byte* codes;
  const Bfloat *scales, *biases;
};
/// Rows of x with one matrix.
template <class T>
void packed_product(const Packed& w, const T* x, T* y, std::size_t m, const Affine& p) {
  const std::size_t k = p.k, groups = (k + p.group - 1) / p.group;
  Row<float> row(k), wide(m * k);
  widen(x, wide.data(), m * k);
  for (std::size_t n = 0; n < p.n; ++n) {
    unpack(w.codes + n * packed_bytes(k, p.bits), k, p.bits, row.data());
    rescale(row.data(), w.scales + n * groups, w.biases + n * groups, k, p.group);
    for (std::size_t i = 0; i < m; ++i) y[i * p.n + n] = T(dot_product(row.data(), &wide[i * k], k));
  }
}
Affine affine_params(const Arguments& a, unsigned index, bool experts) {
  Affine p = {};
  std::memcpy(&p, a.at<Byte>(index), experts ? 40 : 20);
  return p;
}
template <class T, bool kStacked>
void affine(const Arguments& a) {
  const auto offset = [&](unsigned index) { return kStacked ? a.value<U32>(index) : 0u; };
  const Affine p = affine_params(a, 5, false);
  packed_product<T>({a.at<Byte>(1) + offset(6), a.at<Bfloat>(2) + offset(7) / 2, a.at<Bfloat>(3) + offset(8) / 2},
                    a.at<T>(0), a.at<T>(4), p.m, p);
}
void affine_experts(const Arguments& a) {
  const Affine p = affine_params(a, 6, true);
  for (std::size_t r = 0; r < std::size_t{p.m} * p.slots; ++r) {
    const std::size_t e = a.at<U32>(4)[r];
    float* y = a.at<float>(5) + r * p.n;
    std::fill_n(y, p.n, 0.0f);
    if (e >= p.experts) continue;
    packed_product<float>({a.at<Byte>(1) + e * p.weight_stride, a.at<Bfloat>(2) + e * p.scales_stride,
                           a.at<Bfloat>(3) + e * p.biases_stride},
                          a.at<float>(0) + r / p.slots * p.k, y, 1, p);
  }
}

/// kBits of packed codes, or 0: a byte each.
template <std::size_t kBits>
void affine_f32_scales(const Arguments& a) {
  struct Meta {
    U32 m, n, k, group;
  };
  const auto p = a.value<Meta>(5);
  const std::size_t m = p.m, n = p.n, k = p.k, groups = a.elements(2) / n;
  Row<float> row(k);
  for (std::size_t j = 0; j < n; ++j) {
    unpack(a.at<Byte>(1) + j * (kBits != 0 ? packed_bytes(k, kBits) : k), k, kBits, row.data());
    rescale(row.data(), a.at<float>(2) + j * groups, a.at<float>(3) + j * groups, k, k / groups);
    for (std::size_t i = 0; i < m; ++i) a.at<float>(4)[i * n + j] = dot_product(row.data(), a.at<float>(0) + i * k, k);
  }
}

template <std::size_t kBits>
void affine_embed(const Arguments& a) {
  struct Params {
    U32 dim, group, row_stride, groups;
  };
  const auto p = a.value<Params>(5);
  for (std::size_t t = 0; t < a.elements(3); ++t) {
    const std::size_t id = a.at<U32>(3)[t];
    float* out = a.at<float>(4) + t * p.dim;
    unpack(a.at<Byte>(0) + id * p.row_stride * (kBits % 3 == 0 ? 1 : 4), p.dim, kBits, out);
    rescale(out, a.at<Bfloat>(1) + id * p.groups, a.at<Bfloat>(2) + id * p.groups, p.dim, p.group);
  }
}

template <bool kQ4_0>
void legacy(const Arguments& a) {
  for (std::size_t block = 0; block < a.elements(0); block += 32) {
    const float* x = a.at<float>(0) + block;
    float* y = a.at<float>(1) + block;
    float extreme = 0;
    for (int i = 0; i < 32; ++i) extreme = std::fabs(x[i]) > std::fabs(extreme) ? x[i] : extreme;
    const float d = kQ4_0 ? extreme / -8 : std::fabs(extreme) / 127, inverse = d != 0 ? 1 / d : 0,
                held = float(Half(d));
    for (int i = 0; i < 32; ++i) {
      const float q =
          kQ4_0 ? std::clamp(std::floor(x[i] * inverse + 8.5f), 0.0f, 15.0f) - 8 : std::round(x[i] * inverse);
      y[i] = q * held;
    }
  }
}

void fit(const Arguments& a) {
  struct Params {
    U32 group, bins;
  };
  const auto p = a.value<Params>(4);
  for (std::size_t g = 0; g < a.elements(1); ++g) {
    const float* w = a.at<float>(0) + g * p.group;
    float low = w[0], high = w[0];
    for (std::size_t i = 0; i < p.group; ++i) low = std::min(low, w[i]), high = std::max(high, w[i]);
    const float step = (high - low) / static_cast<float>(p.bins - 1), scale = step > 0 ? step : 1;
    a.at<float>(1)[g] = scale;
    a.at<float>(2)[g] = low;
    for (std::size_t i = 0; i < p.group; ++i) {
      const float code = std::clamp(std::round((w[i] - low) / scale), 0.0f, static_cast<float>(p.bins - 1));
      a.at<Byte>(3)[g * p.group + i] = static_cast<Byte>(code);
    }
  }
}
void forward(const Arguments& a) {
  struct Params {
    U32 n, group;
  };
  const auto p = a.value<Params>(4);
  float* out = a.at<float>(3);
  for (std::size_t g = 0; g < p.n / p.group; ++g) {
    const float scale = a.at<float>(1)[g], bias = a.at<float>(2)[g];
    for (std::size_t i = g * p.group; i < (g + 1) * p.group; ++i) {
      out[i] = static_cast<float>(a.at<Byte>(0)[i]) * scale + bias;
    }
  }
}
void backward_scales(const Arguments& a) {
  const std::size_t group = a.value<U32>(3);
  for (std::size_t g = 0; g < a.elements(2); ++g) {
    a.at<float>(2)[g] = mixed_product(a.at<Byte>(0) + g * group, a.at<float>(1) + g * group, group);
  }
}
void backward_biases(const Arguments& a) {
  const std::size_t group = a.value<U32>(2);
  for (std::size_t g = 0; g < a.elements(1); ++g) {
    float sum = 0;
    for (std::size_t i = 0; i < group; ++i) sum += a.at<float>(0)[g * group + i];
    a.at<float>(1)[g] = sum;
  }
}

}  // namespace

void dense_products_loops(LoopList& list) {
  list.add("dense_matvec_f32", matvec<float, float, float>);
  list.add("dense_matvec_f16", matvec<Half, Half, Half>);
  list.add("dense_matvec_f16w_f32io", matvec<float, Half, float>);
  list.add("dense_matvec_bf16w_f32io", matvec<float, Bfloat, float>);
  list.add("dense_gemm_f16", gemm_f16);
  list.add("hf2q_dense_gemv_bf16_f32_4", batched<Bfloat, MatVec>);
  list.add("hf2q_dense_mm_bf16_f32_tensor", batched<Bfloat, MatMat>);
  list.add("hf2q_dense_mm_f16_f32_tensor", batched<Half, MatMat>);
  list.add("hf2q_dense_mm_f32_f32_tensor", batched<float, MatMat>);
  list.add("quantized_matmul", affine<float, false>);
  list.add("quantized_matmul_simd", affine<float, false>);
  list.add("quantized_matmul_simd_bf16", affine<Bfloat, false>);
  list.add("quantized_matmul_simd_bf16_expert", affine<Bfloat, true>);
  list.add("quantized_matmul_id", affine_experts);
  for (const char* name : {"qmm_affine_t_f32", "qmm_affine_t_f32_tiled", "qmm_affine_t_f32_simd",
                           "qmm_affine_t_f32_simd4", "qmm_affine_t_f32_simd4_gs64"}) {
    list.add(name, affine_f32_scales<0>);
  }
  for (const char* name :
       {"qmm_affine_t_packed_simd4_b2", "qmm_affine_t_packed_simd4_b2_gs64", "qmm_affine_t_packed_simd4_b2_gs128"}) {
    list.add(name, affine_f32_scales<2>);
  }
  list.add("embedding_gather_2bit", affine_embed<2>);
  for (const char* name :
       {"qmm_affine_t_packed_simd4_b3", "qmm_affine_t_packed_simd4_b3_gs64", "qmm_affine_t_packed_simd4_b3_gs128"}) {
    list.add(name, affine_f32_scales<3>);
  }
  list.add("embedding_gather_3bit", affine_embed<3>);
  for (const char* name :
       {"qmm_affine_t_packed_simd4_b4", "qmm_affine_t_packed_simd4_b4_gs64", "qmm_affine_t_packed_simd4_b4_gs128"}) {
    list.add(name, affine_f32_scales<4>);
  }
  list.add("embedding_gather_4bit", affine_embed<4>);
  for (const char* name :
       {"qmm_affine_t_packed_simd4_b6", "qmm_affine_t_packed_simd4_b6_gs64", "qmm_affine_t_packed_simd4_b6_gs128"}) {
    list.add(name, affine_f32_scales<6>);
  }
  list.add("embedding_gather_6bit", affine_embed<6>);
  for (const char* name :
       {"qmm_affine_t_packed_simd4_b8", "qmm_affine_t_packed_simd4_b8_gs64", "qmm_affine_t_packed_simd4_b8_gs128"}) {
    list.add(name, affine_f32_scales<8>);
  }
  list.add("embedding_gather_8bit", affine_embed<8>);
  list.add("qdq_q4_0_f32", legacy<true>);
  list.add("qdq_q8_0_f32", legacy<false>);
  list.add("qdq_affine_init_f32", fit);
  list.add("qdq_affine_forward_f32", forward);
  list.add("qdq_affine_backward_scales_f32", backward_scales);
  list.add("qdq_affine_backward_biases_f32", backward_biases);
}

}  // namespace anymetal::cases::plain
