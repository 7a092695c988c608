#include <metal_stdlib>
#include "common/elements.h"
#include "common/reduce.h"
#if ANYMETAL_NVIDIA
#include "nvidia/byte_codes.h"
#endif
using namespace metal;
using namespace anymetal;

// Codes depend on single roundings: every division is IEEE.
#pragma METAL fp math_mode(safe)
#pragma METAL fp contract(off)

#if ANYMETAL_NVIDIA
// Groups that a threadgroup does, and how many at once where a lane has one element of each.
constant constexpr uint kGroups = 16, kAtOnce = 8;

// Over the threadgroup, for each of kAtOnce values: scratch has kAtOnce elements for every simdgroup. All threads must call.
template <class Combine, class OfSimdgroup>
void combine_groups(thread float* values, threadgroup float* scratch, Team team, OfSimdgroup of_simdgroup) {
  const uint simdgroups = (team.size + 31) / 32;
#pragma unroll
  for (uint k = 0; k < kAtOnce; ++k) {
    values[k] = of_simdgroup(values[k]);
    if (simdgroups > 1 && team.lane == 0) scratch[team.simdgroup * kAtOnce + k] = values[k];
  }
  if (simdgroups == 1) return;
  threadgroup_barrier(mem_flags::mem_threadgroup);
#pragma unroll
  for (uint k = 0; k < kAtOnce; ++k) {
    values[k] = scratch[k];
    for (uint s = 1; s < simdgroups; ++s) values[k] = Combine()(values[k], scratch[s * kAtOnce + k]);
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);
}

// Groups of 32, 64 and 128 elements are 8, 16 and 32 lanes with four elements side by side: a simdgroup has whole ones.
inline bool is_of_fours(Team team) { return team.size == 32 || team.size == 64 || team.size == 128; }

// What a thread has of the threadgroup's groups so: four times four elements, from first + at(k) on.
struct Fours {
  uint lanes, index, size, end;
  Fours(uint group, uint groups, Team team) : lanes(team.size / 4), index(team.index), size(team.size), end(min(kGroups, groups - group) * team.size) {}
  uint at(uint k) const { return min(4 * (index + k * size), end - 4); }  // those past the last group have the last four again
  // Four elements, one by one where they may lie anywhere.
  static float4 load(device const float* p, bool aligned) { return aligned ? *(device const float4*)p : float4(p[0], p[1], p[2], p[3]); }
  static uint load(device const uchar* p, bool aligned) { return aligned ? *(device const uint*)p : p[0] | p[1] << 8 | p[2] << 16 | uint(p[3]) << 24; }
  bool is_own(uint k) const { return 4 * (index + k * size) < end; }
  // Which of the threadgroup's groups they are of, and whether this lane is the first one there.
  uint group(uint k) const { return (index + k * size) >> ctz(lanes); }
  bool is_first() const { return (index & (lanes - 1)) == 0; }
  // Over the lanes of a group. All threads must call.
  template <class Combine>
  float combine(float v, Combine combine) const {
    for (ushort distance = 1; distance < 8; distance *= 2) v = combine(v, simd_shuffle_xor(v, distance));
    if (lanes > 8) v = combine(v, simd_shuffle_xor(v, ushort(8)));
    if (lanes > 16) v = combine(v, simd_shuffle_xor(v, ushort(16)));
    return v;
  }
};

// sums[group + k] = the sum of value(at) over each of the threadgroup's groups of `size` elements below `groups`, at = (group + k) size + index;
// four(at) are those of at .. at + 3.
template <class Value, class Four>
void sum_groups(device float* sums, threadgroup float* scratch, uint group, uint groups, Team team, Value value, Four four) {
  nvidia::take_every_threadgroup<kGroups>();
  if (group % kGroups != 0) return;
  if (is_of_fours(team)) {
    const Fours own(group, groups, team);
    float4 values[4];
#pragma unroll
    for (uint k = 0; k < 4; ++k) values[k] = four(ulong(group) * team.size + own.at(k));
#pragma unroll
    for (uint k = 0; k < 4; ++k) {
      const float sum = own.combine((values[k].x + values[k].y) + (values[k].z + values[k].w), Add());
      if (own.is_first() && own.is_own(k)) sums[group + own.group(k)] = sum;
    }
    return;
  }
  for (uint first = group; first < min(group + kGroups, groups); first += kAtOnce) {
    float values[kAtOnce];
#pragma unroll
    for (uint k = 0; k < kAtOnce; ++k) values[k] = value(ulong(min(first + k, groups - 1)) * team.size + team.index);
    combine_groups<Add>(values, scratch, team, [](float v) { return simd_sum(v); });
#pragma unroll
    for (uint k = 0; k < kAtOnce; ++k) {
      if (team.index == 0 && first + k < groups) sums[first + k] = values[k];
    }
  }
}
#endif

struct FitParams {
  uint group_size, bins;
};

/// Fits w = scale * code + bias to every group: bias = min, scale = (max - min) / (bins - 1), or 1 where that is not
/// positive, code = (w - bias) / scale rounded half away from zero within 0 .. bins - 1.
///
/// buffer 0: w f32 [groups, group_size]; 1: scales f32 [groups]; 2: biases f32 [groups]; 3: codes u8 [groups, group_size];
/// 4: u32 {group_size, bins}; threadgroup 0: 8 group_size bytes
/// grid: threadgroups (groups) of group_size. tolerance: exact
kernel void qdq_affine_init_f32(device const float* w [[buffer(0)]],
                                device float* scales [[buffer(1)]],
                                device float* biases [[buffer(2)]],
                                device uchar* codes [[buffer(3)]],
                                device const FitParams& p [[buffer(4)]],
                                threadgroup float* scratch [[threadgroup(0)]],
                                uint group [[threadgroup_position_in_grid]],
                                uint groups [[threadgroups_per_grid]],
                                uint index [[thread_index_in_threadgroup]],
                                uint size [[threads_per_threadgroup]],
                                uint lane [[thread_index_in_simdgroup]],
                                uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  const Team team = {index, size, lane, simdgroup};
#if ANYMETAL_NVIDIA
  nvidia::take_every_threadgroup<kAtOnce>();
  if (group % kAtOnce != 0) return;
  const uint group_size = p.group_size;
  const float last = float(p.bins - 1);
  const auto place = [&](uint k) { return ulong(min(group + k, groups - 1)) * group_size + index; };
  float values[kAtOnce], lows[kAtOnce], highs[kAtOnce];
#pragma unroll
  for (uint k = 0; k < kAtOnce; ++k) values[k] = w[place(k)];
#pragma unroll
  for (uint k = 0; k < kAtOnce; ++k) lows[k] = highs[k] = values[k];
  combine_groups<Min>(lows, scratch, team, [](float v) { return simd_min(v); });
  combine_groups<Max>(highs, scratch, team, [](float v) { return simd_max(v); });
#pragma unroll
  for (uint k = 0; k < kAtOnce; ++k) {
    if (group + k >= groups) continue;
    const float step = (highs[k] - lows[k]) / last, scale = step > 0.0f ? step : 1.0f;
    codes[place(k)] = uchar(byte_code(clamp((values[k] - lows[k]) / scale, 0.0f, last)));
    if (index == 0) scales[group + k] = scale, biases[group + k] = lows[k];
  }
  return;
#endif
  const ulong at = ulong(group) * p.group_size + index;
  const float v = w[at];
  const float low = threadgroup_combine<Min>(simd_min(v), scratch, team), high = threadgroup_max(v, scratch, team);
  const float step = (high - low) / float(p.bins - 1), scale = step > 0.0f ? step : 1.0f;
  codes[at] = uchar(clamp(round((v - low) / scale), 0.0f, float(p.bins - 1)));
  if (index == 0) scales[group] = scale, biases[group] = low;
}

struct ForwardParams {
  uint n, group_size;
};

/// out[i] = codes[i] * scales[i / group_size] + biases[i / group_size].
///
/// buffer 0: codes u8 [n]; 1: scales f32 [n / group_size]; 2: biases; 3: out f32 [n]; 4: u32 {n, group_size}
/// grid: threads (n). tolerance: 1e-6 of the sum of absolute terms
kernel void qdq_affine_forward_f32(device const uchar* codes [[buffer(0)]],
                                   device const float* scales [[buffer(1)]],
                                   device const float* biases [[buffer(2)]],
                                   device float* out [[buffer(3)]],
                                   device const ForwardParams& p [[buffer(4)]],
                                   uint i [[thread_position_in_grid]],
                                   uint threadgroup_at [[threadgroup_position_in_grid]],
                                   uint size [[threads_per_threadgroup]]) {
  const uint n = p.n, group_size = p.group_size;
  const auto value = [&](uint e) {
    const uint group = e / group_size;
    return float(codes[e]) * scales[group] + biases[group];
  };
  for_element<float>({i, threadgroup_at, size}, n, value, [&](uint e, float v) { out[e] = v; });
}

/// d_scales[g] = sum over group g of codes * dy.
///
/// buffer 0: codes u8 [groups, group_size]; 1: dy f32 [groups, group_size]; 2: d_scales f32 [groups]; 3: u32 {group_size};
/// threadgroup 0: 4 group_size bytes
/// grid: threadgroups (groups) of group_size. tolerance: 1e-6 of the sum of absolute terms
kernel void qdq_affine_backward_scales_f32(device const uchar* codes [[buffer(0)]],
                                           device const float* dy [[buffer(1)]],
                                           device float* d_scales [[buffer(2)]],
                                           device const uint& group_size [[buffer(3)]],
                                           threadgroup float* scratch [[threadgroup(0)]],
                                           uint group [[threadgroup_position_in_grid]],
                                           uint groups [[threadgroups_per_grid]],
                                           uint index [[thread_index_in_threadgroup]],
                                           uint size [[threads_per_threadgroup]],
                                           uint lane [[thread_index_in_simdgroup]],
                                           uint simdgroup [[simdgroup_index_in_threadgroup]]) {
#if ANYMETAL_NVIDIA
  const bool aligned = ulong(dy) % 16 == 0 && ulong(codes) % 4 == 0;
  const auto four = [=](ulong i) {
    const uint word = Fours::load(codes + i, aligned);
    return float4(float(word & 0xff), float(word >> 8 & 0xff), float(word >> 16 & 0xff), float(word >> 24)) * Fours::load(dy + i, aligned);
  };
  sum_groups(d_scales, scratch, group, groups, {index, size, lane, simdgroup}, [=](ulong i) { return float(codes[i]) * dy[i]; }, four);
  return;
#endif
  const ulong at = ulong(group) * group_size + index;
  const float sum = threadgroup_sum(float(codes[at]) * dy[at], scratch, {index, size, lane, simdgroup});
  if (index == 0) d_scales[group] = sum;
}

/// d_biases[g] = sum over group g of dy.
///
/// buffer 0: dy f32 [groups, group_size]; 1: d_biases f32 [groups]; 2: u32 {group_size}; threadgroup 0: 4 group_size bytes
/// grid: threadgroups (groups) of group_size. tolerance: 1e-6 of the sum of absolute terms
kernel void qdq_affine_backward_biases_f32(device const float* dy [[buffer(0)]],
                                           device float* d_biases [[buffer(1)]],
                                           device const uint& group_size [[buffer(2)]],
                                           threadgroup float* scratch [[threadgroup(0)]],
                                           uint group [[threadgroup_position_in_grid]],
                                           uint groups [[threadgroups_per_grid]],
                                           uint index [[thread_index_in_threadgroup]],
                                           uint size [[threads_per_threadgroup]],
                                           uint lane [[thread_index_in_simdgroup]],
                                           uint simdgroup [[simdgroup_index_in_threadgroup]]) {
#if ANYMETAL_NVIDIA
  sum_groups(d_biases, scratch, group, groups, {index, size, lane, simdgroup}, [=](ulong i) { return dy[i]; },
             [=](ulong i) { return Fours::load(dy + i, ulong(dy) % 16 == 0); });
  return;
#endif
  const float sum = threadgroup_sum(dy[ulong(group) * group_size + index], scratch, {index, size, lane, simdgroup});
  if (index == 0) d_biases[group] = sum;
}
