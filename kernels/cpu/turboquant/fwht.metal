#include <metal_stdlib>
#include "cpu/turboquant.h"
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

/// turboquant/fwht.metal for a core that transforms the head of a threadgroup.
template <int kDim, Signs kSigns>
kernel void fwht(device float* data [[buffer(0)]],
                 constant FwhtParams& p [[buffer(1)]],
                 uint head [[threadgroup_position_in_grid]]) {
  if (head >= p.num_heads) return;
  device float* elements = data + ulong(head) * kDim;
  WideF x[kDim / 16];
#pragma unroll
  for (int i = 0; i < kDim / 16; ++i) {
    x[i] = Wide::load(elements + 16 * i);
    __builtin_prefetch(elements + 2 * kDim + 16 * i);  // of the head after the next
    if (kSigns == kSignsFirst) x[i] = wide_signs(x[i], 16 * i);
  }
  wide_hadamard<kDim>(x);
#pragma unroll
  for (int i = 0; i < kDim / 16; ++i) Wide::store(elements + 16 * i, kSigns == kSignsLast ? wide_signs(x[i], 16 * i) : x[i]);
}

#define INSTANTIATE(name, D, SIGNS) \
  template [[host_name(name)]] kernel void fwht<D, SIGNS>(device float*, constant FwhtParams&, uint);
INSTANTIATE("fwht_standalone_f32_d256", 256, kNoSigns)
INSTANTIATE("fwht_standalone_f32_d512", 512, kNoSigns)
INSTANTIATE("fwht_sign_premult_f32_d256", 256, kSignsFirst)
INSTANTIATE("fwht_sign_premult_f32_d512", 512, kSignsFirst)
INSTANTIATE("fwht_sign_undo_f32_d256", 256, kSignsLast)
INSTANTIATE("fwht_sign_undo_f32_d512", 512, kSignsLast)
