#include <metal_stdlib>
#include "common/steel_params.h"
#include "cpu/tile_attention.h"
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

/// attention/steel_attention.metal for a core that takes the kBQ queries of a threadgroup: nothing depends on the thread.
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
  const TileCache<KV, kDim> cache = {K + batch * p.K_strides[0] + kv_head * p.K_strides[1],
                                     V + batch * p.V_strides[0] + kv_head * p.V_strides[1], p.K_strides[2], p.V_strides[2],
                                     uint(kDim)};

  TileAttention<kVectors, kDim> attention;
  attention.start(kDim);
  {
    device const T* q = Q + batch * p.Q_strides[0] + head * p.Q_strides[1] + first * p.Q_strides[2];
    const float scale = float(T(p.scale * kLog2e));
    load_columns([=](uint i) { return q + long(i) * p.Q_strides[2]; }, uint(live), 0, kDim, attention.queries);
    // As the scale is rounded.
    for (uint i = 0; i < kDim * kColumns; ++i) attention.queries[i] = float(T(attention.queries[i] * scale));
  }

  // Keys any of the queries may see, from a tile's first on.
  const int end = do_causal ? min(p.kL, position + kBQ) : p.kL;
  const int begin = window > 0 ? max(0, position - window + 1) / kBK * kBK : 0;

  for (int key0 = begin; key0 < end; key0 += int(kKeys)) {
    const uint count = uint(min(int(kKeys), end - key0));
    for (uint j = 0; j < count; j += kRowsAtOnce) {
      thread float* rows = attention.scores + j * kColumns;
      const uchar kind = has_blk ? blk[ulong(group.x) * ulong(p.NK) + ulong(key0 + j) / kBK] : uchar(1);
      for (uint i = 0; i < kRowsAtOnce * kColumns; i += 16) Wide::store(rows + i, kind == 0 ? -INFINITY : 0.0f);
      if (kind == 0) continue;
      cache.template score<kVectors>(uint(key0) + j, uint(p.kL - key0) - j, attention.queries, rows);
      if (!has_mask || kind == 2) continue;
      device const M* m = mask + batch * mask_params.M_strides[0] + head * mask_params.M_strides[1] +
                          long(first) * mask_params.M_strides[2] + key0 + j;
      for (uint r = 0; r < min(kRowsAtOnce, count - j); ++r) {
        for (int i = 0; i < live; ++i) rows[r * kColumns + i] = biased(rows[r * kColumns + i], mask_term(m[long(i) * mask_params.M_strides[2] + r]));
      }
    }

    attention.weigh(count, kDim, position, key0, do_causal, window);
    cache.template add<kVectors>(uint(key0), count, attention.hides, attention.scores, attention.out);
  }

  device T* o = O + batch * p.O_strides[0] + head * p.O_strides[1] + long(first) * p.O_strides[2];
  attention.template store<T>(live, kDim, [=](int i) { return o + long(i) * p.O_strides[2]; });
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
