#include <metal_stdlib>
#include "common/elements.h"
#if ANYMETAL_NVIDIA
#include "nvidia/tanh.h"
#endif
using namespace metal;
using namespace anymetal;

// kernels: softcap_f32 softcap_f16 softcap_bf16

struct SoftcapParams {
  float cap;
  uint n;
};

/// y = tanh(x / cap) * cap, in f32 and rounded once.
///
/// buffer 0: x [n]; 1: y [n]; 2: SoftcapParams
/// grid: at least n threads. y may be x. tolerance: f32 1e-5 at cap 30, f16 and bf16 one unit in the last place
template <class T>
kernel void softcap(device const T* x [[buffer(0)]],
                    device T* y [[buffer(1)]],
                    constant SoftcapParams& p [[buffer(2)]],
                    uint i [[thread_position_in_grid]],
                    uint group [[threadgroup_position_in_grid]],
                    uint size [[threads_per_threadgroup]]) {
  const float cap = p.cap;
#if ANYMETAL_NVIDIA
  const float inverse = clamp(1.0f / cap, -0x1.fffffep127f, 0x1.fffffep127f);
  const auto capped = [&](float v) { return T(tanh_by_exp2(v * inverse) * cap); };
#else
  const auto capped = [&](float v) { return T(precise::tanh(v / cap) * cap); };
#endif
  for_element<T>({i, group, size}, p.n, [&](uint e) { return capped(float(x[e])); }, [&](uint e, T v) { y[e] = v; });
}

#define INSTANTIATE(name, T) \
  template [[host_name("softcap_" name)]] kernel void softcap<T>( \
      device const T*, device T*, constant SoftcapParams&, uint, uint, uint);
INSTANTIATE("f32", float)
INSTANTIATE("f16", half)
INSTANTIATE("bf16", bfloat)
