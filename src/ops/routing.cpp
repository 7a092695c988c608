#include "ops/routing.hpp"

#include <algorithm>
#include <array>

#include "ops/checks.hpp"
#include "ops/kernel_params.hpp"
#include "ops/launch.hpp"

namespace anymetal::ops {
namespace {

constexpr std::size_t kSimdgroup = 32;

/// Checks the choices against the tokens and experts there are.
void check_choices(Checks& check, const Tensor& ids, const Tensor& weights, std::size_t tokens, std::size_t experts) {
  check.dense("ids", ids, DType::U32);
  check.dense("weights", weights, DType::F32);
  check.that(ids.rank == 2 && ids.shape[0] == tokens, "ids are {}, must be [{}, choices]", ids.describe(), tokens);
  check.that(ids.rank == weights.rank && ids.shape == weights.shape, "ids are {}, weights {}", ids.describe(),
             weights.describe());
  check.that(ids.columns() <= experts, "cannot choose {} of {} experts", ids.columns(), experts);
  check.fits_32_bits("number of tokens", tokens);
  check.fits_32_bits("number of experts", experts);
}

}  // namespace

Result<void> route_experts(Context& context, const Tensor& logits, const Tensor& ids, const Tensor& weights,
                           const Tensor& scale) {
  Checks check("route_experts");
  check.dense("logits", logits, DType::F32);
  check.that(logits.rank == 2, "logits are {}, must be [tokens, experts]", logits.describe());
  check_choices(check, ids, weights, logits.rows(), logits.columns());
  if (scale.defined()) {
    check.dense("scale", scale, DType::F32);
    check.that(scale.elements() == logits.columns(), "{} scales for {} experts", scale.elements(), logits.columns());
  }
  if (auto failed = check.failure()) return *failed;

  const std::uint32_t tokens = u32(logits.rows()), experts = u32(logits.columns()), k = u32(ids.columns());
  const auto bound =
      scale.defined()
          ? bind_kernel(context, "fused_moe_routing_batch_f32", logits, ids, weights, scale, std::array{experts, k})
          : bind_kernel(context, "moe_softmax_topk_f32", SoftmaxTopKParams{tokens, experts, k}, logits, ids, weights);
  if (!bound) return bound;
  context.encoder.dispatch_threadgroups({tokens}, {kSimdgroup});
  return {};
}

Result<void> moe_gate(Context& context, const Tensor& x, const Router& router, const Tensor& ids,
                      const Tensor& weights) {
  Checks check("moe_gate");
  check.dense("x", x, DType::BF16);
  check.dense("router", router.weights, DType::F32);
  check.dense("norm", router.norm, DType::F32);
  check.dense("scale", router.scale, DType::F32);
  check.that(x.rank == 2 && router.weights.rank == 2 && router.weights.columns() == x.columns(),
             "x is {}, router {}, must be [tokens, size] and [experts, size]", x.describe(), router.weights.describe());
  const std::size_t dim = x.columns(), experts = router.weights.rows();
  check.that(router.norm.elements() == dim, "norm has {} elements, row has {}", router.norm.elements(), dim);
  check.that(router.scale.elements() == experts, "{} scales for {} experts", router.scale.elements(), experts);
  check_choices(check, ids, weights, x.rows(), experts);
  // A row and the logits share the threadgroup's memory.
  constexpr std::size_t kMaxFloats = 8192;
  check.that(dim + experts <= kMaxFloats, "rows of {} elements and {} experts are more than {} together", dim, experts,
             kMaxFloats);
  if (auto failed = check.failure()) return *failed;

  if (auto bound = bind_kernel(context, "moe_gate", x, router.weights, router.norm, router.scale, ids, weights,
                               u32(dim), u32(experts), u32(ids.columns()), router.eps);
      !bound) {
    return bound;
  }
  context.encoder.set_threadgroup_memory_length(0, divide_up((dim + experts) * sizeof(float), 16) * 16);
  context.encoder.dispatch_threadgroups({x.rows()}, {context.wide_threads() ? kSimdgroup : 128});
  return {};
}

}  // namespace anymetal::ops
