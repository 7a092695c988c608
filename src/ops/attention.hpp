#pragma once
/// \file
/// Attention over a key/value cache, and writing to the cache.

#include "ops/context.hpp"
#include "ops/tensor.hpp"

namespace anymetal::ops {

/// Copies T new positions into a cache: cache[h, (start + t) mod CAP, :] = new[t, h, :].
/// keys, values f32 [T, H_kv, D]; key_cache, value_cache f32 or f16 [H_kv, CAP, D]; T <= CAP.
Result<void> write_kv_cache(Context& context, const Tensor& keys, const Tensor& values, const Tensor& key_cache,
                            const Tensor& value_cache, std::size_t start);

struct AttentionOptions {
  float scale = 1.0f;      ///< applied to query . key
  std::size_t window = 0;  ///< each query sees the last `window` keys, itself counted; 0 means all
  Tensor scratch;          ///< optional, see attention_scratch_bytes()
};

/// Causal grouped-query attention. query, out f32 [S, H, D]; key_cache, value_cache [H_kv, CAP, D] f32 or f16 with the
/// first `kv_length` positions valid; the queries are the last S of them. D = 256 (or 512 for S = 1); H a multiple of
/// H_kv. A query that sees no key gives zeros.
Result<void> attention(Context& context, const Tensor& query, const Tensor& key_cache, const Tensor& value_cache,
                       std::size_t kv_length, const AttentionOptions& options, const Tensor& out);

/// Scratch that lets a single query spread over many threadgroups: pays off on GPUs, 0 where it does not.
[[nodiscard]] std::size_t attention_scratch_bytes(const Context& context, std::size_t heads, std::size_t head_dim);

}  // namespace anymetal::ops
