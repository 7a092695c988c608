#include <metal_stdlib>
#include "cpu/share.h"
#include "cpu/wide.h"
#include "common/activations.h"
using namespace metal;
using namespace anymetal;

// kernels: moe_swiglu_seq moe_swiglu_seq_bf16 moe_swiglu_seq_backward_f32

struct ExpertSizes {
  uint width, slots, tokens;
};

// What a core does at a time lies in rows of one width, gates and what they gate in turn, so that memory is to be asked for
// ahead by hand: no row says where the next one begins.
constant constexpr uint kAhead = 2048;  // bytes

// Asks for what lies kAhead behind element i of a row at p. Where the row ends before, the next one begins `gap` elements later.
template <class T>
void ask_ahead(device const T* p, uint i, uint width, uint gap) {
  const uint at = i + kAhead / sizeof(T);
  __builtin_prefetch(p + at + (at >= width ? gap : 0));
}

// Calls part(slot, columns) for the slots and columns that a threadgroup has, which works for its neighbours in a row.
template <class Part>
void over_slots(ExpertSizes s, uint3 group, uint3 size, Part part) {
  const uint2 columns = share_of(group.x, size.x, s.width, 4096);
  if (columns.x == columns.y) return;
  const uint2 slots = share_of(group.y, size.y, s.slots, size.y), tokens = share_of(group.z, size.z, s.tokens, size.z);
  for (uint token = tokens.x; token < tokens.y; ++token) {
    for (uint slot = slots.x; slot < slots.y; ++slot) part(ulong(token) * s.slots + slot, columns);
  }
}

/// moe/expert_activation.metal for a core that takes the elements of several threadgroups.
template <class T>
kernel void moe_swiglu_sequence(device const T* gate_up [[buffer(0)]],
                                device T* y [[buffer(1)]],
                                constant ExpertSizes& s [[buffer(2)]],
                                uint3 group [[threadgroup_position_in_grid]],
                                uint3 size [[dispatch_threads_per_threadgroup]]) {
  const ExpertSizes sizes = s;
  const ulong bytes = 3 * sizeof(T) * ulong(sizes.width) * sizes.slots * sizes.tokens;
  over_slots(sizes, group, size, [=](ulong slot, uint2 columns) {
    device const T *gate = gate_up + slot * 2 * sizes.width, *up = gate + sizes.width;
    device T* to = y + slot * sizes.width;
    const bool stream = is_streamed(to + columns.x, bytes);
    uint i = columns.x;
    for (; i + 16 <= columns.y; i += 16) {
      ask_ahead(gate, i, sizes.width, sizes.width);
      ask_ahead(up, i, sizes.width, sizes.width);
      wide_stream(to + i, wide_gelu(Wide::load(gate + i)) * Wide::load(up + i), stream);
    }
#pragma clang loop vectorize(disable) unroll(disable)
    for (; i < columns.y; ++i) to[i] = T(gelu_tanh(float(gate[i])) * float(up[i]));
  });
}

template [[host_name("moe_swiglu_seq")]] kernel void moe_swiglu_sequence<float>(device const float*, device float*, constant ExpertSizes&, uint3, uint3);
template [[host_name("moe_swiglu_seq_bf16")]] kernel void moe_swiglu_sequence<bfloat>(
    device const bfloat*, device bfloat*, constant ExpertSizes&, uint3, uint3);

// gelu_tanh(x), and gelu_tanh_slope(x) of common/activations.h: both from one power.
inline WideF gelu_and_slope(WideF x, thread WideF& slope) {
  constexpr float c = 0.7978845608028654f;
  const WideF z = c * (x + 0.044715f * x * x * x);
  const WideF e = wide_exp(-2.0f * __builtin_elementwise_min(__builtin_elementwise_abs(z), (WideF)43.0f));
  const WideF inverse = 1.0f / (1.0f + e), half_one_plus_tanh = z < 0.0f ? e * inverse : inverse;
  const WideF held = __builtin_elementwise_max(__builtin_elementwise_min(x, (WideF)30.0f), (WideF)-30.0f);
  slope = half_one_plus_tanh + 2.0f * held * (e * inverse * inverse) * (c + (c * 3.0f * 0.044715f) * held * held);
  return x * half_one_plus_tanh;
}

/// moe/expert_activation.metal for a core that takes the elements of several threadgroups.
kernel void moe_swiglu_seq_backward_f32(device const float* gate_up [[buffer(0)]],
                                        device const float* dy [[buffer(1)]],
                                        device float* dgate_up [[buffer(2)]],
                                        constant ExpertSizes& s [[buffer(3)]],
                                        uint3 group [[threadgroup_position_in_grid]],
                                        uint3 size [[dispatch_threads_per_threadgroup]]) {
  const ExpertSizes sizes = s;
  const ulong bytes = 5 * sizeof(float) * ulong(sizes.width) * sizes.slots * sizes.tokens;
  over_slots(sizes, group, size, [=](ulong slot, uint2 columns) {
    device const float *gate = gate_up + slot * 2 * sizes.width, *up = gate + sizes.width, *gradients = dy + slot * sizes.width;
    device float *dgate = dgate_up + slot * 2 * sizes.width, *dup = dgate + sizes.width;
    const bool stream = is_streamed(dgate + columns.x, bytes) && sizes.width % 16 == 0;
    uint i = columns.x;
    for (; i + 16 <= columns.y; i += 16) {
      ask_ahead(gate, i, sizes.width, sizes.width);
      ask_ahead(up, i, sizes.width, sizes.width);
      ask_ahead(gradients, i, sizes.width, 0);
      const WideF gradient = Wide::load(gradients + i);
      WideF slope;
      const WideF value = gelu_and_slope(Wide::load(gate + i), slope);
      wide_stream(dgate + i, gradient * Wide::load(up + i) * slope, stream);
      wide_stream(dup + i, gradient * value, stream);
    }
#pragma clang loop vectorize(disable) unroll(disable)
    for (; i < columns.y; ++i) {
      const float x = gate[i], gradient = gradients[i];
      dgate[i] = gradient * up[i] * gelu_tanh_slope(x);
      dup[i] = gradient * gelu_tanh(x);
    }
  });
}
