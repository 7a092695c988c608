#include <metal_stdlib>
#include "common/bitonic.h"
using namespace metal;
using namespace anymetal;

struct ArgsortParams {
  uint row_len;
  uint batch_size;
};

constant constexpr uint kMaxRow = 256;

// Larger for what comes earlier: values in the order of the real numbers, below them NaN, of equal ones the larger index.
// Zero stays free for what pads a row.
inline ulong sort_key(float value, uint index) {
  uint bits = as_type<uint>(value);
  if ((bits << 1) == 0) bits = 0;  // -0 equals +0
  const bool is_nan = (bits & 0x7fffffffu) > 0x7f800000u;
  const uint ordered = is_nan ? 1u : (bits >> 31) != 0 ? ~bits : bits | 0x80000000u;
  return ulong(ordered) << 32 | index;
}

/// indices[r] = the permutation that sorts row r in descending order; of equal values the larger index comes first, and NaN
/// comes last. Rows hold at most 256 elements; nothing is written for longer ones.
///
/// buffer 0: x f32 [B, L]; 1: indices u32 [B, L]; 2: u32 {L, B}
/// grid: threadgroups (B), any threadgroup size; best the smallest power of two that covers L. tolerance: exact
kernel void argsort_desc_f32(device const float* x [[buffer(0)]],
                             device uint* indices [[buffer(1)]],
                             constant ArgsortParams& p [[buffer(2)]],
                             uint row [[threadgroup_position_in_grid]],
                             uint index [[thread_index_in_threadgroup]],
                             uint size [[threads_per_threadgroup]]) {
  threadgroup ulong keys[kMaxRow];
  if (row >= p.batch_size || p.row_len > kMaxRow) return;
  const ulong base = ulong(row) * p.row_len;
  uint count = 1;
  while (count < p.row_len) count *= 2;

  for (uint i = index; i < count; i += size) keys[i] = i < p.row_len ? sort_key(x[base + i], i) : 0;
  bitonic_sort_descending(keys, count, {index, size, 0, 0});
  for (uint i = index; i < p.row_len; i += size) indices[base + i] = uint(keys[i]);
}
