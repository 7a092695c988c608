// The defects of docs/known-defects.md: the known implementation's, put into the kernels' sources, are seen by the case
// table.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "kernels/defects.hpp"

namespace {

using namespace anymetal;
using test::Defect;

class KnownDefects : public testing::TestWithParam<Defect> {};

TEST_P(KnownDefects, AreSeen) { test::expect_seen(GetParam()); }

const Defect kProductDefects[] = {
    {"NoGuardOfTheLastRow",
     "kernel_mul_mv_q6_K_f32",
     {{"if (lane == 0 && first + r < long(p.ne01)) out[first + r] = sum;", "if (lane == 0) out[first + r] = sum;"}}},
    {"RowsPastTheLastRead",
     "kernel_mul_mv_q8_0_f32",
     {{"ulong(min(first + r, long(p.ne01) - 1))", "ulong(first + r)"}},
     true},
    {"ExpertsRowsPastTheLastRead",
     "kernel_mul_mv_id_q8_0_f32",
     {{"rows[min(first + r, n - 1) * blocks", "rows[(first + r) * blocks"}},
     true},
    {"ExpertIdsNotChecked",
     "kernel_mul_mv_id_q4_0_f32",
     {{"if (expert >= known_experts) return store_zeros", "if (false) return store_zeros"}}},
    {"ElementsPastTheRow",
     "kernel_mul_mv_ext_q8_0_f32_r1_2",
     {{"k < length; k += sharers * 8", "k < (length + 63) / 64 * 64; k += sharers * 8"}}},
    {"BatchesPastTheWeights",
     "kernel_mul_mv_ext_q8_0_f32_r1_3",
     {{"i12 / uint(p.r2) % uint(p.ne02)", "i12 / uint(p.r2)"}},
     true},
    {"SmallScalesInHalf",
     "kernel_mul_mm_q4_K_f32",
     {{"return Lanes<N>::to_float(n) * (float(b.d) * sm.x) - float(b.dmin) * sm.y;",
       "const float d = s & 1 ? float(half(float(b.d) / 16.0f)) * 16.0f : float(b.d);\n"
       "  return Lanes<N>::to_float(n) * (d * sm.x) - float(b.dmin) * sm.y;"}}},
    {"SmallScalesInHalfOfFewRows",
     "kernel_mul_mv_ext_q4_0_f32_r1_2",
     {{"return (Lanes<N>::to_float(half_split_nibbles<N>(b.qs, i)) - 8.0f) * float(b.d);",
       "const float d = i < 16 ? float(b.d) : float(half(float(b.d) / 16.0f)) * 16.0f;\n"
       "  return (Lanes<N>::to_float(half_split_nibbles<N>(b.qs, i)) - 8.0f) * d;"}}},
    {"TokensIn16Bits",
     "kernel_mul_mm_id_q8_0_f32",
     {{"x + entry / slots * p.nb12", "x + (entry / slots & 32767u) * p.nb12"}}},
    {"AnExpertTwice", "kernel_mul_mm_id_map0_ne20_8", {{"|| (found && id == expert)", ""}}},
    {"AnExpertThatIsNone", "kernel_mul_mm_id_map0_ne20_1", {{"wrong |= id >= experts ||", "wrong |="}}},
    {"ActivationsBeyondHalf",
     "kernel_mul_mm_q8_0_tensor_f32",
     {{"return metal::ldexp(1.0f, largest > 0x1p-80f ? metal::ilogb(largest) - 14 : -94);", "return 1.0f;"}}},
    {"NoBarrierAfterTheProduct",
     "kernel_mul_mm_q4_0_tensor_f32",
     {{"    metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);\n  }\n  return sums;",
       "  }\n  return sums;"}}},
    {"EdgesIn16Bits",
     "dense_gemm_f16",
     {{"if (m < s.m && n < s.n) c[ulong(m)",
       "if (short(m - m0) < short(s.m - m0) && short(n - n0) < short(s.n - n0)) c[ulong(m)"}}},
    {"LastTermsDropped",
     "dense_matvec_f32",
     {{"if (whole + worker < length) {", "if (worker == 0 && whole < length) {"}}},
    {"OddRowsRead", "hf2q_dense_gemv_bf16_f32_4", {{"min(first + r, n - 1) * p.nb01", "(first + r) * p.nb01"}}, true},
    {"GroupsSmallerThanARun",
     "quantized_matmul_simd",
     {{"const uint stop = min(end, (k / p.group_size + 1) * p.group_size);", "const uint stop = end;"}}},
    {"SixBitsWriteNothing",
     "quantized_matmul_simd_bf16",
     {{"const ulong groups = groups_of(p.k, p.group_size), row_bytes",
       "if (p.bits == 6) return;\n  const ulong groups = groups_of(p.k, p.group_size), row_bytes"}}},
    {"OutputOfNoExpertLeft",
     "quantized_matmul_id",
     {{"  float sum = 0.0f;\n  if (expert < p.experts) {",
       "  float sum = 0.0f;\n  if (expert >= p.experts) return;\n  {"}}},
    {"TableIdsNotChecked", "embedding_gather_4bit", {{"if (id >= known_rows) return 0.0f;", ""}}, true},
};
INSTANTIATE_TEST_SUITE_P(Products, KnownDefects, testing::ValuesIn(kProductDefects),
                         [](const auto& defect) { return std::string(defect.param.name); });

const Defect kAttentionDefects[] = {
    {"KeysAfterTheQuery",
     "steel_attention_float32_bq32_bk16_bd256_wm4_wn1_maskbool_",
     {{"if (do_causal) seen = seen && key <= query + p.qL_off;",
       "if (do_causal && key / kBK >= tiles().y - 2) seen = seen && key <= query + p.qL_off;"}}},
    {"NothingLeftByTheMask",
     "scale_mask_softmax_f32",
     {{"top == -INFINITY ? 0.0f : v", "v"}}},
    {"HiddenValuesTakePart", "attention_f32kv", {{"if (weight == 0.0f) continue;\n      const Row v", "const Row v"}}},
    {"HiddenKeysTakePart",
     "attention_f32kv",
     {{"return bias == -INFINITY ? bias : score + bias;", "return score + bias;"}}},
    {"RowsPastTheKeys",
     "flash_attn_vec_dk256",
     {{"const bool seen = key >= first && key < length;\n    const float",
       "const bool seen = key >= first;\n    const float"}}},
    {"HiddenByAddition",
     "flash_attn_vec_f16kv_dk256",
     {{"seen ? soft_capped(attention.score(query, keys, key) * p.scale, p.softcap) : -INFINITY;",
       "attention.score(query, keys, min(key, length - 1)) * p.scale + (seen ? 0.0f : -65504.0f);"}}},
    {"NoSoftCap",
     "flash_attn_vec_tq_hb_dk256",
     {{"soft_capped(attention.score(query, keys, key) * p.scale, p.softcap)",
       "attention.score(query, keys, key) * p.scale"}}},
    {"MoreQueriesThanKeys", "sdpa", {{"after > p.seq_len ? uint(after - p.seq_len) : 0", "uint(after - p.seq_len)"}}},
    {"CoordinatesFrom1024On",
     "tq_dequantize_hb_kv",
     {{"for (uint d = index; d < cache.head_dim; d += size) {",
       "for (uint d = index; d < min(cache.head_dim, 1024u); d += size) {"}}},
};
INSTANTIATE_TEST_SUITE_P(Attention, KnownDefects, testing::ValuesIn(kAttentionDefects),
                         [](const auto& defect) { return std::string(defect.param.name); });

/// 32 queries and 16 keys and values of 256 elements in f32, as the known implementation has them there.
TEST(TooMuchThreadgroupMemory, IsRefused) {
  constexpr std::string_view kKernel = "steel_attention_float32_bq32_bk16_bd256_wm4_wn1_maskbool_";
  KernelRegistry registry;
  ASSERT_NO_FATAL_FAILURE(test::register_with(
      registry,
      {"TooMuchThreadgroupMemory",
       kKernel.data(),
       {{"threadgroup float scores[kBQ][kBK];",
         "threadgroup float scores[kBQ][kBK];\n  threadgroup float known[53760 / 4];\n  known[index] = p.scale;\n"
         "  threadgroup_barrier(mem_flags::mem_threadgroup);\n  if (known[0] != p.scale) return;"}}}));
  const cases::CaseList list = cases::all_cases();
  const auto test = std::ranges::find(list.cases(), kKernel, &cases::Case::kernel);
  ASSERT_NE(test, list.cases().end());
  const cases::Outcome outcome = cases::run(*test, registry, *Device::open("cpu"));
  ASSERT_FALSE(outcome.passed());
  EXPECT_NE(outcome.failures.front().find("32768"), std::string::npos) << outcome.failures.front();
}

}  // namespace
