#include <metal_stdlib>
#include "common/activations.h"
#include "common/elements.h"
using namespace metal;
using namespace anymetal;

// kernels: fused_gelu_mul fused_gelu_mul_bf16

/// out = gelu(gate) * up with the tanh form of GELU, in f32 and rounded once.
///
/// buffer 0: gate [n]; 1: up [n]; 2: out [n]; 3: u32 n
/// grid: threads (n). out may be gate or up. tolerance: f32 1e-5, bf16 5e-3 + 2e-2 |ref|
template <class T>
kernel void fused_gelu_mul(device const T* gate [[buffer(0)]],
                           device const T* up [[buffer(1)]],
                           device T* out [[buffer(2)]],
                           constant uint& n [[buffer(3)]],
                           uint i [[thread_position_in_grid]],
                           uint group [[threadgroup_position_in_grid]],
                           uint size [[threads_per_threadgroup]]) {
  for_element<T>({i, group, size}, n, [&](uint e) { return T(gelu_tanh_as<T>(float(gate[e])) * float(up[e])); }, [&](uint e, T v) { out[e] = v; });
}

template [[host_name("fused_gelu_mul")]] kernel void fused_gelu_mul<float>(
    device const float*, device const float*, device float*, constant uint&, uint, uint, uint);
template [[host_name("fused_gelu_mul_bf16")]] kernel void fused_gelu_mul<bfloat>(
    device const bfloat*, device const bfloat*, device bfloat*, constant uint&, uint, uint, uint);
