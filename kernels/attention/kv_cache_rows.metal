#include <metal_stdlib>
#include "common/blocks.h"
#include "common/nvidia.h"
#if ANYMETAL_NVIDIA
#include "nvidia/byte_codes.h"
#include "nvidia/moved_rows.h"
#endif
using namespace metal;
using namespace anymetal;

// Codes depend on single roundings: no product is fused into a sum and every division is IEEE.
#pragma METAL fp math_mode(safe)
#pragma METAL fp contract(off)

#if ANYMETAL_NVIDIA
// One block, read in pieces of 16 bytes where kAligned and written in pieces of two.
template <bool kAligned>
void quantise_q8_0(device const float* x, device BlockQ8_0* to) {
  float v[32], peak = 0.0f;
#pragma unroll
  for (uint i = 0; i < 32; i += 4) {
    const float4 four = kAligned ? *(device const float4*)(x + i) : float4(x[i], x[i + 1], x[i + 2], x[i + 3]);
    for (uint e = 0; e < 4; ++e) v[i + e] = four[e];
  }
#pragma unroll
  for (uint i = 0; i < 32; ++i) peak = max(peak, fabs(v[i]));
  const float d = peak / 127.0f, inverse = d != 0.0f ? 1.0f / d : 0.0f;
  device ushort* words = (device ushort*)to;
  words[0] = as_type<ushort>(half(d));
  const auto code = [&](uint i) { return byte_code(clamp(v[i] * inverse, -128.0f, 127.0f)); };
#pragma unroll
  for (uint i = 0; i < 32; i += 2) words[1 + i / 2] = ushort(code(i) | code(i + 1) << 8);
}

// The same for the blocks of a simdgroup's lanes, numbers `from` of x and `to` of the cache: eight lanes share one, a lane four of its elements, so that
// neighbours read and write what lies side by side. All lanes must call, with a block of x that exists where they are not `there`.
inline void quantise_together(device const float* x, device BlockQ8_0* cache, uint from, uint to, bool there, uint lane) {
  constexpr uint kAhead = 4;  // with more, registers leave no room for threadgroups of 1,024
  const uint piece = lane % 8;
#pragma clang loop unroll(disable)
  for (uint begin = 0; begin < 32; begin += 4 * kAhead) {
    const uint first = begin + lane / 8;
    float4 values[kAhead];
#pragma unroll
    for (uint r = 0; r < kAhead; ++r) values[r] = *(device const float4*)(x + ulong(simd_shuffle(from, ushort(first + 4 * r))) * 32 + 4 * piece);
#pragma unroll
    for (uint r = 0; r < kAhead; ++r) {
      const ushort of_lane = first + 4 * r;
      const bool is_there = simd_shuffle(there ? 1u : 0u, of_lane) != 0;
      device ushort* words = (device ushort*)(cache + simd_shuffle(to, of_lane));
      const float4 v = values[r];
      float peak = max(max(fabs(v.x), fabs(v.y)), max(fabs(v.z), fabs(v.w)));
      for (ushort distance = 1; distance < 8; distance *= 2) peak = max(peak, simd_shuffle_xor(peak, distance));
      const float d = peak / 127.0f, inverse = d != 0.0f ? 1.0f / d : 0.0f;
      const auto code = [&](uint i) { return byte_code(clamp(v[i] * inverse, -128.0f, 127.0f)); };
      if (is_there) {
        if (piece == 0) words[0] = as_type<ushort>(half(d));
        for (uint i = 0; i < 2; ++i) words[1 + 2 * piece + i] = ushort(code(2 * i) | code(2 * i + 1) << 8);
      }
    }
  }
}
#endif

/// kv_cache_copy_seq to a cache of Q8_0 blocks: cache[h, (seq_pos_start + t) mod CAP] = quantised src[src_tok_offset + t, h].
/// A block of 32 has d = max |x| / 127 and codes x / d rounded half away from zero, computed with 1 / d in f32. Where
/// n_tokens > CAP only the last CAP tokens are written.
///
/// buffer 0: src f32 [N, H, D]; 1: cache Q8_0 [H, CAP, D]; u32 each: 2 n_heads; 3 head_dim; 4 capacity; 5 seq_pos_start;
/// 6 n_tokens; 7 src_tok_offset
/// grid: threads (D / 32, H, n_tokens). exact
kernel void kv_cache_copy_seq_f32_to_q8_0(device const float* src [[buffer(0)]],
                                          device BlockQ8_0* cache [[buffer(1)]],
                                          constant uint& n_heads [[buffer(2)]],
                                          constant uint& head_dim [[buffer(3)]],
                                          constant uint& capacity [[buffer(4)]],
                                          constant uint& seq_pos_start [[buffer(5)]],
                                          constant uint& n_tokens [[buffer(6)]],
                                          constant uint& src_tok_offset [[buffer(7)]],
                                          uint3 gid [[thread_position_in_grid]],
                                          uint3 group [[threadgroup_position_in_grid]],
                                          uint3 size [[threads_per_threadgroup]],
                                          uint lane [[thread_index_in_simdgroup]]) {
  const uint blocks = head_dim / 32;
#if ANYMETAL_NVIDIA
  nvidia::take_every_threadgroup<1, 1, 4>();
  if (group.z % 4 != 0) return;
  if (size.x * size.y * size.z % 32 == 0 && ((ulong)src & 15) == 0) {
#pragma clang loop unroll(disable)
    for (uint t = gid.z, k = 0; k < 4; ++k, t += size.z) {
      const bool there = gid.x < blocks && gid.y < n_heads && t < n_tokens && n_tokens - t <= capacity;
      const ulong from = ((ulong(src_tok_offset) + t) * n_heads + gid.y) * blocks + gid.x, slot = (ulong(seq_pos_start) + t) % capacity;
      quantise_together(src, cache, there ? uint(from) : src_tok_offset * n_heads * blocks, uint((ulong(gid.y) * capacity + slot) * blocks + gid.x), there, lane);
    }
    return;
  }
  if (gid.x >= blocks || gid.y >= n_heads) return;
  const auto each = [&](auto quantise) {
#pragma clang loop unroll(disable)
    for (uint t = gid.z, k = 0; k < 4 && t < n_tokens; ++k, t += size.z) {
      if (n_tokens - t > capacity) continue;
      const ulong slot = (ulong(seq_pos_start) + t) % capacity;
      quantise(src + ((ulong(src_tok_offset) + t) * n_heads + gid.y) * head_dim + gid.x * 32, &cache[(ulong(gid.y) * capacity + slot) * blocks + gid.x]);
    }
  };
  if (((ulong)src & 15) == 0) {
    each([](device const float* from, device BlockQ8_0* to) { quantise_q8_0<true>(from, to); });
  } else {
    each([](device const float* from, device BlockQ8_0* to) { quantise_q8_0<false>(from, to); });
  }
  return;
#endif
  if (gid.x >= blocks || gid.y >= n_heads || gid.z >= n_tokens) return;
  if (n_tokens - gid.z > capacity) return;  // overwritten by a later token of the same dispatch
  device const float* x = src + ((ulong(src_tok_offset) + gid.z) * n_heads + gid.y) * head_dim + gid.x * 32;
  device BlockQ8_0& to = cache[(ulong(gid.y) * capacity + (ulong(seq_pos_start) + gid.z) % capacity) * blocks + gid.x];
  float peak = 0.0f;
  for (uint i = 0; i < 32; ++i) peak = max(peak, fabs(x[i]));
  const float d = peak / 127.0f, inverse = d != 0.0f ? 1.0f / d : 0.0f;
  to.d = half(d);
  for (uint i = 0; i < 32; ++i) to.qs[i] = char(clamp(round(x[i] * inverse), -128.0f, 127.0f));
}

/// Moves `count` positions of every head of a cache from `from` to `to`, which may overlap: cache[h, to + t] =
/// cache[h, from + t] as it was before. Positions past the capacity are neither read nor written.
///
/// buffer 0: cache u16 [H, CAP, R], whatever the elements; u32 each: 1 n_heads; 2 R, half the bytes of a row; 3 capacity;
/// 4 from; 5 to; 6 count
/// grid: threads (R, H). exact
kernel void kv_cache_move(device ushort* cache [[buffer(0)]],
                          constant uint& n_heads [[buffer(1)]],
                          constant uint& row_size [[buffer(2)]],
                          constant uint& capacity [[buffer(3)]],
                          constant uint& from [[buffer(4)]],
                          constant uint& to [[buffer(5)]],
                          constant uint& count [[buffer(6)]],
                          uint2 gid [[thread_position_in_grid]],
                          uint2 in_group [[thread_position_in_threadgroup]],
                          uint2 size [[threads_per_threadgroup]]) {
#if ANYMETAL_NVIDIA
  const uint column0 = gid.x - in_group.x;
  if (size.y == 1 && size.x % 8 == 0 && row_size % 8 == 0 && row_size - min(column0, row_size) >= size.x && ((ulong)cache & 15) == 0) {
    if (gid.y >= n_heads || max(from, to) >= capacity) return;
    move_rows((device uint4*)(cache + ulong(gid.y) * capacity * row_size + column0), row_size / 8, from, to,
              min(count, capacity - max(from, to)), in_group.x, size.x);
    return;
  }
#endif
  if (gid.x >= row_size || gid.y >= n_heads || max(from, to) >= capacity) return;
  const uint positions = min(count, capacity - max(from, to));
  device ushort* column = cache + ulong(gid.y) * capacity * row_size + gid.x;
  // A thread owns a column: in this order nothing is overwritten before it is read.
  for (uint i = 0; i < positions; ++i) {
    const ulong t = from < to ? positions - 1 - i : i;
    column[(to + t) * row_size] = column[(from + t) * row_size];
  }
}
