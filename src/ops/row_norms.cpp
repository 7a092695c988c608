#include "ops/row_norms.hpp"

#include "ops/kernel_params.hpp"
#include "ops/launch.hpp"
#include "ops/operands.hpp"

namespace anymetal::ops {
namespace {

std::array<float, 2> eps_and_dim(float eps, const Tensor& x) { return {eps, static_cast<float>(x.columns())}; }

/// Type of the weight of a row kernel: f16 rows have f32 weights.
DType weight_type(DType type) { return type == DType::F16 ? DType::F32 : type; }

void check_scale(Checks& check, const Tensor& scale, std::size_t dim) {
  check.dense("scale", scale, DType::F32);
  check.that(scale.elements() == 1 || scale.elements() == dim, "scale has {} elements, must be 1 or {}",
             scale.elements(), dim);
}

/// x / root of its squares by the kernels of `stem`: x, out, params.
Result<void> unweighted(Context& context, std::string_view op, std::string_view stem,
                        std::initializer_list<DType> types, const Tensor& x, float eps, const Tensor& out) {
  Checks check(op);
  check_kernel_for(check, x.dtype, types);
  check_alike(check, x.dtype, {{"x", x}, {"out", out}});
  check_float_row(check, x.columns());
  if (auto failed = check.failure()) return *failed;
  const std::string kernel = fmt::format("{}_{}", stem, name(x.dtype));
  if (auto bound = bind_kernel(context, kernel, x, out, eps_and_dim(eps, x)); !bound) return bound;
  dispatch_rows(context, x.rows(), x.columns());
  return {};
}

/// Two inputs, weight and scale by the kernels of one interface.
Result<void> scaled(Context& context, std::string_view op, std::string_view kernel, const Tensor& residual,
                    const Tensor& x, const Tensor& weight, const Tensor& scale, float eps, const Tensor& out) {
  Checks check(op);
  check_alike(check, DType::F32, {{"x", x}, {"residual", residual}, {"out", out}});
  const std::size_t dim = x.columns();
  check_count(check, DType::F32, {"weight", weight}, dim, "row has");
  check_scale(check, scale, dim);
  if (auto failed = check.failure()) return *failed;
  const ScaledNormParams params = {u32(dim), u32(x.rows()), eps, scale.elements() == 1 ? 0u : 1u};
  if (auto bound = bind_kernel(context, kernel, residual, x, weight, out, scale, params); !bound) return bound;
  dispatch_rows(context, x.rows(), dim);
  return {};
}

}  // namespace

Result<void> rms_norm_unweighted(Context& context, const Tensor& x, float eps, const Tensor& out) {
  return unweighted(context, "rms_norm_unweighted", "rms_norm_no_scale", {DType::F32, DType::BF16}, x, eps, out);
}

Result<void> l2_norm(Context& context, const Tensor& x, float eps, const Tensor& out) {
  return unweighted(context, "l2_norm", "l2_norm", {DType::F32, DType::F16, DType::BF16}, x, eps, out);
}

Result<void> rms_norm_mul(Context& context, const Tensor& x, const Tensor& weight, const Tensor& factor, float eps,
                          const Tensor& out) {
  Checks check("rms_norm_mul");
  check_kernel_for(check, x.dtype, {DType::F32, DType::F16, DType::BF16});
  check_alike(check, x.dtype, {{"x", x}, {"factor", factor}, {"out", out}});
  check_count(check, weight_type(x.dtype), {"weight", weight}, x.columns(), "row has");
  check_float_row(check, x.columns());
  if (auto failed = check.failure()) return *failed;
  const std::string kernel = fmt::format("rms_norm_mul_{}", name(x.dtype));
  if (auto bound = bind_kernel(context, kernel, x, weight, factor, out, eps_and_dim(eps, x)); !bound) return bound;
  dispatch_rows(context, x.rows(), x.columns());
  return {};
}

Result<void> rms_norm_with_copy(Context& context, const Tensor& x, float eps, const Tensor& out, const Tensor& copy,
                                bool head_major) {
  Checks check("rms_norm_with_copy");
  check.dense("x", x, DType::F32);
  check.that(x.rank == 3, "x is {}, must be [tokens, heads, head size]", x.describe());
  if (auto failed = check.failure()) return *failed;
  const std::size_t tokens = x.shape[0], heads = x.shape[1], dim = x.columns();
  check_shape(check, DType::F32, {"out", out}, {tokens, heads, dim});
  check_shape(check, DType::BF16, {"copy", copy}, {head_major ? heads : tokens, head_major ? tokens : heads, dim});
  check.fits_32_bits("number of elements", x.elements());
  check_float_row(check, dim);
  if (auto failed = check.failure()) return *failed;
  const auto bound = head_major ? bind_kernel(context, "rms_norm_no_scale_f32_dual_perm", x, out, eps_and_dim(eps, x),
                                              copy, std::array{u32(heads), u32(tokens)})
                                : bind_kernel(context, "rms_norm_no_scale_f32_dual", x, out, eps_and_dim(eps, x), copy);
  if (!bound) return bound;
  dispatch_rows(context, x.rows(), dim);
  return {};
}

Result<void> rms_norm_triple(Context& context, const Tensor& x, const std::array<Tensor, 3>& weights, float eps,
                             const std::array<Tensor, 3>& out) {
  Checks check("rms_norm_triple");
  check_alike(check, DType::F32, {{"x", x}, {"out[0]", out[0]}, {"out[1]", out[1]}, {"out[2]", out[2]}});
  for (const Tensor& weight : weights) check_count(check, DType::F32, {"weight", weight}, x.columns(), "row has");
  check_float_row(check, x.columns());
  if (auto failed = check.failure()) return *failed;
  if (auto bound = bind_kernel(context, "rms_norm_f32_triple", x, weights[0], weights[1], weights[2], out[0], out[1],
                               out[2], eps_and_dim(eps, x));
      !bound) {
    return bound;
  }
  dispatch_rows(context, x.rows(), x.columns());
  return {};
}

Result<void> norm_add_scaled(Context& context, const Tensor& residual, const Tensor& x, const Tensor& weight,
                             const Tensor& scale, float eps, const Tensor& out) {
  return scaled(context, "norm_add_scaled", "fused_norm_add_scalar_f32", residual, x, weight, scale, eps, out);
}

Result<void> residual_norm_scaled(Context& context, const Tensor& residual, const Tensor& x, const Tensor& weight,
                                  const Tensor& scale, float eps, const Tensor& out) {
  return scaled(context, "residual_norm_scaled", "fused_residual_norm_scalar_f32", residual, x, weight, scale, eps,
                out);
}

Result<void> post_attention_norms(Context& context, const Tensor& hidden, const Tensor& x, const Tensor& weight,
                                  const std::array<Tensor, 3>& weights, float eps, const Tensor& sum,
                                  const std::array<Tensor, 3>& out) {
  Checks check("post_attention_norms");
  check_alike(check, DType::F32,
              {{"x", x}, {"hidden", hidden}, {"sum", sum}, {"out[0]", out[0]}, {"out[1]", out[1]}, {"out[2]", out[2]}});
  for (const Tensor* each : {&weight, &weights[0], &weights[1], &weights[2]}) {
    check_count(check, DType::F32, {"weight", *each}, x.columns(), "row has");
  }
  if (auto failed = check.failure()) return *failed;
  const TripleNormParams params = {eps, u32(x.columns())};
  if (auto bound = bind_kernel(context, "fused_post_attn_triple_norm_f32", hidden, x, weight, weights[0], weights[1],
                               weights[2], sum, out[0], out[1], out[2], params);
      !bound) {
    return bound;
  }
  dispatch_rows(context, x.rows(), x.columns());
  return {};
}

Result<void> end_of_layer(Context& context, const Tensor& attention, const Tensor& x, const Tensor& residual,
                          const EndOfLayer& weights, const Tensor& sum, const Tensor& out) {
  Checks check("end_of_layer");
  check_alike(check, DType::F32,
              {{"x", x}, {"attention", attention}, {"residual", residual}, {"sum", sum}, {"out", out}});
  const std::size_t dim = x.columns();
  check_count(check, DType::F32, {"inner weight", weights.inner}, dim, "row has");
  check_count(check, DType::F32, {"outer weight", weights.outer}, dim, "row has");
  check_scale(check, weights.scale, dim);
  if (auto failed = check.failure()) return *failed;
  const EndLayerParams params = {weights.eps, u32(dim), weights.scale.elements() == 1 ? 0u : 1u};
  if (auto bound = bind_kernel(context, "fused_post_ff_norm2_endlayer_f32", attention, x, residual, weights.inner,
                               weights.outer, weights.scale, sum, out, params);
      !bound) {
    return bound;
  }
  dispatch_rows(context, x.rows(), dim);
  return {};
}

Result<void> expert_sum_norm_add(Context& context, const Tensor& experts, const Tensor& weights, const Tensor& residual,
                                 const Tensor& weight, float eps, const Tensor& out, const Tensor& residual_weight) {
  Checks check("expert_sum_norm_add");
  check.dense("experts", experts, DType::F32);
  check.that(experts.rank == 3, "experts are {}, must be [rows, slots, row size]", experts.describe());
  if (auto failed = check.failure()) return *failed;
  const std::size_t rows = experts.shape[0], slots = experts.shape[1], dim = experts.columns();
  check_shape(check, DType::F32, {"weights", weights}, {rows, slots});
  check_shape(check, DType::F32, {"residual", residual}, {rows, dim});
  check_shape(check, DType::F32, {"out", out}, {rows, dim});
  check_count(check, DType::F32, {"weight", weight}, dim, "row has");
  if (residual_weight.defined()) check_count(check, DType::F32, {"residual_weight", residual_weight}, dim, "row has");
  check.fits_32_bits("number of elements", experts.elements());
  if (auto failed = check.failure()) return *failed;
  const auto bound = residual_weight.defined()
                         ? bind_kernel(context, "fused_moe_wsum_dnorm_add_f32", experts, weights, residual,
                                       residual_weight, weight, out, u32(dim), u32(slots), u32(rows), eps)
                         : bind_kernel(context, "fused_moe_wsum_norm_add_f32", experts, weights, residual, weight, out,
                                       u32(dim), u32(slots), u32(rows), eps);
  if (!bound) return bound;
  dispatch_rows(context, rows, dim);
  return {};
}

}  // namespace anymetal::ops
