#include "ops/expert_sums.hpp"

#include <array>

#include "ops/kernel_params.hpp"
#include "ops/launch.hpp"
#include "ops/operands.hpp"

namespace anymetal::ops {
namespace {

/// {H, S, T}, as the kernels take them.
std::array<std::uint32_t, 3> sizes_of(const Tensor& x) { return {u32(x.columns()), u32(x.shape[1]), u32(x.shape[0])}; }

void check_experts(Checks& check, const Operand& x, DType type) {
  check.dense(x.name, x.tensor, type);
  check.that(x.tensor.rank == 3, "{} is {}, must be [tokens, slots, row size]", x.name, x.tensor.describe());
  check.fits_32_bits("number of elements", x.tensor.elements());
}

/// [T, S] and [T, H] beside [T, S, H]; to be called once the latter's rank is known.
void check_around(Checks& check, const Tensor& x, const Operand& weights, const Operand& rows) {
  check_shape(check, DType::F32, weights, {x.shape[0], x.shape[1]});
  check_shape(check, DType::F32, rows, {x.shape[0], x.columns()});
}

}  // namespace

Result<void> gelu_mul_halves_backward(Context& context, const Tensor& gate_up, const Tensor& dy,
                                      const Tensor& dgate_up) {
  Checks check("gelu_mul_halves_backward");
  check_alike(check, DType::F32, {{"gate_up", gate_up}, {"dgate_up", dgate_up}});
  check.dense("dy", dy, DType::F32);
  check.that(gate_up.columns() == 2 * dy.columns() && gate_up.rows() == dy.rows(), "gate_up is {}, dy is {}",
             gate_up.describe(), dy.describe());
  if (auto failed = check.failure()) return *failed;
  const std::size_t width = dy.columns(), rows = dy.rows();
  const std::array sizes = {u32(width), 1u, u32(rows)};
  if (auto bound = bind_kernel(context, "moe_swiglu_seq_backward_f32", gate_up, dy, dgate_up, sizes); !bound)
    return bound;
  context.encoder.dispatch_threads({width, 1, rows}, {std::min<std::size_t>(256, width)});
  return {};
}

Result<void> expert_sum(Context& context, const Tensor& x, const Tensor& weights, const Tensor& out) {
  Checks check("expert_sum");
  check_kernel_for(check, x.dtype, {DType::F32, DType::BF16});
  check_experts(check, {"x", x}, x.dtype);
  if (auto failed = check.failure()) return *failed;
  check_around(check, x, {"weights", weights}, {"out", out});
  if (auto failed = check.failure()) return *failed;
  const std::string_view kernel = x.dtype == DType::F32 ? "moe_weighted_sum_seq" : "moe_weighted_sum_seq_bf16_input";
  if (auto bound = bind_kernel(context, kernel, x, weights, out, sizes_of(x)); !bound) return bound;
  context.encoder.dispatch_threads({x.columns(), x.shape[0]}, {std::min<std::size_t>(256, x.columns())});
  return {};
}

Result<void> expert_sum_backward_x(Context& context, const Tensor& weights, const Tensor& dy, const Tensor& dx) {
  Checks check("expert_sum_backward_x");
  check_experts(check, {"dx", dx}, DType::F32);
  if (auto failed = check.failure()) return *failed;
  check_around(check, dx, {"weights", weights}, {"dy", dy});
  if (auto failed = check.failure()) return *failed;
  if (auto bound = bind_kernel(context, "moe_weighted_sum_seq_backward_outputs_f32", weights, dy, dx, sizes_of(dx));
      !bound)
    return bound;
  context.encoder.dispatch_threads({dx.columns(), dx.shape[1], dx.shape[0]},
                                   {std::min<std::size_t>(256, dx.columns())});
  return {};
}

Result<void> expert_sum_backward_weights(Context& context, const Tensor& x, const Tensor& dy, const Tensor& dweights) {
  Checks check("expert_sum_backward_weights");
  check_experts(check, {"x", x}, DType::F32);
  if (auto failed = check.failure()) return *failed;
  check_around(check, x, {"dweights", dweights}, {"dy", dy});
  if (auto failed = check.failure()) return *failed;
  if (auto bound = bind_kernel(context, "moe_weighted_sum_seq_backward_weights_f32", x, dy, dweights, sizes_of(x));
      !bound)
    return bound;
  dispatch_flat(context, dweights.elements());
  return {};
}

Result<void> expert_sum_with_shared(Context& context, const Tensor& x, const Tensor& weights, const Tensor& shared,
                                    const Tensor& gate, const Tensor& out, const Tensor& residual) {
  Checks check("expert_sum_with_shared");
  check_experts(check, {"x", x}, DType::F32);
  if (auto failed = check.failure()) return *failed;
  const std::size_t tokens = x.shape[0], width = x.columns();
  check_around(check, x, {"weights", weights}, {"out", out});
  check_shape(check, DType::F32, {"shared", shared}, {tokens, width});
  check_count(check, DType::F32, {"gate", gate}, tokens, "tokens are");
  if (residual.defined()) check_shape(check, DType::F32, {"residual", residual}, {tokens, width});
  if (auto failed = check.failure()) return *failed;
  const ReduceParams params = {u32(tokens), u32(x.shape[1]), u32(width), residual.defined() ? 1u : 0u};
  const Tensor& bound_residual = residual.defined() ? residual : shared;  // not read unless asked for
  if (auto bound =
          bind_kernel(context, "moe_weighted_reduce_f32", params, weights, x, gate, shared, bound_residual, out);
      !bound) {
    return bound;
  }
  context.encoder.dispatch_threadgroups({divide_up(width, 256), tokens}, {256});
  return {};
}

Result<void> chosen_weights(Context& context, const Tensor& probabilities, const Tensor& order, const Tensor& scale,
                            const Tensor& ids, const Tensor& weights) {
  Checks check("chosen_weights");
  check_alike(check, DType::F32, {{"probabilities", probabilities}, {"scale", scale}});
  const std::size_t experts = probabilities.elements(), k = ids.elements();
  check_count(check, DType::U32, {"order", order}, experts, "experts are");
  check.dense("ids", ids, DType::U32);
  check_count(check, DType::F32, {"weights", weights}, k, "choices are");
  check.that(k <= experts, "cannot choose {} of {} experts", k, experts);
  if (auto failed = check.failure()) return *failed;
  if (auto bound = bind_kernel(context, "moe_gather_topk_weights", probabilities, order, scale, ids, weights,
                               std::array{u32(experts), u32(k)});
      !bound) {
    return bound;
  }
  context.encoder.dispatch_threads({1}, {1});
  return {};
}

}  // namespace anymetal::ops
