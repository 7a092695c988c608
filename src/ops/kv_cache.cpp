#include "ops/kv_cache.hpp"

#include <algorithm>

#include "ops/checks.hpp"
#include "ops/launch.hpp"

namespace anymetal::ops {
namespace {

struct Positions {
  std::size_t heads, dim, capacity, start, tokens;
};

Result<void> write_both(Context& context, std::string_view kernel, const Tensor& keys, const Tensor& values,
                        const Tensor& key_cache, const Tensor& value_cache, const Positions& at) {
  if (auto bound = bind_kernel(context, kernel, keys, values, key_cache, value_cache, u32(at.heads), u32(at.dim),
                               u32(at.capacity), u32(at.start), u32(at.tokens), u32(0));
      !bound) {
    return bound;
  }
  context.encoder.dispatch_threads({at.dim, at.heads, at.tokens}, {std::min<std::size_t>(256, at.dim)});
  return {};
}

/// `width`: threads of one row.
Result<void> write_one(Context& context, std::string_view kernel, const Tensor& rows, const Tensor& cache,
                       const Positions& at, std::size_t width) {
  if (auto bound = bind_kernel(context, kernel, rows, cache, u32(at.heads), u32(at.dim), u32(at.capacity),
                               u32(at.start), u32(at.tokens), u32(0));
      !bound) {
    return bound;
  }
  const std::size_t across = std::min<std::size_t>(256, width);
  context.encoder.dispatch_threads({width, at.heads, at.tokens},
                                   {across, std::min<std::size_t>(at.heads, 256 / across)});
  return {};
}

}  // namespace

Result<void> write_kv_cache(Context& context, const Tensor& keys, const Tensor& values, const Tensor& key_cache,
                            const Tensor& value_cache, std::size_t start) {
  Checks check("write_kv_cache");
  check.dense("keys", keys, DType::F32);
  check.dense("values", values, DType::F32);
  check.same_shape("keys", keys, "values", values);
  check_kv_cache(check, key_cache, value_cache);
  check.that(keys.rank == 3 && key_cache.rank == 3 && keys.shape[1] == key_cache.shape[0] &&
                 keys.shape[2] == key_cache.shape[2],
             "keys are {}, must be [tokens, heads, head size] for the cache {}", keys.describe(), key_cache.describe());
  if (auto failed = check.failure()) return *failed;
  const Positions at = {keys.shape[1], keys.shape[2], key_cache.shape[1], start, keys.shape[0]};
  check.that(at.tokens <= at.capacity, "{} tokens do not fit a cache of {}", at.tokens, at.capacity);
  check.fits_32_bits("start", start);
  check.fits_32_bits("cache capacity", at.capacity);
  if (auto failed = check.failure()) return *failed;

  switch (key_cache.dtype) {
    case DType::F32:
      return write_both(context, "kv_cache_copy_seq_f32_kv_dual", keys, values, key_cache, value_cache, at);
    case DType::F16:
      return write_both(context, "kv_cache_copy_seq_f32_to_f16_kv_dual", keys, values, key_cache, value_cache, at);
    default: {
      const bool blocks = key_cache.dtype == DType::Q8_0;
      const std::string_view kernel = blocks ? "kv_cache_copy_seq_f32_to_q8_0" : "kv_cache_copy_seq_f32_to_bf16";
      const std::size_t width = blocks ? at.dim / 32 : at.dim;
      if (auto done = write_one(context, kernel, keys, key_cache, at, width); !done) return done;
      return write_one(context, kernel, values, value_cache, at, width);
    }
  }
}

Result<void> write_token_cache(Context& context, const Tensor& rows, const Tensor& cache, std::size_t start) {
  Checks check("write_token_cache");
  check.that(cache.dtype == DType::F32 || cache.dtype == DType::F16 || cache.dtype == DType::BF16,
             "no kernel for a {} cache", name(cache.dtype));
  check.dense("rows", rows, cache.dtype);
  check.dense("cache", cache, cache.dtype);
  check.that(rows.rank == 2 && cache.rank == 2 && rows.shape[1] == cache.shape[1],
             "rows are {}, must be [tokens, row size] for the cache {}", rows.describe(), cache.describe());
  if (auto failed = check.failure()) return *failed;
  const std::size_t tokens = rows.shape[0], size = rows.shape[1], capacity = cache.shape[0];
  check.that(tokens <= capacity, "{} tokens do not fit a cache of {}", tokens, capacity);
  check.fits_32_bits("start", start);
  check.fits_32_bits("number of elements", tokens * size);
  if (auto failed = check.failure()) return *failed;

  const std::string_view kernel = cache.dtype == DType::F32 ? "kv_cache_copy_f32" : "kv_cache_copy";
  const std::uint32_t wraps = 1;
  if (auto bound = bind_kernel(context, kernel, rows, cache, u32(start), u32(size), u32(tokens), u32(capacity), wraps);
      !bound) {
    return bound;
  }
  dispatch_flat(context, tokens * size);
  return {};
}

Result<void> move_kv_cache(Context& context, const Tensor& cache, std::size_t from, std::size_t to, std::size_t count) {
  Checks check("move_kv_cache");
  check.dense("cache", cache, cache.dtype);
  check.that(cache.rank == 3, "cache is {}, must be [heads, capacity, head size]", cache.describe());
  if (auto failed = check.failure()) return *failed;
  const std::size_t capacity = cache.shape[1], block = info(cache.dtype).block_elements;
  check.that(cache.shape[2] % block == 0, "head size {} is no multiple of the {}-element blocks of {}", cache.shape[2],
             block, name(cache.dtype));
  check.that(bytes_of(cache.dtype, cache.shape[2]) % 2 == 0, "rows of {} bytes are no whole 16-bit units",
             bytes_of(cache.dtype, cache.shape[2]));
  check.that(std::max(from, to) <= capacity && count <= capacity - std::min(capacity, std::max(from, to)),
             "cannot move {} positions from {} to {} in a cache of {}", count, from, to, capacity);
  check.fits_32_bits("cache capacity", capacity);
  if (auto failed = check.failure()) return *failed;
  if (count == 0 || from == to) return {};

  const std::size_t heads = cache.shape[0], units = bytes_of(cache.dtype, cache.shape[2]) / 2;
  if (auto bound = bind_kernel(context, "kv_cache_move", cache, u32(heads), u32(units), u32(capacity), u32(from),
                               u32(to), u32(count));
      !bound) {
    return bound;
  }
  context.encoder.dispatch_threads({units, heads}, {std::min<std::size_t>(256, units)});
  return {};
}

}  // namespace anymetal::ops
