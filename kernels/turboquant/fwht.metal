#include <metal_stdlib>
#include "common/nvidia.h"
#include "common/turboquant.h"
using namespace metal;
using namespace anymetal;

// kernels: fwht_standalone_f32_d256 fwht_standalone_f32_d512
// kernels: fwht_sign_premult_f32_d256 fwht_sign_premult_f32_d512
// kernels: fwht_sign_undo_f32_d256 fwht_sign_undo_f32_d512

struct FwhtParams {
  uint head_dim;  // unused: fixed by the name
  uint num_heads;
};
static_assert(sizeof(FwhtParams) == 8, "layout");

enum Signs { kNoSigns, kSignsFirst, kSignsLast };

#if ANYMETAL_NVIDIA
// The heads from `first` on below `count`, four of them, by a simdgroup: a lane's elements are fours of neighbours, so that loads and stores of
// a simdgroup lie side by side. Which bits of an index are a lane's makes no difference to the transform.
template <int kDim, Signs kSigns, bool kAligned>
void transform_heads(device float* data, uint first, uint count, uint lane) {
  constexpr int kOwned = kDim / 32, kHeads = 4;
  const auto place = [&](int i) { return uint(i / 4) * 128 + lane * 4 + i % 4; };
  float x[kHeads][kOwned];
#pragma unroll
  for (int h = 0; h < kHeads; ++h) {
    device const float* head = data + ulong(min(first + h, count - 1)) * kDim;
#pragma unroll
    for (int i = 0; i < kOwned; i += 4) {
      const float4 v = kAligned ? *(device const float4*)(head + place(i)) : float4(head[place(i)], head[place(i + 1)], head[place(i + 2)], head[place(i + 3)]);
      for (int e = 0; e < 4; ++e) x[h][i + e] = v[e];
    }
  }
#pragma unroll
  for (int h = 0; h < kHeads; ++h) {
    if (first + h >= count) break;
    for (int i = 0; kSigns == kSignsFirst && i < kOwned; ++i) x[h][i] *= turbo_sign(place(i));
    hadamard<kOwned>(x[h], lane);
    for (int i = 0; kSigns == kSignsLast && i < kOwned; ++i) x[h][i] *= turbo_sign(place(i));
    device float* head = data + ulong(first + h) * kDim;
#pragma unroll
    for (int i = 0; i < kOwned; i += 4) {
      if (kAligned) {
        *(device float4*)(head + place(i)) = float4(x[h][i], x[h][i + 1], x[h][i + 2], x[h][i + 3]);
      } else {
        for (int e = 0; e < 4; ++e) head[place(i + e)] = x[h][i + e];
      }
    }
  }
}
#endif

/// The normalised Walsh-Hadamard transform of each head in natural order, in place: H x / sqrt(D) (standalone),
/// H (signs * x) / sqrt(D) (sign_premult), signs * (H x) / sqrt(D) (sign_undo, the inverse of sign_premult).
///
/// buffer 0: data f32 [num_heads, D]; 1: FwhtParams
/// grid: threadgroups (num_heads), 32 threads. tolerance: 2e-6 of the head's length
template <int kDim, Signs kSigns>
kernel void fwht(device float* data [[buffer(0)]],
                 constant FwhtParams& p [[buffer(1)]],
                 uint head [[threadgroup_position_in_grid]],
                 uint lane [[thread_index_in_simdgroup]]) {
#if ANYMETAL_NVIDIA
  nvidia::take_every_threadgroup<4>();
  if (head % 4 != 0 || head >= p.num_heads) return;
  if (((ulong)data & 15) == 0) {
    transform_heads<kDim, kSigns, true>(data, head, p.num_heads, lane);
  } else {
    transform_heads<kDim, kSigns, false>(data, head, p.num_heads, lane);
  }
  return;
#endif
  constexpr int kOwned = kDim / 32;  // elements of a lane
  if (head >= p.num_heads) return;
  device float* elements = data + ulong(head) * kDim;

  float x[kOwned];
  if (kSigns == kSignsFirst) {
    turbo_rotate<kOwned>(x, elements, lane);
  } else {
    for (int i = 0; i < kOwned; ++i) x[i] = elements[lane * kOwned + i];
    hadamard<kOwned>(x, lane);
  }
  for (int i = 0; i < kOwned; ++i) {
    const uint j = lane * kOwned + i;
    elements[j] = kSigns == kSignsLast ? x[i] * turbo_sign(j) : x[i];
  }
}

#define INSTANTIATE(name, D, SIGNS) \
  template [[host_name(name)]] kernel void fwht<D, SIGNS>(device float*, constant FwhtParams&, uint, uint);
INSTANTIATE("fwht_standalone_f32_d256", 256, kNoSigns)
INSTANTIATE("fwht_standalone_f32_d512", 512, kNoSigns)
INSTANTIATE("fwht_sign_premult_f32_d256", 256, kSignsFirst)
INSTANTIATE("fwht_sign_premult_f32_d512", 512, kSignsFirst)
INSTANTIATE("fwht_sign_undo_f32_d256", 256, kSignsLast)
INSTANTIATE("fwht_sign_undo_f32_d512", 512, kSignsLast)
