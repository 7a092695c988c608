#include "ops/sampling.hpp"

#include <algorithm>
#include <array>
#include <bit>

#include "ops/checks.hpp"
#include "ops/kernel_params.hpp"
#include "ops/launch.hpp"

namespace anymetal::ops {

Result<void> argmax(Context& context, const Tensor& logits, const Tensor& index, const Tensor& value) {
  Checks check("argmax");
  check.dense("logits", logits, DType::F32);
  check.dense("index", index, DType::U32);
  check.dense("value", value, DType::F32);
  check.fits_32_bits("number of logits", logits.elements());
  if (auto failed = check.failure()) return *failed;
  const std::size_t n = logits.elements();
  if (auto bound = bind_kernel(context, "argmax_f32", logits, index, value, static_cast<std::uint32_t>(n)); !bound)
    return bound;
  const std::size_t threads = std::clamp<std::size_t>(std::bit_ceil(n), 4, 1024);
  context.encoder.set_threadgroup_memory_length(0, threads * sizeof(float));
  context.encoder.set_threadgroup_memory_length(1, threads * sizeof(std::uint32_t));
  context.encoder.dispatch_threadgroups({1}, {threads});
  return {};
}

Result<void> softmax(Context& context, const Tensor& x, const Tensor& out) {
  Checks check("softmax");
  check.dense("x", x, DType::F32);
  check.dense("out", out, DType::F32);
  check.that(x.elements() == out.elements(), "x is {}, out is {}", x.describe(), out.describe());
  check.that(x.columns() <= 1u << 24, "row of {} elements is too long", x.columns());  // the kernel takes it as a float
  if (auto failed = check.failure()) return *failed;
  const std::array<float, 2> params = {static_cast<float>(x.columns()), 0.0f};
  if (auto bound = bind_kernel(context, "softmax_f32", x, out, params); !bound) return bound;
  dispatch_rows(context, x.rows(), x.columns());
  return {};
}

Result<void> softcap(Context& context, const Tensor& x, float cap, const Tensor& out) {
  Checks check("softcap");
  check.dense("x", x, DType::F32);
  check.dense("out", out, DType::F32);
  check.that(x.elements() == out.elements(), "x is {}, out is {}", x.describe(), out.describe());
  check.that(cap > 0, "cap is {}, must be positive", cap);
  check.fits_32_bits("number of elements", x.elements());
  if (auto failed = check.failure()) return *failed;
  const SoftcapParams params = {cap, static_cast<std::uint32_t>(x.elements())};
  if (auto bound = bind_kernel(context, "softcap_f32", x, out, params); !bound) return bound;
  dispatch_flat(context, x.elements());
  return {};
}

}  // namespace anymetal::ops
