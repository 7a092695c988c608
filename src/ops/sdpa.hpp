#pragma once
/// \file
/// Scaled dot-product attention over tensors in head-major order, and softmax of masked scores. Every op fails with
/// InvalidArgument on a shape or type it cannot take.

#include <optional>

#include "ops/context.hpp"
#include "ops/tensor.hpp"

namespace anymetal::ops {

struct SdpaOptions {
  float scale = 1.0f;
  std::optional<std::size_t> keys_back = {};  ///< keys before its own that a query sees; nothing: all
};

/// Causal grouped-query attention. query, out [B, H, S, D], keys, values [B, H_kv, CAP, D], all f32 or all bf16, with
/// the first `kv_length` positions valid; the queries are the last S of them. H a multiple of H_kv; S <= kv_length.
Result<void> sdpa(Context& context, const Tensor& query, const Tensor& keys, const Tensor& values,
                  std::size_t kv_length, const SdpaOptions& options, const Tensor& out);

/// Attention of one query per head over all keys. query, out f32 [H, D]; keys, values f32 [H_kv, CAP, D] with the first
/// `kv_length` positions valid. H a multiple of H_kv; D a multiple of 32, 512 at most.
Result<void> sdpa_decode(Context& context, const Tensor& query, const Tensor& keys, const Tensor& values,
                         std::size_t kv_length, float scale, const Tensor& out);

/// out[h, q, :] = softmax(scores[h, q, :] * scale + mask[q, :]); zeros where the mask leaves nothing. scores, out f32
/// [H, Q, C], which may be one; mask bf16 [Q, C].
Result<void> masked_softmax(Context& context, const Tensor& scores, const Tensor& mask, float scale, const Tensor& out);

}  // namespace anymetal::ops
