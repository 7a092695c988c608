#include "ops/attention.hpp"

#include <algorithm>
#include <initializer_list>

#include "ops/checks.hpp"
#include "ops/kernel_params.hpp"
#include "ops/launch.hpp"

namespace anymetal::ops {
namespace {

constexpr std::size_t kMaxSplits = 32;  // threadgroups that may share one query's keys

// Function constants of steel_attention and flash_attn_vec.
constexpr std::uint32_t kAlignQ = 200, kAlignK = 201, kHasMask = 300, kCausal = 301, kHasBlk = 303, kWindow = 304;
constexpr std::uint32_t kExactQuery = 310;

struct Shapes {
  std::size_t queries, heads, kv_heads, dim, capacity, kv_length;
};

std::size_t scratch_bytes(std::size_t heads, std::size_t dim, std::size_t splits) {
  return heads * splits * (dim + 2) * sizeof(float);
}

/// How many threadgroups may share one query's keys: on a processor one for each thread.
std::size_t most_splits(const Device& device) {
  return has_wide_threads(device) ? std::clamp<std::size_t>(device.info().compute_units, 1, kMaxSplits) : kMaxSplits;
}

/// How many threadgroups to split one query's keys over. A processor's thread takes 128 keys before another one is
/// worth it.
std::size_t splits_for(const Context& context, const Shapes& shapes, std::size_t window, const Tensor& scratch) {
  if (!scratch.defined()) return 1;
  const std::size_t seen = window > 0 ? std::min(window, shapes.kv_length) : shapes.kv_length;
  const std::size_t chunks = context.wide_threads()
                                 ? std::min(seen / 128, most_splits(context.device) / shapes.kv_heads)
                                 : divide_up(shapes.kv_length, 32);
  const std::size_t room = scratch.span_bytes() / scratch_bytes(shapes.heads, shapes.dim, 1);
  return std::clamp<std::size_t>(std::min(chunks, room), 1, kMaxSplits);
}

Result<void> decode(Context& context, const Tensor& query, const Tensor& keys, const Tensor& values,
                    const Shapes& shapes, const AttentionOptions& options, const Tensor& out) {
  const std::size_t splits = splits_for(context, shapes, options.window, options.scratch);
  const FlashAttnVecParams params = {.n_heads = u32(shapes.heads),
                                     .n_kv_heads = u32(shapes.kv_heads),
                                     .head_dim = u32(shapes.dim),
                                     .kv_seq_len = u32(shapes.kv_length),
                                     .kv_capacity = u32(shapes.capacity),
                                     .scale = options.scale,
                                     .mask_type = options.window > 0 ? 2u : 1u,
                                     .sliding_window = u32(options.window),
                                     .nwg = u32(splits)};
  const bool half_cache = keys.dtype == DType::F16;
  const std::string_view kernel = shapes.dim == 256
                                      ? (half_cache ? "flash_attn_vec_f16kv_dk256" : "flash_attn_vec_dk256")
                                      : (half_cache ? "flash_attn_vec_f16kv_dk512" : "flash_attn_vec_dk512");
  auto pipeline = context.pipeline(kernel, {{kExactQuery, true}});
  const Tensor& target = splits > 1 ? options.scratch : out;
  if (auto bound = bind_kernel(context, std::move(pipeline), params, query, keys, values, target); !bound) return bound;
  context.encoder.set_threadgroup_memory_length(0, 2 * (3 * shapes.dim + 128));
  context.encoder.dispatch_threadgroups({1, shapes.heads, splits}, {32});
  if (splits == 1) return {};

  context.encoder.memory_barrier();
  const std::string_view reduce = shapes.dim == 256 ? "flash_attn_vec_reduce_dk256" : "flash_attn_vec_reduce_dk512";
  if (auto bound = bind_kernel(context, reduce, u32(shapes.heads), options.scratch, out, u32(splits)); !bound)
    return bound;
  context.encoder.dispatch_threadgroups({shapes.heads}, {32 * splits});
  return {};
}

Result<void> prefill(Context& context, const Tensor& query, const Tensor& keys, const Tensor& values,
                     const Shapes& shapes, const AttentionOptions& options, const Tensor& out) {
  constexpr std::size_t kQueryTile = 32, kKeyTile = 16;
  const std::int64_t head_stride = i64(shapes.dim), token_stride = i64(shapes.heads * shapes.dim);
  const AttnParams params = {.H = i32(shapes.heads),
                             .D = i32(shapes.dim),
                             .qL = i32(shapes.queries),
                             .kL = i32(shapes.kv_length),
                             .gqa_factor = i32(shapes.heads / shapes.kv_heads),
                             .scale = options.scale,
                             .NQ = i32(divide_up(shapes.queries, kQueryTile)),
                             .NK = i32(divide_up(shapes.kv_length, kKeyTile)),
                             .NQ_aligned = i32(shapes.queries / kQueryTile),
                             .NK_aligned = i32(shapes.kv_length / kKeyTile),
                             .qL_rem = i32(shapes.queries % kQueryTile),
                             .kL_rem = i32(shapes.kv_length % kKeyTile),
                             .qL_off = i32(shapes.kv_length - shapes.queries),
                             .Q_strides = {0, head_stride, token_stride},
                             .K_strides = {0, i64(keys.stride[0]), i64(keys.stride[1])},
                             .V_strides = {0, i64(values.stride[0]), i64(values.stride[1])},
                             .O_strides = {0, head_stride, token_stride}};
  const std::string_view kernel = keys.dtype == DType::F16
                                      ? "steel_attention_float32_f16kv_bq32_bk16_bd256_wm4_wn1_maskbool_"
                                      : "steel_attention_float32_bq32_bk16_bd256_wm4_wn1_maskbool_";
  auto pipeline = context.pipeline(kernel, {{kAlignQ, false},
                                            {kAlignK, false},
                                            {kHasMask, false},
                                            {kCausal, true},
                                            {kHasBlk, false},
                                            {kWindow, i32(options.window)}});
  if (auto bound = bind_kernel(context, std::move(pipeline), query, keys, values, out, params); !bound) return bound;
  context.encoder.dispatch_threadgroups({divide_up(shapes.queries, kQueryTile), shapes.heads}, {32, 4});
  return {};
}

/// What only the general kernel takes.
bool needs_general(const Shapes& shapes, const AttentionOptions& options, DType cache) {
  const bool fast_type = cache == DType::F32 || cache == DType::F16;
  const bool fast_size = shapes.dim == 256 || (shapes.dim == 512 && shapes.queries == 1);
  return !fast_type || !fast_size || !options.causal || options.softcap > 0 || options.ring_start > 0 ||
         options.mask.defined() || options.sinks.defined();
}

std::string_view general_kernel(DType cache) {
  switch (cache) {
    case DType::F32:
      return "attention_f32kv";
    case DType::F16:
      return "attention_f16kv";
    case DType::BF16:
      return "attention_bf16kv";
    default:
      return "attention_q8_0kv";
  }
}

Result<void> general(Context& context, const Tensor& query, const Tensor& keys, const Tensor& values,
                     const Shapes& shapes, const AttentionOptions& options, const Tensor& out) {
  const bool own_masks = options.mask.rank == 3;
  const AttentionParams params = {.heads = u32(shapes.heads),
                                  .kv_heads = u32(shapes.kv_heads),
                                  .dim = u32(shapes.dim),
                                  .queries = u32(shapes.queries),
                                  .keys = u32(shapes.kv_length),
                                  .capacity = u32(shapes.capacity),
                                  .ring_start = u32(options.ring_start),
                                  .causal = options.causal,
                                  .window = u32(options.window),
                                  .scale = options.scale,
                                  .softcap = options.softcap,
                                  .has_mask = options.mask.defined(),
                                  .mask_head_stride = own_masks ? u32(shapes.queries * shapes.kv_length) : 0,
                                  .has_sinks = options.sinks.defined()};
  const Tensor& mask = options.mask.defined() ? options.mask : query;  // any buffer where there is none
  const Tensor& sinks = options.sinks.defined() ? options.sinks : query;
  if (auto bound = bind_kernel(context, general_kernel(keys.dtype), params, query, keys, values, out, mask, sinks);
      !bound) {
    return bound;
  }
  context.encoder.dispatch_threadgroups({shapes.heads, shapes.queries}, {32});
  return {};
}

void check_options(Checks& check, const AttentionOptions& options, const Shapes& shapes) {
  check.that(options.softcap >= 0, "softcap is {}, must not be negative", options.softcap);
  check.that(options.ring_start < shapes.capacity, "ring starts at {} of a cache of {}", options.ring_start,
             shapes.capacity);
  if (options.mask.defined()) {
    check.dense("mask", options.mask, DType::F32);
    const std::size_t rank = options.mask.rank;
    check.that((rank == 2 || (rank == 3 && options.mask.shape[0] == shapes.heads)) &&
                   options.mask.columns() == shapes.kv_length && options.mask.shape[rank - 2] == shapes.queries,
               "mask is {}, must be [{}, {}] or one for each of {} heads", options.mask.describe(), shapes.queries,
               shapes.kv_length, shapes.heads);
  }
  if (options.sinks.defined()) {
    check.dense("sinks", options.sinks, DType::F32);
    check.that(options.sinks.elements() == shapes.heads, "{} sinks for {} heads", options.sinks.elements(),
               shapes.heads);
  }
}

}  // namespace

std::size_t attention_scratch_bytes(const Device& device, std::size_t heads, std::size_t head_dim) {
  return most_splits(device) == 1 ? 0 : scratch_bytes(heads, head_dim, most_splits(device));
}

Result<void> attention(Context& context, const Tensor& query, const Tensor& key_cache, const Tensor& value_cache,
                       std::size_t kv_length, const AttentionOptions& options, const Tensor& out) {
  Checks check("attention");
  check.dense("query", query, DType::F32);
  check.dense("out", out, DType::F32);
  check.same_shape("out", out, "query", query);
  check_kv_cache(check, key_cache, value_cache);
  check.that(query.rank == 3 && key_cache.rank == 3 && query.shape[2] == key_cache.shape[2],
             "query is {}, must be [tokens, heads, head size] for the cache {}", query.describe(),
             key_cache.describe());
  if (options.scratch.defined()) check.dense("scratch", options.scratch, DType::F32);
  if (auto failed = check.failure()) return *failed;

  const Shapes shapes = {query.shape[0], query.shape[1],     key_cache.shape[0],
                         query.shape[2], key_cache.shape[1], kv_length};
  check.that(shapes.heads % shapes.kv_heads == 0, "{} heads cannot share {} key heads", shapes.heads, shapes.kv_heads);
  check.that(kv_length >= shapes.queries && kv_length <= shapes.capacity,
             "length {} must be at least the {} queries and at most the cache's {}", kv_length, shapes.queries,
             shapes.capacity);
  check.that(shapes.dim % 8 == 0 && shapes.dim <= 512, "no kernel for heads of {} elements", shapes.dim);
  check_options(check, options, shapes);
  check.fits_32_bits("cache capacity", shapes.capacity);
  check.fits_32_bits("window", options.window);
  if (auto failed = check.failure()) return *failed;
  if (needs_general(shapes, options, key_cache.dtype)) {
    return general(context, query, key_cache, value_cache, shapes, options, out);
  }
  return shapes.queries == 1 ? decode(context, query, key_cache, value_cache, shapes, options, out)
                             : prefill(context, query, key_cache, value_cache, shapes, options, out);
}

}  // namespace anymetal::ops
