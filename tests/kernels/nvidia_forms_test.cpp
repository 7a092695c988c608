// The kernels' forms for NVIDIA GPUs on the CPU device, where their instructions are emulated: the index arithmetic of
// tiles, fragments and block units is proven without a GPU. Forms that need more threadgroup memory than the CPU device
// has run on a GPU only.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "cases/runner.hpp"
#include "registry/builtin_catalogue.hpp"

namespace {

using namespace anymetal;

/// A source with the library's headers and the forms for a compute capability (times 10).
SourceOptions form_options(std::string_view capability) {
  SourceOptions options;
  options.defines.emplace_back("ANYMETAL_EMULATE_NVIDIA", capability);
  for (const auto& header : registry::builtin_headers()) options.include_files.emplace_back(header.name, header.text);
  return options;
}

/// Registers a built-in kernel's source again, with its form for a compute capability compiled in.
void register_form(KernelRegistry& registry, std::string_view name, std::string_view capability) {
  const auto kernels = registry::builtin_kernels();
  const auto kernel = std::ranges::find(kernels, name, &registry::BuiltinKernel::name);
  ASSERT_NE(kernel, kernels.end()) << name;
  registry.register_source(std::string(name), std::string(registry::builtin_files()[kernel->file].text),
                           form_options(capability));
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
                                         "kernel_mul_mv_id_q4_0_f32_swiglu", "kernel_mul_mv_ext_q4_0_f32_r1_2", "kernel_mul_mv_ext_q6_K_f32_r1_3", "kernel_mul_mm_q5_K_f32",
                                         "kernel_mul_mm_q4_1_f32", "kernel_mul_mm_q5_1_f32", "kernel_mul_mm_q8_0_f32",
                                         "kernel_mul_mm_mxfp4_f32", "kernel_mul_mm_q2_K_f32", "kernel_mul_mm_q3_K_f32",
                                         "kernel_mul_mm_q6_K_f32", "kernel_mul_mm_iq4_xs_f32",
                                         "kernel_mul_mm_iq4_nl_f32", "kernel_mul_mm_id_q4_0_f32",
                                         "kernel_mul_mm_q6_K_tensor_bf16_perm021", "kernel_mul_mm_q4_0_tensor_f32"));
INSTANTIATE_TEST_SUITE_P(Products, NvidiaWarpgroupForms,
                         testing::Values("dense_gemm_f16", "hf2q_dense_mm_f16_f32_tensor", "hf2q_dense_mm_bf16_f32_tensor",
                                         "kernel_mul_mm_q4_0_tensor_f32", "kernel_mul_mm_q5_1_tensor_f32", "kernel_mul_mm_mxfp4_f32",
                                         "kernel_mul_mm_q2_K_f32", "kernel_mul_mm_id_q8_0_f32"));
INSTANTIATE_TEST_SUITE_P(Attention, NvidiaForms,
                         testing::Values("flash_attn_vec_f16kv_dk256", "sdpa", "attention_q8_0kv",
                                         "steel_attention_float32_bq32_bk16_bd256_wm4_wn1_maskfloat32"));
INSTANTIATE_TEST_SUITE_P(Recurrent, NvidiaForms, testing::Values("gated_delta_net_f32", "gated_delta_net_decode_f32_1", "gated_delta_net_decode_f32_2", "chunk_tri_solve_invert_f32", "tri_solve_lower_unit_f32", "tri_solve_lower_unit_bf16",
                                         "gated_delta_net_kkt_bf16", "gated_delta_net_recompute_wu_bf16",
                                         "gated_delta_net_chunk_o_bf16", "chunk_local_cumsum_g_f32", "ssm_conv_forward_bf16", "ssm_conv_state_update_f32"));
INSTANTIATE_TEST_SUITE_P(Others, NvidiaForms,
                         testing::Values("conv1d_depthwise_causal_forward_f32",
                                         "conv1d_depthwise_causal_backward_dw_f32", "transpose_2d_f32",
                                         "elementwise_add_bf16", "gelu_f16", "softcap_f16", "adam_update_f32", "naive_matvec_f32",
                                         "moe_weighted_sum_seq_backward_weights_f32", "outer_product_f32",
                                         "outer_product_backward_lhs_f32", "outer_product_backward_rhs_f32",
                                         "conv1d_depthwise_causal_backward_dx_f32", "kv_cache_move", "fused_moe_wsum_norm_add_f32",
                                         "rms_norm_backward_dw_f32", "fused_moe_wsum_dnorm_add_f32", "sigmoid_mul_bf16", "dense_matvec_f16",
                                         "dense_matvec_bf16w_f32io", "hf2q_dense_gemv_bf16_f32_4", "moe_weighted_sum_seq_bf16_input"));
INSTANTIATE_TEST_SUITE_P(SeveralThreadgroups, NvidiaForms,
                         testing::Values("strided_copy_f32", "gather_f32", "qkv_split_f32", "repeat_tiled_f32", "permute_021_bf16_to_f32", "permute_021_bf16",
                                         "transpose_last2_bf16", "transpose_2d_f16", "embedding_gather_3bit", "embedding_gather_4bit", "embedding_gather_8bit",
                                         "embedding_gather_scale_batch_f32", "embedding_gather_scale_batch_q4_0_f32", "embedding_gather_scale_batch_q6_K_f32",
                                         "kv_cache_copy", "kv_cache_copy_seq_f32_to_f16", "kv_cache_copy_seq_f32_kv_dual", "kv_cache_copy_seq_f32_to_q8_0",
                                         "moe_weighted_sum_seq_backward_outputs_f32", "moe_swiglu_seq_bf16", "embedding_lookup_f32", "embedding_scatter_add_f32",
                                         "take_along_axis_f32", "take_along_axis_backward_f32", "slice_2d_cols_f32", "copy_2d_cols_into_f32", "rope_bf16",
                                         "rope_neox_f32", "rope_neox_bf16", "rope_multi_f32", "rope_multi_bf16", "fused_head_norm_rope_f32", "fused_head_norm_rope_f32_v2",
                                         "fused_head_norm_rope_batch_bf16", "fused_head_norm_rope_bf16", "compute_g_beta_f32", "ssm_conv_forward_f32", "ssm_norm_gate_f32",
                                         "qdq_affine_init_f32", "qdq_affine_forward_f32", "qdq_affine_backward_scales_f32", "qdq_affine_backward_biases_f32",
                                         "qdq_q4_0_f32", "qdq_q8_0_f32", "fwht_standalone_f32_d256", "fwht_sign_premult_f32_d512", "fwht_sign_undo_f32_d512", "tq_dequantize_hb_kv_seq",
                                         "argsort_desc_f32", "fused_moe_routing_f32", "fused_moe_routing_batch_f32", "moe_softmax_topk_f32"));
INSTANTIATE_TEST_SUITE_P(Rows, NvidiaForms,
                         testing::Values("argmax_f32", "top_k_f32", "softmax_sample_f32", "cumsum_f32", "cumsum_bf16", "softmax_f32",
                                         "rms_norm_bf16", "row_sum_f32", "rms_norm_mul_f16", "fused_norm_add_f32_v2",
                                         "fused_post_attn_triple_norm_f32", "fused_residual_norm_f32", "scale_mask_softmax_f32"));

// Factors of TF32 products: what is not a number or not finite stays so, whatever the payload, and the largest numbers do not
// become infinities. Products read the upper 19 bits.
TEST(NvidiaFactors, AreWhatTheyAreMadeOf) {
  auto device = Device::open("cpu");
  ASSERT_TRUE(device) << device.error().message();
  KernelRegistry registry;
  registry.register_source("split", R"(#include "nvidia/tile_attention.h"
kernel void split(device const float* x [[buffer(0)]], device float* parts [[buffer(1)]], uint i [[thread_position_in_grid]]) {
  const anymetal::SplitFloat<true> split(x[i]);
  parts[2 * i] = split.high, parts[2 * i + 1] = split.low;
})",
                           form_options("80"));
  const auto pipeline = registry.get_pipeline("split", *device);
  ASSERT_TRUE(pipeline) << pipeline.error().message();
  const std::array<std::uint32_t, 14> bits = {0x7fffffff, 0xffffffff, 0x7fc00000, 0xffc00000, 0x7ffff000, 0x7f800000, 0xff800000,
                                              0x7f7fffff, 0xff7ff000, 0x7f7fefff, 0x3f800fff, 0xbf801000, 0x40490fdb, 0};
  auto in = device->make_buffer(sizeof(bits));
  auto out = device->make_buffer(2 * sizeof(bits));
  auto encoder = device->make_command_encoder();
  ASSERT_TRUE(in && out && encoder);
  ASSERT_TRUE(in->write(std::as_bytes(std::span(bits))));
  encoder->set_pipeline(*pipeline);
  encoder->set_buffer(0, *in);
  encoder->set_buffer(1, *out);
  encoder->dispatch_threads({bits.size()}, {bits.size()});
  ASSERT_TRUE(encoder->commit_and_wait());
  std::array<std::uint32_t, 28> parts{};
  ASSERT_TRUE(out->read(std::as_writable_bytes(std::span(parts))));
  for (std::size_t i = 0; i < bits.size(); ++i) {
    SCOPED_TRACE(testing::Message() << std::hex << bits[i]);
    const auto x = std::bit_cast<float>(bits[i]), high = std::bit_cast<float>(parts[2 * i] & ~0x1fffu),
               low = std::bit_cast<float>(parts[2 * i + 1] & ~0x1fffu);
    EXPECT_EQ(std::isnan(high), std::isnan(x));
    EXPECT_EQ(std::isinf(high), std::isinf(x));
    if (!std::isfinite(x)) {
      EXPECT_EQ(low, 0.0f);
      EXPECT_EQ(std::signbit(high), std::signbit(x));
      continue;
    }
    const bool rounds = std::fabs(x) < 0x1.ffep127f;
    EXPECT_LE(std::fabs((static_cast<double>(high) + low) - x), std::fabs(x) * (rounds ? 0x1p-22 : 0x1p-10));
  }
}

}  // namespace
