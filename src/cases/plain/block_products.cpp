// Products with block-quantised weights: kernels/matmul, kernels/moe/expert_lists.metal, kernels/embedding.
#include <algorithm>

#include "cases/plain/blocks.hpp"
#include "cases/plain/formulas.hpp"

namespace anymetal::cases::plain {
namespace {

using I64 = std::int64_t;
using U64 = std::uint64_t;
using I32 = std::int32_t;
using U32 = std::uint32_t;

struct MatVec {
  I64 ne00, ne01, ne02, ne10, ne12, ne0, ne1;
  U32 r2, r3;
};
struct MatMat {
  I32 ne00, ne02;
  U64 nb01, nb02, nb03;
  I32 ne12, pad0;
  U64 nb10, nb11, nb12, nb13;
  I32 ne0, ne1;
  std::int16_t r2, r3;
};
/// The same, with what follows in the kernels that take heads apart.
struct PermutedMatMat {
  I32 ne00, ne02;
  U64 nb01, nb02, nb03;
  I32 ne12, pad0;
  U64 nb10, nb11, nb12, nb13;
  I32 ne0, ne1;
  std::int16_t r2, r3;
  I32 head_dim, seq_len;
};
struct FewRows {
  I32 ne00, ne01, ne02, pad0;
  U64 nb00, nb01, nb02, nb03;
  I32 ne10, ne11, ne12, pad1;
  U64 nb10, nb11, nb12, nb13;
  I32 ne0, ne1;
  std::int16_t r2, r3;
};

std::size_t size(auto v) { return static_cast<std::size_t>(v); }

/// Weight rows once for all activation rows: y[m, n] = w[n] . x[m].
template <class Block>
void product(const Byte* w, std::size_t row_bytes, const float* x, std::size_t x_stride, float* y, std::size_t m,
             std::size_t n, std::size_t k, float* row) {
  for (std::size_t j = 0; j < n; ++j) {
    if (m == 1) {
      y[j] = row_product<Block>(w + j * row_bytes, x, k);
      continue;
    }
    decode_row<Block>(w + j * row_bytes, k, row);
    for (std::size_t i = 0; i < m; ++i) y[i * n + j] = dot_product(row, x + i * x_stride, k);
  }
}

template <class Block>
void mat_vec(const Arguments& a) {
  const auto p = a.value<MatVec>(3);
  const std::size_t k = size(p.ne00), n = size(p.ne01), m = size(p.ne1);
  const std::size_t row_bytes = k / Block::kElements * Block::kBytes;
  Row<float> row(k);
  for (std::size_t b = 0; b < size(p.ne12); ++b) {
    product<Block>(a.at<Byte>(0) + b / p.r2 * n * row_bytes, row_bytes, a.at<float>(1) + b * m * size(p.ne10),
                   size(p.ne10), a.at<float>(2) + b * m * n, m, n, k, row.data());
  }
}

template <class Block>
void mat_mat(const Arguments& a) {
  const auto p = a.value<MatMat>(0);
  const std::size_t k = size(p.ne00), n = size(p.ne0), m = size(p.ne1);
  Row<float> row(k);
  for (std::size_t b = 0; b < size(p.ne12); ++b) {
    product<Block>(a.at<Byte>(1) + b / size(p.r2) * p.nb02, p.nb01, a.at<float>(2) + b * p.nb12 / 4, p.nb11 / 4,
                   a.at<float>(3) + b * m * n, m, n, k, row.data());
  }
}

template <class Block>
void few_rows(const Arguments& a) {
  const auto p = a.value<FewRows>(0);
  const std::size_t k = size(p.ne00), n = size(p.ne0), m = size(p.ne1);
  Row<float> row(k);
  for (std::size_t b = 0; b < size(p.ne12); ++b) {
    product<Block>(a.at<Byte>(1) + b / size(p.r2) % size(p.ne02) * p.nb02, p.nb01, a.at<float>(2) + b * p.nb12 / 4,
                   p.nb11 / 4, a.at<float>(3) + b * m * n, m, n, k, row.data());
  }
}

/// x as attention leaves it: [K / head_dim, M, head_dim].
template <class Block>
void permuted(const Arguments& a) {
  const auto p = a.value<PermutedMatMat>(0);
  const std::size_t k = size(p.ne00), n = size(p.ne0), m = size(p.ne1), dim = size(p.head_dim);
  Row<float> row(k), x(m * k);
  for (std::size_t i = 0; i < m * k; ++i) x[i] = float(a.at<Bfloat>(2)[(i % k / dim * m + i / k) * dim + i % dim]);
  product<Block>(a.at<Byte>(1), p.nb01, x.data(), k, a.at<float>(3), m, n, k, row.data());
}

struct ExpertMatVec {
  I64 ne00, ne01, ne02, ne10, ne12, ne0, ne1;
  U32 r2, r3, top_k, n_tokens;
  I64 expert_stride;
};

template <class Block>
void expert_mat_vec(const Arguments& a) {
  const auto p = a.value<ExpertMatVec>(4);
  const std::size_t k = size(p.ne00), n = size(p.ne01), row_bytes = k / Block::kElements * Block::kBytes;
  for (std::size_t r = 0; r < size(p.ne1); ++r) {
    const Byte* w = a.at<Byte>(0) + a.at<U32>(3)[r] * size(p.expert_stride);
    const float* x = a.at<float>(1) + r / p.top_k * size(p.ne10);
    for (std::size_t j = 0; j < n; ++j) a.at<float>(2)[r * n + j] = row_product<Block>(w + j * row_bytes, x, k);
  }
}

void expert_swiglu(const Arguments& a) {
  const auto p = a.value<ExpertMatVec>(5);
  const std::size_t k = size(p.ne00), n = size(p.ne01), row_bytes = k / Q4_0::kElements * Q4_0::kBytes;
  Row<float> h(k);
  for (std::size_t r = 0; r < size(p.ne1); ++r) {
    const float *gate = a.at<float>(1) + r * k, *up = a.at<float>(2) + r * k;
    for (std::size_t i = 0; i < k; ++i) h[i] = silu(gate[i]) * up[i];
    const Byte* w = a.at<Byte>(0) + a.at<U32>(4)[r] * size(p.expert_stride);
    for (std::size_t j = 0; j < n; ++j) a.at<float>(3)[r * n + j] = row_product<Q4_0>(w + j * row_bytes, h.data(), k);
  }
}

struct ExpertMatMat {
  I32 ne00, ne02;
  U64 nb01, nb02, nb03;
  I32 ne11, pad0;
  U64 nb10, nb11, nb12, nb13;
  I32 ne20, ne21, ne0, ne1;
};

template <class Block>
void expert_mat_mat(const Arguments& a) {
  const auto p = a.value<ExpertMatMat>(0);
  const std::size_t k = size(p.ne00), n = size(p.ne0), tokens = size(p.ne21), slots = size(p.ne20);
  Row<float> row(k);
  for (std::size_t e = 0; e < size(p.ne02); ++e) {
    const std::size_t count = a.at<U32>(3)[e];
    const I32* list = a.at<I32>(4) + e * tokens;
    for (std::size_t j = 0; j < n; ++j) {
      decode_row<Block>(a.at<Byte>(1) + e * p.nb02 + j * p.nb01, k, row.data());
      for (std::size_t i = 0; i < count; ++i) {
        const std::size_t entry = size(list[i]);
        a.at<float>(5)[entry * n + j] = dot_product(row.data(), a.at<float>(2) + entry / slots * k, k);
      }
    }
  }
}

void expert_lists(const Arguments& a) {
  struct Params {
    I32 ne10, ne11;
    U64 nb11, nb12;
    I32 ne21, ne20;
    U64 nb21;
  };
  const auto p = a.value<Params>(0);
  const std::size_t tokens = size(p.ne21), slots = size(p.ne20), experts = a.elements(2);
  const U32* ids = a.at<U32>(1);
  U32* counts = a.at<U32>(2);
  bool wrong = false;
  std::fill_n(counts, experts, 0u);
  for (std::size_t i = 0; i < tokens * slots; ++i) {
    const U32* first = ids + i / slots * slots;
    const bool again = std::find(first, ids + i, ids[i]) != ids + i;
    wrong |= again || ids[i] >= experts;
    if (!again && ids[i] < experts) a.at<I32>(3)[ids[i] * tokens + counts[ids[i]]++] = static_cast<I32>(i);
  }
  for (std::size_t e = 0; wrong && e < experts; ++e) counts[e] |= 1u << 31;
}

template <class Block>
void embed(const Arguments& a) {
  struct Params {
    float scale;
    U32 hidden, tokens, rows;
  };
  const auto p = a.value<Params>(3);
  for (std::size_t t = 0; t < p.tokens; ++t) {
    float* out = a.at<float>(2) + t * p.hidden;
    const std::size_t id = a.at<U32>(1)[t];
    if (id >= p.rows) {
      std::fill_n(out, p.hidden, 0.0f);
      continue;
    }
    decode_row<Block>(a.at<Byte>(0) + id * (p.hidden / Block::kElements * Block::kBytes), p.hidden, out);
    for (std::size_t i = 0; i < p.hidden; ++i) out[i] *= p.scale;
  }
}

}  // namespace

#define LOOPS_OF(name, Block)                                          \
  list.add("kernel_mul_mv_" name "_f32", mat_vec<Block>);              \
  list.add("kernel_mul_mm_" name "_f32", mat_mat<Block>);              \
  list.add("kernel_mul_mv_id_" name "_f32", expert_mat_vec<Block>);    \
  list.add("kernel_mul_mm_id_" name "_f32", expert_mat_mat<Block>);    \
  list.add("embedding_gather_scale_batch_" name "_f32", embed<Block>); \
  list.add("kernel_mul_mv_ext_" name "_f32_r1_2", few_rows<Block>);    \
  list.add("kernel_mul_mv_ext_" name "_f32_r1_3", few_rows<Block>);    \
  list.add("kernel_mul_mv_ext_" name "_f32_r1_4", few_rows<Block>);    \
  list.add("kernel_mul_mv_ext_" name "_f32_r1_5", few_rows<Block>);    \
  list.add("kernel_mul_mm_" name "_tensor_f32", mat_mat<Block>);       \
  list.add("kernel_mul_mm_id_" name "_tensor_f32", expert_mat_mat<Block>);

void block_products_loops(LoopList& list) {
  LOOPS_OF("q4_0", Q4_0)
  LOOPS_OF("q5_1", Q5_1)
  LOOPS_OF("q8_0", Q8_0)
  LOOPS_OF("iq4_nl", IQ4_NL)
  LOOPS_OF("q4_K", Q4_K)
  LOOPS_OF("q5_K", Q5_K)
  LOOPS_OF("q6_K", Q6_K)
  LOOPS_OF("q4_1", Q4_1)
  LOOPS_OF("q5_0", Q5_0)
  LOOPS_OF("mxfp4", MXFP4)
  LOOPS_OF("q2_K", Q2_K)
  LOOPS_OF("q3_K", Q3_K)
  LOOPS_OF("iq4_xs", IQ4_XS)
  list.add("kernel_mul_mv_q6_K_f32_nr2", mat_vec<Q6_K>);
  list.add("kernel_mul_mv_id_q6_K_f32_nr2", expert_mat_vec<Q6_K>);
  list.add("kernel_mul_mv_id_q4_0_f32_swiglu", expert_swiglu);
  list.add("kernel_mul_mm_q4_0_tensor_bf16_perm021", permuted<Q4_0>);
  list.add("kernel_mul_mm_q8_0_tensor_bf16_perm021", permuted<Q8_0>);
  list.add("kernel_mul_mm_q6_K_tensor_bf16_perm021", permuted<Q6_K>);
  list.add("kernel_mul_mm_id_map0_ne20_1", expert_lists);
  list.add("kernel_mul_mm_id_map0_ne20_8", expert_lists);
}

}  // namespace anymetal::cases::plain
