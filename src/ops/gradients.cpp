#include "ops/gradients.hpp"

#include <array>

#include "ops/launch.hpp"
#include "ops/operands.hpp"

namespace anymetal::ops {
namespace {

/// An element-wise kernel with one input. The count follows the output, but for kernels that take it from the grid.
Result<void> unary(Context& context, std::string_view op, std::string_view kernel, const Tensor& x, const Tensor& out,
                   bool counted = true) {
  Checks check(op);
  check_alike(check, DType::F32, {{"x", x}, {"out", out}});
  if (auto failed = check.failure()) return *failed;
  const auto bound =
      counted ? bind_kernel(context, kernel, x, out, u32(x.elements())) : bind_kernel(context, kernel, x, out);
  if (!bound) return bound;
  dispatch_flat(context, x.elements());
  return {};
}

/// The same with two inputs.
Result<void> binary(Context& context, std::string_view op, std::string_view kernel, const Operand& a, const Operand& b,
                    const Operand& out, bool counted = true) {
  Checks check(op);
  check_alike(check, DType::F32, {a, b, out});
  if (auto failed = check.failure()) return *failed;
  const std::size_t n = a.tensor.elements();
  const auto bound = counted ? bind_kernel(context, kernel, a.tensor, b.tensor, out.tensor, u32(n))
                             : bind_kernel(context, kernel, a.tensor, b.tensor, out.tensor);
  if (!bound) return bound;
  dispatch_flat(context, n);
  return {};
}

/// Parameters of row kernels: two floats.
std::array<float, 2> floats(std::size_t first, std::size_t second = 0) {
  return {static_cast<float>(first), static_cast<float>(second)};
}

}  // namespace

Result<void> exp(Context& context, const Tensor& x, const Tensor& out) {
  return unary(context, "exp", "exp_f32", x, out);
}
Result<void> sqrt(Context& context, const Tensor& x, const Tensor& out) {
  return unary(context, "sqrt", "sqrt_f32", x, out);
}
Result<void> log(Context& context, const Tensor& x, const Tensor& out) {
  return unary(context, "log", "log_f32", x, out, false);
}
Result<void> silu(Context& context, const Tensor& x, const Tensor& out) {
  return unary(context, "silu", "silu_f32", x, out);
}
Result<void> divide(Context& context, const Tensor& a, const Tensor& b, const Tensor& out) {
  return binary(context, "divide", "divide_f32", {"a", a}, {"b", b}, {"out", out});
}

Result<void> exp_backward(Context& context, const Tensor& y, const Tensor& dy, const Tensor& dx) {
  return binary(context, "exp_backward", "exp_backward_f32", {"y", y}, {"dy", dy}, {"dx", dx});
}
Result<void> sqrt_backward(Context& context, const Tensor& y, const Tensor& dy, const Tensor& dx) {
  return binary(context, "sqrt_backward", "sqrt_backward_f32", {"y", y}, {"dy", dy}, {"dx", dx});
}
Result<void> log_backward(Context& context, const Tensor& x, const Tensor& dy, const Tensor& dx) {
  return binary(context, "log_backward", "log_backward_f32", {"x", x}, {"dy", dy}, {"dx", dx}, false);
}
Result<void> silu_backward(Context& context, const Tensor& x, const Tensor& dy, const Tensor& dx) {
  return binary(context, "silu_backward", "silu_backward_f32", {"x", x}, {"dy", dy}, {"dx", dx});
}

Result<void> divide_backward(Context& context, const Tensor& b, const Tensor& y, const Tensor& dy, const Tensor& da,
                             const Tensor& db) {
  Checks check("divide_backward");
  check_alike(check, DType::F32, {{"b", b}, {"y", y}, {"dy", dy}, {"da", da}, {"db", db}});
  if (auto failed = check.failure()) return *failed;
  if (auto bound = bind_kernel(context, "divide_backward_f32", b, y, dy, da, db, u32(b.elements())); !bound)
    return bound;
  dispatch_flat(context, b.elements());
  return {};
}

Result<void> softmax_backward(Context& context, const Tensor& y, const Tensor& dy, const Tensor& dx) {
  Checks check("softmax_backward");
  check_alike(check, DType::F32, {{"y", y}, {"dy", dy}, {"dx", dx}});
  check.that(y.columns() == dy.columns(), "dy is {}, y is {}", dy.describe(), y.describe());
  check_float_row(check, y.columns());
  if (auto failed = check.failure()) return *failed;
  if (auto bound = bind_kernel(context, "softmax_backward_f32", y, dy, dx, floats(y.columns())); !bound) return bound;
  dispatch_rows(context, y.rows(), y.columns());
  return {};
}

Result<void> row_sum(Context& context, const Tensor& x, const Tensor& out) {
  Checks check("row_sum");
  check_alike(check, DType::F32, {{"x", x}});
  check_count(check, DType::F32, {"out", out}, x.rows(), "rows are");
  check_float_row(check, x.columns());
  if (auto failed = check.failure()) return *failed;
  if (auto bound = bind_kernel(context, "row_sum_f32", x, out, floats(x.columns())); !bound) return bound;
  dispatch_rows(context, x.rows(), x.columns());
  return {};
}

Result<void> row_sum_backward(Context& context, const Tensor& dy, const Tensor& dx) {
  Checks check("row_sum_backward");
  check_alike(check, DType::F32, {{"dx", dx}});
  check_count(check, DType::F32, {"dy", dy}, dx.rows(), "rows are");
  check_float_row(check, dx.columns());
  if (auto failed = check.failure()) return *failed;
  if (auto bound = bind_kernel(context, "row_sum_backward_f32", dy, dx, floats(dx.columns())); !bound) return bound;
  context.encoder.dispatch_threadgroups({dx.rows()}, {std::min<std::size_t>(256, dx.columns())});
  return {};
}

Result<void> rms_norm_inverse(Context& context, const Tensor& x, float eps, const Tensor& inverse) {
  Checks check("rms_norm_inverse");
  check_alike(check, DType::F32, {{"x", x}});
  check_count(check, DType::F32, {"inverse", inverse}, x.rows(), "rows are");
  check_float_row(check, x.columns());
  if (auto failed = check.failure()) return *failed;
  const std::array<float, 2> params = {eps, static_cast<float>(x.columns())};
  if (auto bound = bind_kernel(context, "rms_norm_compute_rms_inv_f32", x, inverse, params); !bound) return bound;
  dispatch_rows(context, x.rows(), x.columns());
  return {};
}

Result<void> rms_norm_backward_x(Context& context, const Tensor& x, const Tensor& weight, const Tensor& dy,
                                 const Tensor& inverse, const Tensor& dx) {
  Checks check("rms_norm_backward_x");
  check_alike(check, DType::F32, {{"x", x}, {"dy", dy}, {"dx", dx}});
  check_count(check, DType::F32, {"weight", weight}, x.columns(), "row has");
  check_count(check, DType::F32, {"inverse", inverse}, x.rows(), "rows are");
  check_float_row(check, x.columns());
  if (auto failed = check.failure()) return *failed;
  if (auto bound = bind_kernel(context, "rms_norm_backward_dx_f32", x, weight, dy, inverse, dx, floats(x.columns()));
      !bound) {
    return bound;
  }
  dispatch_rows(context, x.rows(), x.columns());
  return {};
}

Result<void> rms_norm_backward_weight(Context& context, const Tensor& x, const Tensor& dy, const Tensor& inverse,
                                      const Tensor& dweight) {
  Checks check("rms_norm_backward_weight");
  check_alike(check, DType::F32, {{"x", x}, {"dy", dy}});
  check_count(check, DType::F32, {"inverse", inverse}, x.rows(), "rows are");
  check_count(check, DType::F32, {"dweight", dweight}, x.columns(), "row has");
  check_float_row(check, x.columns());
  check_float_row(check, x.rows());
  if (auto failed = check.failure()) return *failed;
  if (auto bound =
          bind_kernel(context, "rms_norm_backward_dw_f32", x, dy, inverse, dweight, floats(x.columns(), x.rows()));
      !bound) {
    return bound;
  }
  const std::size_t threads = context.wide_threads() ? 32 : std::clamp<std::size_t>(std::bit_ceil(x.rows()), 32, 256);
  context.encoder.set_threadgroup_memory_length(0, threads * sizeof(float));
  context.encoder.dispatch_threadgroups({x.columns()}, {threads});
  return {};
}

Result<void> outer_product(Context& context, const Tensor& a, const Tensor& b, const Tensor& out) {
  Checks check("outer_product");
  check.dense("a", a, DType::F32);
  check.dense("b", b, DType::F32);
  check_shape(check, DType::F32, {"out", out}, {a.elements(), b.elements()});
  check.fits_32_bits("number of elements", out.elements());
  if (auto failed = check.failure()) return *failed;
  const std::array shape = {u32(a.elements()), u32(b.elements())};
  if (auto bound = bind_kernel(context, "outer_product_f32", a, b, out, shape); !bound) return bound;
  context.encoder.dispatch_threads({a.elements(), b.elements()},
                                   {std::min<std::size_t>(16, a.elements()), std::min<std::size_t>(16, b.elements())});
  return {};
}

namespace {

/// A gradient of outer_product: a sum over one axis of dy for every element of `out`.
Result<void> outer_sum(Context& context, std::string_view op, std::string_view kernel, const Tensor& dy,
                       const Operand& other, const Operand& out, bool rows) {
  Checks check(op);
  check.dense("dy", dy, DType::F32);
  check.that(dy.rank == 2, "dy is {}, must be a matrix", dy.describe());
  check.fits_32_bits("number of elements", dy.elements());
  if (auto failed = check.failure()) return *failed;
  const std::size_t n = dy.rows(), m = dy.columns();
  check_count(check, DType::F32, other, rows ? m : n, rows ? "columns are" : "rows are");
  check_count(check, DType::F32, out, rows ? n : m, rows ? "rows are" : "columns are");
  if (auto failed = check.failure()) return *failed;
  if (auto bound = bind_kernel(context, kernel, dy, other.tensor, out.tensor, std::array{u32(n), u32(m)}); !bound)
    return bound;
  dispatch_flat(context, out.tensor.elements());
  return {};
}

}  // namespace

Result<void> outer_product_backward_a(Context& context, const Tensor& dy, const Tensor& b, const Tensor& da) {
  return outer_sum(context, "outer_product_backward_a", "outer_product_backward_lhs_f32", dy, {"b", b}, {"da", da},
                   true);
}

Result<void> outer_product_backward_b(Context& context, const Tensor& dy, const Tensor& a, const Tensor& db) {
  return outer_sum(context, "outer_product_backward_b", "outer_product_backward_rhs_f32", dy, {"a", a}, {"db", db},
                   false);
}

}  // namespace anymetal::ops
