// The kernels' forms for NVIDIA GPUs on the CPU device, where their instructions are emulated: the index arithmetic of
// tiles, fragments and block units is proven without a GPU. Forms that need more threadgroup memory than the CPU device
// has run on a GPU only.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "cases/runner.hpp"
#include "registry/builtin_catalogue.hpp"

namespace {

using namespace anymetal;

/// Registers a built-in kernel's source again, with its form for a compute capability (times 10) compiled in.
void register_form(KernelRegistry& registry, std::string_view name, std::string_view capability) {
  const auto kernels = registry::builtin_kernels();
  const auto kernel = std::ranges::find(kernels, name, &registry::BuiltinKernel::name);
  ASSERT_NE(kernel, kernels.end()) << name;
  SourceOptions options;
  options.defines.emplace_back("ANYMETAL_EMULATE_NVIDIA", capability);
  for (const auto& header : registry::builtin_headers()) options.include_files.emplace_back(header.name, header.text);
  registry.register_source(std::string(name), std::string(registry::builtin_files()[kernel->file].text),
                           std::move(options));
}

/// Runs all of a kernel's cases on the CPU device in that form.
void run_form(const std::string& name, std::string_view capability) {
  setenv("ANYMETAL_CPU_VARIANTS", "0", 1);  // threadgroups as they are asked for, where any size would do
  const auto device = Device::open("cpu");
  ASSERT_TRUE(device) << device.error().message();
  KernelRegistry registry;
  register_form(registry, name, capability);
  std::size_t ran = 0;
  const cases::CaseList all = cases::all_cases();
  for (const cases::Case& test : all.cases()) {
    if (test.kernel != name || test.purpose != cases::Purpose::Test) continue;
    const cases::Outcome outcome = cases::run(test, registry, *device, 0, cases::kAlignments);
    for (const std::string& failure : outcome.failures) ADD_FAILURE() << name << " [" << test.label << "] " << failure;
    ++ran;
  }
  EXPECT_GT(ran, 0U);
}

class NvidiaForms : public testing::TestWithParam<const char*> {};
TEST_P(NvidiaForms, AreRightWithEmulatedInstructions) { run_form(GetParam(), "80"); }

class NvidiaWarpgroupForms : public testing::TestWithParam<const char*> {};
TEST_P(NvidiaWarpgroupForms, AreRightWithEmulatedInstructions) { run_form(GetParam(), "90"); }

INSTANTIATE_TEST_SUITE_P(Products, NvidiaForms,
                         testing::Values("kernel_mul_mv_q4_0_f32", "kernel_mul_mv_q4_1_f32", "kernel_mul_mv_q5_0_f32",
                                         "kernel_mul_mv_q8_0_f32", "kernel_mul_mv_iq4_nl_f32",
                                         "kernel_mul_mv_mxfp4_f32", "kernel_mul_mv_q2_K_f32", "kernel_mul_mv_q3_K_f32",
                                         "kernel_mul_mv_q4_K_f32", "kernel_mul_mv_q5_K_f32", "kernel_mul_mv_q5_1_f32",
                                         "kernel_mul_mv_iq4_xs_f32", "kernel_mul_mv_q6_K_f32",
                                         "kernel_mul_mv_id_q4_0_f32_swiglu", "kernel_mul_mm_q5_K_f32",
                                         "kernel_mul_mm_q4_1_f32", "kernel_mul_mm_q5_1_f32", "kernel_mul_mm_q8_0_f32",
                                         "kernel_mul_mm_mxfp4_f32", "kernel_mul_mm_q2_K_f32", "kernel_mul_mm_q3_K_f32",
                                         "kernel_mul_mm_q6_K_f32", "kernel_mul_mm_iq4_xs_f32",
                                         "kernel_mul_mm_iq4_nl_f32", "kernel_mul_mm_id_q4_0_f32",
                                         "kernel_mul_mm_q6_K_tensor_bf16_perm021", "kernel_mul_mm_q4_0_tensor_f32"));
INSTANTIATE_TEST_SUITE_P(Products, NvidiaWarpgroupForms,
                         testing::Values("dense_gemm_f16", "hf2q_dense_mm_f16_f32_tensor", "hf2q_dense_mm_bf16_f32_tensor",
                                         "kernel_mul_mm_q4_0_tensor_f32", "kernel_mul_mm_q6_K_f32", "kernel_mul_mm_id_q8_0_f32"));
INSTANTIATE_TEST_SUITE_P(Attention, NvidiaForms,
                         testing::Values("flash_attn_vec_f16kv_dk256", "sdpa", "attention_q8_0kv"));
INSTANTIATE_TEST_SUITE_P(Recurrent, NvidiaForms, testing::Values("gated_delta_net_f32", "chunk_tri_solve_invert_f32",
                                         "gated_delta_net_kkt_bf16", "gated_delta_net_recompute_wu_bf16",
                                         "gated_delta_net_chunk_o_bf16", "chunk_local_cumsum_g_f32", "ssm_conv_forward_bf16"));
INSTANTIATE_TEST_SUITE_P(Others, NvidiaForms,
                         testing::Values("conv1d_depthwise_causal_forward_f32",
                                         "conv1d_depthwise_causal_backward_dw_f32", "transpose_2d_f32",
                                         "elementwise_add_bf16", "gelu_f16", "adam_update_f32", "naive_matvec_f32",
                                         "moe_weighted_sum_seq_backward_weights_f32", "outer_product_f32",
                                         "outer_product_backward_lhs_f32", "outer_product_backward_rhs_f32",
                                         "conv1d_depthwise_causal_backward_dx_f32", "kv_cache_move", "fused_moe_wsum_norm_add_f32",
                                         "rms_norm_backward_dw_f32"));
INSTANTIATE_TEST_SUITE_P(Rows, NvidiaForms,
                         testing::Values("argmax_f32", "top_k_f32", "softmax_sample_f32", "cumsum_f32", "softmax_f32",
                                         "rms_norm_bf16", "row_sum_f32"));

}  // namespace
