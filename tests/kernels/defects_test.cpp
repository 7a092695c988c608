// Defects that are easily made in these kernels, each shown to be seen by the case table: a kernel with the defect put
// into its source must fail one of its cases at least. The table itself shows that the kernels as they are have none of
// them.
#include <gtest/gtest.h>

#include <string>

#include "kernels/defects.hpp"

namespace {

using namespace anymetal;
using test::Defect;

const Defect kDefects[] = {
    // The second of two reductions begins before every thread has read the result of the first.
    {"NoBarrierBetweenReductionsAfterAttention",
     "fused_post_attn_triple_norm_f32",
     {{"  metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);\n  return total;", "  return total;"}}},
    {"NoBarrierBetweenReductionsAtTheLayersEnd",
     "fused_post_ff_norm2_endlayer_f32",
     {{"  metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);\n  return total;", "  return total;"}}},
    {"NoBarrierBetweenMaximumAndSum",
     "softmax_f32",
     {{"  metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);\n  return total;", "  return total;"}}},
    {"VectorNormSumsNothingBelowASimdgroup",
     "rms_norm_f32_v2",
     {{"  if (simdgroups == 1) return value;",
       "  if (team.size / 32 == 0) return T(0);\n  if (simdgroups == 1) return value;"}}},
    {"SumReadFromTheOverwrittenResidual",
     "fused_residual_norm_f32",
     {{"normed[base + i] = s.x * r * s.y;", "normed[base + i] = (residual[base + i] + x[base + i]) * r * s.y;"}}},
    {"AtMostEightExperts",
     "moe_gate",
     {{"choose_experts(experts, k, own,", "choose_experts(experts, min(k, 8u), own,"}}},
    {"WeightsScaledAfterTheyAreNormalised",
     "moe_gate",
     {{"sum += weights[slot] = slot < experts ? exp(logit - top) * scale[expert] : 0.0f;",
       "const float q = slot < experts ? exp(logit - top) : 0.0f; sum += q; weights[slot] = q * scale[expert];"}}},
    // A tree that halves its width drops slots where the width is no power of two; the maximum is then too small.
    {"MaximumOverAPowerOfTwoOnly",
     "moe_softmax_topk_f32",
     {{"for_share(n, team.index, team.size, value, [&](uint, float v) { top = metal::max(top, v); });",
       "for_share(n & (n - 1) ? n / 3 : n, team.index, team.size, value, [&](uint, float v) { top = metal::max(top, v); });"}}},
    // Partial sums laid over the exponentials of the first experts.
    {"ScratchOverTheFirstExperts",
     "fused_moe_routing_batch_f32",
     {{"const auto logit = [&](uint e) { return logits[e]; };",
       "const auto logit = [&](uint e) { return 64 > experts && experts > 32 && e < 64 - experts ? 0.0f : logits[e]; "
       "};"}}},
    {"MoreChoicesThanExperts",
     "fused_moe_routing_batch_f32",
     {{"last.index == kAfterAll.index ? 0u : uint(last.index)",
       "last.index == kAfterAll.index ? experts - 1 : uint(last.index)"}}},
    {"PaddingBeforeMinusInfinity",
     "argsort_desc_f32",
     {{"i < length ? sort_key(x[base + i], i) : 0;", "sort_key(i < length ? x[base + i] : -INFINITY, i);"}}},
    {"LargestOfAStrideFirst",
     "argmax_f32",
     {{"best.index = simd_min(value == best.value ? index : 0xffffffffu);",
       "best.index = simd_max(value == best.value ? index : 0u);"}}},
    {"TokenOfProbabilityZero",
     "softmax_sample_f32",
     {{"simd_min(p > 0.0f && sum +", "simd_min(i < end && sum +"},
      {"!(reached > 0.0f && reached >= u)", "!(s > 0 && reached >= u)"},
      {"    if (!(masses[s] > 0.0f)) continue;\n", ""}}},
    {"SlopeOfAnInfiniteCube",
     "moe_swiglu_seq_backward_f32",
     {{"gradient * up * gelu_tanh_slope(x);",
       "gradient * up * (0.5f * (1 + tanh(0.7978845608f * (x + 0.044715f * x * x * x))) + 0.5f * x * (1 - "
       "pow(tanh(0.7978845608f * "
       "(x + 0.044715f * x * x * x)), 2.0f)) * 0.7978845608f * (1 + 0.134145f * x * x));"}}},
    {"SlopeOfSilu",
     "moe_swiglu_seq_backward_f32",
     {{"gelu_tanh_slope(x);", "(1 / (1 + exp(-x)) * (1 + x * (1 - 1 / (1 + exp(-x)))));"}}},
    {"PredictionFromTheUndecayedState",
     "gated_delta_net_f32",
     {{"      s[j / 8] *= decay;\n      prediction += s[j / 8] * load_up_to(k + keys + j, K - j);",
       "      prediction += s[j / 8] * load_up_to(k + keys + j, K - j);\n      s[j / 8] *= decay;"}}},
    {"GateOfTheOtherSign", "gated_delta_net_f32", {{"precise::exp(-g[at])", "precise::exp(g[at])"}}},
    {"KeyHeadsInBlocks", "gated_delta_net_f32", {{"head % p.key_heads", "head / (p.heads / p.key_heads)"}}},
    {"KeyHeadsInTurn",
     "gated_delta_net_kkt_bf16",
     {{"uint(ulong(head) * s.key_heads / s.heads)", "head % s.key_heads"}}},
    {"AnotherNumberOfKeys", "gated_delta_net_decode_f32_1", {{" || K != 32 * kCells", ""}}},
    {"MaskByMultiplication",
     "gated_delta_net_kkt_bf16",
     {{"row > column ? precise::exp(G[c.row(row)] - G[c.row(column)]) * dots[i][j] : 0.0f;",
       "(row > column ? 1.0f : 0.0f) * precise::exp(G[c.row(row)] - G[c.row(column)]) * dots[i][j];"}}},
    {"OutputWithoutItsOwnToken",
     "gated_delta_net_chunk_o_bf16",
     {{"for (uint i = 0; i <= r; ++i) sum += float(P", "for (uint i = 0; i < r; ++i) sum += float(P"}}},
    {"GateAfterTheRounding",
     "gated_delta_net_recompute_wu_bf16",
     {{"return rounded_to_bfloat(Lanes<8>::load(k + c.key_row(m) * K + x) * strength[m] * gate[m]);",
       "return rounded_to_bfloat(Lanes<8>::load(k + c.key_row(m) * K + x) * strength[m]);"}}},
    {"NoTailOfAChunk",
     "chunk_local_cumsum_g_f32",
     {{"end = min(begin + s.chunk, ulong(s.tokens));", "end = min(begin + s.chunk, ulong(s.tokens) + 1);"}}},
    {"DiagonalRead",
     "chunk_tri_solve_invert_f32",
     {{"for (uint k = 0; k < i; ++k) sum -=", "for (uint k = 0; k <= i && k < rows; ++k) sum -="}}},
    {"RowsSolvedUnrounded",
     "tri_solve_lower_unit_bf16",
     {{"* float(X[column + ulong(j) * s.m]);", "* float(B[column + ulong(j) * s.m]);"}}},
    {"AtMost32ElementsAThread",
     "cumsum_f32",
     {{"const uint run = (columns + size - 1) / size;", "const uint run = min(32u, (columns + size - 1) / size);"}}},
    {"LogarithmOfOnePlusASmallNumber",
     "compute_g_beta_f32",
     {{"g[i] = softplus(alpha[i] + bias[head])", "g[i] = precise::log(1.0f + precise::exp(alpha[i] + bias[head]))"}}},
    {"ParametersInTheOtherOrder", "compute_g_beta_f32", {{"uint heads, tokens;", "uint tokens, heads;"}}},
    {"StateWithoutItsOldPart",
     "ssm_conv_state_update_f32",
     {{"if (i < past) return state[(ulong(sequence) * s.channels + channel) * past + i];", "if (i < past) i = past;"}}},
    {"LastOfRepeatedIndicesWins",
     "take_along_axis_backward_f32",
     {{"    if (index[row + j] == column) return;", "    if (false) return;"},
      {"if (index[row + j] == column) sum += dy[row + j];", "if (j == at.y) sum += dy[row + j];"}}},
    {"TableAddedToAndNotOverwritten", "embedding_scatter_add_f32", {{"row[h + j] = sum[j];", "row[h + j] += sum[j];"}}},
    {"IdsPastTheTable",
     "embedding_lookup_f32",
     {{"id < vocab ? table[ulong(id) * hidden + at.x] : 0.0f;",
       "table[ulong(min(id, vocab - 1)) * hidden + at.x];"}}},
    {"QuotientReadAfterItIsOverwritten",
     "divide_backward_f32",
     {{"db[e] = d.y; });", "db[e] = -dy[e] * y[e] / b[e]; });"}}},
    {"ColumnsPastTheGrid", "slice_2d_cols_f32", {{"if (at.x >= s.to_columns) return;", ""}}},
};

class Defects : public testing::TestWithParam<Defect> {};

TEST_P(Defects, AreSeen) { test::expect_seen(GetParam()); }

INSTANTIATE_TEST_SUITE_P(Kernels, Defects, testing::ValuesIn(kDefects),
                         [](const auto& defect) { return std::string(defect.param.name); });

}  // namespace
