#include "ops/matmul.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "ops/checks.hpp"
#include "ops/kernel_params.hpp"
#include "ops/launch.hpp"

namespace anymetal::ops {
namespace {

/// Activation rows up to which the mat-vec kernel of a narrow-thread device is the better one.
constexpr std::size_t kMatVecRows = 8;

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

Result<void> wide_mat_vec(Context& context, const Problem& problem) {
  if (auto bound = bind_kernel(context, problem.kernel("mul_mv_wide"), problem.weight, problem.x, problem.out,
                               mat_vec_params(problem));
      !bound) {
    return bound;
  }
  const std::size_t threads = divide_up(problem.n, 2);
  context.encoder.dispatch_threads({threads, problem.m}, {std::min<std::size_t>(threads, 32)});
  return {};
}

Result<void> wide_mat_mat(Context& context, const Problem& problem) {
  if (auto bound = bind_kernel(context, problem.kernel("mul_mm_wide"), mat_mat_params(problem), problem.weight,
                               problem.x, problem.out);
      !bound) {
    return bound;
  }
  const std::size_t threads = divide_up(problem.n, 4);
  context.encoder.dispatch_threads({threads, divide_up(problem.m, 48)}, {std::min<std::size_t>(threads, 8)});
  return {};
}

Result<void> mat_vec(Context& context, const Problem& problem) {
  if (auto bound = bind_kernel(context, problem.kernel("kernel_mul_mv"), problem.weight, problem.x, problem.out,
                               mat_vec_params(problem));
      !bound) {
    return bound;
  }
  const bool super_blocks = info(problem.weight.dtype).block_elements == 256;
  const std::size_t rows = super_blocks ? 2 : 8;
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

  if (context.wide_threads()) return problem.m == 1 ? wide_mat_vec(context, problem) : wide_mat_mat(context, problem);
  return problem.m <= kMatVecRows ? mat_vec(context, problem) : mat_mat(context, problem);
}

}  // namespace anymetal::ops
