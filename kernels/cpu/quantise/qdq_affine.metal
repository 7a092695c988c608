#include <metal_stdlib>
#include "cpu/wide.h"
using namespace metal;
using namespace anymetal;

// kernels: qdq_affine_init_f32 qdq_affine_forward_f32 qdq_affine_backward_scales_f32 qdq_affine_backward_biases_f32

// The largest of 16 numbers: choices are single instructions, maxima that mind NaN are three.
inline float largest_lane(WideF v) {
  typedef float Float4 __attribute__((ext_vector_type(4)));
  const Float8 eight = v.lo > v.hi ? v.lo : v.hi;
  const Float4 four = eight.lo > eight.hi ? eight.lo : eight.hi, turned = four.zwxy, two = four > turned ? four : turned;
  return two.x > two.y ? two.x : two.y;
}

struct FitParams {
  uint group_size, bins;
};

/// quantise/qdq_affine.metal for a core that takes the group of a threadgroup.
kernel void qdq_affine_init_f32(device const float* w [[buffer(0)]],
                                device float* scales [[buffer(1)]],
                                device float* biases [[buffer(2)]],
                                device uchar* codes [[buffer(3)]],
                                device const FitParams& p [[buffer(4)]],
                                threadgroup float* scratch [[threadgroup(0)]],
                                uint group [[threadgroup_position_in_grid]]) {
// Codes depend on single roundings: every division is IEEE.
#pragma METAL fp math_mode(safe)
#pragma METAL fp contract(off)
  const uint n = p.group_size;
  const float last = float(p.bins - 1);
  w += ulong(group) * n;
  codes += ulong(group) * n;
  WideF least = INFINITY, most = -INFINITY;
  uint i = 0;
  for (; i + 16 <= n; i += 16) {
    const WideF v = Wide::load(w + i);
    least = v < least ? v : least, most = v > most ? v : most;
  }
  float low = -largest_lane(-least), high = largest_lane(most);
#pragma clang loop vectorize(disable) unroll(disable)
  for (; i < n; ++i) low = min(low, w[i]), high = max(high, w[i]);
  const float step = (high - low) / last, scale = step > 0.0f ? step : 1.0f;
  for (i = 0; i + 16 <= n; i += 16) {
    const WideF rounded = __builtin_elementwise_round((Wide::load(w + i) - low) / scale);
    const WideF held = rounded > 0.0f ? rounded : (WideF)0.0f, code = held < last ? held : (WideF)last;
    // The sum's low bits are the code.
    *(device UnalignedBytes16*)(codes + i) = __builtin_convertvector(__builtin_bit_cast(WideU, code + 0x1.8p23f), UnalignedBytes16);
  }
#pragma clang loop vectorize(disable) unroll(disable)
  for (; i < n; ++i) codes[i] = uchar(clamp(round((w[i] - low) / scale), 0.0f, last));
  scales[group] = scale, biases[group] = low;
}

struct ForwardParams {
  uint n, group_size;
};

/// quantise/qdq_affine.metal for a core that takes all elements of a threadgroup.
kernel void qdq_affine_forward_f32(device const uchar* codes [[buffer(0)]],
                                   device const float* scales [[buffer(1)]],
                                   device const float* biases [[buffer(2)]],
                                   device float* out [[buffer(3)]],
                                   device const ForwardParams& p [[buffer(4)]],
                                   uint at [[threadgroup_position_in_grid]],
                                   uint size [[dispatch_threads_per_threadgroup]]) {
  const ulong group_size = p.group_size, end = min((ulong(at) + 1) * size, ulong(p.n));
  for (ulong i = ulong(at) * size; i < end;) {
    const ulong group = i / group_size, stop = min(end, (group + 1) * group_size);
    const float scale = scales[group], bias = biases[group];
    for (; i + 16 <= stop; i += 16) Wide::store(out + i, Wide::to_float(Wide::bytes(codes + i)) * scale + bias);
    for (; i < stop; ++i) out[i] = float(codes[i]) * scale + bias;
  }
}

// The sum of value(i) of 16 elements each and last(i) of one each over n elements.
template <class Value, class Last>
float sum_of(uint n, Value value, Last last) {
  WideF sums[2] = {};
  uint i = 0;
  for (; i + 32 <= n; i += 32) {
    sums[0] += value(i);
    sums[1] += value(i + 16);
  }
  for (; i + 16 <= n; i += 16) sums[0] += value(i);
  float sum = Wide::sum(sums[0] + sums[1]);
  for (; i < n; ++i) sum += last(i);
  return sum;
}

/// quantise/qdq_affine.metal for a core that takes the group of a threadgroup.
kernel void qdq_affine_backward_scales_f32(device const uchar* codes [[buffer(0)]],
                                           device const float* dy [[buffer(1)]],
                                           device float* d_scales [[buffer(2)]],
                                           device const uint& group_size [[buffer(3)]],
                                           threadgroup float* scratch [[threadgroup(0)]],
                                           uint group [[threadgroup_position_in_grid]]) {
  const uint n = group_size;
  codes += ulong(group) * n;
  dy += ulong(group) * n;
  d_scales[group] = sum_of(
      n, [=](uint i) { return Wide::to_float(Wide::bytes(codes + i)) * Wide::load(dy + i); },
      [=](uint i) { return float(codes[i]) * dy[i]; });
}

/// quantise/qdq_affine.metal for a core that takes the group of a threadgroup.
kernel void qdq_affine_backward_biases_f32(device const float* dy [[buffer(0)]],
                                           device float* d_biases [[buffer(1)]],
                                           device const uint& group_size [[buffer(2)]],
                                           threadgroup float* scratch [[threadgroup(0)]],
                                           uint group [[threadgroup_position_in_grid]]) {
  const uint n = group_size;
  dy += ulong(group) * n;
  d_biases[group] = sum_of(n, [=](uint i) { return Wide::load(dy + i); }, [=](uint i) { return dy[i]; });
}
