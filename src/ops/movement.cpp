#include "ops/movement.hpp"

#include <array>

#include "ops/launch.hpp"
#include "ops/operands.hpp"

namespace anymetal::ops {
namespace {

/// A grid of up to three axes with at most 256 threads a threadgroup.
void dispatch_grid(Context& context, std::array<std::size_t, 3> extent, std::array<std::size_t, 3> group) {
  for (std::size_t d = 0; d < 3; ++d) group[d] = std::min(group[d], extent[d]);
  context.encoder.dispatch_threads({extent[0], extent[1], extent[2]}, {group[0], group[1], group[2]});
}

void check_matrix(Checks& check, const Operand& x) {
  check.dense(x.name, x.tensor, DType::F32);
  check.that(x.tensor.rank == 2, "{} is {}, must be a matrix", x.name, x.tensor.describe());
  check.fits_32_bits("number of elements", x.tensor.elements());
}

}  // namespace

Result<void> fill_zero(Context& context, const Tensor& x) {
  Checks check("fill_zero");
  check_alike(check, DType::F32, {{"x", x}});
  if (auto failed = check.failure()) return *failed;
  if (auto bound = bind_kernel(context, "zero_buffer", x, u32(x.elements())); !bound) return bound;
  dispatch_flat(context, x.elements());
  return {};
}

Result<void> copy_rows(Context& context, const Tensor& x, const Tensor& out) {
  Checks check("copy_rows");
  check.is("x", x, DType::F32);
  check.that(x.rank == 2 && x.stride[1] == 1, "x is {}, must be rows", x.describe());
  check_shape(check, DType::F32, {"out", out}, {x.rows(), x.columns()});
  check.fits_32_bits("number of elements", out.elements());
  check.fits_32_bits("distance of rows", x.stride[0]);
  if (auto failed = check.failure()) return *failed;
  const std::array params = {u32(x.rows()), u32(x.columns()), u32(x.stride[0]), 1u};
  if (auto bound = bind_kernel(context, "strided_copy_f32", x, out, params); !bound) return bound;
  dispatch_grid(context, {x.columns(), x.rows(), 1}, {256, 1, 1});
  return {};
}

Result<void> gather_rows(Context& context, const Tensor& x, const Tensor& index, const Tensor& out) {
  Checks check("gather_rows");
  check_matrix(check, {"x", x});
  check.dense("index", index, DType::U32);
  if (auto failed = check.failure()) return *failed;
  const std::size_t count = index.elements(), width = x.columns();
  check_shape(check, DType::F32, {"out", out}, {count, width});
  check.fits_32_bits("number of elements", out.elements());
  if (auto failed = check.failure()) return *failed;
  if (auto bound = bind_kernel(context, "gather_f32", x, index, out, std::array{u32(width), u32(count), u32(x.rows())});
      !bound)
    return bound;
  dispatch_grid(context, {width, count, 1}, {256, 1, 1});
  return {};
}

Result<void> take_along_axis(Context& context, const Tensor& x, const Tensor& index, const Tensor& out) {
  Checks check("take_along_axis");
  check_matrix(check, {"x", x});
  check.dense("index", index, DType::U32);
  check.that(index.rank == 2 && index.rows() == x.rows(), "index is {}, must be [{}, choices]", index.describe(),
             x.rows());
  check_shape(check, DType::F32, {"out", out}, {x.rows(), index.columns()});
  if (auto failed = check.failure()) return *failed;
  const std::array shape = {u32(x.rows()), u32(x.columns()), u32(index.columns())};
  if (auto bound = bind_kernel(context, "take_along_axis_f32", x, index, out, shape); !bound) return bound;
  dispatch_grid(context, {x.rows(), index.columns(), 1}, {16, 16, 1});
  return {};
}

Result<void> swap_first_axes(Context& context, const Tensor& x, const Tensor& out) {
  Checks check("swap_first_axes");
  const bool f32 = x.dtype == DType::F32 && out.dtype == DType::F32;
  check.that(f32 || (x.dtype == DType::BF16 && (out.dtype == DType::BF16 || out.dtype == DType::F32)),
             "no kernel from {} to {}", name(x.dtype), name(out.dtype));
  check.dense("x", x, x.dtype);
  check.that(x.rank == 3, "x is {}, must have three axes", x.describe());
  check_shape(check, out.dtype, {"out", out}, {x.shape[1], x.shape[0], x.shape[2]});
  check.fits_32_bits("number of elements", x.elements());
  if (auto failed = check.failure()) return *failed;
  const std::string_view kernel = f32                        ? "permute_021_f32"
                                  : out.dtype == DType::BF16 ? "permute_021_bf16"
                                                             : "permute_021_bf16_to_f32";
  const std::array shape = {u32(x.shape[0]), u32(x.shape[1]), u32(x.shape[2])};
  if (auto bound = bind_kernel(context, kernel, x, out, shape); !bound) return bound;
  dispatch_grid(context, {x.shape[2], x.shape[1], x.shape[0]}, {64, 4, 1});
  return {};
}

Result<void> transpose(Context& context, const Tensor& x, const Tensor& out) {
  Checks check("transpose");
  const bool planes = x.rank == 3;
  check.that(x.rank == 2 || planes, "x is {}, must have two or three axes", x.describe());
  check_kernel_for(check, x.dtype, {planes ? DType::BF16 : DType::F32, DType::F16});
  check.dense("x", x, x.dtype);
  check.fits_32_bits("number of elements", x.elements());
  if (auto failed = check.failure()) return *failed;
  if (planes) {
    const std::size_t a = x.shape[0], b = x.shape[1], c = x.shape[2];
    check_shape(check, x.dtype, {"out", out}, {a, c, b});
    if (auto failed = check.failure()) return *failed;
    const std::string kernel = fmt::format("transpose_last2_{}", name(x.dtype));
    if (auto bound = bind_kernel(context, kernel, x, out, std::array{u32(a), u32(b), u32(c)}); !bound) return bound;
    dispatch_grid(context, {b, c, a}, {16, 16, 1});
    return {};
  }
  check_shape(check, x.dtype, {"out", out}, {x.columns(), x.rows()});
  if (auto failed = check.failure()) return *failed;
  const std::string kernel = fmt::format("transpose_2d_{}", name(x.dtype));
  if (auto bound = bind_kernel(context, kernel, x, out, std::array{u32(x.rows()), u32(x.columns())}); !bound)
    return bound;
  dispatch_grid(context, {x.columns(), x.rows(), 1}, {16, 16, 1});
  return {};
}

Result<void> slice_columns(Context& context, const Tensor& x, std::size_t start, const Tensor& out) {
  Checks check("slice_columns");
  check_matrix(check, {"x", x});
  check_matrix(check, {"out", out});
  check.that(out.rows() == x.rows() && start <= x.columns() && out.columns() <= x.columns() - start,
             "out {} at column {} is not within x {}", out.describe(), start, x.describe());
  if (auto failed = check.failure()) return *failed;
  const std::array shape = {u32(x.columns()), u32(out.columns()), u32(start)};
  if (auto bound = bind_kernel(context, "slice_2d_cols_f32", x, out, shape); !bound) return bound;
  dispatch_grid(context, {out.columns(), out.rows(), 1}, {32, 8, 1});
  return {};
}

Result<void> copy_into_columns(Context& context, const Tensor& x, const Tensor& out, std::size_t start) {
  Checks check("copy_into_columns");
  check_matrix(check, {"x", x});
  check_matrix(check, {"out", out});
  check.that(out.rows() == x.rows() && start <= out.columns() && x.columns() <= out.columns() - start,
             "x {} at column {} is not within out {}", x.describe(), start, out.describe());
  if (auto failed = check.failure()) return *failed;
  const std::array shape = {u32(x.columns()), u32(out.columns()), u32(start)};
  if (auto bound = bind_kernel(context, "copy_2d_cols_into_f32", x, out, shape); !bound) return bound;
  dispatch_grid(context, {x.columns(), x.rows(), 1}, {32, 8, 1});
  return {};
}

Result<void> split_qkv(Context& context, const Tensor& x, const Tensor& q, const Tensor& k, const Tensor& v) {
  Checks check("split_qkv");
  for (const auto& [part, each] : {std::pair<std::string_view, const Tensor&>{"x", x}, {"q", q}, {"k", k}, {"v", v}}) {
    check_matrix(check, {part, each});
    check.that(each.rows() == x.rows(), "{} is {}, x is {}", part, each.describe(), x.describe());
  }
  const std::size_t width = q.columns() + k.columns() + v.columns();
  check.that(width == x.columns(), "rows of {}, {} and {} for x {}", q.columns(), k.columns(), v.columns(),
             x.describe());
  if (auto failed = check.failure()) return *failed;
  const std::array params = {u32(x.rows()), u32(q.columns()), u32(k.columns()), u32(v.columns()), u32(width)};
  if (auto bound = bind_kernel(context, "qkv_split_f32", x, q, k, v, params); !bound) return bound;
  dispatch_grid(context, {width, x.rows(), 1}, {256, 1, 1});
  return {};
}

Result<void> repeat_heads(Context& context, const Tensor& x, const Tensor& out) {
  Checks check("repeat_heads");
  check.dense("x", x, DType::F32);
  check.dense("out", out, DType::F32);
  check.that(x.rank == 3 && out.rank == 3 && x.shape[0] == out.shape[0] && x.shape[2] == out.shape[2],
             "x is {}, out is {}, must be [tokens, heads, head size]", x.describe(), out.describe());
  check.fits_32_bits("number of elements", out.elements());
  if (auto failed = check.failure()) return *failed;
  const std::array params = {u32(x.shape[0]), u32(x.shape[1]), u32(out.shape[1]), u32(x.shape[2])};
  if (auto bound = bind_kernel(context, "repeat_tiled_f32", x, out, params); !bound) return bound;
  dispatch_grid(context, {x.shape[2], out.shape[1], x.shape[0]}, {256, 1, 1});
  return {};
}

}  // namespace anymetal::ops
