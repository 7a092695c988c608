#include <metal_stdlib>
#include "common/chunk_attention.h"
#include "common/steel_params.h"
#include "cpu/tile.h"
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

constant uint kKeys = 64;  // keys whose scores are held at a time

// `count` rows of kDim elements as floats, one after another; those from `valid` on repeat the last valid one.
template <int kDim, class T>
void copy_rows(device const T* rows, long stride, uint count, uint valid, thread float* to) {
  for (uint r = 0; r < count; ++r) {
    device const T* row = rows + long(min(r, valid - 1)) * stride;
    for (uint d = 0; d < kDim; d += 16) Wide::store(to + r * kDim + d, Wide::load(row + d));
  }
}

// The keys and values of one head.
template <class KV, int kDim>
struct Cache {
  device const KV* k;
  device const KV* v;
  long k_stride, v_stride;

  // scores[i] += query . key for eight keys from `key` on, of which there are `left`.
  template <int kVectors>
  void score(uint key, uint left, thread const float* queries, thread float* scores) const {
    device const KV* rows = k + long(key) * k_stride;
    if constexpr (sizeof(KV) == sizeof(float)) {
      if (left >= kRowsAtOnce) return add_products<kVectors>(rows, ulong(k_stride), 1, queries, kDim, scores);
    }
    float copy[kRowsAtOnce * kDim];
    copy_rows<kDim>(rows, k_stride, kRowsAtOnce, left, copy);
    add_products<kVectors>(copy, kDim, 1, queries, kDim, scores);
  }

  // out[d] += sum over `count` keys from `key` on of weight times value.
  template <int kVectors>
  void add(uint key, uint count, thread const float* weights, thread float* out) const {
    device const KV* rows = v + long(key) * v_stride;
    if constexpr (sizeof(KV) == sizeof(float)) {
      for (uint d = 0; d < kDim; d += kRowsAtOnce)
        add_products<kVectors>(rows + d, 1, ulong(v_stride), weights, count, out + d * kColumns);
    } else {
      float copy[kKeys * kDim];
      copy_rows<kDim>(rows, v_stride, count, count, copy);
      for (uint d = 0; d < kDim; d += kRowsAtOnce)
        add_products<kVectors>(copy + d, 1, kDim, weights, count, out + d * kColumns);
    }
  }
};

/// attention/steel_attention.metal for a core that takes the kBQ queries of a threadgroup: nothing depends on the thread.
/// The queries are the lanes of one or two vectors; scores and outputs are held key by key and dimension by dimension.
template <class T, class KV, class M, int kBQ, int kBK, int kDim>
kernel void steel_attention(device const T* Q [[buffer(0)]],
                            device const KV* K [[buffer(1)]],
                            device const KV* V [[buffer(2)]],
                            device T* O [[buffer(3)]],
                            constant AttnParams& p [[buffer(4)]],
                            constant AttnMaskParams& mask_params [[buffer(5), function_constant(has_mask)]],
                            device const M* mask [[buffer(6), function_constant(has_mask)]],
                            device const uchar* blk [[buffer(7), function_constant(has_blk)]],
                            uint3 group [[threadgroup_position_in_grid]]) {
  constexpr int kVectors = (kBQ + 15) / 16;
  const int first = int(group.x) * kBQ;
  if (first >= p.qL) return;
  const int live = min(kBQ, p.qL - first), position = first + p.qL_off;  // of the first query
  const long head = group.y, kv_head = head / p.gqa_factor, batch = group.z;
  const Cache<KV, kDim> cache = {K + batch * p.K_strides[0] + kv_head * p.K_strides[1],
                                 V + batch * p.V_strides[0] + kv_head * p.V_strides[1], p.K_strides[2], p.V_strides[2]};

  float queries[kDim * kColumns] = {}, out[kDim * kColumns] = {}, scores[kKeys * kColumns];
  {
    device const T* q = Q + batch * p.Q_strides[0] + head * p.Q_strides[1] + first * p.Q_strides[2];
    const float scale = float(T(p.scale * kLog2e));
    load_columns([=](uint i) { return q + long(i) * p.Q_strides[2]; }, uint(live), 0, kDim, queries);
    for (uint i = 0; i < kDim * kColumns; ++i) queries[i] = float(T(queries[i] * scale));  // as the scale is rounded
  }

  // Keys any of the queries may see, from a tile's first on.
  const int end = do_causal ? min(p.kL, position + kBQ) : p.kL;
  const int begin = window > 0 ? max(0, position - window + 1) / kBK * kBK : 0;
  WideF top[kVectors], sum[kVectors];
  for (int v = 0; v < kVectors; ++v) top[v] = kLowest, sum[v] = 0.0f;
  const Int16 lanes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

  for (int key0 = begin; key0 < end; key0 += int(kKeys)) {
    const uint count = uint(min(int(kKeys), end - key0));
    for (uint j = 0; j < count; j += kRowsAtOnce) {
      thread float* rows = scores + j * kColumns;
      const uchar kind = has_blk ? blk[ulong(group.x) * ulong(p.NK) + ulong(key0 + j) / kBK] : uchar(1);
      for (uint i = 0; i < kRowsAtOnce * kColumns; i += 16) Wide::store(rows + i, kind == 0 ? -INFINITY : 0.0f);
      if (kind == 0) continue;
      cache.template score<kVectors>(uint(key0) + j, uint(p.kL - key0) - j, queries, rows);
      if (!has_mask || kind == 2) continue;
      device const M* m = mask + batch * mask_params.M_strides[0] + head * mask_params.M_strides[1] +
                          long(first) * mask_params.M_strides[2] + key0 + j;
      for (uint r = 0; r < min(kRowsAtOnce, count - j); ++r) {
        for (int i = 0; i < live; ++i) rows[r * kColumns + i] += mask_term(m[long(i) * mask_params.M_strides[2] + r]);
      }
    }

    // Weights, and what the outputs so far are to be multiplied by.
    bool moved = false;
    WideF rescale[kVectors];
    for (int v = 0; v < kVectors; ++v) {
      const bool clipped = (do_causal && key0 + int(count) > position + 16 * v + 1) || window > 0;
      WideF highest = top[v];
      for (uint j = 0; j < count; ++j) {
        thread float* row = scores + j * kColumns + 16 * v;
        WideF s = Wide::load(row);
        if (clipped) {
          const Int16 behind = lanes + (position + 16 * v - key0 - int(j));  // how far the key is behind the query
          if (do_causal) s = behind < 0 ? (WideF)-INFINITY : s;
          if (window > 0) s = behind < window ? s : (WideF)-INFINITY;
          Wide::store(row, s);
        }
        highest = wide_max(highest, s);
      }
      rescale[v] = wide_exp2(top[v] - highest);
      for (uint i = 0; i < 16; ++i) moved = moved || rescale[v][i] != 1.0f;
      sum[v] *= rescale[v];
      top[v] = highest;
      for (uint j = 0; j < count; ++j) {
        const WideF weight = wide_exp2(Wide::load(scores + j * kColumns + 16 * v) - highest);
        sum[v] += weight;
        Wide::store(scores + j * kColumns + 16 * v, weight);
      }
    }
    for (uint d = 0; moved && d < kDim; ++d) {
      for (int v = 0; v < kVectors; ++v) {
        thread float* o = out + d * kColumns + 16 * v;
        Wide::store(o, Wide::load(o) * rescale[v]);
      }
    }
    cache.template add<kVectors>(uint(key0), count, scores, out);
  }

  device T* o = O + batch * p.O_strides[0] + head * p.O_strides[1] + long(first) * p.O_strides[2];
  for (int v = 0; v < kVectors; ++v) {
    const WideF inverse = sum[v] > 0.0f ? 1.0f / sum[v] : (WideF)0.0f;
    for (uint d = 0; d < kDim; d += 16) {
      WideF m[16];
#pragma unroll
      for (uint i = 0; i < 16; ++i) m[i] = Wide::load(out + (d + i) * kColumns + 16 * v) * inverse;
      transpose(m);
      float lines[16][16];
#pragma unroll
      for (uint i = 0; i < 16; ++i) Wide::store(lines[i], m[i]);
      for (int i = 0; i < min(16, live - 16 * v); ++i) {
        for (uint c = 0; c < 16; ++c) o[long(16 * v + i) * p.O_strides[2] + d + c] = T(lines[i][c]);
      }
    }
  }
}

#define INSTANTIATE_KV(name, T, KV, M, BQ, BK, D) \
  template [[host_name("steel_attention_" name)]] kernel void steel_attention<T, KV, M, BQ, BK, D>( \
      device const T*, device const KV*, device const KV*, device T*, constant AttnParams&, constant AttnMaskParams&, \
      device const M*, device const uchar*, uint3);
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
