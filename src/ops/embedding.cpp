#include "ops/embedding.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "ops/checks.hpp"
#include "ops/kernel_params.hpp"
#include "ops/launch.hpp"

namespace anymetal::ops {

Result<void> embedding(Context& context, const Tensor& table, const Tensor& ids, float scale, const Tensor& out) {
  Checks check("embedding");
  check.exists("table", table);
  check.that(table.dtype == DType::F32 || is_quantised(table.dtype), "no kernel for a {} table", name(table.dtype));
  check.that(table.rank == 2 && table.contiguous(), "table is {}, must be a contiguous [V, E]", table.describe());
  check.dense("ids", ids, DType::U32);
  check.dense("out", out, DType::F32);
  if (auto failed = check.failure()) return *failed;
  const std::size_t rows = table.shape[0], dim = table.shape[1], tokens = ids.elements();
  check.that(out.columns() == dim && out.rows() == tokens, "out is {}, must be [{}, {}]", out.describe(), tokens, dim);
  check.that(dim % info(table.dtype).block_elements == 0,
             "row of {} elements is no multiple of the {}-element blocks of {}", dim, info(table.dtype).block_elements,
             name(table.dtype));
  check.fits_32_bits("row length", dim);
  check.fits_32_bits("number of rows", rows);
  check.fits_32_bits("number of ids", tokens);
  if (auto failed = check.failure()) return *failed;

  const auto hidden = static_cast<std::uint32_t>(dim), count = static_cast<std::uint32_t>(tokens);
  if (table.dtype == DType::F32) {
    const GatherBatchParams params = {scale, hidden, count};
    if (auto bound = bind_kernel(context, "embedding_gather_scale_batch_f32", table, ids, out, params); !bound)
      return bound;
    context.encoder.dispatch_threads({dim, tokens}, {std::min<std::size_t>(256, dim)});
    return {};
  }
  const GatherBlocksParams params = {scale, hidden, count, static_cast<std::uint32_t>(rows)};
  const std::string kernel = fmt::format("embedding_gather_scale_batch_{}_f32", name(table.dtype));
  if (auto bound = bind_kernel(context, kernel, table, ids, out, params); !bound) return bound;
  context.encoder.dispatch_threads({dim / 32, tokens}, {std::min<std::size_t>(256, dim / 32)});
  return {};
}

}  // namespace anymetal::ops
