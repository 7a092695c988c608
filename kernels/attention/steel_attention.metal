#include <metal_stdlib>
#include "common/chunk_attention.h"
#include "common/nvidia.h"
#include "common/query_tile.h"
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

// Four threads share a query: each scores a quarter of a tile's keys and owns a quarter of the head's outputs.
template <class T, class KV, class M, int kBQ, int kBK, int kDim>
void attend_keys(QueryTile<T, KV, M, kBQ, kBK, kDim> own, threadgroup float (&scores)[kBQ][kBK],
                 threadgroup float (&weights)[kBQ][kBK], uint index) {
  constexpr int kShare = 4;              // threads of one query
  constexpr int kKeys = kBK / kShare;    // keys a thread scores
  constexpr int kVectors = kDim / kShare / 8;  // vectors of outputs a thread owns
  typedef Lanes<8> L;
  const int row = int(index) / kShare, part = int(index) % kShare, query = own.first() + row, last = own.p.kL - 1;
  device const T* q = own.query(query);
  device const KV* k = own.keys();
  device const KV* v = own.values() + part * (kDim / kShare);

  float running_max = kLowest, running_sum = 0.0f;
  L::F out[kVectors] = {};
  const int2 tiles = own.tiles();
  for (int tile = tiles.x; tile < tiles.y; ++tile) {
    const uchar kind = own.kind(tile);
    if (kind == 0) continue;

    // Scores of this thread's keys; keys past the end repeat the last one and are masked below.
    const int key0 = tile * kBK + part * kKeys;
    device const KV* keys[kKeys];
    for (int j = 0; j < kKeys; ++j) keys[j] = k + long(min(key0 + j, last)) * own.p.K_strides[2];
    L::F dots[kKeys] = {};
#pragma unroll 2  // whole, the query's elements would be kept in registers, and those are too few
    for (int d = 0; d < kDim; d += 8) {
      const L::F qs = scaled_query(q + d, own.p.scale * kLog2e);
      for (int j = 0; j < kKeys; ++j) dots[j] += qs * L::load(keys[j] + d);
    }
    for (int j = 0; j < kKeys; ++j) scores[row][part * kKeys + j] = own.masked(query, key0 + j, kind, L::sum(dots[j]));
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
    const int valid = min(kBK, last + 1 - tile * kBK);
    for (int j = 0; j < valid; ++j) {
      const float weight = weights[row][j];
      if (weight == 0.0f) continue;  // a value the query does not see may be anything
      running_sum += weight;
      device const KV* value = v + long(tile * kBK + j) * own.p.V_strides[2];
      for (int c = 0; c < kVectors; ++c) out[c] += weight * L::load(value + c * 8);
    }
  }

  if (query >= own.p.qL) return;
  const float inverse = running_sum > 0.0f ? 1.0f / running_sum : 0.0f;
  device T* o = own.out(query) + part * (kDim / kShare);
  for (int c = 0; c < kVectors; ++c) {
    for (int i = 0; i < 8; ++i) o[c * 8 + i] = T(out[c][i] * inverse);
  }
}

#if ANYMETAL_NVIDIA
// By one simdgroup: two blocks of queries, a key tile at a time.
template <class T, class KV, class M, int kBQ, int kBK, int kDim>
void attend_blocks(QueryTile<T, KV, M, kBQ, kBK, kDim> own, uint lane) {
  const bool aligned = own.are_aligned();
  for (int first = own.first(); first < min(own.first() + kBQ, own.p.qL); first += 4) {
    QueryBlock<kDim> block;
    load_scaled_queries(block, StridedRows<T, false>{own.query(0), own.p.Q_strides[2]}, first, own.p.qL - 1, own.p.scale * kLog2e, lane);
    const int2 tiles = own.tiles();
    for (int tile = tiles.x; tile < tiles.y; ++tile) {
      const uchar kind = own.kind(tile);
      if (kind == 0) continue;
      const uint at = uint(tile * kBK), last = uint(own.p.kL - 1);
      float score = aligned ? block.score(StridedRows<KV, true>{own.keys(), own.p.K_strides[2]}, at, last, lane)
                            : block.score(StridedRows<KV, false>{own.keys(), own.p.K_strides[2]}, at, last, lane);
      score = own.masked(first + int(lane) / kBK, tile * kBK + int(lane) % kBK, kind, score);
      if (aligned) {
        block.add(score, StridedRows<KV, true>{own.values(), own.p.V_strides[2]}, at, last, lane);
      } else {
        block.add(score, StridedRows<KV, false>{own.values(), own.p.V_strides[2]}, at, last, lane);
      }
    }
    const float factor = block.factor();
    for (int i = 0; i < 4; ++i) block.store(own.out(first + i), uint(i), factor, first + i < own.p.qL, lane);
  }
}
#endif

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
  QueryTile<T, KV, M, kBQ, kBK, kDim> own = {Q, K, V, O, p, mask_params, mask, blk, group};
#if ANYMETAL_NVIDIA
  constexpr bool kTensor = kBQ == 32 && kDim == kAttentionDim;
  threadgroup float memory[kTensor ? kBQ * kDim : 2 * kBQ * kBK];
  typedef threadgroup float Tile[kBQ][kBK];
  threadgroup Tile& scores = *(threadgroup Tile*)memory;
  threadgroup Tile& weights = *(threadgroup Tile*)(memory + kBQ * kBK);
  if constexpr (kTensor) {
    if (nvidia::has_ampere()) {
      if (attend_tiles(own, memory, index)) return;
      // Anew, or what follows from them would take registers from the products.
      index = simd_shuffle_xor(index, ushort(0));
      own.group = uint3(simd_shuffle_xor(group.x, ushort(0)), simd_shuffle_xor(group.y, ushort(0)), simd_shuffle_xor(group.z, ushort(0)));
    }
  }
  if constexpr (kBQ == 8) return attend_blocks(own, index);
#else
  threadgroup float scores[kBQ][kBK];
  threadgroup float weights[kBQ][kBK];
#endif
  attend_keys(own, scores, weights, index);
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
