#include "ops/sdpa.hpp"

#include <algorithm>
#include <string>

#include "ops/checks.hpp"
#include "ops/kernel_params.hpp"
#include "ops/launch.hpp"

namespace anymetal::ops {
namespace {

void check_lengths(Checks& check, std::size_t heads, std::size_t kv_heads, std::size_t length, std::size_t capacity) {
  check.that(heads % kv_heads == 0, "{} heads cannot share {} key heads", heads, kv_heads);
  check.that(length > 0 && length <= capacity, "length {} must be positive and at most the {} rows of keys", length,
             capacity);
  check.fits_32_bits("number of rows", capacity);
}

}  // namespace

Result<void> sdpa(Context& context, const Tensor& query, const Tensor& keys, const Tensor& values,
                  std::size_t kv_length, const SdpaOptions& options, const Tensor& out) {
  Checks check("sdpa");
  check.that(query.dtype == DType::F32 || query.dtype == DType::BF16, "no kernel for {}", name(query.dtype));
  check.dense("query", query, query.dtype);
  check.dense("out", out, query.dtype);
  check.same_shape("out", out, "query", query);
  check.dense("keys", keys, query.dtype);
  check.dense("values", values, query.dtype);
  check.same_shape("keys", keys, "values", values);
  check.that(query.rank == 4 && keys.rank == 4 && query.shape[0] == keys.shape[0] && query.shape[3] == keys.shape[3],
             "query is {}, keys are {}, must be [batch, heads, length, head size]", query.describe(), keys.describe());
  if (auto failed = check.failure()) return *failed;
  const std::size_t batch = query.shape[0], heads = query.shape[1], queries = query.shape[2], dim = query.shape[3];
  check_lengths(check, heads, keys.shape[1], kv_length, keys.shape[2]);
  check.that(queries <= kv_length, "{} queries are more than the {} keys", queries, kv_length);
  if (options.keys_back) {
    check.that(*options.keys_back > 0, "a query must see a key before its own");
    check.fits_32_bits("window", *options.keys_back);
  }
  if (auto failed = check.failure()) return *failed;

  const std::string suffix = query.dtype == DType::BF16 ? "_bf16" : "";
  const SdpaParams params = {u32(heads),     u32(keys.shape[1]), u32(dim),          u32(queries),
                             u32(kv_length), options.scale,      u32(keys.shape[2])};
  Result<void> bound;
  if (options.keys_back) {
    const SdpaSlidingParams sliding = {params.n_heads,    params.n_kv_heads,       params.head_dim, params.seq_len,
                                       params.kv_seq_len, u32(*options.keys_back), options.scale,   params.kv_capacity};
    bound = bind_kernel(context, "sdpa_sliding" + suffix, query, keys, values, out, sliding);
  } else {
    bound = bind_kernel(context, "sdpa" + suffix, query, keys, values, out, params);
  }
  if (!bound) return bound;
  context.encoder.dispatch_threadgroups({batch, heads, divide_up(queries, 32)}, {32});
  return {};
}

Result<void> sdpa_decode(Context& context, const Tensor& query, const Tensor& keys, const Tensor& values,
                         std::size_t kv_length, float scale, const Tensor& out) {
  Checks check("sdpa_decode");
  check.dense("query", query, DType::F32);
  check.dense("out", out, DType::F32);
  check.same_shape("out", out, "query", query);
  check.dense("keys", keys, DType::F32);
  check.dense("values", values, DType::F32);
  check.same_shape("keys", keys, "values", values);
  check.that(query.rank == 2 && keys.rank == 3 && query.shape[1] == keys.shape[2],
             "query is {}, keys are {}, must be [heads, head size] and [key heads, rows, head size]", query.describe(),
             keys.describe());
  if (auto failed = check.failure()) return *failed;
  const std::size_t heads = query.shape[0], dim = query.shape[1];
  check_lengths(check, heads, keys.shape[0], kv_length, keys.shape[1]);
  check.that(dim % 32 == 0 && dim <= 512, "no kernel for heads of {} elements", dim);
  if (auto failed = check.failure()) return *failed;

  const std::size_t simdgroups = kv_length < 32 ? 1 : kv_length < 128 ? 2 : 4;
  const SdpaDecodeParams params = {u32(heads), u32(keys.shape[0]), u32(dim), u32(kv_length), u32(keys.shape[1]),
                                   scale,      u32(simdgroups)};
  if (auto bound = bind_kernel(context, "sdpa_decode", query, keys, values, out, params); !bound) return bound;
  context.encoder.set_threadgroup_memory_length(0, divide_up(4 * simdgroups * (dim + 2), 16) * 16);
  context.encoder.dispatch_threadgroups({heads}, {32 * simdgroups});
  return {};
}

Result<void> masked_softmax(Context& context, const Tensor& scores, const Tensor& mask, float scale,
                            const Tensor& out) {
  Checks check("masked_softmax");
  check.dense("scores", scores, DType::F32);
  check.dense("mask", mask, DType::BF16);
  check.dense("out", out, DType::F32);
  check.same_shape("out", out, "scores", scores);
  check.that(scores.rank == 3 && mask.rank == 2 && scores.shape[1] == mask.shape[0] && scores.shape[2] == mask.shape[1],
             "scores are {}, mask is {}, must be [heads, queries, keys] and [queries, keys]", scores.describe(),
             mask.describe());
  if (auto failed = check.failure()) return *failed;
  check.fits_32_bits("number of keys", scores.shape[2]);
  check.fits_32_bits("number of rows", scores.rows());
  if (auto failed = check.failure()) return *failed;

  const ScaleMaskParams params = {u32(scores.shape[2]), u32(scores.shape[1]), scale, 0};
  if (auto bound = bind_kernel(context, "scale_mask_softmax_f32", scores, out, mask, params); !bound) return bound;
  dispatch_rows(context, scores.rows(), scores.shape[2]);
  return {};
}

}  // namespace anymetal::ops
