#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

#include "ops/kernel_params.hpp"
#include "ops/launch.hpp"
#include "ops/product.hpp"

namespace anymetal::ops {
namespace {

/// Activation rows up to which the mat-vec kernel is the better one.
constexpr std::size_t kFewRows = 8;

Result<void> all_f16(Context& context, const Product& p) {
  const std::array sizes = {u32(p.m), u32(p.n), u32(p.k)};
  const std::string_view kernel = p.m == 1 ? "dense_matvec_f16" : "dense_gemm_f16";
  if (auto bound = bind_kernel(context, kernel, p.x, p.weight, p.out, sizes); !bound) return bound;
  if (p.m == 1) {
    context.encoder.dispatch_threadgroups({divide_up(p.n, 8)}, {32, 2});
  } else {
    context.encoder.dispatch_threadgroups({divide_up(p.n, 32), divide_up(p.m, 32)}, {128});
  }
  return {};
}

Result<void> one_row(Context& context, const Product& p) {
  const std::string_view kernel = p.weight.dtype == DType::F32   ? "dense_matvec_f32"
                                  : p.weight.dtype == DType::F16 ? "dense_matvec_f16w_f32io"
                                                                 : "dense_matvec_bf16w_f32io";
  if (auto bound = bind_kernel(context, kernel, p.x, p.weight, p.out, std::array{1u, u32(p.n), u32(p.k)}); !bound)
    return bound;
  context.encoder.dispatch_threadgroups({divide_up(p.n, 8)}, {32, 2});
  return {};
}

Result<void> few_rows_bf16(Context& context, const Product& p) {
  const std::uint64_t row = 2 * p.k, x_row = sizeof(float) * p.x_row();
  const DenseMatVecParams params = {.ne00 = i32(p.k),
                                    .ne01 = i32(p.n),
                                    .ne02 = i32(p.batches / p.sharing),
                                    .nb01 = row,
                                    .nb02 = row * p.n,
                                    .ne10 = i32(p.k),
                                    .ne11 = i32(p.m),
                                    .ne12 = i32(p.batches),
                                    .nb11 = x_row,
                                    .nb12 = x_row * p.m,
                                    .ne0 = i32(p.n),
                                    .ne1 = i32(p.m),
                                    .r2 = static_cast<std::int16_t>(p.sharing)};
  if (auto bound = bind_kernel(context, "hf2q_dense_gemv_bf16_f32_4", params, p.weight, p.x, p.out); !bound)
    return bound;
  context.encoder.set_threadgroup_memory_length(0, 256);
  context.encoder.dispatch_threadgroups({divide_up(p.n, 2), p.m, p.batches},
                                        {32, std::min<std::size_t>(4, divide_up(p.k, 128))});
  return {};
}

Result<void> many_rows(Context& context, const Product& p) {
  const std::uint64_t row = bytes_of(p.weight.dtype, p.k), x_row = sizeof(float) * p.x_row();
  const MatMatParams params = {.ne00 = i32(p.k),
                               .ne02 = i32(p.batches / p.sharing),
                               .nb01 = row,
                               .nb02 = row * p.n,
                               .ne12 = i32(p.batches),
                               .nb11 = x_row,
                               .nb12 = x_row * p.m,
                               .ne0 = i32(p.n),
                               .ne1 = i32(p.m),
                               .r2 = static_cast<std::int16_t>(p.sharing)};
  const std::string kernel = fmt::format("hf2q_dense_mm_{}_f32_tensor", name(p.weight.dtype));
  if (auto bound = bind_kernel(context, kernel, params, p.weight, p.x, p.out); !bound) return bound;
  context.encoder.set_threadgroup_memory_length(0, p.weight.dtype == DType::F32 ? 16384 : 8192);
  context.encoder.dispatch_threadgroups({divide_up(p.m, 32), divide_up(p.n, 64), p.batches}, {128});
  return {};
}

}  // namespace

Result<void> dense_product(Context& context, const Product& p) {
  if (p.x.dtype == DType::F16) return all_f16(context, p);
  if (p.m == 1 && p.batches == 1) return one_row(context, p);
  if (p.m <= kFewRows && p.weight.dtype == DType::BF16) return few_rows_bf16(context, p);
  return many_rows(context, p);
}

}  // namespace anymetal::ops
