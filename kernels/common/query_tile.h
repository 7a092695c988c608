// What a threadgroup of tiled attention works on, for all forms of it.
#pragma once
#include "common/chunk_attention.h"
#include "common/lanes.h"
#include "common/steel_params.h"

namespace anymetal {

// The query with its scale: rounded to T as the scale is, so that 16-bit types give the products a 16-bit device gives.
template <class T>
Lanes<8>::F scaled_query(device const T* q, float scale) {
  const float rounded = float(T(scale));
  Lanes<8>::F v = Lanes<8>::load(q) * rounded;
  for (int i = 0; i < 8; ++i) v[i] = float(T(v[i]));
  return v;
}
inline Lanes<8>::F scaled_query(device const float* q, float scale) { return Lanes<8>::load(q) * scale; }

// What a threadgroup works on: kBQ queries of one head, from first() on.
template <class T, class KV, class M, int kBQ, int kBK, int kDim>
struct QueryTile {
  device const T* Q;
  device const KV* K;
  device const KV* V;
  device T* O;
  constant AttnParams& p;
  constant AttnMaskParams& mask_params;
  device const M* mask;
  device const uchar* blk;
  metal::uint3 group;

  int first() const { return int(group.x) * kBQ; }
  device const T* query(int i) const { return row_of(Q, p.Q_strides, long(group.y), metal::min(i, p.qL - 1)); }
  device const KV* keys() const { return row_of(K, p.K_strides, long(group.y) / p.gqa_factor, 0); }
  device const KV* values() const { return row_of(V, p.V_strides, long(group.y) / p.gqa_factor, 0); }
  device T* out(int i) const { return row_of(O, p.O_strides, long(group.y), i); }
  // Whether rows of keys and values lie at multiples of 16 bytes.
  bool are_aligned() const {
    return (((ulong)keys() | (ulong)values() | ulong(p.K_strides[2] * long(sizeof(KV))) | ulong(p.V_strides[2] * long(sizeof(KV)))) & 15) == 0;
  }

  // The key tiles [x, y) that any of the queries may see.
  metal::int2 tiles() const {
    const int first_position = first() + p.qL_off;
    const int end = do_causal ? metal::min(p.kL, first_position + kBQ) : p.kL;
    return metal::int2(window > 0 ? metal::max(0, first_position - window + 1) / kBK : 0, (end + kBK - 1) / kBK);
  }
  uchar kind(int tile) const { return has_blk ? blk[ulong(group.x) * ulong(p.NK) + ulong(tile)] : uchar(1); }
  // A score with its mask, of a key that the query does not see -inf; `kind` is its tile's.
  float masked(int query, int key, uchar kind, float score) const {
    bool seen = query < p.qL && key < p.kL;
    if (do_causal) seen = seen && key <= query + p.qL_off;
    if (window > 0) seen = seen && key > query + p.qL_off - window;
    if (has_mask && kind != 2 && seen) score = biased(score, mask_term(row_of(mask, mask_params.M_strides, long(group.y), query)[key]));
    return seen ? score : -INFINITY;
  }

 private:
  template <class P, class Strides>
  P row_of(P base, constant Strides& strides, long head, int row) const {
    return base + long(group.z) * strides[0] + head * strides[1] + long(row) * strides[2];
  }
};

}  // namespace anymetal
