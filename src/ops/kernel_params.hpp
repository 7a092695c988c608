#pragma once
/// \file
/// Host forms of the kernels' parameter structs. Field names and layouts as in kernels/; the layouts are a contract.

#include <cstddef>
#include <cstdint>

namespace anymetal::ops {

/// kernels/common/matmul_params.h
struct MatVecParams {
  std::int64_t ne00 = 0, ne01 = 0, ne02 = 1, ne10 = 0, ne12 = 1, ne0 = 0, ne1 = 0;
  std::uint32_t r2 = 1, r3 = 1;
};
static_assert(sizeof(MatVecParams) == 64 && offsetof(MatVecParams, ne1) == 48 && offsetof(MatVecParams, r3) == 60);

/// kernels/common/matmul_params.h
struct MatMatParams {
  std::int32_t ne00 = 0, ne02 = 1;
  std::uint64_t nb01 = 0, nb02 = 0, nb03 = 0;
  std::int32_t ne12 = 1, pad0 = 0;
  std::uint64_t nb10 = 4, nb11 = 0, nb12 = 0, nb13 = 0;
  std::int32_t ne0 = 0, ne1 = 0;
  std::int16_t r2 = 1, r3 = 1;
  std::int32_t pad1 = 0;
};
static_assert(sizeof(MatMatParams) == 88 && offsetof(MatMatParams, nb10) == 40 && offsetof(MatMatParams, r2) == 80);

/// kernels/common/matmul_params.h
struct MatVecExtParams {
  std::int32_t ne00 = 0, ne01 = 0, ne02 = 1, pad0 = 0;
  std::uint64_t nb00 = 0, nb01 = 0, nb02 = 0, nb03 = 0;
  std::int32_t ne10 = 0, ne11 = 0, ne12 = 1, pad1 = 0;
  std::uint64_t nb10 = 4, nb11 = 0, nb12 = 0, nb13 = 0;
  std::int32_t ne0 = 0, ne1 = 0;
  std::int16_t r2 = 1, r3 = 1;
  std::int32_t pad2 = 0;
};
static_assert(sizeof(MatVecExtParams) == 112 && offsetof(MatVecExtParams, r2) == 104);

/// kernels/common/matmul_params.h
struct DenseMatVecParams {
  std::int32_t ne00 = 0, ne01 = 0, ne02 = 1, pad0 = 0;
  std::uint64_t nb00 = 2, nb01 = 0, nb02 = 0, nb03 = 0;
  std::int32_t ne10 = 0, ne11 = 0, ne12 = 1, pad1 = 0;
  std::uint64_t nb10 = 4, nb11 = 0, nb12 = 0, nb13 = 0;
  std::int32_t ne0 = 0, ne1 = 0, nr0 = 2;
  std::int16_t r2 = 1, r3 = 1;
};
static_assert(sizeof(DenseMatVecParams) == 112 && offsetof(DenseMatVecParams, nr0) == 104);
struct ExpertMatVecParams {
  std::int64_t ne00 = 0, ne01 = 0, ne02 = 1, ne10 = 0, ne12 = 1, ne0 = 0, ne1 = 0;
  std::uint32_t r2 = 1, r3 = 1, top_k = 1, n_tokens = 0;
  std::int64_t expert_stride = 0;
};
static_assert(sizeof(ExpertMatVecParams) == 80 && offsetof(ExpertMatVecParams, expert_stride) == 72);
struct ExpertMapParams {
  std::int32_t ne10 = 0, ne11 = 0;
  std::uint64_t nb11 = 0, nb12 = 0;
  std::int32_t ne21 = 0, ne20 = 1;
  std::uint64_t nb21 = 0;
};
static_assert(sizeof(ExpertMapParams) == 40);
struct ExpertMatMatParams {
  std::int32_t ne00 = 0, ne02 = 1;
  std::uint64_t nb01 = 0, nb02 = 0, nb03 = 0;
  std::int32_t ne11 = 1, pad0 = 0;
  std::uint64_t nb10 = 4, nb11 = 0, nb12 = 0, nb13 = 0;
  std::int32_t ne20 = 1, ne21 = 0, ne0 = 0, ne1 = 1;
  std::int16_t r2 = 1, r3 = 1, pad1 = 0, pad2 = 0;
};
static_assert(sizeof(ExpertMatMatParams) == 96 && offsetof(ExpertMatMatParams, ne20) == 72);

/// kernels/rope/fused_head_norm_rope_f32.metal
struct HeadNormRopeParams {
  std::uint32_t head_dim = 0, n_heads = 0, half_rope_dim = 0;
  float eps = 0;
  std::uint32_t has_weight = 1;
  float theta = 0;
  std::uint32_t has_freq_factors = 0, has_bf16_output = 0, bf16_permuted = 0, seq_len = 0, has_f32_perm_output = 0;
};
static_assert(sizeof(HeadNormRopeParams) == 44);

/// kernels/attention/steel_attention.metal
struct AttnParams {
  std::int32_t B = 1, H = 0, D = 0, qL = 0, kL = 0, gqa_factor = 1;
  float scale = 1, softcapping = 1;
  std::int32_t NQ = 0, NK = 0, NQ_aligned = 0, NK_aligned = 0, qL_rem = 0, kL_rem = 0, qL_off = 0, pad = 0;
  std::int64_t Q_strides[3] = {}, K_strides[3] = {}, V_strides[3] = {}, O_strides[3] = {};
};
static_assert(sizeof(AttnParams) == 160 && offsetof(AttnParams, Q_strides) == 64);

/// kernels/attention/flash_attn_vec.metal
struct FlashAttnVecParams {
  std::uint32_t n_heads = 0, n_kv_heads = 0, head_dim = 0, kv_seq_len = 0, kv_capacity = 0;
  float scale = 1;
  std::uint32_t mask_type = 0, sliding_window = 0;
  float softcap = 0;
  std::uint32_t nwg = 1;
};
static_assert(sizeof(FlashAttnVecParams) == 40);

/// kernels/attention/attention.metal
struct AttentionParams {
  std::uint32_t heads = 0, kv_heads = 0, dim = 0, queries = 0, keys = 0, capacity = 0, ring_start = 0, causal = 1,
                window = 0;
  float scale = 1, softcap = 0;
  std::uint32_t has_mask = 0, mask_head_stride = 0, has_sinks = 0;
};
static_assert(sizeof(AttentionParams) == 56);

/// kernels/attention/sdpa.metal
struct SdpaParams {
  std::uint32_t n_heads = 0, n_kv_heads = 0, head_dim = 0, seq_len = 0, kv_seq_len = 0;
  float scale = 1;
  std::uint32_t kv_capacity = 0;
};
static_assert(sizeof(SdpaParams) == 28);
struct SdpaSlidingParams {
  std::uint32_t n_heads = 0, n_kv_heads = 0, head_dim = 0, seq_len = 0, kv_seq_len = 0, window_size = 0;
  float scale = 1;
  std::uint32_t kv_capacity = 0;
};
static_assert(sizeof(SdpaSlidingParams) == 32);

/// kernels/attention/sdpa_decode.metal
struct SdpaDecodeParams {
  std::uint32_t n_heads = 0, n_kv_heads = 0, head_dim = 0, kv_seq_len = 0, kv_capacity = 0;
  float scale = 1;
  std::uint32_t n_sg = 1;
};
static_assert(sizeof(SdpaDecodeParams) == 28);

/// kernels/attention/scale_mask_softmax.metal
struct ScaleMaskParams {
  std::uint32_t columns = 0, queries = 0;
  float scale = 1;
  std::uint32_t pad = 0;
};
static_assert(sizeof(ScaleMaskParams) == 16);

/// kernels/turboquant/hadamard_quantize_kv.metal
struct TurboQuantizeParams {
  std::uint32_t head_dim = 0, num_kv_heads = 0, write_pos = 0, cache_capacity = 0, is_sliding = 0;
  float scale_factor = 1;
  std::uint32_t option = 0;
};
static_assert(sizeof(TurboQuantizeParams) == 28);

/// kernels/turboquant/tq_dequantize_kv.metal
struct TurboReadParams {
  std::uint32_t head_dim = 0, num_kv_heads = 0, read_pos = 0, cache_capacity = 0, norms_per_pos = 0;
  float scale_factor = 1;
};
static_assert(sizeof(TurboReadParams) == 24);
struct TurboReadRangeParams {
  std::uint32_t head_dim = 0, num_kv_heads = 0, start_pos = 0, n_tokens = 0, cache_capacity = 0, norms_per_pos = 0;
  float scale_factor = 1;
  std::uint32_t codebook_bits = 8;
};
static_assert(sizeof(TurboReadRangeParams) == 32);

/// kernels/attention/flash_attn_vec_tq_hb.metal
struct TurboAttentionParams {
  std::uint32_t n_heads = 0, n_kv_heads = 0, head_dim = 0, kv_seq_len = 0, kv_capacity = 0;
  float scale = 1;
  std::uint32_t mask_type = 0, sliding_window = 0;
  float softcap = 0;
  std::uint32_t nwg = 1, ring_start = 0;
  float scale_factor = 1;
  std::uint32_t codebook_bits = 8, fuse_fwht_pre = 0, nsg = 1;
};
static_assert(sizeof(TurboAttentionParams) == 60);

/// kernels/norm/fused_residual_norm.metal
struct ResidualNormParams {
  std::uint32_t dim = 0, rows = 0;
  float eps = 0;
  std::uint32_t write_sum = 0;
};
static_assert(sizeof(ResidualNormParams) == 16);

/// kernels/moe/routing.metal
struct SoftmaxTopKParams {
  std::uint32_t tokens = 0, experts = 0, k = 0;
  float pad = 0;
};
static_assert(sizeof(SoftmaxTopKParams) == 16);

/// kernels/embedding/embedding_gather_scale.metal
struct GatherBatchParams {
  float scale = 1;
  std::uint32_t hidden = 0, n_tokens = 0;
};
static_assert(sizeof(GatherBatchParams) == 12);

/// kernels/embedding/embedding_gather_scale.metal
struct GatherBlocksParams {
  float scale = 1;
  std::uint32_t hidden = 0, n_tokens = 0, rows = 0;
};
static_assert(sizeof(GatherBlocksParams) == 16);

/// kernels/elementwise/elementwise.metal
struct ScalarMulParams {
  float scalar = 1;
  std::uint32_t count = 0;
};
static_assert(sizeof(ScalarMulParams) == 8);

/// kernels/elementwise/softcap.metal
struct SoftcapParams {
  float cap = 1;
  std::uint32_t n = 0;
};
static_assert(sizeof(SoftcapParams) == 8);

/// kernels/moe/expert_sum.metal
struct AccumulateParams {
  std::uint32_t n = 0;
  float weight = 1;
};
static_assert(sizeof(AccumulateParams) == 8);
struct ReduceParams {
  std::uint32_t tokens = 0, slots = 0, width = 0, add_residual = 0;
};
static_assert(sizeof(ReduceParams) == 16);

/// kernels/norm/fused_norm_add_f32.metal, fused_residual_norm.metal
struct ScaledNormParams {
  std::uint32_t dim = 0, rows = 0;
  float eps = 0;
  std::uint32_t per_column = 0;
};
static_assert(sizeof(ScaledNormParams) == 16);

/// kernels/norm/fused_layer_norms.metal
struct TripleNormParams {
  float eps = 0;
  std::uint32_t dim = 0;
};
static_assert(sizeof(TripleNormParams) == 8);
struct EndLayerParams {
  float eps = 0;
  std::uint32_t dim = 0, per_column = 0;
};
static_assert(sizeof(EndLayerParams) == 12);

/// kernels/training/adam_update.metal
struct AdamParams {
  float rate = 0, beta1 = 0, beta2 = 0, eps = 0, correction1 = 1, correction2 = 1;
};
static_assert(sizeof(AdamParams) == 24);

}  // namespace anymetal::ops
