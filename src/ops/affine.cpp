#include "ops/affine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <string>

#include "ops/checks.hpp"
#include "ops/launch.hpp"

namespace anymetal::ops {
namespace {

constexpr std::uint32_t kTableRows = 331;  // function constant of the embedding kernels

std::size_t groups_of(const AffineMatrix& w) { return divide_up(w.columns, w.group); }

/// Bytes of a row of codes.
std::size_t row_bytes(const AffineMatrix& w) {
  if (w.scales.dtype == DType::F32) return w.columns * w.bits / 8;
  const std::size_t unit = w.bits % 3 == 0 ? 3 : 4;  // bytes that hold whole codes
  return divide_up(w.columns, unit * 8 / w.bits) * unit;
}

void check_matrix(Checks& check, const AffineMatrix& w, std::size_t rank) {
  check.that(w.bits == 2 || w.bits == 3 || w.bits == 4 || w.bits == 6 || w.bits == 8, "no kernel for codes of {} bits",
             w.bits);
  check.that(w.columns > 0 && w.group > 0, "{} columns in groups of {}", w.columns, w.group);
  if (check.failure()) return;
  check.dense("codes", w.codes, DType::U8);
  check.dense("scales", w.scales, w.scales.dtype);
  check.dense("biases", w.biases, w.scales.dtype);
  check.that(w.codes.rank == rank, "codes are {}, must have {} axes", w.codes.describe(), rank);
  if (check.failure()) return;
  check.that(w.codes.columns() == row_bytes(w), "codes are {}, rows of {} codes of {} bits have {} bytes",
             w.codes.describe(), w.columns, w.bits, row_bytes(w));
  check.that(w.scales.columns() == groups_of(w) && w.scales.rows() == w.codes.rows(),
             "scales are {}, must be {} for {} rows", w.scales.describe(), groups_of(w), w.codes.rows());
  check.same_shape("biases", w.biases, "scales", w.scales);
  check.that(w.bits % 3 == 0 || w.codes.offset % 4 == 0, "codes start at byte {}, must be a multiple of 4",
             w.codes.offset);
  check.fits_32_bits("K", w.columns);
  check.fits_32_bits("group", w.group);
  check.fits_32_bits("number of rows", w.codes.rows());
}

void check_packed(Checks& check, const AffineMatrix& w) {
  check.that(w.scales.dtype == DType::BF16, "scales are {}, must be bf16", name(w.scales.dtype));
}

/// Products with scales in f32.
Result<void> product_f32_scales(Context& context, const AffineMatrix& w, const Tensor& x, const Tensor& out) {
  const std::size_t m = x.rows(), n = w.codes.rows();
  const std::array sizes = {u32(m), u32(n), u32(w.columns), u32(w.group)};
  // Codes of 8 bits are the same as packed ones where there is a kernel for their groups.
  const bool tiles = w.group == 32 || w.group == 64 || w.group == 128;
  const std::string kernel = !tiles ? "qmm_affine_t_f32"
                                    : fmt::format("qmm_affine_t_packed_simd4_b{}{}", w.bits,
                                                  w.group == 32 ? "" : fmt::format("_gs{}", w.group));
  if (auto bound = bind_kernel(context, kernel, x, w.codes, w.scales, w.biases, out, sizes); !bound) return bound;
  if (tiles) {
    context.encoder.set_threadgroup_memory_length(0, 8 * 32 * 32);
    context.encoder.dispatch_threadgroups({divide_up(m, 32), divide_up(n, 32)}, {128});
  } else {
    context.encoder.dispatch_threads({m, n}, {std::min<std::size_t>(16, m), std::min<std::size_t>(16, n)});
  }
  return {};
}

Result<void> product_packed(Context& context, const AffineMatrix& w, const Tensor& x, const Tensor& out) {
  const std::size_t m = x.rows(), n = w.codes.rows();
  const std::array sizes = {u32(m), u32(w.columns), u32(n), u32(w.group), u32(w.bits)};
  // A thread for each output rounds weights to bf16 too; where threads are wide it is the faster form.
  const bool scalar = x.dtype == DType::F32 && context.wide_threads();
  const std::string_view kernel = scalar                  ? "quantized_matmul"
                                  : x.dtype == DType::F32 ? "quantized_matmul_simd"
                                                          : "quantized_matmul_simd_bf16";
  if (auto bound = bind_kernel(context, kernel, x, w.codes, w.scales, w.biases, out, sizes); !bound) return bound;
  if (scalar) {
    context.encoder.dispatch_threads({n, m}, {std::min<std::size_t>(16, n), std::min<std::size_t>(16, m)});
  } else {
    context.encoder.dispatch_threadgroups({m, divide_up(n, 8)}, {32, 2});
  }
  return {};
}

}  // namespace

Result<void> mul_mat_affine(Context& context, const AffineMatrix& weight, const Tensor& x, const Tensor& out) {
  Checks check("mul_mat_affine");
  check_matrix(check, weight, 2);
  const bool f32_scales = weight.scales.dtype == DType::F32;
  check.that(f32_scales || weight.scales.dtype == DType::BF16, "scales are {}, must be bf16 or f32",
             name(weight.scales.dtype));
  check.that(x.dtype == DType::F32 || (x.dtype == DType::BF16 && !f32_scales), "no kernel for {} x and {} scales",
             name(x.dtype), name(weight.scales.dtype));
  check.dense("x", x, x.dtype);
  check.dense("out", out, x.dtype);
  if (f32_scales) {
    check.that(weight.bits == 8 || weight.group == 32 || weight.group == 64 || weight.group == 128,
               "no kernel for codes of {} bits in groups of {} with f32 scales", weight.bits, weight.group);
    check.that(weight.columns % weight.group == 0, "{} columns are no multiple of the group of {}", weight.columns,
               weight.group);
  }
  if (auto failed = check.failure()) return *failed;
  check.that(x.rank == 2 && x.columns() == weight.columns, "x is {}, must be [M, {}]", x.describe(), weight.columns);
  check.that(out.elements() == x.rows() * weight.codes.rows(), "out is {}, must be [{}, {}]", out.describe(), x.rows(),
             weight.codes.rows());
  check.fits_32_bits("M", x.rows());
  if (auto failed = check.failure()) return *failed;
  return f32_scales ? product_f32_scales(context, weight, x, out) : product_packed(context, weight, x, out);
}

Result<void> mul_mat_affine_id(Context& context, const AffineMatrix& weight, const Tensor& x, const Tensor& ids,
                               const Tensor& out) {
  Checks check("mul_mat_affine_id");
  check_matrix(check, weight, 3);
  check_packed(check, weight);
  check.dense("x", x, DType::F32);
  check.dense("ids", ids, DType::U32);
  check.dense("out", out, DType::F32);
  if (auto failed = check.failure()) return *failed;
  const std::size_t experts = weight.codes.shape[0], n = weight.codes.shape[1], groups = groups_of(weight);
  check.that(x.rank == 2 && x.columns() == weight.columns, "x is {}, must be [M, {}]", x.describe(), weight.columns);
  check.that(ids.rank == 2 && ids.shape[0] == x.shape[0], "ids are {}, must be [{}, choices]", ids.describe(),
             x.rows());
  check.that(out.elements() == ids.elements() * n, "out is {}, must be [{}, {}, {}]", out.describe(), ids.shape[0],
             ids.columns(), n);
  check.fits_32_bits("bytes of an expert", n * row_bytes(weight));
  check.fits_32_bits("number of rows", ids.elements());
  if (auto failed = check.failure()) return *failed;

  const std::array params = {u32(x.rows()),    u32(weight.columns), u32(n),       u32(weight.group),
                             u32(weight.bits), u32(ids.columns()),  u32(experts), u32(n * row_bytes(weight)),
                             u32(n * groups),  u32(n * groups)};
  if (auto bound =
          bind_kernel(context, "quantized_matmul_id", x, weight.codes, weight.scales, weight.biases, ids, out, params);
      !bound) {
    return bound;
  }
  const std::size_t rows = ids.elements();
  context.encoder.dispatch_threads({n, rows}, {std::min<std::size_t>(16, n), std::min<std::size_t>(16, rows)});
  return {};
}

Result<void> embedding_affine(Context& context, const AffineMatrix& table, const Tensor& ids, const Tensor& out) {
  Checks check("embedding_affine");
  check_matrix(check, table, 2);
  check_packed(check, table);
  check.dense("ids", ids, DType::U32);
  check.dense("out", out, DType::F32);
  if (auto failed = check.failure()) return *failed;
  const std::size_t tokens = ids.elements(), bytes = row_bytes(table);
  check.that(out.columns() == table.columns && out.rows() == tokens, "out is {}, must be [{}, {}]", out.describe(),
             tokens, table.columns);
  check.fits_32_bits("number of ids", tokens);
  if (auto failed = check.failure()) return *failed;

  const std::array params = {u32(table.columns), u32(table.group), u32(table.bits % 3 == 0 ? bytes : bytes / 4),
                             u32(groups_of(table))};
  auto pipeline = context.pipeline(fmt::format("embedding_gather_{}bit", table.bits),
                                   {{kTableRows, static_cast<std::int32_t>(table.codes.rows())}});
  if (auto bound = bind_kernel(context, std::move(pipeline), table.codes, table.scales, table.biases, ids, out, params);
      !bound) {
    return bound;
  }
  context.encoder.dispatch_threads({table.columns, tokens}, {std::min<std::size_t>(256, table.columns)});
  return {};
}

}  // namespace anymetal::ops
