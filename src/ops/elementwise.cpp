#include "ops/elementwise.hpp"

#include <array>
#include <string>

#include "ops/kernel_params.hpp"
#include "ops/launch.hpp"
#include "ops/operands.hpp"

namespace anymetal::ops {
namespace {

using Types = std::initializer_list<DType>;
constexpr Types kF32 = {DType::F32}, kF32AndBf16 = {DType::F32, DType::BF16},
                kAll = {DType::F32, DType::F16, DType::BF16};

/// The kernel of this stem for the tensor's type.
std::string typed(std::string_view stem, const Tensor& x) { return fmt::format("{}_{}", stem, name(x.dtype)); }

/// A kernel of two inputs, an output and their length.
Result<void> binary(Context& context, std::string_view op, std::string_view kernel, Types types, const Tensor& a,
                    const Tensor& b, const Tensor& out) {
  Checks check(op);
  check_kernel_for(check, a.dtype, types);
  check.dense("first operand", a, a.dtype);
  check.dense("second operand", b, a.dtype);
  check.dense("out", out, a.dtype);
  check.that(a.elements() == b.elements() && a.elements() == out.elements(), "operands are {} and {}, out is {}",
             a.describe(), b.describe(), out.describe());
  check.fits_32_bits("number of elements", a.elements());
  if (auto failed = check.failure()) return *failed;
  if (auto bound = bind_kernel(context, kernel, a, b, out, u32(a.elements())); !bound) return bound;
  dispatch_flat(context, a.elements());
  return {};
}

}  // namespace

Result<void> add(Context& context, const Tensor& a, const Tensor& b, const Tensor& out) {
  return binary(context, "add", typed("elementwise_add", a), kAll, a, b, out);
}

Result<void> mul(Context& context, const Tensor& a, const Tensor& b, const Tensor& out) {
  return binary(context, "mul", typed("elementwise_mul", a), kAll, a, b, out);
}

Result<void> silu_mul(Context& context, const Tensor& gate, const Tensor& up, const Tensor& out) {
  return binary(context, "silu_mul", "silu_mul_f32", kF32, gate, up, out);
}

Result<void> sigmoid_mul(Context& context, const Tensor& x, const Tensor& gate, const Tensor& out) {
  return binary(context, "sigmoid_mul", typed("sigmoid_mul", x), kF32AndBf16, x, gate, out);
}

Result<void> gelu_mul(Context& context, const Tensor& gate, const Tensor& up, const Tensor& out) {
  const std::string_view kernel = gate.dtype == DType::BF16 ? "fused_gelu_mul_bf16" : "fused_gelu_mul";
  return binary(context, "gelu_mul", kernel, kF32AndBf16, gate, up, out);
}

Result<void> gelu(Context& context, const Tensor& x, const Tensor& out) {
  Checks check("gelu");
  check_kernel_for(check, x.dtype, kAll);
  check_alike(check, x.dtype, {{"x", x}, {"out", out}});
  if (auto failed = check.failure()) return *failed;
  if (auto bound = bind_kernel(context, typed("gelu", x), x, out); !bound) return bound;
  dispatch_flat(context, x.elements());
  return {};
}

Result<void> scale(Context& context, const Tensor& x, float scalar, const Tensor& out) {
  Checks check("scale");
  check_kernel_for(check, x.dtype, kF32AndBf16);
  check_alike(check, x.dtype, {{"x", x}, {"out", out}});
  if (auto failed = check.failure()) return *failed;
  const ScalarMulParams params = {scalar, u32(x.elements())};
  if (auto bound = bind_kernel(context, typed("scalar_mul", x), x, out, params); !bound) return bound;
  dispatch_flat(context, x.elements());
  return {};
}

Result<void> accumulate(Context& context, const Tensor& x, float weight, const Tensor& sum) {
  Checks check("accumulate");
  check_alike(check, DType::F32, {{"x", x}, {"sum", sum}});
  if (auto failed = check.failure()) return *failed;
  const AccumulateParams params = {u32(x.elements()), weight};
  if (auto bound = bind_kernel(context, "moe_accumulate", sum, x, params); !bound) return bound;
  dispatch_flat(context, x.elements());
  return {};
}

Result<void> cast(Context& context, const Tensor& x, const Tensor& out) {
  Checks check("cast");
  const bool widens = (x.dtype == DType::F16 || x.dtype == DType::BF16) && out.dtype == DType::F32;
  const bool narrows = x.dtype == DType::F32 && (out.dtype == DType::F16 || out.dtype == DType::BF16);
  check.that(widens || narrows, "no kernel from {} to {}", name(x.dtype), name(out.dtype));
  check.dense("x", x, x.dtype);
  check.dense("out", out, out.dtype);
  check.that(x.elements() == out.elements(), "x is {}, out is {}", x.describe(), out.describe());
  check.fits_32_bits("number of elements", x.elements());
  if (auto failed = check.failure()) return *failed;
  const std::string kernel = fmt::format("cast_{}_to_{}", name(x.dtype), name(out.dtype));
  if (auto bound = bind_kernel(context, kernel, x, out, u32(x.elements())); !bound) return bound;
  dispatch_flat(context, x.elements());
  return {};
}

Result<void> gelu_mul_halves(Context& context, const Tensor& gate_up, const Tensor& out) {
  Checks check("gelu_mul_halves");
  check_kernel_for(check, gate_up.dtype, kF32AndBf16);
  check.dense("gate_up", gate_up, gate_up.dtype);
  check.dense("out", out, gate_up.dtype);
  check.that(gate_up.columns() == 2 * out.columns() && gate_up.rows() == out.rows(), "gate_up is {}, out is {}",
             gate_up.describe(), out.describe());
  check.fits_32_bits("number of elements", gate_up.elements());
  if (auto failed = check.failure()) return *failed;
  const std::size_t width = out.columns(), rows = out.rows();
  const std::string_view kernel = out.dtype == DType::F32 ? "moe_swiglu_seq" : "moe_swiglu_seq_bf16";
  if (auto bound = bind_kernel(context, kernel, gate_up, out, std::array{u32(width), 1u, u32(rows)}); !bound)
    return bound;
  context.encoder.dispatch_threads({width, 1, rows}, {std::min<std::size_t>(256, width)});
  return {};
}

}  // namespace anymetal::ops
