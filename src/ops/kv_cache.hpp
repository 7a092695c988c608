#pragma once
/// \file
/// Writing to key/value caches and moving their rows. Every op fails with InvalidArgument on a shape or type it cannot
/// take.

#include "ops/context.hpp"
#include "ops/tensor.hpp"

namespace anymetal::ops {

/// Copies T new positions into a cache: cache[h, (start + t) mod CAP, :] = new[t, h, :].
/// keys, values f32 [T, H_kv, D]; key_cache, value_cache f32, f16, bf16 or q8_0 [H_kv, CAP, D]; T <= CAP; D a multiple
/// of 32 for q8_0.
Result<void> write_kv_cache(Context& context, const Tensor& keys, const Tensor& values, const Tensor& key_cache,
                            const Tensor& value_cache, std::size_t start);

/// The same for a cache in the order of tokens: cache[(start + t) mod CAP, :] = rows[t, :]. rows [T, R] and cache
/// [CAP, R] of one type, f32, f16 or bf16; T <= CAP.
Result<void> write_token_cache(Context& context, const Tensor& rows, const Tensor& cache, std::size_t start);

/// Moves `count` positions of every head from position `from` to `to`; the ranges may overlap. cache [H_kv, CAP, D] of
/// any type whose rows are whole 16-bit units. To drop the oldest positions of a full cache, move the others to 0.
Result<void> move_kv_cache(Context& context, const Tensor& cache, std::size_t from, std::size_t to, std::size_t count);

}  // namespace anymetal::ops
