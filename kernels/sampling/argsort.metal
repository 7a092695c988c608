#include <metal_stdlib>
#include "common/bitonic.h"
#include "common/nvidia.h"
#if ANYMETAL_NVIDIA
#include "nvidia/row_sort.h"
#endif
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

#if ANYMETAL_NVIDIA
inline void sort_by_simdgroup(device const float* x, device uint* indices, uint length, uint lane) {
  static_assert(kMaxRow == kSortedRow);
  ulong keys[kLaneKeys];
#pragma unroll
  for (uint r = 0; r < kLaneKeys; ++r) {
    const uint i = lane + 32 * r;
    keys[r] = i < length ? sort_key(x[i], i) : 0;
  }
  sort_row_descending(keys, lane);
#pragma unroll
  for (uint r = 0; r < kLaneKeys; ++r) {
    if (lane * kLaneKeys + r < length) indices[lane * kLaneKeys + r] = uint(keys[r]);
  }
}
#endif

/// indices[r] = the permutation that sorts row r in descending order; of equal values the larger index comes first, and NaN
/// comes last. Rows hold at most 256 elements; nothing is written for longer ones.
///
/// buffer 0: x f32 [B, L]; 1: indices u32 [B, L]; 2: u32 {L, B}
/// grid: threadgroups (B), any threadgroup size; best the smallest power of two that covers L. tolerance: exact
kernel void argsort_desc_f32(device const float* x [[buffer(0)]],
                             device uint* indices [[buffer(1)]],
                             constant ArgsortParams& p [[buffer(2)]],
                             uint group [[threadgroup_position_in_grid]],
                             uint index [[thread_index_in_threadgroup]],
                             uint size [[threads_per_threadgroup]]) {
  threadgroup ulong keys[kMaxRow];
  const uint length = p.row_len, rows = p.batch_size;
  if (length > kMaxRow) return;
  uint count = 1;
  while (count < length) count *= 2;
  const auto sort_row = [&](uint row) {
    const ulong base = ulong(row) * length;
    for (uint i = index; i < count; i += size) keys[i] = i < length ? sort_key(x[base + i], i) : 0;
    bitonic_sort_descending(keys, count, {index, size, 0, 0});
    for (uint i = index; i < length; i += size) indices[base + i] = uint(keys[i]);
  };
#if ANYMETAL_NVIDIA
  // Eight rows, by a simdgroup each where simdgroups are whole.
  constexpr uint kRows = 8;
  nvidia::take_every_threadgroup<kRows>();
  if (group % kRows != 0) return;
  const uint end = min(group + kRows, rows);
  if (size % 32 == 0) {
    for (uint row = group + index / 32; row < end; row += size / 32) sort_by_simdgroup(x + ulong(row) * length, indices + ulong(row) * length, length, index % 32);
    return;
  }
  for (uint row = group; row < end; ++row) {
    sort_row(row);
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
#else
  if (group < rows) sort_row(group);
#endif
}
