#include "ops/training.hpp"

#include <array>
#include <bit>
#include <cmath>

#include "ops/kernel_params.hpp"
#include "ops/launch.hpp"
#include "ops/movement.hpp"
#include "ops/operands.hpp"

namespace anymetal::ops {
namespace {

void check_matrix(Checks& check, DType type, const Operand& x) {
  check.dense(x.name, x.tensor, type);
  check.that(x.tensor.rank == 2, "{} is {}, must be a matrix", x.name, x.tensor.describe());
  check.fits_32_bits("number of elements", x.tensor.elements());
}

void dispatch_plane(Context& context, std::size_t x, std::size_t y, std::size_t group_x, std::size_t group_y) {
  context.encoder.dispatch_threads({x, y}, {std::min(group_x, x), std::min(group_y, y)});
}

/// The three kernels of the causal convolution: two inputs and an output over the same grid of tokens or taps.
Result<void> conv(Context& context, std::string_view op, std::string_view kernel, const Operand& a, const Operand& b,
                  const Operand& out, bool taps) {
  Checks check(op);
  check_matrix(check, DType::F32, a);
  const Operand& weight = taps ? out : b;
  const Operand& rows = taps ? b : out;
  check_matrix(check, DType::F32, weight);
  if (auto failed = check.failure()) return *failed;
  const std::size_t tokens = a.tensor.rows(), channels = a.tensor.columns(), width = weight.tensor.columns();
  check_shape(check, DType::F32, rows, {tokens, channels});
  check_shape(check, DType::F32, weight, {channels, width});
  if (auto failed = check.failure()) return *failed;
  const std::array shape = {u32(tokens), u32(channels), u32(width)};
  if (auto bound = bind_kernel(context, kernel, a.tensor, b.tensor, out.tensor, shape); !bound) return bound;
  if (taps)
    dispatch_plane(context, channels, width, 32, 8);
  else
    dispatch_plane(context, tokens, channels, 32, 8);
  return {};
}

/// Records one threadgroup per group of the affine format, a thread per element.
void dispatch_groups(Context& context, const Tensor& elements, std::size_t bytes_per_thread) {
  const std::size_t size = elements.columns();
  context.encoder.set_threadgroup_memory_length(0, divide_up(bytes_per_thread * size, 16) * 16);
  context.encoder.dispatch_threadgroups({elements.rows()}, {size});
}

void check_group(Checks& check, DType type, const Operand& x) {
  check_matrix(check, type, x);
  const std::size_t size = x.tensor.columns();
  check.that(std::has_single_bit(size) && size >= 2 && size <= 1024,
             "groups of {}, must be a power of two from 2 to 1024", size);
}

}  // namespace

Result<void> embedding_backward(Context& context, const Tensor& dy, const Tensor& ids, const Tensor& dtable) {
  Checks check("embedding_backward");
  check_matrix(check, DType::F32, {"dy", dy});
  check_matrix(check, DType::F32, {"dtable", dtable});
  check_count(check, DType::U32, {"ids", ids}, dy.rows(), "rows are");
  check.that(dtable.columns() == dy.columns(), "dtable is {}, dy is {}", dtable.describe(), dy.describe());
  if (auto failed = check.failure()) return *failed;
  const std::array shape = {u32(dtable.rows()), u32(dy.columns()), u32(dy.rows())};
  if (auto bound = bind_kernel(context, "embedding_scatter_add_f32", dy, ids, dtable, shape); !bound) return bound;
  dispatch_plane(context, dtable.columns(), dtable.rows(), 32, 8);
  return {};
}

Result<void> take_along_axis_backward(Context& context, const Tensor& dy, const Tensor& index, const Tensor& dx) {
  Checks check("take_along_axis_backward");
  check_matrix(check, DType::F32, {"dy", dy});
  check_matrix(check, DType::F32, {"dx", dx});
  check.that(dx.rows() == dy.rows(), "dx is {}, dy is {}", dx.describe(), dy.describe());
  check_shape(check, DType::U32, {"index", index}, {dy.rows(), dy.columns()});
  if (auto failed = check.failure()) return *failed;
  if (auto cleared = fill_zero(context, dx); !cleared) return cleared;
  const std::array shape = {u32(dy.rows()), u32(dx.columns()), u32(dy.columns())};
  if (auto bound = bind_kernel(context, "take_along_axis_backward_f32", dy, index, dx, shape); !bound) return bound;
  dispatch_plane(context, dy.rows(), dy.columns(), 16, 16);
  return {};
}

Result<void> causal_conv(Context& context, const Tensor& x, const Tensor& w, const Tensor& y) {
  return conv(context, "causal_conv", "conv1d_depthwise_causal_forward_f32", {"x", x}, {"w", w}, {"y", y}, false);
}
Result<void> causal_conv_backward_x(Context& context, const Tensor& dy, const Tensor& w, const Tensor& dx) {
  return conv(context, "causal_conv_backward_x", "conv1d_depthwise_causal_backward_dx_f32", {"dy", dy}, {"w", w},
              {"dx", dx}, false);
}
Result<void> causal_conv_backward_w(Context& context, const Tensor& x, const Tensor& dy, const Tensor& dw) {
  return conv(context, "causal_conv_backward_w", "conv1d_depthwise_causal_backward_dw_f32", {"x", x}, {"dy", dy},
              {"dw", dw}, true);
}

Result<void> fit_affine(Context& context, const Tensor& w, std::uint32_t bins, const AffineGroups& groups) {
  Checks check("fit_affine");
  check_group(check, DType::F32, {"w", w});
  check_count(check, DType::F32, {"scales", groups.scales}, w.rows(), "groups are");
  check_count(check, DType::F32, {"biases", groups.biases}, w.rows(), "groups are");
  check_shape(check, DType::U8, {"codes", groups.codes}, {w.rows(), w.columns()});
  check.that(bins >= 2 && bins <= 256, "{} bins, must be 2 to 256", bins);
  if (auto failed = check.failure()) return *failed;
  const std::array params = {u32(w.columns()), bins};
  if (auto bound = bind_kernel(context, "qdq_affine_init_f32", w, groups.scales, groups.biases, groups.codes, params);
      !bound)
    return bound;
  dispatch_groups(context, w, 2 * sizeof(float));
  return {};
}

Result<void> affine_values(Context& context, const AffineGroups& groups, const Tensor& out) {
  Checks check("affine_values");
  check_matrix(check, DType::F32, {"out", out});
  check_shape(check, DType::U8, {"codes", groups.codes}, {out.rows(), out.columns()});
  check_count(check, DType::F32, {"scales", groups.scales}, out.rows(), "groups are");
  check_count(check, DType::F32, {"biases", groups.biases}, out.rows(), "groups are");
  if (auto failed = check.failure()) return *failed;
  const std::size_t n = out.elements(), threads = std::min<std::size_t>(256, n);
  const std::array params = {u32(n), u32(out.columns())};
  if (auto bound =
          bind_kernel(context, "qdq_affine_forward_f32", groups.codes, groups.scales, groups.biases, out, params);
      !bound) {
    return bound;
  }
  context.encoder.dispatch_threadgroups({divide_up(n, threads)}, {threads});
  return {};
}

Result<void> affine_backward_scales(Context& context, const Tensor& codes, const Tensor& dy, const Tensor& dscales) {
  Checks check("affine_backward_scales");
  check_group(check, DType::F32, {"dy", dy});
  check_shape(check, DType::U8, {"codes", codes}, {dy.rows(), dy.columns()});
  check_count(check, DType::F32, {"dscales", dscales}, dy.rows(), "groups are");
  if (auto failed = check.failure()) return *failed;
  if (auto bound = bind_kernel(context, "qdq_affine_backward_scales_f32", codes, dy, dscales, u32(dy.columns()));
      !bound)
    return bound;
  dispatch_groups(context, dy, sizeof(float));
  return {};
}

Result<void> affine_backward_biases(Context& context, const Tensor& dy, const Tensor& dbiases) {
  Checks check("affine_backward_biases");
  check_group(check, DType::F32, {"dy", dy});
  check_count(check, DType::F32, {"dbiases", dbiases}, dy.rows(), "groups are");
  if (auto failed = check.failure()) return *failed;
  if (auto bound = bind_kernel(context, "qdq_affine_backward_biases_f32", dy, dbiases, u32(dy.columns())); !bound)
    return bound;
  dispatch_groups(context, dy, sizeof(float));
  return {};
}

Result<void> adam_update(Context& context, const Adam& adam, const Tensor& parameters, const Tensor& gradient,
                         const Tensor& m, const Tensor& v) {
  Checks check("adam_update");
  check_alike(check, DType::F32, {{"parameters", parameters}, {"gradient", gradient}, {"m", m}, {"v", v}});
  check.that(adam.step >= 1, "steps count from 1");
  check.that(adam.beta1 >= 0 && adam.beta1 < 1 && adam.beta2 >= 0 && adam.beta2 < 1,
             "betas {} and {} must be in [0, 1)", adam.beta1, adam.beta2);
  if (auto failed = check.failure()) return *failed;
  const auto correction = [&](float beta) {
    return static_cast<float>(1 - std::pow(static_cast<double>(beta), static_cast<double>(adam.step)));
  };
  const AdamParams params = {
      adam.rate, adam.beta1, adam.beta2, adam.eps, correction(adam.beta1), correction(adam.beta2)};
  if (auto bound =
          bind_kernel(context, "adam_update_f32", parameters, gradient, m, v, params, u32(parameters.elements()));
      !bound) {
    return bound;
  }
  dispatch_flat(context, parameters.elements());
  return {};
}

}  // namespace anymetal::ops
