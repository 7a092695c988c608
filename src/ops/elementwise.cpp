#include "ops/elementwise.hpp"

#include "ops/checks.hpp"
#include "ops/kernel_params.hpp"
#include "ops/launch.hpp"

namespace anymetal::ops {
namespace {

Result<void> binary(Context& context, std::string_view op, std::string_view kernel, const Tensor& a, const Tensor& b,
                    const Tensor& out) {
  Checks check(op);
  check.dense("first operand", a, DType::F32);
  check.dense("second operand", b, DType::F32);
  check.dense("out", out, DType::F32);
  check.that(a.elements() == b.elements() && a.elements() == out.elements(), "operands are {} and {}, out is {}",
             a.describe(), b.describe(), out.describe());
  check.fits_32_bits("number of elements", a.elements());
  if (auto failed = check.failure()) return *failed;
  if (auto bound = bind_kernel(context, kernel, a, b, out, static_cast<std::uint32_t>(a.elements())); !bound)
    return bound;
  dispatch_flat(context, a.elements());
  return {};
}

}  // namespace

Result<void> gelu_mul(Context& context, const Tensor& gate, const Tensor& up, const Tensor& out) {
  return binary(context, "gelu_mul", "fused_gelu_mul", gate, up, out);
}

Result<void> add(Context& context, const Tensor& a, const Tensor& b, const Tensor& out) {
  return binary(context, "add", "elementwise_add_f32", a, b, out);
}

Result<void> scale(Context& context, const Tensor& x, float scalar, const Tensor& out) {
  Checks check("scale");
  check.dense("x", x, DType::F32);
  check.dense("out", out, DType::F32);
  check.that(x.elements() == out.elements(), "x is {}, out is {}", x.describe(), out.describe());
  check.fits_32_bits("number of elements", x.elements());
  if (auto failed = check.failure()) return *failed;
  const ScalarMulParams params = {scalar, static_cast<std::uint32_t>(x.elements())};
  if (auto bound = bind_kernel(context, "scalar_mul_f32", x, out, params); !bound) return bound;
  dispatch_flat(context, x.elements());
  return {};
}

}  // namespace anymetal::ops
