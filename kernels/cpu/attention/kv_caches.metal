#include <metal_stdlib>
#include "common/blocks.h"
#include "cpu/copy.h"
#include "cpu/quantise_blocks.h"
using namespace metal;
using namespace anymetal;

// Codes depend on single roundings: no product is fused into a sum and every division is IEEE.
#pragma METAL fp math_mode(safe)
#pragma METAL fp contract(off)

// kernels: kv_cache_copy kv_cache_copy_f32 kv_cache_move kv_cache_copy_seq_f32_to_q8_0

/// attention/kv_cache_copy.metal for a core that copies all elements of a threadgroup.
template <class T>
kernel void kv_cache_copy_tokens(device const T* src [[buffer(0)]],
                                 device T* cache [[buffer(1)]],
                                 constant uint& write_pos [[buffer(2)]],
                                 constant uint& row_size [[buffer(3)]],
                                 constant uint& n_new [[buffer(4)]],
                                 constant uint& cache_cap [[buffer(5)]],
                                 constant uint& is_sliding [[buffer(6)]],
                                 uint group [[threadgroup_position_in_grid]],
                                 uint size [[dispatch_threads_per_threadgroup]]) {
  const ulong row = row_size, tokens = n_new, capacity = cache_cap, start = write_pos;
  const bool is_ring = is_sliding != 0;
  const ulong end = min((ulong(group) + 1) * size, tokens * row);
  for (ulong at = ulong(group) * size; at < end;) {
    const ulong t = at / row, e = at % row, run = min(end - at, row - e);
    const ulong slot = is_ring ? (start + t) % capacity : start + t;
    const bool is_kept = is_ring ? tokens - t <= capacity : slot < capacity;
    if (is_kept) copy_run(cache + slot * row + e, src + at, run);
    at += run;
  }
}

template [[host_name("kv_cache_copy")]] kernel void kv_cache_copy_tokens<ushort>(
    device const ushort*, device ushort*, constant uint&, constant uint&, constant uint&, constant uint&, constant uint&,
    uint, uint);
template [[host_name("kv_cache_copy_f32")]] kernel void kv_cache_copy_tokens<float>(
    device const float*, device float*, constant uint&, constant uint&, constant uint&, constant uint&, constant uint&,
    uint, uint);

/// attention/kv_cache_rows.metal for a core that moves all columns of a threadgroup.
kernel void kv_cache_move(device ushort* cache [[buffer(0)]],
                          constant uint& n_heads [[buffer(1)]],
                          constant uint& row_size [[buffer(2)]],
                          constant uint& capacity [[buffer(3)]],
                          constant uint& from [[buffer(4)]],
                          constant uint& to [[buffer(5)]],
                          constant uint& count [[buffer(6)]],
                          uint2 group [[threadgroup_position_in_grid]],
                          uint2 size [[dispatch_threads_per_threadgroup]]) {
  const ulong row = row_size, slots = capacity, first = from, target = to;
  const ulong begin = ulong(group.x) * size.x, last_head = min((ulong(group.y) + 1) * size.y, ulong(n_heads));
  if (begin >= row || max(first, target) >= slots) return;
  const ulong width = min(ulong(size.x), row - begin), positions = min(ulong(count), slots - max(first, target));
  for (ulong head = ulong(group.y) * size.y; head < last_head; ++head) {
    device ushort* columns = cache + head * slots * row + begin;
    // In this order nothing is overwritten before it is read.
    for (ulong i = 0; i < positions; ++i) {
      const ulong t = first < target ? positions - 1 - i : i;
      copy_run(columns + (target + t) * row, columns + (first + t) * row, width);
    }
  }
}

/// attention/kv_cache_rows.metal for a core that codes all blocks of a threadgroup.
kernel void kv_cache_copy_seq_f32_to_q8_0(device const float* src [[buffer(0)]],
                                          device BlockQ8_0* cache [[buffer(1)]],
                                          constant uint& n_heads [[buffer(2)]],
                                          constant uint& head_dim [[buffer(3)]],
                                          constant uint& capacity [[buffer(4)]],
                                          constant uint& seq_pos_start [[buffer(5)]],
                                          constant uint& n_tokens [[buffer(6)]],
                                          constant uint& src_tok_offset [[buffer(7)]],
                                          uint3 group [[threadgroup_position_in_grid]],
                                          uint3 size [[dispatch_threads_per_threadgroup]]) {
  const ulong blocks = head_dim / 32, heads = n_heads, tokens = n_tokens, slots = capacity;
  const ulong start = seq_pos_start, offset = src_tok_offset;
  const ulong3 begin = ulong3(group) * ulong3(size), end = min(begin + ulong3(size), ulong3(blocks, heads, tokens));
  for (ulong t = begin.z; t < end.z; ++t) {
    if (tokens - t > slots) continue;  // overwritten by a later token of the same dispatch
    for (ulong h = begin.y; h < end.y; ++h) {
      device const float* head = src + ((offset + t) * heads + h) * head_dim;
      device BlockQ8_0* row = cache + (h * slots + (start + t) % slots) * blocks;
      for (ulong b = begin.x; b < end.x; ++b) {
        const WideF x[2] = {Wide::load(head + b * 32), Wide::load(head + b * 32 + 16)};
        const float peak = peak_of(x[0], x[1]);
        const float d = peak / 127.0f, inverse = d != 0.0f ? 1.0f / d : 0.0f;
        row[b].d = half(d);
        for (uint i = 0; i < 2; ++i) {
          // The sum's low bits are the code.
          const WideU bits = __builtin_bit_cast(WideU, code_of(x[i], inverse) + 0x1.8p23f);
          *(device UnalignedBytes16*)(row[b].qs + 16 * i) = __builtin_convertvector(bits, UnalignedBytes16);
        }
      }
    }
  }
}
