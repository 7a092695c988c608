#pragma once
/// \file
/// Attention over a key/value cache.

#include "ops/context.hpp"
#include "ops/tensor.hpp"

namespace anymetal::ops {

struct AttentionOptions {
  float scale = 1.0f;          ///< applied to query . key
  std::size_t window = 0;      ///< each query sees the last `window` keys, itself counted; 0 means all
  Tensor scratch = {};         ///< optional, see attention_scratch_bytes()
  bool causal = true;          ///< a query sees no key after its own position
  float softcap = 0;           ///< scores become softcap * tanh(score / softcap); 0: no cap
  Tensor mask = {};            ///< f32 [S, kv_length] or [H, S, kv_length], added to the scores; -inf hides a key
  Tensor sinks = {};           ///< f32 [H]: a score in each softmax that belongs to no key
  std::size_t ring_start = 0;  ///< the slot of the first key: key j is in slot (ring_start + j) mod CAP
};

/// Grouped-query attention. query, out f32 [S, H, D]; key_cache, value_cache [H_kv, CAP, D] f32, f16, bf16 or q8_0 with
/// `kv_length` valid positions; the queries are the last S of them. H a multiple of H_kv; D a multiple of 8 (of 32 for
/// q8_0), 512 at most. A query that sees no key gives zeros. Heads of 256 elements (512 for S = 1) in f32 and f16
/// caches without mask, sinks, cap or ring have kernels of their own.
Result<void> attention(Context& context, const Tensor& query, const Tensor& key_cache, const Tensor& value_cache,
                       std::size_t kv_length, const AttentionOptions& options, const Tensor& out);

/// Scratch that lets a single query spread over several threadgroups, on a processor one a thread: 0 where that does
/// not pay off.
[[nodiscard]] std::size_t attention_scratch_bytes(const Device& device, std::size_t heads, std::size_t head_dim);

}  // namespace anymetal::ops
