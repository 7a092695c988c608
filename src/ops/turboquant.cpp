#include "ops/turboquant.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "ops/checks.hpp"
#include "ops/kernel_params.hpp"
#include "ops/launch.hpp"

namespace anymetal::ops {
namespace {

constexpr std::size_t kBlock = 256;     // elements that share a norm
constexpr std::size_t kMaxSplits = 32;  // threadgroups that may share one query's keys

/// Shape of a cache, once check_cache has found no fault.
struct Shape {
  std::size_t heads, capacity, dim;
};

Shape shape_of(const TurboCache& cache) {
  const std::size_t per_byte = cache.bits == 4 ? 2 : 1;
  return {cache.codes.shape[0], cache.codes.shape[1], cache.codes.shape[2] * per_byte};
}

void check_cache(Checks& check, std::string_view name, const TurboCache& cache) {
  check.that(cache.bits == 4 || cache.bits == 5 || cache.bits == 6 || cache.bits == 8, "no codes of {} bits",
             cache.bits);
  check.dense(fmt::format("{} codes", name), cache.codes, DType::U8);
  check.dense(fmt::format("{} norms", name), cache.norms, DType::F32);
  check.that(cache.codes.rank == 3, "{} codes are {}, must be [heads, capacity, bytes]", name, cache.codes.describe());
  const Shape s = shape_of(cache);
  check.that(s.dim == 256 || s.dim == 512, "no kernel for heads of {} elements", s.dim);
  check.that(cache.norms.elements() == s.heads * s.capacity * (s.dim / kBlock), "{} norms are {}, must be [{}, {}, {}]",
             name, cache.norms.describe(), s.heads, s.capacity, s.dim / kBlock);
  check.fits_32_bits("cache capacity", s.capacity);
}

void check_pair(Checks& check, const TurboCache& keys, const TurboCache& values) {
  check_cache(check, "key", keys);
  check_cache(check, "value", values);
  check.same_shape("key codes", keys.codes, "value codes", values.codes);
  check.that(keys.bits == values.bits && keys.block_scale == values.block_scale,
             "keys have {} bits and scale {}, values {} and {}", keys.bits, keys.block_scale, values.bits,
             values.block_scale);
}

}  // namespace

Result<void> turbo_rotate(Context& context, const Tensor& x, Rotation rotation) {
  Checks check("turbo_rotate");
  check.dense("x", x, DType::F32);
  check.that(x.columns() == 256 || x.columns() == 512, "no kernel for heads of {} elements", x.columns());
  check.fits_32_bits("number of heads", x.rows());
  if (auto failed = check.failure()) return *failed;
  constexpr std::array kNames = {"fwht_standalone", "fwht_sign_premult", "fwht_sign_undo"};
  const std::string kernel = fmt::format("{}_f32_d{}", kNames[static_cast<std::size_t>(rotation)], x.columns());
  if (auto bound = bind_kernel(context, kernel, x, std::array{u32(x.columns()), u32(x.rows())}); !bound) return bound;
  context.encoder.dispatch_threadgroups({x.rows()}, {32});
  return {};
}

Result<void> turbo_write(Context& context, const Tensor& keys, const Tensor& values, const TurboCache& key_cache,
                         const TurboCache& value_cache, std::size_t start, bool ring) {
  Checks check("turbo_write");
  check_pair(check, key_cache, value_cache);
  check.dense("keys", keys, DType::F32);
  check.dense("values", values, DType::F32);
  check.same_shape("keys", keys, "values", values);
  if (auto failed = check.failure()) return *failed;
  const Shape s = shape_of(key_cache);
  check.that(keys.rank == 3 && keys.shape[1] == s.heads && keys.shape[2] == s.dim,
             "keys are {}, must be [tokens, {}, {}]", keys.describe(), s.heads, s.dim);
  const std::size_t tokens = keys.shape[0];
  check.that(tokens <= s.capacity && (ring || start <= s.capacity - tokens),
             "{} tokens from {} on do not fit a cache of {}", tokens, start, s.capacity);
  check.fits_32_bits("start", start + tokens);
  if (auto failed = check.failure()) return *failed;

  for (std::size_t t = 0; t < tokens; ++t) {
    TurboQuantizeParams params = {.num_kv_heads = u32(s.heads),
                                  .write_pos = u32(start + t),
                                  .cache_capacity = u32(s.capacity),
                                  .is_sliding = ring,
                                  .scale_factor = key_cache.block_scale};
    const Tensor k = keys.row(t), v = values.row(t);
    if (key_cache.bits == 4) {
      const std::string kernel = fmt::format("hadamard_quantize_kv_fast_d{}", s.dim);
      for (const auto& [from, to] : {std::pair{&k, &key_cache}, std::pair{&v, &value_cache}}) {
        if (auto bound = bind_kernel(context, kernel, *from, to->codes, to->norms, params, to->norms); !bound)
          return bound;
        context.encoder.dispatch_threadgroups({s.heads}, {32});
      }
      continue;
    }
    params.option = u32(key_cache.bits);
    if (auto bound = bind_kernel(context, fmt::format("hadamard_quantize_kv_hb_dual_d{}", s.dim), k, v, key_cache.codes,
                                 value_cache.codes, key_cache.norms, value_cache.norms, params);
        !bound) {
      return bound;
    }
    context.encoder.dispatch_threadgroups({s.heads, 1, 2}, {32});
  }
  return {};
}

Result<void> turbo_read(Context& context, const TurboCache& cache, std::size_t start, const Tensor& out) {
  Checks check("turbo_read");
  check_cache(check, "cache", cache);
  check.dense("out", out, DType::F32);
  if (auto failed = check.failure()) return *failed;
  const Shape s = shape_of(cache);
  check.that(out.rank == 3 && out.shape[0] == s.heads && out.shape[2] == s.dim,
             "out is {}, must be [{}, positions, {}]", out.describe(), s.heads, s.dim);
  const std::size_t tokens = out.shape[1];
  check.that(tokens <= s.capacity && start <= s.capacity - tokens, "a cache of {} has no {} positions from {} on",
             s.capacity, tokens, start);
  check.that(cache.bits != 4 || tokens == 1, "4-bit positions are read one at a time");
  if (auto failed = check.failure()) return *failed;

  const std::uint32_t per_position = u32(s.dim / kBlock);
  const std::size_t threads = context.wide_threads() ? 32 : s.dim;
  if (cache.bits == 4) {
    const TurboReadParams params = {u32(s.dim),      u32(s.heads), u32(start),
                                    u32(s.capacity), per_position, cache.block_scale};
    if (auto bound = bind_kernel(context, "tq_dequantize_kv", cache.codes, cache.norms, out, params); !bound)
      return bound;
    context.encoder.dispatch_threadgroups({s.heads}, {threads});
    return {};
  }
  const TurboReadRangeParams params = {u32(s.dim),      u32(s.heads), u32(start),        u32(tokens),
                                       u32(s.capacity), per_position, cache.block_scale, u32(cache.bits)};
  if (auto bound = bind_kernel(context, "tq_dequantize_hb_kv_seq", cache.codes, cache.norms, out, params); !bound)
    return bound;
  context.encoder.dispatch_threadgroups({s.heads, tokens}, {threads});
  return {};
}

Result<void> turbo_attention(Context& context, const Tensor& query, const TurboCache& key_cache,
                             const TurboCache& value_cache, std::size_t kv_length, const TurboAttentionOptions& options,
                             const Tensor& out) {
  Checks check("turbo_attention");
  check_pair(check, key_cache, value_cache);
  check.that(key_cache.bits != 4, "no kernel for 4-bit caches");
  check.dense("query", query, DType::F32);
  check.dense("out", out, DType::F32);
  check.same_shape("out", out, "query", query);
  if (options.scratch.defined()) check.dense("scratch", options.scratch, DType::F32);
  if (auto failed = check.failure()) return *failed;
  const Shape s = shape_of(key_cache);
  check.that(query.rank == 2 && query.shape[1] == s.dim, "query is {}, must be [heads, {}]", query.describe(), s.dim);
  check.that(query.shape[0] % s.heads == 0, "{} heads cannot share {} key heads", query.shape[0], s.heads);
  check.that(kv_length > 0 && kv_length <= s.capacity, "length {} must be positive and at most the cache's {}",
             kv_length, s.capacity);
  check.that(options.ring_start < s.capacity, "ring starts at {} of a cache of {}", options.ring_start, s.capacity);
  check.that(options.softcap >= 0, "softcap is {}, must not be negative", options.softcap);
  check.fits_32_bits("window", options.window);
  if (auto failed = check.failure()) return *failed;

  const std::size_t heads = query.shape[0], one_part = heads * (s.dim + 2);
  const std::size_t room = options.scratch.defined() ? options.scratch.elements() / one_part : 1;
  const std::size_t parts = std::clamp<std::size_t>(std::min(divide_up(kv_length, 32), room), 1, kMaxSplits);
  const std::size_t simdgroups = 1;
  const TurboAttentionParams params = {.n_heads = u32(heads),
                                       .n_kv_heads = u32(s.heads),
                                       .head_dim = u32(s.dim),
                                       .kv_seq_len = u32(kv_length),
                                       .kv_capacity = u32(s.capacity),
                                       .scale = options.scale,
                                       .mask_type = options.window > 0 ? 2u : 1u,
                                       .sliding_window = u32(options.window),
                                       .softcap = options.softcap,
                                       .nwg = u32(parts),
                                       .ring_start = u32(options.ring_start),
                                       .scale_factor = key_cache.block_scale,
                                       .codebook_bits = u32(key_cache.bits),
                                       .fuse_fwht_pre = 1,
                                       .nsg = u32(simdgroups)};
  const Tensor& target = parts > 1 ? options.scratch : out;
  if (auto bound = bind_kernel(context, fmt::format("flash_attn_vec_tq_hb_dk{}", s.dim), params, query, key_cache.codes,
                               key_cache.norms, value_cache.codes, value_cache.norms, target);
      !bound) {
    return bound;
  }
  context.encoder.set_threadgroup_memory_length(0, 2 * (s.dim + simdgroups * (128 + 2 * s.dim)));
  context.encoder.dispatch_threadgroups({1, heads, parts}, {32, simdgroups});
  if (parts > 1) {
    context.encoder.memory_barrier();
    if (auto bound = bind_kernel(context, fmt::format("flash_attn_vec_reduce_dk{}", s.dim), u32(heads), options.scratch,
                                 out, u32(parts));
        !bound) {
      return bound;
    }
    context.encoder.dispatch_threadgroups({heads}, {32 * parts});
  }
  context.encoder.memory_barrier();
  return turbo_rotate(context, out, Rotation::Inverse);
}

}  // namespace anymetal::ops
