#pragma once
/// \file
/// Products and look-ups with affine weights, w = scale * code + bias. Every op fails with InvalidArgument on a shape
/// or type it cannot take.

#include "ops/context.hpp"
#include "ops/tensor.hpp"

namespace anymetal::ops {

/// A matrix [N, K], or one for each of E experts: rows of unsigned codes, with a scale and a bias for every `group`
/// elements of a row, G = ceil(K / group).
///
/// bf16 scales go with packed codes of 2, 4 or 8 bits (whole words of 32 bits), 3 bits (3 bytes of 8 codes) or 6 bits
/// (3 bytes of 4), any K and group. f32 scales go with codes of 8 bits, one byte each without padding, or with packed
/// codes of fewer bits in groups of 32, 64 or 128; K is a multiple of the group.
struct AffineMatrix {
  Tensor codes;             ///< u8 [N, row bytes] or [E, N, row bytes]
  Tensor scales;            ///< bf16 or f32 [N, G] or [E, N, G]
  Tensor biases;            ///< as scales
  std::size_t columns = 0;  ///< K
  std::size_t group = 64;
  std::size_t bits = 4;
};

/// out[m, n] = sum over k of x[m, k] * w[n, k]. x [M, K] and out [M, N] f32, with bf16 scales also both bf16.
Result<void> mul_mat_affine(Context& context, const AffineMatrix& weight, const Tensor& x, const Tensor& out);

/// out[m, s, n] = sum over k of x[m, k] * w[ids[m, s], n, k]; an id that names no expert gives zeros. bf16 scales; x
/// f32 [M, K]; ids u32 [M, S]; out f32 [M, S, N].
Result<void> mul_mat_affine_id(Context& context, const AffineMatrix& weight, const Tensor& x, const Tensor& ids,
                               const Tensor& out);

/// out[t, :] = w[ids[t], :], zeros for an id past the last row. bf16 scales; ids u32 [T]; out f32 [T, K].
Result<void> embedding_affine(Context& context, const AffineMatrix& table, const Tensor& ids, const Tensor& out);

}  // namespace anymetal::ops
