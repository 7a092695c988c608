#include <metal_stdlib>
#include "common/chunk_attention.h"
#include "common/nvidia.h"
#include "common/steel_params.h"
#if ANYMETAL_NVIDIA
#include "nvidia/query_blocks.h"
#include "nvidia/tile_attention.h"
#endif
using namespace metal;
using namespace anymetal;

// kernels: steel_attention_float32_bq32_bk16_bd256_wm4_wn1_maskfloat32
// kernels: steel_attention_float32_bq32_bk16_bd256_wm4_wn1_maskbool_
// kernels: steel_attention_bfloat16_bq32_bk16_bd256_wm4_wn1_maskbfloat16
// kernels: steel_attention_bfloat16_bq32_bk16_bd256_wm4_wn1_maskbool_
// kernels: steel_attention_float16_bq32_bk16_bd256_wm4_wn1_maskfloat16
// kernels: steel_attention_float16_bq32_bk16_bd256_wm4_wn1_maskbool_
// kernels: steel_attention_bfloat16_bq8_bk8_bd512_wm1_wn1_maskbfloat16
// kernels: steel_attention_bfloat16_bq8_bk8_bd512_wm1_wn1_maskbool_
// kernels: steel_attention_float16_bq8_bk8_bd512_wm1_wn1_maskfloat16
// kernels: steel_attention_float16_bq8_bk8_bd512_wm1_wn1_maskbool_
// kernels: steel_attention_float32_f16kv_bq32_bk16_bd256_wm4_wn1_maskbool_

// The query with its scale: rounded to T as the scale is, so that 16-bit types give the products a 16-bit device gives.
template <class T>
Lanes<8>::F scaled_query(device const T* q, float scale) {
  const float rounded = float(T(scale));
  Lanes<8>::F v = Lanes<8>::load(q) * rounded;
  for (int i = 0; i < 8; ++i) v[i] = float(T(v[i]));
  return v;
}
inline Lanes<8>::F scaled_query(device const float* q, float scale) { return Lanes<8>::load(q) * scale; }

/// Tiled attention: O = softmax(scale Q K^T + mask) V per batch and head, with an online base-2 softmax in f32.
///
/// A threadgroup takes kBQ queries; four threads share a query: each scores a quarter of a key tile's kBK keys, and owns a
/// quarter of the head's outputs. Row i sees key j unless j >= kL, or (do_causal) j > i + qL_off, or (window > 0)
/// j <= i + qL_off - window, or its mask element is false or -inf. A row that sees nothing gives zeros.
///
/// buffer 0: Q T; 1: K T (f16 in the f16kv form); 2: V as K; 3: O T, all strided with unit innermost stride; 4: AttnParams; 5: AttnMaskParams and
/// 6: mask, additive of T or bool, element b*M0 + h*M1 + i*M2 + j (has_mask); 7: u8 [NQ, NK] (has_blk): 0 skip the tile,
/// 1 normal, 2 the mask is zero there
/// constants: bool 200 align_Q, 201 align_K, 300 has_mask, 301 do_causal, 303 has_blk; optional int 304 window
/// grid: threadgroups (NQ, H, B), threads (32, WM, WN) = 4 * kBQ
/// tolerance: f32 2e-5 + 1e-4 |ref|, f16 1e-3 + 5e-3 |ref|, bf16 5e-3 + 2e-2 |ref|
template <class T, class KV, class M, int kBQ, int kBK, int kDim>
kernel void steel_attention(device const T* Q [[buffer(0)]],
                            device const KV* K [[buffer(1)]],
                            device const KV* V [[buffer(2)]],
                            device T* O [[buffer(3)]],
                            constant AttnParams& p [[buffer(4)]],
                            constant AttnMaskParams& mask_params [[buffer(5), function_constant(has_mask)]],
                            device const M* mask [[buffer(6), function_constant(has_mask)]],
                            device const uchar* blk [[buffer(7), function_constant(has_blk)]],
                            uint3 group [[threadgroup_position_in_grid]],
                            uint index [[thread_index_in_threadgroup]]) {
  constexpr int kShare = 4;              // threads of one query
  constexpr int kKeys = kBK / kShare;    // keys a thread scores
  constexpr int kVectors = kDim / kShare / 8;  // vectors of outputs a thread owns
  typedef Lanes<8> L;
#if ANYMETAL_NVIDIA
  constexpr bool kTensor = kBQ == 32 && kDim == kAttentionDim;
  threadgroup float memory[kTensor ? kBQ * kDim : 2 * kBQ * kBK];
  typedef threadgroup float Tile[kBQ][kBK];
  threadgroup Tile& scores = *(threadgroup Tile*)memory;
  threadgroup Tile& weights = *(threadgroup Tile*)(memory + kBQ * kBK);
#else
  threadgroup float scores[kBQ][kBK];
  threadgroup float weights[kBQ][kBK];
#endif

  const int row = int(index) / kShare, part = int(index) % kShare;
  const int query = int(group.x) * kBQ + row;
  const bool live = query < p.qL;
  const int position = query + p.qL_off;

  const long kv_head = long(group.y) / p.gqa_factor;
  device const T* q = Q + long(group.z) * p.Q_strides[0] + long(group.y) * p.Q_strides[1] +
                      long(min(query, p.qL - 1)) * p.Q_strides[2];
  device const KV* k = K + long(group.z) * p.K_strides[0] + kv_head * p.K_strides[1];
  device const KV* v = V + long(group.z) * p.V_strides[0] + kv_head * p.V_strides[1];
  device const M* m = mask;
  if (has_mask) {
    m += long(group.z) * mask_params.M_strides[0] + long(group.y) * mask_params.M_strides[1] +
         long(min(query, p.qL - 1)) * mask_params.M_strides[2];
  }

  // Key tiles any query of this threadgroup may see.
  const int first_position = int(group.x) * kBQ + p.qL_off;
  int tile_end = (p.kL + kBK - 1) / kBK;
  if (do_causal) tile_end = min(tile_end, (first_position + kBQ + kBK - 1) / kBK);
  const int tile_begin = window > 0 ? max(0, first_position - window + 1) / kBK : 0;

#if ANYMETAL_NVIDIA
  if constexpr (kTensor) {
    if (nvidia::has_ampere()) {
      for (int d = part * 64; d < part * 64 + 64; d += 8) {
        const L::F v = scaled_query(q + d, p.scale * kLog2e);
        for (int i = 0; i < 8; ++i) memory[query_at(uint(row), uint(d + i))] = v[i];
      }
      threadgroup_barrier(mem_flags::mem_threadgroup);
      const uint simdgroup = index / 32, lane = index % 32;
      const int first = int(group.x) * kBQ + int(simdgroup) % 2 * 16;  // query of this simdgroup
      const ulong starts = (ulong)k | (ulong)v | ulong(p.K_strides[2] * long(sizeof(KV))) | ulong(p.V_strides[2] * long(sizeof(KV)));
      const KeyValueRows<KV> rows = {k, v, p.K_strides[2], p.V_strides[2], p.kL - 1, (starts & 15) == 0};
      TileState state;
      for (int tile = tile_begin + int(simdgroup) / 2; tile < tile_end; tile += 2) {
        const uchar kind = has_blk ? blk[ulong(group.x) * ulong(p.NK) + ulong(tile)] : uchar(1);
        if (kind == 0) continue;
        state.add<is_same_v<T, float>>(memory + simdgroup % 2 * 16 * kDim, rows, tile * kBK, lane, [&](uint at, int key, float score) {
          const int own = first + int(at), own_position = own + p.qL_off;
          bool seen = own < p.qL && key < p.kL;
          if (do_causal) seen = seen && key <= own_position;
          if (window > 0) seen = seen && key > own_position - window;
          if (has_mask && kind != 2 && seen) {
            device const M* own_mask = mask + long(group.z) * mask_params.M_strides[0] + long(group.y) * mask_params.M_strides[1] +
                                       long(own) * mask_params.M_strides[2];
            score = biased(score, mask_term(own_mask[key]));
          }
          return seen ? score : -INFINITY;
        });
      }
      state.end();
      state.merge(memory, simdgroup, lane);
      if (simdgroup >= 2) return;
      for (int h = 0; h < 2; ++h) {
        const int own = first + int(lane) / 4 + 8 * h;
        if (own >= p.qL) continue;
        const float inverse = state.sum[h] > 0.0f ? 1.0f / state.sum[h] : 0.0f;
        device T* o = O + long(group.z) * p.O_strides[0] + long(group.y) * p.O_strides[1] + long(own) * p.O_strides[2] + lane % 4 * 8;
        for (int c = 0; c < kAttentionDim / 32; ++c) {
          for (int i = 0; i < 8; ++i) o[32 * c + i] = T(state.out[4 * c + i % 4][2 * h + i / 4] * inverse);
        }
      }
      return;
    }
  }
  if constexpr (kBQ == 8) {  // one simdgroup: two blocks of queries, a key tile at a time
    const uint lane = index;
    const bool aligned = (((ulong)k | (ulong)v | ulong(p.K_strides[2] * long(sizeof(KV))) | ulong(p.V_strides[2] * long(sizeof(KV)))) & 15) == 0;
    device const T* head_queries = Q + long(group.z) * p.Q_strides[0] + long(group.y) * p.Q_strides[1];
    device T* head_out = O + long(group.z) * p.O_strides[0] + long(group.y) * p.O_strides[1];
    for (int first = int(group.x) * kBQ; first < min(int(group.x) * kBQ + kBQ, p.qL); first += 4) {
      QueryBlock<kDim> block;
      load_scaled_queries(block, StridedRows<T, false>{head_queries, p.Q_strides[2]}, first, p.qL - 1, p.scale * kLog2e, lane);
      const int own = first + int(lane) / kBK, own_position = own + p.qL_off;
      device const M* own_mask = mask;
      if (has_mask) {
        own_mask += long(group.z) * mask_params.M_strides[0] + long(group.y) * mask_params.M_strides[1] +
                    long(min(own, p.qL - 1)) * mask_params.M_strides[2];
      }
      for (int tile = tile_begin; tile < tile_end; ++tile) {
        const uchar kind = has_blk ? blk[ulong(group.x) * ulong(p.NK) + ulong(tile)] : uchar(1);
        if (kind == 0) continue;
        const int key = tile * kBK + int(lane) % kBK;
        const uint at = uint(tile * kBK), last = uint(p.kL - 1);
        float score = aligned ? block.score(StridedRows<KV, true>{k, p.K_strides[2]}, at, last, lane)
                              : block.score(StridedRows<KV, false>{k, p.K_strides[2]}, at, last, lane);
        bool seen = key < p.kL;
        if (do_causal) seen = seen && key <= own_position;
        if (window > 0) seen = seen && key > own_position - window;
        if (has_mask && kind != 2 && key < p.kL) score = biased(score, mask_term(own_mask[key]));
        if (!seen) score = -INFINITY;
        if (aligned) {
          block.add(score, StridedRows<KV, true>{v, p.V_strides[2]}, at, last, lane);
        } else {
          block.add(score, StridedRows<KV, false>{v, p.V_strides[2]}, at, last, lane);
        }
      }
      const float factor = block.factor();
      for (int i = 0; i < 4; ++i) block.store(head_out + long(first + i) * p.O_strides[2], uint(i), factor, first + i < p.qL, lane);
    }
    return;
  }
#endif

  float running_max = kLowest, running_sum = 0.0f;
  L::F out[kVectors] = {};
  for (int tile = tile_begin; tile < tile_end; ++tile) {
    const uchar kind = has_blk ? blk[ulong(group.x) * ulong(p.NK) + ulong(tile)] : uchar(1);
    if (kind == 0) continue;

    // Scores of this thread's keys; keys past the end repeat the last one and are masked below.
    const int key0 = tile * kBK + part * kKeys;
    device const KV* keys[kKeys];
    for (int j = 0; j < kKeys; ++j) keys[j] = k + long(min(key0 + j, p.kL - 1)) * p.K_strides[2];
    L::F dots[kKeys] = {};
    for (int d = 0; d < kDim; d += 8) {
      const L::F qs = scaled_query(q + d, p.scale * kLog2e);
      for (int j = 0; j < kKeys; ++j) dots[j] += qs * L::load(keys[j] + d);
    }
    for (int j = 0; j < kKeys; ++j) {
      const int key = key0 + j;
      float s = L::sum(dots[j]);
      bool seen = live && key < p.kL;
      if (do_causal) seen = seen && key <= position;
      if (window > 0) seen = seen && key > position - window;
      if (has_mask && kind != 2 && live && key < p.kL) s = biased(s, mask_term(m[key]));
      scores[row][part * kKeys + j] = seen ? s : -INFINITY;
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);

    // Each of the four threads finds the row's maximum for itself, and turns its own scores into weights.
    float tile_max = running_max;
    for (int j = 0; j < kBK; ++j) tile_max = max(tile_max, scores[row][j]);
    const float rescale = exp2(running_max - tile_max);
    running_max = tile_max;
    for (int j = 0; j < kKeys; ++j) {
      weights[row][part * kKeys + j] = exp2(scores[row][part * kKeys + j] - tile_max);
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);

    running_sum *= rescale;
    for (int c = 0; c < kVectors; ++c) out[c] *= rescale;
    const int valid = min(kBK, p.kL - tile * kBK);
    for (int j = 0; j < valid; ++j) {
      const float weight = weights[row][j];
      if (weight == 0.0f) continue;  // a value the query does not see may be anything
      running_sum += weight;
      device const KV* value = v + long(tile * kBK + j) * p.V_strides[2] + part * (kDim / kShare);
      for (int c = 0; c < kVectors; ++c) out[c] += weight * L::load(value + c * 8);
    }
  }

  if (!live) return;
  const float inverse = running_sum > 0.0f ? 1.0f / running_sum : 0.0f;
  device T* o = O + long(group.z) * p.O_strides[0] + long(group.y) * p.O_strides[1] + long(query) * p.O_strides[2] +
                part * (kDim / kShare);
  for (int c = 0; c < kVectors; ++c) {
    for (int i = 0; i < 8; ++i) o[c * 8 + i] = T(out[c][i] * inverse);
  }
}

#define INSTANTIATE_KV(name, T, KV, M, BQ, BK, D) \
  template [[host_name("steel_attention_" name)]] kernel void steel_attention<T, KV, M, BQ, BK, D>( \
      device const T*, device const KV*, device const KV*, device T*, constant AttnParams&, constant AttnMaskParams&, \
      device const M*, device const uchar*, uint3, uint);
#define INSTANTIATE(name, T, M, BQ, BK, D) INSTANTIATE_KV(name, T, T, M, BQ, BK, D)
INSTANTIATE("float32_bq32_bk16_bd256_wm4_wn1_maskfloat32", float, float, 32, 16, 256)
INSTANTIATE("float32_bq32_bk16_bd256_wm4_wn1_maskbool_", float, bool, 32, 16, 256)
INSTANTIATE("bfloat16_bq32_bk16_bd256_wm4_wn1_maskbfloat16", bfloat, bfloat, 32, 16, 256)
INSTANTIATE("bfloat16_bq32_bk16_bd256_wm4_wn1_maskbool_", bfloat, bool, 32, 16, 256)
INSTANTIATE("float16_bq32_bk16_bd256_wm4_wn1_maskfloat16", half, half, 32, 16, 256)
INSTANTIATE("float16_bq32_bk16_bd256_wm4_wn1_maskbool_", half, bool, 32, 16, 256)
INSTANTIATE("bfloat16_bq8_bk8_bd512_wm1_wn1_maskbfloat16", bfloat, bfloat, 8, 8, 512)
INSTANTIATE("bfloat16_bq8_bk8_bd512_wm1_wn1_maskbool_", bfloat, bool, 8, 8, 512)
INSTANTIATE("float16_bq8_bk8_bd512_wm1_wn1_maskfloat16", half, half, 8, 8, 512)
INSTANTIATE("float16_bq8_bk8_bd512_wm1_wn1_maskbool_", half, bool, 8, 8, 512)
INSTANTIATE_KV("float32_f16kv_bq32_bk16_bd256_wm4_wn1_maskbool_", float, half, bool, 32, 16, 256)
