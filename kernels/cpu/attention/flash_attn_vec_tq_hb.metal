#include <metal_stdlib>
#include "common/turbo_params.h"
#include "cpu/codebook.h"
#include "cpu/turboquant.h"
#include "cpu/vec_attention.h"
using namespace metal;
using namespace anymetal;

// kernels: flash_attn_vec_tq_hb_dk256 flash_attn_vec_tq_hb_dk512

template <int kDim, class Book>
struct CodedRow {
  device const uchar* codes;
  float gains[kDim / kTurboBlock];
  thread const Book* book;
  WideF wide(uint d) const { return book->at(codes + d) * gains[d / kTurboBlock]; }
  Float8 eight(uint) const { return 0.0f; }  // of no row: these are multiples of 16
};

template <int kDim, class Book>
struct CodedCache {
  device const uchar* codes;
  device const float* norms;
  float scale_factor;
  thread const Book* book;
  CodedRow<kDim, Book> row(uint i) const {
    constexpr uint kBlocks = kDim / kTurboBlock;
    CodedRow<kDim, Book> row = {codes + ulong(i) * kDim, {}, book};
#pragma unroll
    for (uint b = 0; b < kBlocks; ++b) row.gains[b] = turbo_gain(norms[ulong(i) * kBlocks + b], kDim, scale_factor);
    return row;
  }
};

/// attention/flash_attn_vec_tq_hb.metal for a core that takes all of a threadgroup's keys: nothing depends on the thread.
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
                                 uint simdgroups [[simdgroups_per_threadgroup]]) {
  const uint head = group.y, part = group.z, parts = max(p.nwg, 1u);
  if (head >= p.n_heads || part >= parts) return;
  const Ring ring = seen_ring(p);
  const ulong kv_base = ulong(kv_head_of(head, p.n_heads, p.n_kv_heads)) * ring.capacity;
  const ulong codes = kv_base * kDim, norms = kv_base * (kDim / kTurboBlock);

  VecAttention<kDim> attention;
  for (uint d = 0; d < kDim; ++d) attention.query[d] = Q[ulong(head) * kDim + d];
  if (p.fuse_fwht_pre != 0) {
    WideF rotated[kDim / 16];
    wide_rotate<kDim>(Q + ulong(head) * kDim, rotated);
    for (int i = 0; i < kDim / 16; ++i) Wide::store(attention.query + 16 * i, rotated[i]);
  }
  for (uint d = 0; d < kDim; ++d) attention.query[d] = float(half(attention.query[d]));

  with_byte_codebook(p.codebook_bits, [&](auto book) {
    typedef decltype(book) Book;
    const CodedCache<kDim, Book> keys = {K_packed + codes, K_norms + norms, p.scale_factor_d512, &book};
    const CodedCache<kDim, Book> values = {V_packed + codes, V_norms + norms, p.scale_factor_d512, &book};
    for (uint chunk = 0; chunk * kHeldKeys < ring.length; ++chunk) {
      if (chunk / simdgroups % parts != part) continue;
      const uint begin = chunk * kHeldKeys, end = min(begin + kHeldKeys, ring.length);
      bool any = false;
#pragma clang loop vectorize(disable) unroll(disable)
      for (uint i = begin; i < end && !any; ++i) any = ring.sees(i);
      if (!any) continue;
      attention.add(
          begin, end, kDim, [&](uint i) { return keys.row(i); }, [&](uint i) { return values.row(i); },
          [&](float dot, uint i) { return ring.sees(i) ? soft_capped(dot * p.scale, p.softcap) : -INFINITY; });
    }
  });

  const VecResult<kDim> result = {dst, p.n_heads, head, parts, part};
  const float factor = result.factor(attention.sum);
  for (uint d = 0; d < kDim; ++d) result.store(d, attention.out[d] * factor);
  result.store_totals(attention.sum, attention.top);
}

#define INSTANTIATE(D) \
  template [[host_name("flash_attn_vec_tq_hb_dk" #D)]] kernel void flash_attn_vec_tq_hb<D>( \
      constant TurboAttentionParams&, device const float*, device const uchar*, device const float*, device const uchar*, \
      device const float*, device float*, threadgroup float*, uint3, uint);
INSTANTIATE(256)
INSTANTIATE(512)
