#include <metal_stdlib>
#include "common/elements.h"
using namespace metal;
using namespace anymetal;

// kernels: kv_cache_copy kv_cache_copy_f32
// kernels: kv_cache_copy_batch_f32 kv_cache_copy_batch_f32_to_f16
// kernels: kv_cache_copy_batch_f32_kv_dual kv_cache_copy_batch_f32_to_f16_kv_dual
// kernels: kv_cache_copy_seq_f32 kv_cache_copy_seq_f32_to_f16 kv_cache_copy_seq_bf16
// kernels: kv_cache_copy_seq_f32_to_bf16
// kernels: kv_cache_copy_seq_f32_kv_dual kv_cache_copy_seq_f32_to_f16_kv_dual

// The place of position `at` in a ring.
inline ulong ring_slot(ulong at, uint capacity) {
#if ANYMETAL_NVIDIA
  if (at < capacity) return at;  // without the division
#endif
  return at % capacity;
}

/// Token-major cache: cache[slot(t), e] = src[t, e], slot(t) = write_pos + t, modulo cache_cap where is_sliding.
/// 16-bit elements are copied as bits.
///
/// buffer 0: src [n_new, R]; 1: cache [cache_cap, R]; u32 each: 2 write_pos; 3 row_size R; 4 n_new; 5 cache_cap; 6 is_sliding
/// grid: threads (n_new * R), any threadgroup size. Where n_new > cache_cap only the last cache_cap rows are written.
/// Rows past the end of a linear cache are dropped. tolerance: exact
template <class T>
kernel void kv_cache_copy_tokens(device const T* src [[buffer(0)]],
                                 device T* cache [[buffer(1)]],
                                 constant uint& write_pos [[buffer(2)]],
                                 constant uint& row_size [[buffer(3)]],
                                 constant uint& n_new [[buffer(4)]],
                                 constant uint& cache_cap [[buffer(5)]],
                                 constant uint& is_sliding [[buffer(6)]],
                                 uint gid [[thread_position_in_grid]],
                                 uint in_group [[thread_position_in_threadgroup]],
                                 uint group [[threadgroup_position_in_grid]],
                                 uint size [[threads_per_threadgroup]]) {
  const auto store = [&](uint i, T v) {
    const uint t = i / row_size, e = i % row_size;
    if (is_sliding != 0 && n_new - t > cache_cap) return;  // overwritten by a later row of the same dispatch
    const ulong slot = is_sliding != 0 ? ring_slot(ulong(write_pos) + t, cache_cap) : ulong(write_pos) + t;
    if (slot < cache_cap) cache[slot * row_size + e] = v;
  };
#if ANYMETAL_NVIDIA
  // Sixteen bytes a thread, which are of one row.
  constexpr uint kRun = 16 / sizeof(T);
  if (row_size % kRun == 0 && (ulong(src) | ulong(cache)) % 16 == 0) {
    nvidia::take_every_threadgroup<kRun>();
    const uint i = (gid - in_group) + kRun * in_group;  // all places are below 2^32
    if (group % kRun != 0 || i >= ulong(n_new) * row_size) return;
    const uint t = i / row_size, e = i % row_size;
    if (is_sliding != 0 && n_new - t > cache_cap) return;
    const ulong slot = is_sliding != 0 ? ring_slot(ulong(write_pos) + t, cache_cap) : ulong(write_pos) + t;
    if (slot < cache_cap) *(device uint4*)(cache + slot * row_size + e) = *(device const uint4*)(src + i);
    return;
  }
#endif
  for_element<T>({gid, group, size}, uint(min(ulong(n_new) * row_size, ulong(~0u))), [&](uint i) { return src[i]; }, store);
}

/// Head-major cache, one position: cache[h, seq_pos, e] = src[h, e].
///
/// buffer 0: src f32 [H, D]; 1: cache [H, CAP, D]; u32 each: 2 n_heads; 3 head_dim; 4 capacity; 5 seq_pos
/// grid: threads (D, H). Nothing is written where seq_pos >= capacity. tolerance: exact (f16: nearest even)
template <class T>
kernel void kv_cache_copy_batch(device const float* src [[buffer(0)]],
                                device T* cache [[buffer(1)]],
                                constant uint& n_heads [[buffer(2)]],
                                constant uint& head_dim [[buffer(3)]],
                                constant uint& capacity [[buffer(4)]],
                                constant uint& seq_pos [[buffer(5)]],
                                uint2 gid [[thread_position_in_grid]]) {
  if (gid.x >= head_dim || gid.y >= n_heads || seq_pos >= capacity) return;
  cache[(ulong(gid.y) * capacity + seq_pos) * head_dim + gid.x] = T(src[ulong(gid.y) * head_dim + gid.x]);
}

/// kv_cache_copy_batch for keys and values at once.
///
/// buffer 0: src_k; 1: src_v; 2: cache_k; 3: cache_v; u32 each: 4 n_heads; 5 head_dim; 6 capacity; 7 seq_pos
template <class T>
kernel void kv_cache_copy_batch_dual(device const float* src_k [[buffer(0)]],
                                     device const float* src_v [[buffer(1)]],
                                     device T* cache_k [[buffer(2)]],
                                     device T* cache_v [[buffer(3)]],
                                     constant uint& n_heads [[buffer(4)]],
                                     constant uint& head_dim [[buffer(5)]],
                                     constant uint& capacity [[buffer(6)]],
                                     constant uint& seq_pos [[buffer(7)]],
                                     uint2 gid [[thread_position_in_grid]]) {
  if (gid.x >= head_dim || gid.y >= n_heads || seq_pos >= capacity) return;
  const ulong from = ulong(gid.y) * head_dim + gid.x;
  const ulong to = (ulong(gid.y) * capacity + seq_pos) * head_dim + gid.x;
  cache_k[to] = T(src_k[from]);
  cache_v[to] = T(src_v[from]);
}

// Element x of a head, of many tokens in a row: places in what is copied, and in the cache.
struct ManyPositions {
  uint x, head, n_heads, head_dim, capacity, start, n_tokens, offset;

  bool has_element() const { return x < head_dim && head < n_heads; }
  ulong from(uint token) const { return ((ulong(offset) + token) * n_heads + head) * head_dim + x; }
  // Calls use(place) unless a later token of the same dispatch is written there.
  template <class Use>
  void at_target(uint token, Use use) const {
    if (n_tokens - token <= capacity) use((ulong(head) * capacity + ring_slot(ulong(start) + token, capacity)) * head_dim + x);
  }
};

/// Head-major cache, many positions: cache[h, (seq_pos_start + t) mod CAP, e] = src[src_tok_offset + t, h, e], t < n_tokens.
/// The form `bf16` reads bf16 and writes f32. Where n_tokens > CAP only the last CAP tokens are written.
///
/// buffer 0: src [N, H, D]; 1: cache [H, CAP, D]; u32 each: 2 n_heads; 3 head_dim; 4 capacity; 5 seq_pos_start; 6 n_tokens;
/// 7 src_tok_offset
/// grid: threads (D, H, n_tokens). tolerance: exact (f16: nearest even)
template <class S, class T>
kernel void kv_cache_copy_seq(device const S* src [[buffer(0)]],
                              device T* cache [[buffer(1)]],
                              constant uint& n_heads [[buffer(2)]],
                              constant uint& head_dim [[buffer(3)]],
                              constant uint& capacity [[buffer(4)]],
                              constant uint& seq_pos_start [[buffer(5)]],
                              constant uint& n_tokens [[buffer(6)]],
                              constant uint& src_tok_offset [[buffer(7)]],
                              uint3 gid [[thread_position_in_grid]],
                              uint3 group [[threadgroup_position_in_grid]],
                              uint3 size [[threads_per_threadgroup]]) {
  const ManyPositions p = {gid.x, gid.y, n_heads, head_dim, capacity, seq_pos_start, n_tokens, src_tok_offset};
  if (!p.has_element()) return;
  for_plane<8>({gid.z, group.z, size.z}, n_tokens, [&](uint t) { return T(float(src[p.from(t)])); },
               [&](uint t, T v) { p.at_target(t, [&](ulong to) { cache[to] = v; }); });
}

/// kv_cache_copy_seq for keys and values at once.
///
/// buffer 0: src_k; 1: src_v; 2: cache_k; 3: cache_v; u32 each: 4 n_heads; 5 head_dim; 6 capacity; 7 seq_pos_start;
/// 8 n_tokens; 9 src_tok_offset
template <class T>
kernel void kv_cache_copy_seq_dual(device const float* src_k [[buffer(0)]],
                                   device const float* src_v [[buffer(1)]],
                                   device T* cache_k [[buffer(2)]],
                                   device T* cache_v [[buffer(3)]],
                                   constant uint& n_heads [[buffer(4)]],
                                   constant uint& head_dim [[buffer(5)]],
                                   constant uint& capacity [[buffer(6)]],
                                   constant uint& seq_pos_start [[buffer(7)]],
                                   constant uint& n_tokens [[buffer(8)]],
                                   constant uint& src_tok_offset [[buffer(9)]],
                                   uint3 gid [[thread_position_in_grid]],
                                   uint3 group [[threadgroup_position_in_grid]],
                                   uint3 size [[threads_per_threadgroup]]) {
  const ManyPositions p = {gid.x, gid.y, n_heads, head_dim, capacity, seq_pos_start, n_tokens, src_tok_offset};
  if (!p.has_element()) return;
  for_plane<4>({gid.z, group.z, size.z}, n_tokens, [&](uint t) { return float2(src_k[p.from(t)], src_v[p.from(t)]); },
               [&](uint t, float2 v) { p.at_target(t, [&](ulong to) { cache_k[to] = T(v.x), cache_v[to] = T(v.y); }); });
}

#define U constant uint&
template [[host_name("kv_cache_copy")]] kernel void kv_cache_copy_tokens<ushort>(
    device const ushort*, device ushort*, U, U, U, U, U, uint, uint, uint, uint);
template [[host_name("kv_cache_copy_f32")]] kernel void kv_cache_copy_tokens<float>(
    device const float*, device float*, U, U, U, U, U, uint, uint, uint, uint);

#define INSTANTIATE(suffix, T) \
  template [[host_name("kv_cache_copy_batch_" suffix)]] kernel void kv_cache_copy_batch<T>( \
      device const float*, device T*, U, U, U, U, uint2); \
  template [[host_name("kv_cache_copy_batch_" suffix "_kv_dual")]] kernel void kv_cache_copy_batch_dual<T>( \
      device const float*, device const float*, device T*, device T*, U, U, U, U, uint2); \
  template [[host_name("kv_cache_copy_seq_" suffix)]] kernel void kv_cache_copy_seq<float, T>( \
      device const float*, device T*, U, U, U, U, U, U, uint3, uint3, uint3); \
  template [[host_name("kv_cache_copy_seq_" suffix "_kv_dual")]] kernel void kv_cache_copy_seq_dual<T>( \
      device const float*, device const float*, device T*, device T*, U, U, U, U, U, U, uint3, uint3, uint3);
INSTANTIATE("f32", float)
INSTANTIATE("f32_to_f16", half)
template [[host_name("kv_cache_copy_seq_bf16")]] kernel void kv_cache_copy_seq<bfloat, float>(
    device const bfloat*, device float*, U, U, U, U, U, U, uint3, uint3, uint3);
template [[host_name("kv_cache_copy_seq_f32_to_bf16")]] kernel void kv_cache_copy_seq<float, bfloat>(
    device const float*, device bfloat*, U, U, U, U, U, U, uint3, uint3, uint3);
