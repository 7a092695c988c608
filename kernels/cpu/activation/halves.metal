#include <metal_stdlib>
#include "cpu/share.h"
#include "cpu/wide.h"
using namespace metal;
using namespace anymetal;

// kernels: gelu_f16 gelu_bf16 sigmoid_mul_bf16 fused_gelu_mul_bf16 softcap_f16 softcap_bf16

// Functions of elements of 16 bits, which arithmetic limits and not memory.

constant constexpr uint kGroupElements = 4096;  // elements for which one threadgroup works

// Calls wide(i) for 16 elements each of those that a threadgroup has, and one(i) for the last ones.
template <class Wide16, class One>
void over_share(uint group, uint size, uint n, Wide16 wide, One one) {
  const uint2 share = share_of(group, size, n, kGroupElements);
  uint i = share.x;
#pragma clang loop unroll_count(2)
  for (; i + 16 <= share.y; i += 16) wide(i);
#pragma clang loop vectorize(disable) unroll(disable)
  for (; i < share.y; ++i) one(i);
}

// One of 16 elements.
template <class T>
WideF alone(device const T* p) {
  return float(*p);
}

/// activation/gated.metal for a core that takes the elements of several threadgroups.
template <class T>
kernel void gelu(device const T* x [[buffer(0)]],
                 device T* y [[buffer(1)]],
                 uint group [[threadgroup_position_in_grid]],
                 uint size [[dispatch_threads_per_threadgroup]],
                 uint n [[threads_per_grid]]) {
  over_share(group, size, n, [=](uint i) { Wide::store(y + i, wide_gelu(Wide::load(x + i))); },
             [=](uint i) { y[i] = T(wide_gelu(alone(x + i))[0]); });
}

// x / (1 + e^-gate); NaN where gate is.
inline WideF gated(WideF x, WideF gate) {
  const WideF power = -gate > 87.0f ? (WideF)87.0f : -gate;
  return x / (1.0f + wide_exp(power));
}

/// activation/gated.metal for a core that takes the elements of several threadgroups.
kernel void sigmoid_mul_bf16(device const bfloat* x [[buffer(0)]],
                             device const bfloat* gate [[buffer(1)]],
                             device bfloat* y [[buffer(2)]],
                             constant uint& n [[buffer(3)]],
                             uint group [[threadgroup_position_in_grid]],
                             uint size [[dispatch_threads_per_threadgroup]]) {
  over_share(group, size, n, [=](uint i) { Wide::store(y + i, gated(Wide::load(x + i), Wide::load(gate + i))); },
             [=](uint i) { y[i] = bfloat(gated(alone(x + i), alone(gate + i))[0]); });
}

/// elementwise/fused_gelu_mul.metal for a core that takes the elements of several threadgroups.
kernel void fused_gelu_mul_bf16(device const bfloat* gate [[buffer(0)]],
                                device const bfloat* up [[buffer(1)]],
                                device bfloat* out [[buffer(2)]],
                                constant uint& n [[buffer(3)]],
                                uint group [[threadgroup_position_in_grid]],
                                uint size [[dispatch_threads_per_threadgroup]]) {
  over_share(group, size, n, [=](uint i) { Wide::store(out + i, wide_gelu(Wide::load(gate + i)) * Wide::load(up + i)); },
             [=](uint i) { out[i] = bfloat(wide_gelu(alone(gate + i))[0] * float(up[i])); });
}

// m / (m + 2) with m = e^2|x| - 1 and the sign of x, good to a few units in the last place of any number; NaN stays.
inline WideF tanh_of(WideF x) {
  const WideF magnitude = __builtin_elementwise_abs(x), twice = magnitude > 10.0f ? (WideF)20.0f : magnitude * 2.0f;
  const WideF whole = __builtin_elementwise_rint(twice * 1.44269504089f);
  const WideF near = __builtin_elementwise_fma(whole, (WideF)-0.693359375f, twice);
  const WideF r = __builtin_elementwise_fma(whole, (WideF)2.12194440055e-4f, near);
  WideF part = 1.388888889e-3f;
  part = part * r + 8.333333333e-3f;
  part = part * r + 4.166666667e-2f;
  part = part * r + 1.666666667e-1f;
  part = part * r + 0.5f;
  part = part * (r * r) + r;  // e^r - 1
  const WideU exponent = __builtin_bit_cast(WideU, whole + 0x1.8p23f) << 23u;
  const WideF power = __builtin_bit_cast(WideF, exponent + 0x3f800000u);
  const WideF m = __builtin_elementwise_fma(power, part, power - 1.0f);
  return __builtin_elementwise_copysign(m / (m + 2.0f), x);
}

struct SoftcapParams {
  float cap;
  uint n;
};

/// elementwise/softcap.metal for a core that takes the elements of several threadgroups.
template <class T>
kernel void softcap(device const T* x [[buffer(0)]],
                    device T* y [[buffer(1)]],
                    constant SoftcapParams& p [[buffer(2)]],
                    uint group [[threadgroup_position_in_grid]],
                    uint size [[dispatch_threads_per_threadgroup]]) {
  const float cap = p.cap;
  over_share(group, size, p.n, [=](uint i) { Wide::store(y + i, tanh_of(Wide::load(x + i) / cap) * cap); },
             [=](uint i) { y[i] = T(tanh_of(alone(x + i) / cap)[0] * cap); });
}

#define INSTANTIATE(name, T) \
  template [[host_name("gelu_" name)]] kernel void gelu<T>(device const T*, device T*, uint, uint, uint); \
  template [[host_name("softcap_" name)]] kernel void softcap<T>(device const T*, device T*, constant SoftcapParams&, uint, uint);
INSTANTIATE("f16", half)
INSTANTIATE("bf16", bfloat)
