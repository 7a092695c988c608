#include "ops/matmul.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "ops/checks.hpp"
#include "ops/kernel_params.hpp"
#include "ops/launch.hpp"
#include "ops/product.hpp"

namespace anymetal::ops {
namespace {

/// Activation rows up to which the mat-vec kernel is the better one; then, on a core, up to which its form for several
/// rows is, which decodes a weight once for four of them: the mat-mat kernel has vectors of 16 rows to fill.
std::size_t mat_vec_rows(const Context& context) { return context.wide_threads() ? 2 : 8; }
std::size_t few_rows(const Context& context) { return context.wide_threads() ? 16 : 0; }

std::string kernel_for(const Product& problem, std::string_view prefix) {
  return fmt::format("{}_{}_f32", prefix, name(problem.weight.dtype));
}

MatVecParams mat_vec_params(const Product& problem) {
  return {.ne00 = static_cast<std::int64_t>(problem.k),
          .ne01 = static_cast<std::int64_t>(problem.n),
          .ne02 = static_cast<std::int64_t>(problem.batches / problem.sharing),
          .ne10 = static_cast<std::int64_t>(problem.x_row()),
          .ne12 = static_cast<std::int64_t>(problem.batches),
          .ne0 = static_cast<std::int64_t>(problem.n),
          .ne1 = static_cast<std::int64_t>(problem.m),
          .r2 = static_cast<std::uint32_t>(problem.sharing)};
}

MatMatParams mat_mat_params(const Product& problem) {
  const std::uint64_t row_bytes = bytes_of(problem.weight.dtype, problem.k);
  const std::uint64_t x_row_bytes = problem.x_row() * sizeof(float);
  return {.ne00 = static_cast<std::int32_t>(problem.k),
          .ne02 = static_cast<std::int32_t>(problem.batches / problem.sharing),
          .nb01 = row_bytes,
          .nb02 = row_bytes * problem.n,
          .ne12 = static_cast<std::int32_t>(problem.batches),
          .nb11 = x_row_bytes,
          .nb12 = x_row_bytes * problem.m,
          .ne0 = static_cast<std::int32_t>(problem.n),
          .ne1 = static_cast<std::int32_t>(problem.m),
          .r2 = static_cast<std::int16_t>(problem.sharing)};
}

Result<void> mat_vec(Context& context, const Product& problem) {
  const bool super_blocks = info(problem.weight.dtype).block_elements == 256;
  // Q6_K has a form whose simdgroups take two rows each.
  const bool two_rows = context.wide_threads() && problem.weight.dtype == DType::Q6_K;
  if (auto bound = bind_kernel(context, kernel_for(problem, "kernel_mul_mv") + (two_rows ? "_nr2" : ""), problem.weight,
                               problem.x, problem.out, mat_vec_params(problem));
      !bound) {
    return bound;
  }
  const std::size_t rows = two_rows ? 4 : super_blocks ? 2 : 8;
  const Size group = super_blocks ? Size{2, 32} : Size{8, 8};
  context.encoder.dispatch_threadgroups({divide_up(problem.n, rows), problem.m, problem.batches}, group);
  return {};
}

/// One kernel for all small numbers of rows, as each has to be compiled.
Result<void> mat_vec_of_few_rows(Context& context, const Product& problem) {
  constexpr std::size_t kRows = 4;
  constexpr std::int32_t kSimdgroups = 2, kLanesPerRow = 4;
  constexpr std::uint32_t kSimdgroupsIndex = 600, kLanesPerRowIndex = 601;  // of the function constants
  const DType type = problem.weight.dtype;
  const std::uint64_t row = bytes_of(type, problem.k), x_row = problem.x_row() * sizeof(float);
  const std::size_t matrices = problem.batches / problem.sharing;
  const MatVecExtParams params = {.ne00 = static_cast<std::int32_t>(problem.k),
                                  .ne01 = static_cast<std::int32_t>(problem.n),
                                  .ne02 = static_cast<std::int32_t>(matrices),
                                  .nb00 = info(type).block_bytes,
                                  .nb01 = row,
                                  .nb02 = row * problem.n,
                                  .nb03 = row * problem.n * matrices,
                                  .ne10 = static_cast<std::int32_t>(problem.k),
                                  .ne11 = static_cast<std::int32_t>(problem.m),
                                  .ne12 = static_cast<std::int32_t>(problem.batches),
                                  .nb11 = x_row,
                                  .nb12 = x_row * problem.m,
                                  .nb13 = x_row * problem.m * problem.batches,
                                  .ne0 = static_cast<std::int32_t>(problem.n),
                                  .ne1 = static_cast<std::int32_t>(problem.m),
                                  .r2 = static_cast<std::int16_t>(problem.sharing)};
  auto pipeline = context.pipeline(fmt::format("kernel_mul_mv_ext_{}_f32_r1_{}", name(type), kRows),
                                   {{kSimdgroupsIndex, kSimdgroups}, {kLanesPerRowIndex, kLanesPerRow}});
  if (auto bound = bind_kernel(context, std::move(pipeline), params, problem.weight, problem.x, problem.out); !bound) {
    return bound;
  }
  constexpr std::size_t kGroupRows = 32 / kLanesPerRow * kSimdgroups;
  context.encoder.dispatch_threadgroups(
      {divide_up(problem.n, kGroupRows), divide_up(problem.m, kRows), problem.batches}, {32, kSimdgroups});
  return {};
}

/// The form on matrix hardware where the device has it.
std::string mat_mat_kernel(const Context& context, DType type) {
  const bool tensor = context.device.has_tensor() && !context.wide_threads();
  return fmt::format("kernel_mul_mm_{}_{}f32", name(type), tensor ? "tensor_" : "");
}

Result<void> mat_mat(Context& context, const Product& problem) {
  if (auto bound = bind_kernel(context, mat_mat_kernel(context, problem.weight.dtype), mat_mat_params(problem),
                               problem.weight, problem.x, problem.out);
      !bound) {
    return bound;
  }
  context.encoder.set_threadgroup_memory_length(0, 8192);
  context.encoder.dispatch_threadgroups({divide_up(problem.m, 32), divide_up(problem.n, 64), problem.batches}, {128});
  return {};
}

}  // namespace

bool can_multiply(DType weight) {
  return is_quantised(weight) || weight == DType::F32 || weight == DType::F16 || weight == DType::BF16;
}

Result<void> mul_mat(Context& context, const Tensor& weight, const Tensor& x, const Tensor& out) {
  Checks check("mul_mat");
  check.exists("weight", weight);
  check.that(can_multiply(weight.dtype), "no kernel for {} weights", name(weight.dtype));
  check.that((weight.rank == 2 || weight.rank == 3) && weight.contiguous(),
             "weight is {}, must be a contiguous [N, K] or [batches, N, K]", weight.describe());
  const DType type = weight.dtype == DType::F16 && x.dtype == DType::F16 ? DType::F16 : DType::F32;
  check.is("x", x, type);
  check.that(x.rank == 2 || x.rank == 3, "x is {}, must be [M, K] or [batches, M, K]", x.describe());
  check.that(x.rank != 3 || x.stride[0] == x.shape[1] * x.stride[1], "batches of x must follow each other");
  check.dense("out", out, type);
  if (auto failed = check.failure()) return *failed;

  const std::size_t batches = x.rank == 3 ? x.shape[0] : 1, matrices = weight.rank == 3 ? weight.shape[0] : 1;
  check.that(batches % matrices == 0, "{} batches cannot share {} matrices", batches, matrices);
  const Product problem = {.weight = weight,
                           .x = x,
                           .out = out,
                           .m = x.shape[x.rank - 2],
                           .n = weight.shape[weight.rank - 2],
                           .k = weight.columns(),
                           .batches = batches,
                           .sharing = batches / std::max<std::size_t>(matrices, 1)};
  check.that(x.columns() == problem.k, "x has rows of {} elements, weight of {}", x.columns(), problem.k);
  check.that(out.elements() == batches * problem.m * problem.n, "out is {}, must be [{}, {}]", out.describe(),
             batches * problem.m, problem.n);
  check.that(problem.k % info(weight.dtype).block_elements == 0,
             "row of {} elements is no multiple of the {}-element blocks of {}", problem.k,
             info(weight.dtype).block_elements, name(weight.dtype));
  check.that(problem.sharing <= 32767, "{} batches for each matrix are more than 32767", problem.sharing);
  check.that(type == DType::F32 || (batches == 1 && x.contiguous()), "no kernel for batches or strided rows of f16");
  check.fits_32_bits("M", problem.m);
  check.fits_32_bits("N", problem.n);
  check.fits_32_bits("K", problem.k);
  if (auto failed = check.failure()) return *failed;

  if (!is_quantised(weight.dtype)) return dense_product(context, problem);
  if (problem.m <= mat_vec_rows(context)) return mat_vec(context, problem);
  return problem.m <= few_rows(context) ? mat_vec_of_few_rows(context, problem) : mat_mat(context, problem);
}

}  // namespace anymetal::ops
