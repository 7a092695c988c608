#pragma once
/// \file
/// TurboQuant caches (arXiv 2504.19874): heads of 256 or 512 elements, rotated and coded with 4, 5, 6 or 8 bits. Every
/// op fails with InvalidArgument on a shape or type it cannot take.

#include "ops/context.hpp"
#include "ops/tensor.hpp"

namespace anymetal::ops {

/// The coded keys, or values, of all positions.
struct TurboCache {
  Tensor codes;           ///< u8 [H_kv, CAP, D], or [H_kv, CAP, D / 2] for 4 bits
  Tensor norms;           ///< f32 [H_kv, CAP, D / 256]
  std::size_t bits = 8;   ///< 4, 5, 6 or 8
  float block_scale = 1;  ///< of heads of 512 elements: what their codes' values are multiplied by
};

enum class Rotation : std::uint8_t { Hadamard, Forward, Inverse };

/// x = H x / sqrt(D), H (signs x) / sqrt(D) or signs (H x) / sqrt(D), in place, as keys, and queries before their
/// products, are rotated, and attention's output is rotated back. x f32 [heads, D].
Result<void> turbo_rotate(Context& context, const Tensor& x, Rotation rotation);

/// Codes T positions: token t goes to position start + t, in a `ring` modulo the capacity. keys, values f32 [T, H_kv,
/// D]; both caches of one shape and width; T <= CAP.
Result<void> turbo_write(Context& context, const Tensor& keys, const Tensor& values, const TurboCache& key_cache,
                         const TurboCache& value_cache, std::size_t start, bool ring);

/// The positions from `start` on as they were rotated: out f32 [H_kv, T, D]; one position at a time for 4 bits.
Result<void> turbo_read(Context& context, const TurboCache& cache, std::size_t start, const Tensor& out);

struct TurboAttentionOptions {
  float scale = 1;
  std::size_t window = 0;      ///< keys the query sees; 0: all
  float softcap = 0;           ///< scores become softcap * tanh(score / softcap); 0: no cap
  std::size_t ring_start = 0;  ///< the slot of the first key
  Tensor scratch = {};         ///< optional: f32, H parts (D + 2) elements let `parts` threadgroups share a head
};

/// Attention of one query per head over caches of 5, 6 or 8 bits, rotations included. query, out f32 [H, D]; the first
/// kv_length slots are written; H a multiple of H_kv.
Result<void> turbo_attention(Context& context, const Tensor& query, const TurboCache& key_cache,
                             const TurboCache& value_cache, std::size_t kv_length, const TurboAttentionOptions& options,
                             const Tensor& out);

}  // namespace anymetal::ops
