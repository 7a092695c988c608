#include "ops/matmul.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "ops/checks.hpp"
#include "ops/kernel_params.hpp"
#include "ops/launch.hpp"

namespace anymetal::ops {
namespace {

/// Activation rows up to which the mat-vec kernel is the better one. On a core that decodes weights in vectors the mat-mat
/// kernel, which decodes them once, soon is.
std::size_t mat_vec_rows(const Context& context) { return context.wide_threads() ? 2 : 8; }

struct Problem {
  const Tensor& weight;
  const Tensor& x;
  const Tensor& out;
  std::size_t m, n, k;

  [[nodiscard]] std::string kernel(std::string_view prefix) const {
    return fmt::format("{}_{}_f32", prefix, name(weight.dtype));
  }
};

MatVecParams mat_vec_params(const Problem& problem) {
  return {.ne00 = static_cast<std::int64_t>(problem.k),
          .ne01 = static_cast<std::int64_t>(problem.n),
          .ne10 = static_cast<std::int64_t>(problem.x.stride[0]),
          .ne0 = static_cast<std::int64_t>(problem.n),
          .ne1 = static_cast<std::int64_t>(problem.m)};
}

MatMatParams mat_mat_params(const Problem& problem) {
  const std::uint64_t row_bytes = bytes_of(problem.weight.dtype, problem.k);
  const std::uint64_t x_row_bytes = problem.x.stride[0] * sizeof(float);
  return {.ne00 = static_cast<std::int32_t>(problem.k),
          .nb01 = row_bytes,
          .nb02 = row_bytes * problem.n,
          .nb11 = x_row_bytes,
          .nb12 = x_row_bytes * problem.m,
          .ne0 = static_cast<std::int32_t>(problem.n),
          .ne1 = static_cast<std::int32_t>(problem.m)};
}

Result<void> mat_vec(Context& context, const Problem& problem) {
  const bool super_blocks = info(problem.weight.dtype).block_elements == 256;
  // Q6_K has a form whose simdgroups take two rows each.
  const bool two_rows = context.wide_threads() && problem.weight.dtype == DType::Q6_K;
  if (auto bound = bind_kernel(context, problem.kernel("kernel_mul_mv") + (two_rows ? "_nr2" : ""), problem.weight,
                               problem.x, problem.out, mat_vec_params(problem));
      !bound) {
    return bound;
  }
  const std::size_t rows = two_rows ? 4 : super_blocks ? 2 : 8;
  const Size group = super_blocks ? Size{2, 32} : Size{8, 8};
  context.encoder.dispatch_threadgroups({divide_up(problem.n, rows), problem.m}, group);
  return {};
}

Result<void> mat_mat(Context& context, const Problem& problem) {
  if (auto bound = bind_kernel(context, problem.kernel("kernel_mul_mm"), mat_mat_params(problem), problem.weight,
                               problem.x, problem.out);
      !bound) {
    return bound;
  }
  context.encoder.set_threadgroup_memory_length(0, 8192);
  context.encoder.dispatch_threadgroups({divide_up(problem.m, 32), divide_up(problem.n, 64)}, {128});
  return {};
}

}  // namespace

bool can_multiply(DType weight) { return is_quantised(weight); }

Result<void> mul_mat(Context& context, const Tensor& weight, const Tensor& x, const Tensor& out) {
  Checks check("mul_mat");
  check.exists("weight", weight);
  check.that(can_multiply(weight.dtype), "no kernel for {} weights", name(weight.dtype));
  check.that(weight.rank == 2 && weight.contiguous(), "weight is {}, must be a contiguous [N, K]", weight.describe());
  check.is("x", x, DType::F32);
  check.that(x.rank == 2, "x is {}, must be [M, K]", x.describe());
  check.dense("out", out, DType::F32);
  if (auto failed = check.failure()) return *failed;

  const Problem problem = {weight, x, out, x.shape[0], weight.shape[0], weight.shape[1]};
  check.that(x.shape[1] == problem.k, "x has rows of {} elements, weight of {}", x.shape[1], problem.k);
  check.that(out.elements() == problem.m * problem.n, "out is {}, must be [{}, {}]", out.describe(), problem.m,
             problem.n);
  check.that(problem.k % info(weight.dtype).block_elements == 0,
             "row of {} elements is no multiple of the {}-element blocks of {}", problem.k,
             info(weight.dtype).block_elements, name(weight.dtype));
  check.fits_32_bits("M", problem.m);
  check.fits_32_bits("N", problem.n);
  check.fits_32_bits("K", problem.k);
  if (auto failed = check.failure()) return *failed;

  return problem.m <= mat_vec_rows(context) ? mat_vec(context, problem) : mat_mat(context, problem);
}

}  // namespace anymetal::ops
