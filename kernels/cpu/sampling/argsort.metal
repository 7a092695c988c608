#include <metal_stdlib>
#include "cpu/wide.h"
using namespace metal;
using namespace anymetal;

// kernels: argsort_desc_f32

struct ArgsortParams {
  uint row_len;
  uint batch_size;
};

typedef ulong Keys __attribute__((ext_vector_type(8)));

// The keys of the general form, of elements index, index + 1, ..
inline Keys sort_keys(Float8 values, uint index) {
  const Uint8 bits = __builtin_bit_cast(Uint8, values), magnitude = bits & 0x7fffffffu;
  const Uint8 value = magnitude == 0 ? (Uint8)0 : bits;  // -0 equals +0
  const Uint8 of_numbers = (value >> 31) != 0 ? ~value : value | 0x80000000u;
  const Uint8 ordered = magnitude > 0x7f800000u ? (Uint8)1 : of_numbers;
  return __builtin_convertvector(ordered, Keys) << 32ul | __builtin_convertvector(Lanes<8>::counting_from(index), Keys);
}

inline void exchange(thread Keys& high, thread Keys& low) {
  const Keys a = high, b = low;
  high = __builtin_elementwise_max(a, b);
  low = __builtin_elementwise_min(a, b);
}

// Eight vectors from `v` on, in registers: the exchanges at distances up to kFarthest, downwards where `descends` says so.
template <uint kFarthest, class Descends>
void merge_eight(thread Keys* v, Descends descends) {
  Keys k[8];
#pragma unroll
  for (uint i = 0; i < 8; ++i) k[i] = v[i];
#pragma unroll
  for (uint distance = kFarthest; distance > 0; distance /= 2) {
#pragma unroll
    for (uint i = 0; i < 8; ++i) {
      if ((i & distance) != 0) continue;
      if (descends(i)) exchange(k[i], k[i + distance]);
      else exchange(k[i + distance], k[i]);
    }
  }
#pragma unroll
  for (uint i = 0; i < 8; ++i) v[i] = k[i];
}

// Exchanges between lanes `kApart` apart, downwards.
template <uint kApart>
Keys merge_lanes(Keys k) {
  const Keys other = kApart == 4   ? __builtin_shufflevector(k, k, 4, 5, 6, 7, 0, 1, 2, 3)
                     : kApart == 2 ? __builtin_shufflevector(k, k, 2, 3, 0, 1, 6, 7, 4, 5)
                                   : __builtin_shufflevector(k, k, 1, 0, 3, 2, 5, 4, 7, 6);
  const Keys high = __builtin_elementwise_max(k, other), low = __builtin_elementwise_min(k, other);
  if (kApart == 4) return __builtin_shufflevector(high, low, 0, 1, 2, 3, 12, 13, 14, 15);
  if (kApart == 2) return __builtin_shufflevector(high, low, 0, 1, 10, 11, 4, 5, 14, 15);
  return __builtin_shufflevector(high, low, 0, 9, 2, 11, 4, 13, 6, 15);
}

// Sorts 8 kVectors keys in descending order (K. E. Batcher, "Sorting networks and their applications", 1968). Key i is in lane
// i / kVectors of vector i % kVectors, so that all but six of the network's steps exchange whole vectors.
template <uint kVectors>
void sort_descending(thread Keys* v) {
  for (uint i = 0; i < kVectors; i += 8) {
    merge_eight<1>(v + i, [](uint j) { return (j & 2) == 0; });
    merge_eight<2>(v + i, [](uint j) { return (j & 4) == 0; });
  }
  for (uint run = 8; run <= 8 * kVectors; run *= 2) {
    // Runs of a lane or more go up in every other one, or two, or four lanes, where keys are turned around meanwhile.
    const Keys lane = {0, 1, 2, 3, 4, 5, 6, 7};
    const ulong turning = run >= kVectors && run < 8 * kVectors ? run / kVectors : 0;
    const Keys turned = (lane & turning) != 0ul ? (Keys)~0ul : (Keys)0ul;
    if (run >= kVectors) {
      for (uint i = 0; i < kVectors; ++i) {
        Keys k = v[i] ^ turned;
        if (run == 8 * kVectors) k = merge_lanes<4>(k);
        if (run >= 4 * kVectors) k = merge_lanes<2>(k);
        if (run >= 2 * kVectors) k = merge_lanes<1>(k);
        v[i] = k;
      }
    }
    for (uint distance = min(run, kVectors) / 2; distance >= 8; distance /= 2) {
      for (uint i = 0; i < kVectors; ++i) {
        if ((i & distance) != 0) continue;
        if (run >= kVectors || (i & run) == 0) exchange(v[i], v[i + distance]);
        else exchange(v[i + distance], v[i]);
      }
    }
    for (uint i = 0; i < kVectors; i += 8) {
      const bool descends = run >= kVectors || (i & run) == 0;
      if (descends) merge_eight<4>(v + i, [](uint) { return true; });
      else merge_eight<4>(v + i, [](uint) { return false; });
    }
    if (run >= kVectors) {
      for (uint i = 0; i < kVectors; ++i) v[i] ^= turned;
    }
  }
}

template <uint kVectors>
void sort_row(device const float* x, device uint* indices, uint length) {
  Keys v[kVectors];
  uint filled = 0;
  for (; filled < length / 8; ++filled) v[filled] = sort_keys(Lanes<8>::load(x + 8 * filled), 8 * filled);
  for (uint i = filled; i < kVectors; ++i) v[i] = 0ul;  // below every key
  if (length % 8 != 0) {
    Float8 rest = 0.0f;
    for (uint i = 0; i < length % 8; ++i) rest[i] = x[8 * filled + i];
    const Keys lane = {0, 1, 2, 3, 4, 5, 6, 7}, keys = sort_keys(rest, 8 * filled);
    v[filled] = lane < ulong(length % 8) ? keys : (Keys)0ul;
  }
  sort_descending<kVectors>(v);
  thread const uint* low = (thread const uint*)v;
  for (uint lane = 0; lane * kVectors < length; ++lane) {
    const uint count = min(kVectors, length - lane * kVectors);
    for (uint i = 0; i < count; ++i) indices[lane * kVectors + i] = low[2 * (8 * i + lane)];
  }
}

/// sampling/argsort.metal for a core that takes the row of a threadgroup: nothing depends on the thread.
kernel void argsort_desc_f32(device const float* x [[buffer(0)]],
                             device uint* indices [[buffer(1)]],
                             constant ArgsortParams& p [[buffer(2)]],
                             uint group [[threadgroup_position_in_grid]]) {
  const uint length = p.row_len;
  if (group >= p.batch_size || length == 0) return;
  x += ulong(group) * length, indices += ulong(group) * length;
  if (length <= 64) return sort_row<8>(x, indices, length);
  if (length <= 128) return sort_row<16>(x, indices, length);
  if (length <= 256) return sort_row<32>(x, indices, length);
}
