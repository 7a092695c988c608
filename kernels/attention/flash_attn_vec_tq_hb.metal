#include <metal_stdlib>
#include "common/chunk_attention.h"
#include "common/turbo_params.h"
#include "common/turboquant.h"
using namespace metal;
using namespace anymetal;

// kernels: flash_attn_vec_tq_hb_dk256 flash_attn_vec_tq_hb_dk512

// Rows of codes, decoded as they are read.
template <int kDim>
struct CodedRows {
  device const uchar* codes;
  device const float* norms;
  threadgroup const float* codebook;
  uint mask;
  float scale_factor;

  Float8 load(uint row, uint d) const {
    const float norm = norms[ulong(row) * (kDim / kTurboBlock) + d / kTurboBlock];
    const Uint8 c = Lanes<8>::bytes(codes + ulong(row) * kDim + d) & mask;
    Float8 values;
    for (int i = 0; i < 8; ++i) values[i] = codebook[c[i]];
    return values * turbo_gain(norm, kDim, scale_factor);
  }
};

/// flash_attn_vec over a TurboQuant cache with a byte for each code, in the rotated domain: the query is rotated as the
/// keys were, here if fuse_fwht_pre is not 0, and the output awaits fwht_sign_undo.
///
/// buffer 0: TurboAttentionParams; 1: Q f32 [H, D], rounded to f16 once rotated; 2: K codes u8 [H_kv, CAP, D]; 3: K norms
/// f32 [H_kv, CAP, D/256]; 4, 5: the same of V; 6: dst f32, as flash_attn_vec's;
/// threadgroup 0: 2 * (D + nsg * (128 + 2 D)) bytes
/// With a softcap above 0 a score s becomes softcap * tanh(s / softcap).
/// codebook_bits: 5, 6, or any other number for 8; the bits of a code above the width are ignored.
/// Slot k < kv_seq_len of the ring has place (k - ring_start) mod CAP in time. It is seen, and read, if that is below
/// kv_seq_len and, with mask_type 2, among the last sliding_window places before it.
/// grid: threadgroups (1, H, nwg), threads (32, nsg); simdgroup g of threadgroup w takes the chunks of 32 slots whose number
/// is w * nsg + g modulo nwg * nsg. tolerance: 1e-4 + 1e-3 |ref| for the rounded query
template <int kDim>
kernel void flash_attn_vec_tq_hb(constant TurboAttentionParams& p [[buffer(0)]],
                                 device const float* Q [[buffer(1)]],
                                 device const uchar* K_packed [[buffer(2)]],
                                 device const float* K_norms [[buffer(3)]],
                                 device const uchar* V_packed [[buffer(4)]],
                                 device const float* V_norms [[buffer(5)]],
                                 device float* dst [[buffer(6)]],
                                 threadgroup float* scratch [[threadgroup(0)]],
                                 uint3 group [[threadgroup_position_in_grid]],
                                 uint index [[thread_index_in_threadgroup]],
                                 uint lane [[thread_index_in_simdgroup]],
                                 uint simdgroup [[simdgroup_index_in_threadgroup]],
                                 uint simdgroups [[simdgroups_per_threadgroup]]) {
  constexpr uint kOwned = kDim / 32;  // elements and outputs of a lane
  threadgroup float codebook[256];
  const uint head = group.y, part = group.z, parts = max(p.nwg, 1u);
  if (head >= p.n_heads || part >= parts) return;
  const uint bits = turbo_byte_bits(p.codebook_bits);
  threadgroup float* query = scratch;
  threadgroup float* weights = scratch + kDim + simdgroup * 32;

  // The query as the keys are, and the codebook at full length.
  if (simdgroup == 0) {
    device const float* q = Q + ulong(head) * kDim;
    float x[kOwned];
    if (p.fuse_fwht_pre != 0) {
      turbo_rotate<kOwned>(x, q, lane);
    } else {
      for (uint i = 0; i < kOwned; ++i) x[i] = q[lane * kOwned + i];
    }
    for (uint i = 0; i < kOwned; ++i) query[lane * kOwned + i] = float(half(x[i]));
  }
  for (uint c = index; c < 1u << bits; c += simdgroups * 32) codebook[c] = turbo_centroid(c, bits);
  threadgroup_barrier(mem_flags::mem_threadgroup);

  const Ring ring = seen_ring(p);
  const uint length = ring.length;
  const ulong kv_base = ulong(kv_head_of(head, p.n_heads, p.n_kv_heads)) * ring.capacity;
  const ulong codes = kv_base * kDim, norms = kv_base * (kDim / kTurboBlock);
  const uint mask = (1u << bits) - 1;
  const CodedRows<kDim> keys = {K_packed + codes, K_norms + norms, codebook, mask, p.scale_factor_d512};
  const CodedRows<kDim> values = {V_packed + codes, V_norms + norms, codebook, mask, p.scale_factor_d512};

  ChunkAttention<kDim> attention;
  for (uint chunk = (part * simdgroups + simdgroup) * 32; chunk < length; chunk += parts * simdgroups * 32) {
    const uint key = chunk + lane;
    const bool seen = ring.sees(key);
    if (!simd_any(seen)) continue;
    const float score = seen ? soft_capped(attention.score(query, keys, key) * p.scale, p.softcap) : -INFINITY;
    attention.template add<true>(score, values, chunk, chunk, min(length, chunk + 32), weights, lane);
  }

  // The parts take the place of the query and the weights.
  const PartialSoftmax merged = {scratch, simdgroups, kDim};
  const float sum = simd_sum(attention.softmax.sum);
  threadgroup_barrier(mem_flags::mem_threadgroup);
  threadgroup float* mine = merged.part(simdgroup);
  for (uint c = 0; c < kOwned; ++c) mine[lane * kOwned + c] = attention.out[c / 8][c % 8];
  if (lane == 0) mine[kDim] = attention.softmax.top, mine[kDim + 1] = sum;
  threadgroup_barrier(mem_flags::mem_threadgroup);

  const VecResult<kDim> result = {dst, p.n_heads, head, parts, part};
  const float top = merged.top(), total = merged.total(kDim + 1, top), factor = result.factor(total);
  for (uint d = index; d < kDim; d += simdgroups * 32) result.store(d, merged.total(d, top) * factor);
  if (index == 0) result.store_totals(total, top);
}

#define INSTANTIATE(D) \
  template [[host_name("flash_attn_vec_tq_hb_dk" #D)]] kernel void flash_attn_vec_tq_hb<D>( \
      constant TurboAttentionParams&, device const float*, device const uchar*, device const float*, device const uchar*, \
      device const float*, device float*, threadgroup float*, uint3, uint, uint, uint, uint);
INSTANTIATE(256)
INSTANTIATE(512)
