#include "ops/recurrent.hpp"

#include <array>

#include "ops/launch.hpp"
#include "ops/operands.hpp"

namespace anymetal::ops {

Result<void> delta_gates(Context& context, const Tensor& alpha, const Tensor& b, const Tensor& bias, const Tensor& a,
                         const Tensor& g, const Tensor& beta) {
  Checks check("delta_gates");
  check_alike(check, DType::F32, {{"alpha", alpha}, {"b", b}, {"g", g}, {"beta", beta}});
  const std::size_t heads = alpha.columns();
  check_count(check, DType::F32, {"bias", bias}, heads, "heads are");
  check_count(check, DType::F32, {"a", a}, heads, "heads are");
  if (auto failed = check.failure()) return *failed;
  const std::array sizes = {u32(heads), u32(alpha.rows())};
  if (auto bound = bind_kernel(context, "compute_g_beta_f32", alpha, b, bias, a, g, beta, sizes); !bound) return bound;
  dispatch_flat(context, alpha.elements());
  return {};
}

Result<void> norm_gate(Context& context, const Tensor& x, const Tensor& weight, const Tensor& z, float eps,
                       const Tensor& out) {
  Checks check("norm_gate");
  check_alike(check, DType::F32, {{"x", x}, {"z", z}, {"out", out}});
  check_count(check, DType::F32, {"weight", weight}, x.columns(), "row has");
  check_float_row(check, x.columns());
  if (auto failed = check.failure()) return *failed;
  const std::array<float, 2> params = {eps, static_cast<float>(x.columns())};
  if (auto bound = bind_kernel(context, "ssm_norm_gate_f32", x, weight, z, out, params); !bound) return bound;
  dispatch_rows(context, x.rows(), x.columns());
  return {};
}

Result<void> cumsum(Context& context, const Tensor& x, const Tensor& out) {
  Checks check("cumsum");
  check_kernel_for(check, x.dtype, {DType::F32, DType::BF16});
  check_alike(check, x.dtype, {{"x", x}, {"out", out}});
  if (auto failed = check.failure()) return *failed;
  const std::string kernel = fmt::format("cumsum_{}", name(x.dtype));
  if (auto bound = bind_kernel(context, kernel, x, out, u32(x.columns())); !bound) return bound;
  dispatch_rows(context, x.rows(), x.columns());
  return {};
}

Result<void> short_conv(Context& context, const Tensor& x, const Tensor& w, const Tensor& state, const Tensor& y,
                        const Tensor& new_state) {
  Checks check("short_conv");
  check_kernel_for(check, x.dtype, {DType::F32, DType::BF16});
  check.dense("x", x, x.dtype);
  check.dense("w", w, x.dtype);
  check.that(x.rank == 3, "x is {}, must be [sequences, tokens, channels]", x.describe());
  check.that(w.rank == 2 && w.rows() == x.columns() && w.columns() >= 2, "w is {}, must be [{}, width of 2 at least]",
             w.describe(), x.columns());
  if (auto failed = check.failure()) return *failed;
  const std::size_t sequences = x.shape[0], tokens = x.shape[1], channels = x.shape[2], past = w.columns() - 1;
  check_shape(check, x.dtype, {"state", state}, {sequences, channels, past});
  check_shape(check, x.dtype, {"new_state", new_state}, {sequences, channels, past});
  check_shape(check, x.dtype, {"y", y}, {sequences, tokens, channels});
  check.fits_32_bits("number of elements", x.elements());
  const bool in_place = state.buffer == new_state.buffer && state.offset == new_state.offset;
  check.that(!in_place || tokens >= past, "new_state cannot be state for {} tokens, fewer than {}", tokens, past);
  if (auto failed = check.failure()) return *failed;

  const std::array sizes = {u32(channels), u32(tokens), u32(sequences), u32(past + 1)};
  const std::string forward = fmt::format("ssm_conv_forward_{}", name(x.dtype));
  if (auto bound = bind_kernel(context, forward, x, w, state, y, sizes); !bound) return bound;
  context.encoder.dispatch_threads({channels, tokens, sequences}, {std::min<std::size_t>(256, channels), 1, 1});
  const std::string update = fmt::format("ssm_conv_state_update_{}", name(x.dtype));
  if (auto bound = bind_kernel(context, update, x, state, new_state, sizes); !bound) return bound;
  const std::size_t taps = std::min<std::size_t>(256, past);
  context.encoder.dispatch_threads({past, channels, sequences}, {taps, std::min(256 / taps, channels), 1});
  return {};
}

Result<void> solve_lower_unit(Context& context, const Tensor& l, const Tensor& b, const Tensor& x) {
  Checks check("solve_lower_unit");
  check_kernel_for(check, b.dtype, {DType::F32, DType::BF16});
  check.dense("b", b, b.dtype);
  check.that(b.rank == 3, "b is {}, must be [batches, rows, columns]", b.describe());
  if (auto failed = check.failure()) return *failed;
  const std::size_t batches = b.shape[0], n = b.shape[1], m = b.shape[2];
  check_shape(check, b.dtype, {"l", l}, {batches, n, n});
  check_shape(check, b.dtype, {"x", x}, {batches, n, m});
  check.fits_32_bits("number of elements", std::max(l.elements(), b.elements()));
  if (auto failed = check.failure()) return *failed;
  const std::string kernel = fmt::format("tri_solve_lower_unit_{}", name(b.dtype));
  if (auto bound = bind_kernel(context, kernel, l, b, x, std::array{u32(n), u32(m), u32(batches)}); !bound)
    return bound;
  context.encoder.dispatch_threads({m, batches}, {std::min<std::size_t>(256, m), 1});
  return {};
}

}  // namespace anymetal::ops
