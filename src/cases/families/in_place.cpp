// Kernels whose output may be one of their inputs: one of their other cases each, with the one laid over the other.
#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "cases/case_list.hpp"

namespace anymetal::cases {
namespace {

struct InPlace {
  std::string_view kernel, label;  ///< of the case
  unsigned output;
  std::vector<unsigned> inputs;  ///< one at a time
};

const Case& case_of(std::string_view kernel, std::string_view label) {
  static const CaseList all = all_cases();
  const auto found = std::ranges::find_if(all.cases(), [=](const Case& c) { return c.kernel == kernel && c.label == label; });
  if (found == all.cases().end()) throw std::invalid_argument(fmt::format("{} has no case '{}'", kernel, label));
  return *found;
}

const InPlace kInPlace[] = {
    {"elementwise_add_f32", "n=5000", 2, {0, 1}},
    {"elementwise_add_f16", "n=5000", 2, {0, 1}},
    {"elementwise_add_bf16", "n=5000", 2, {0, 1}},
    {"elementwise_mul_f32", "n=5000", 2, {0, 1}},
    {"elementwise_mul_f16", "n=5000", 2, {0, 1}},
    {"elementwise_mul_bf16", "n=5000", 2, {0, 1}},
    {"scalar_mul_f32", "n=5000", 1, {0}},
    {"scalar_mul_bf16", "n=5000", 1, {0}},
    {"gelu_f32", "n=5000", 1, {0}},
    {"gelu_f16", "n=5000", 1, {0}},
    {"gelu_bf16", "n=5000", 1, {0}},
    {"silu_mul_f32", "n=5000", 2, {0, 1}},
    {"sigmoid_mul_f32", "n=5000", 2, {0, 1}},
    {"sigmoid_mul_bf16", "n=5000", 2, {0, 1}},
    {"softcap_f32", "n=5000", 1, {0}},
    {"softcap_f16", "n=5000", 1, {0}},
    {"softcap_bf16", "n=5000", 1, {0}},
    {"fused_gelu_mul", "n=5000", 2, {0, 1}},
    {"fused_gelu_mul_bf16", "n=5000", 2, {0, 1}},
    {"moe_swiglu_fused", "n=5000", 1, {0}},
    {"moe_weighted_reduce_f32", "5x2x257 residual=1", 6, {4, 5}},
    {"qdq_q4_0_f32", "large blocks=200", 1, {0}},
    {"qdq_q8_0_f32", "large blocks=200", 1, {0}},

    {"rms_norm_f32", "2x1000 tg=1024", 2, {0}},
    {"rms_norm_f16", "2x1000 tg=1024", 2, {0}},
    {"rms_norm_bf16", "2x1000 tg=1024", 2, {0}},
    {"rms_norm_no_scale_f32", "2x1000 tg=1024", 1, {0}},
    {"rms_norm_no_scale_bf16", "2x1000 tg=1024", 1, {0}},
    {"rms_norm_mul_f32", "2x1000 tg=1024", 3, {0, 2}},
    {"rms_norm_mul_f16", "2x1000 tg=1024", 3, {0, 2}},
    {"rms_norm_mul_bf16", "2x1000 tg=1024", 3, {0, 2}},
    {"rms_norm_no_scale_f32_dual", "7x64", 1, {0}},
    {"rms_norm_no_scale_f32_dual_perm", "7x64", 1, {0}},
    {"rms_norm_f32_triple", "7x64", 4, {0}},
    {"l2_norm_f32", "1x3000 tg=1024", 1, {0}},
    {"l2_norm_f16", "1x3000 tg=1024", 1, {0}},
    {"l2_norm_bf16", "1x3000 tg=1024", 1, {0}},
    {"fused_norm_add_f32", "2x1000 tg=1024", 3, {0, 1}},
    {"fused_norm_add_f32_v2", "2x640", 3, {0, 1}},
    {"fused_norm_add_bf16", "7x64", 3, {0}},
    {"fused_norm_add_no_weight_bf16", "7x64", 2, {0}},
    {"fused_norm_add_scalar_f32", "7x64 scale per column", 3, {0, 1}},
    {"fused_residual_norm_scalar_f32", "7x64 scale per column", 3, {0, 1}},
    {"fused_post_attn_triple_norm_f32", "7x64", 6, {0}},
    {"fused_post_ff_norm2_endlayer_f32", "7x64 scale per column", 7, {2}},
    {"fused_post_ff_norm2_endlayer_f32", "7x64 scale per column", 6, {0}},
    {"fused_moe_wsum_norm_add_f32", "7x64 K=8", 4, {2}},
    {"fused_moe_wsum_dnorm_add_f32", "7x64 K=8", 5, {2}},

    {"exp_f32", "n=5000", 1, {0}},
    {"exp_backward_f32", "n=5000", 2, {0, 1}},
    {"sqrt_f32", "n=5000", 1, {0}},
    {"sqrt_backward_f32", "n=5000", 2, {0, 1}},
    {"divide_f32", "n=5000", 2, {0, 1}},
    {"silu_f32", "n=5000", 1, {0}},
    {"silu_backward_f32", "n=5000", 2, {0, 1}},
    {"log_f32", "n=5000", 1, {0}},
    {"log_backward_f32", "n=5000", 2, {0, 1}},
    {"softmax_backward_f32", "2x1000", 2, {0, 1}},
    {"rms_norm_backward_dx_f32", "2x1000", 4, {0, 2}},
    {"ssm_conv_state_update_f32", "S=2 T=40 C=9 K=3", 2, {1}},
    {"ssm_conv_state_update_bf16", "S=2 T=40 C=9 K=3", 2, {1}},
};

}  // namespace

void in_place_cases(CaseList& list) {
  for (const InPlace& c : kInPlace) {
    for (const unsigned input : c.inputs) {
      list.add(c.kernel, fmt::format("{}, buffer {} over {}", c.label, c.output, input), [&c, input](Problem& p) {
        case_of(c.kernel, c.label).build(p);
        p.overlay(c.output, input);
      });
    }
  }
}

}  // namespace anymetal::cases
