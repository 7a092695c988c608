#include "ops/sampling.hpp"

#include <algorithm>
#include <array>
#include <bit>

#include "ops/kernel_params.hpp"
#include "ops/launch.hpp"
#include "ops/operands.hpp"

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

Result<void> top_k(Context& context, const Tensor& logits, const Tensor& indices, const Tensor& values) {
  Checks check("top_k");
  check.dense("logits", logits, DType::F32);
  check.dense("indices", indices, DType::U32);
  check.dense("values", values, DType::F32);
  const std::size_t n = logits.elements(), k = indices.elements();
  check.that(values.elements() == k, "{} values for {} indices", values.elements(), k);
  check.that(k <= 128, "cannot choose {}, at most 128", k);
  check.fits_32_bits("number of logits", n);
  if (auto failed = check.failure()) return *failed;

  const std::array<std::uint32_t, 2> params = {static_cast<std::uint32_t>(n), static_cast<std::uint32_t>(k)};
  if (auto bound = bind_kernel(context, "top_k_f32", logits, indices, values, params); !bound) return bound;
  // As many threads as have room for k candidates each in 32 KiB.
  const std::size_t threads = context.wide_threads() || k > 64 ? 32 : k > 32 ? 64 : 128;
  const std::size_t bytes = threads * k * sizeof(float);
  context.encoder.set_threadgroup_memory_length(0, bytes);
  context.encoder.set_threadgroup_memory_length(1, bytes);
  context.encoder.dispatch_threadgroups({1}, {threads});
  return {};
}

Result<void> softmax_sample(Context& context, const Tensor& logits, float temperature, float u, const Draw& draw) {
  Checks check("softmax_sample");
  check.dense("logits", logits, DType::F32);
  check.dense("probabilities", draw.probabilities, DType::F32);
  check.dense("token", draw.token, DType::U32);
  check.dense("logprob", draw.logprob, DType::F32);
  const std::size_t n = logits.elements();
  check.that(draw.probabilities.elements() == n, "{} probabilities for {} logits", draw.probabilities.elements(), n);
  check.that(n <= 1u << 24, "{} logits are too many", n);  // the kernel takes it as a float
  check.that(temperature > 0, "temperature is {}, must be positive", temperature);
  check.that(u >= 0 && u < 1, "u is {}, must be in [0, 1)", u);
  if (auto failed = check.failure()) return *failed;

  const std::array<float, 3> params = {static_cast<float>(n), temperature, u};
  if (auto bound =
          bind_kernel(context, "softmax_sample_f32", logits, draw.probabilities, draw.token, draw.logprob, params);
      !bound) {
    return bound;
  }
  const std::size_t threads = context.wide_threads() ? 32 : std::clamp<std::size_t>(std::bit_ceil(n), 32, 1024);
  context.encoder.set_threadgroup_memory_length(0, threads * sizeof(float));
  context.encoder.dispatch_threadgroups({1}, {threads});
  return {};
}

Result<void> argsort(Context& context, const Tensor& x, const Tensor& order) {
  Checks check("argsort");
  check.dense("x", x, DType::F32);
  check.dense("order", order, DType::U32);
  check.that(order.elements() == x.elements() && order.columns() == x.columns(), "order is {}, x is {}",
             order.describe(), x.describe());
  check.that(x.columns() <= 256, "rows of {} elements, at most 256", x.columns());
  check.fits_32_bits("number of elements", x.elements());
  if (auto failed = check.failure()) return *failed;
  if (auto bound = bind_kernel(context, "argsort_desc_f32", x, order, std::array{u32(x.columns()), u32(x.rows())});
      !bound)
    return bound;
  context.encoder.dispatch_threadgroups({x.rows()}, {std::clamp<std::size_t>(std::bit_ceil(x.columns()), 32, 256)});
  return {};
}

Result<void> softmax(Context& context, const Tensor& x, const Tensor& out) {
  Checks check("softmax");
  check_kernel_for(check, x.dtype, {DType::F32, DType::F16, DType::BF16});
  check_alike(check, x.dtype, {{"x", x}, {"out", out}});
  check_float_row(check, x.columns());
  if (auto failed = check.failure()) return *failed;
  const std::array<float, 2> params = {static_cast<float>(x.columns()), 0.0f};
  if (auto bound = bind_kernel(context, fmt::format("softmax_{}", name(x.dtype)), x, out, params); !bound) return bound;
  dispatch_rows(context, x.rows(), x.columns());
  return {};
}

Result<void> softcap(Context& context, const Tensor& x, float cap, const Tensor& out) {
  Checks check("softcap");
  check_kernel_for(check, x.dtype, {DType::F32, DType::F16, DType::BF16});
  check_alike(check, x.dtype, {{"x", x}, {"out", out}});
  check.that(cap > 0, "cap is {}, must be positive", cap);
  if (auto failed = check.failure()) return *failed;
  const SoftcapParams params = {cap, u32(x.elements())};
  if (auto bound = bind_kernel(context, fmt::format("softcap_{}", name(x.dtype)), x, out, params); !bound) return bound;
  dispatch_flat(context, x.elements());
  return {};
}

}  // namespace anymetal::ops
