#pragma once
/// \file
/// Moving and choosing elements. Outputs must not be inputs; every op fails with InvalidArgument on a shape or type it
/// cannot take.

#include "ops/context.hpp"
#include "ops/tensor.hpp"

namespace anymetal::ops {

/// x = 0. f32.
Result<void> fill_zero(Context& context, const Tensor& x);

/// out = x, where x f32 [R, C] may have any stride between its rows; out f32 [R, C] dense.
Result<void> copy_rows(Context& context, const Tensor& x, const Tensor& out);

/// out[i, :] = x[min(index[i], R - 1), :]. x f32 [R, W]; index u32 [N]; out f32 [N, W].
Result<void> gather_rows(Context& context, const Tensor& x, const Tensor& index, const Tensor& out);

/// out[r, j] = x[r, index[r, j]], 0 for an index past the row. x f32 [R, C]; index u32 [R, k]; out f32 [R, k].
Result<void> take_along_axis(Context& context, const Tensor& x, const Tensor& index, const Tensor& out);

/// out[b, a, c] = x[a, b, c]. x [A, B, C] and out [B, A, C], both f32, both bf16, or x bf16 and out f32.
Result<void> swap_first_axes(Context& context, const Tensor& x, const Tensor& out);

/// The last two axes exchanged. x [R, C] and out [C, R] f32 or f16; x [A, B, C] and out [A, C, B] f16 or bf16.
Result<void> transpose(Context& context, const Tensor& x, const Tensor& out);

/// out = x[:, start : start + C]. x f32 [R, in]; out f32 [R, C].
Result<void> slice_columns(Context& context, const Tensor& x, std::size_t start, const Tensor& out);

/// out[:, start : start + C] = x; the other columns stay. x f32 [R, C]; out f32 [R, columns].
Result<void> copy_into_columns(Context& context, const Tensor& x, const Tensor& out, std::size_t start);

/// Rows of queries, keys and values side by side, taken apart. x f32 [T, Q + K + V]; q [T, Q]; k [T, K]; v [T, V].
Result<void> split_qkv(Context& context, const Tensor& x, const Tensor& q, const Tensor& k, const Tensor& v);

/// out[t, h, :] = x[t, h mod G, :]. x f32 [T, G, D]; out f32 [T, H, D].
Result<void> repeat_heads(Context& context, const Tensor& x, const Tensor& out);

}  // namespace anymetal::ops
