#include "ops/norm.hpp"

#include <array>

#include "ops/kernel_params.hpp"
#include "ops/launch.hpp"
#include "ops/operands.hpp"

namespace anymetal::ops {
namespace {

constexpr std::size_t kVectorBytes = 16;

/// Whether kernels that read 16-byte vectors may be used.
bool vectors_fit(std::size_t dim, std::initializer_list<const Tensor*> tensors) {
  return dim % 4 == 0 && std::ranges::all_of(tensors, [](const Tensor* t) { return t->offset % kVectorBytes == 0; });
}

void check_rows(Checks& check, const Tensor& x, const Tensor& weight, const Tensor& out, DType type = DType::F32) {
  check.dense("x", x, type);
  check.dense("weight", weight, type == DType::F16 ? DType::F32 : type);
  check.dense("out", out, type);
  check.that(weight.elements() == x.columns(), "weight has {} elements, row has {}", weight.elements(), x.columns());
  check.that(out.elements() == x.elements(), "out is {}, x is {}", out.describe(), x.describe());
  check.fits_32_bits("number of rows", x.rows());
}

}  // namespace

Result<void> rms_norm(Context& context, const Tensor& x, const Tensor& weight, float eps, const Tensor& out) {
  Checks check("rms_norm");
  check_kernel_for(check, x.dtype, {DType::F32, DType::F16, DType::BF16});
  check_rows(check, x, weight, out, x.dtype);
  const std::size_t dim = x.columns();
  check_float_row(check, dim);
  if (auto failed = check.failure()) return *failed;

  const std::array<float, 2> params = {eps, static_cast<float>(dim)};
  const bool vectors = x.dtype == DType::F32 && vectors_fit(dim, {&x, &weight, &out});
  const std::string kernel = fmt::format("rms_norm_{}{}", name(x.dtype), vectors ? "_v2" : "");
  if (auto bound = bind_kernel(context, kernel, x, weight, out, params); !bound) return bound;
  dispatch_rows(context, x.rows(), dim);
  return {};
}

Result<void> norm_add(Context& context, const Tensor& residual, const Tensor& x, const Tensor& weight, float eps,
                      const Tensor& out) {
  Checks check("norm_add");
  check_kernel_for(check, x.dtype, {DType::F32, DType::BF16});
  check_rows(check, x, weight, out, x.dtype);
  check.dense("residual", residual, x.dtype);
  check.that(residual.elements() == x.elements(), "residual is {}, x is {}", residual.describe(), x.describe());
  const std::size_t dim = x.columns();
  check.fits_32_bits("row length", dim);
  if (auto failed = check.failure()) return *failed;

  const bool vectors = x.dtype == DType::F32 && vectors_fit(dim, {&residual, &x, &weight, &out});
  const std::string kernel = fmt::format("fused_norm_add_{}{}", name(x.dtype), vectors ? "_v2" : "");
  if (auto bound = bind_kernel(context, kernel, residual, x, weight, out, u32(dim), u32(x.rows()), eps); !bound)
    return bound;
  dispatch_rows(context, x.rows(), dim);
  return {};
}

Result<void> residual_norm(Context& context, const Tensor& residual, const Tensor& x, const Tensor& weight, float eps,
                           const Tensor& out, const Tensor& sum) {
  Checks check("residual_norm");
  check_rows(check, x, weight, out);
  check.dense("residual", residual, DType::F32);
  check.that(residual.elements() == x.elements(), "residual is {}, x is {}", residual.describe(), x.describe());
  if (sum.defined()) {
    check.dense("sum", sum, DType::F32);
    check.that(sum.elements() == x.elements(), "sum is {}, x is {}", sum.describe(), x.describe());
  }
  const std::size_t dim = x.columns();
  check.fits_32_bits("row length", dim);
  if (auto failed = check.failure()) return *failed;

  const ResidualNormParams params = {
      .dim = u32(dim), .rows = u32(x.rows()), .eps = eps, .write_sum = sum.defined() ? 1u : 0u};
  if (auto bound =
          bind_kernel(context, "fused_residual_norm_f32", residual, x, weight, out, sum.defined() ? sum : out, params);
      !bound) {
    return bound;
  }
  dispatch_rows(context, x.rows(), dim);
  return {};
}

Result<void> head_norm_rope(Context& context, const Tensor& x, const Tensor& weight, const Tensor& positions,
                            const Rope& rope, float eps, const Tensor& out) {
  Checks check("head_norm_rope");
  check_rows(check, x, weight, out);
  check.dense("positions", positions, DType::U32);
  check.that(x.rank == 3, "x is {}, must be [tokens, heads, head size]", x.describe());
  if (auto failed = check.failure()) return *failed;
  const std::size_t dim = x.columns(), tokens = x.shape[0], heads = x.shape[1];
  const std::size_t rope_dim = rope.rope_dim == 0 ? dim : rope.rope_dim;
  check.that(positions.elements() == tokens, "{} positions for {} tokens", positions.elements(), tokens);
  check.that(dim % 2 == 0 && rope_dim % 2 == 0 && rope_dim <= dim, "cannot rotate {} of {} elements", rope_dim, dim);
  check.fits_32_bits("head size", dim);
  if (auto failed = check.failure()) return *failed;

  const HeadNormRopeParams params = {.head_dim = u32(dim),
                                     .n_heads = u32(heads),
                                     .half_rope_dim = u32(rope_dim / 2),
                                     .eps = eps,
                                     .theta = rope.theta,
                                     .seq_len = u32(tokens)};
  const std::string_view kernel =
      vectors_fit(dim, {&x, &out}) ? "fused_head_norm_rope_f32_v2" : "fused_head_norm_rope_f32";
  // Optional inputs and outputs are off; what is bound in their places is not touched.
  if (auto bound = bind_kernel(context, kernel, x, out, weight, params, positions, weight, out, out); !bound)
    return bound;
  dispatch_rows(context, tokens * heads, dim);
  return {};
}

}  // namespace anymetal::ops
