#include <metal_stdlib>
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
