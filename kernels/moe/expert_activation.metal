#include <metal_stdlib>
#include "common/activations.h"
#include "common/elements.h"
using namespace metal;
using namespace anymetal;

// kernels: moe_swiglu_fused moe_swiglu_batch moe_swiglu_seq moe_swiglu_seq_bf16 moe_swiglu_seq_backward_f32

// The names say SwiGLU; the activation is GELU in its tanh form.

struct ExpertSizes {
  uint width, slots, tokens;
};

/// y[i] = gelu(gate_up[i]) * gate_up[n + i].
///
/// buffer 0: gate_up [2 n]; 1: y [n]; 2: u32 n
/// grid: threads (n). y may be the gate half. tolerance: 1e-5
kernel void moe_swiglu_fused(device const float* gate_up [[buffer(0)]],
                             device float* y [[buffer(1)]],
                             constant uint& n [[buffer(2)]],
                             uint i [[thread_position_in_grid]],
                             uint group [[threadgroup_position_in_grid]],
                             uint size [[threads_per_threadgroup]]) {
  for_element<float>({i, group, size}, n, [&](uint e) { return gelu_tanh(gate_up[e]) * gate_up[ulong(n) + e]; }, [&](uint e, float v) { y[e] = v; });
}

/// y[k, i] = gelu(gate_up[k, i]) * gate_up[k, I + i] for each of K slots.
///
/// buffer 0: gate_up [K, 2 I]; 1: y [K, I]; 2: u32 I; 3: u32 K
/// grid: threads (I, K). tolerance: 1e-5
kernel void moe_swiglu_batch(device const float* gate_up [[buffer(0)]],
                             device float* y [[buffer(1)]],
                             constant uint& width [[buffer(2)]],
                             constant uint& slots [[buffer(3)]],
                             uint2 at [[thread_position_in_grid]]) {
  if (at.x >= width || at.y >= slots) return;
  const ulong row = ulong(at.y) * 2 * width;
  y[ulong(at.y) * width + at.x] = gelu_tanh(gate_up[row + at.x]) * gate_up[row + width + at.x];
}

/// moe_swiglu_batch for every token, in f32 and rounded once.
///
/// buffer 0: gate_up [N, K, 2 I]; 1: y [N, K, I]; 2: u32 {I, K, N}
/// grid: threads (I, K, N). tolerance: f32 1e-5, bf16 8e-3
template <class T>
kernel void moe_swiglu_sequence(device const T* gate_up [[buffer(0)]],
                                device T* y [[buffer(1)]],
                                constant ExpertSizes& s [[buffer(2)]],
                                uint3 at [[thread_position_in_grid]],
                                uint3 group [[threadgroup_position_in_grid]],
                                uint3 size [[threads_per_threadgroup]]) {
  if (at.x >= s.width || at.y >= s.slots) return;
  const auto halves = [&](uint token) {
    const ulong slot = ulong(token) * s.slots + at.y;
    return float2(float(gate_up[slot * 2 * s.width + at.x]), float(gate_up[(slot * 2 + 1) * s.width + at.x]));
  };
  for_plane<16 / sizeof(T)>({at.z, group.z, size.z}, s.tokens, halves,
                            [&](uint token, float2 v) { y[(ulong(token) * s.slots + at.y) * s.width + at.x] = T(gelu_tanh_as<T>(v.x) * v.y); });
}

template [[host_name("moe_swiglu_seq")]] kernel void moe_swiglu_sequence<float>(device const float*, device float*, constant ExpertSizes&, uint3, uint3, uint3);
template [[host_name("moe_swiglu_seq_bf16")]] kernel void moe_swiglu_sequence<bfloat>(device const bfloat*, device bfloat*, constant ExpertSizes&, uint3, uint3, uint3);

/// Gradient of moe_swiglu_seq: dgate = dy * up * gelu'(gate), dup = dy * gelu(gate).
///
/// buffer 0: gate_up [N, K, 2 I]; 1: dy [N, K, I]; 2: dgate_up [N, K, 2 I]; 3: u32 {I, K, N}
/// grid: threads (I, K, N). tolerance: 1e-5 at unit scale
kernel void moe_swiglu_seq_backward_f32(device const float* gate_up [[buffer(0)]],
                                        device const float* dy [[buffer(1)]],
                                        device float* dgate_up [[buffer(2)]],
                                        constant ExpertSizes& s [[buffer(3)]],
                                        uint3 at [[thread_position_in_grid]]) {
  if (at.x >= s.width || at.y >= s.slots || at.z >= s.tokens) return;
  const ulong slot = ulong(at.z) * s.slots + at.y;
  const ulong gate_at = slot * 2 * s.width + at.x, up_at = gate_at + s.width;
  const float x = gate_up[gate_at], up = gate_up[up_at], gradient = dy[slot * s.width + at.x];
  dgate_up[gate_at] = gradient * up * gelu_tanh_slope(x);
  dgate_up[up_at] = gradient * gelu_tanh(x);
}
