#include <metal_stdlib>
#include "common/lanes.h"
using namespace metal;
using namespace anymetal;

// kernels: ssm_conv_state_update_f32 ssm_conv_state_update_bf16

struct ConvShape {
  uint channels, tokens, sequences, width;
};

typedef ushort Ushort16 __attribute__((ext_vector_type(16)));

// Sixteen elements as bits, at any address.
template <class T>
struct Bits {
  typedef Ushort16 V;
  typedef UnalignedUshort16 Unaligned;
};
template <>
struct Bits<float> {
  typedef Uint16 V;
  typedef uint Unaligned __attribute__((ext_vector_type(16), aligned(4)));
};

// Sixteen channels of three rows that lie `pitch` apart, channel after channel.
template <class T>
void interleave_three(device const T* x, ulong pitch, device T* to) {
  typedef typename Bits<T>::V V;
  typedef typename Bits<T>::Unaligned Unaligned;
  const V a = *(device const Unaligned*)x, b = *(device const Unaligned*)(x + pitch), c = *(device const Unaligned*)(x + 2 * pitch);
  const V ab0 = __builtin_shufflevector(a, b, 0, 16, -1, 1, 17, -1, 2, 18, -1, 3, 19, -1, 4, 20, -1, 5);
  const V ab1 = __builtin_shufflevector(a, b, 21, -1, 6, 22, -1, 7, 23, -1, 8, 24, -1, 9, 25, -1, 10, 26);
  const V ab2 = __builtin_shufflevector(a, b, -1, 11, 27, -1, 12, 28, -1, 13, 29, -1, 14, 30, -1, 15, 31, -1);
  *(device Unaligned*)to = __builtin_shufflevector(ab0, c, 0, 1, 16, 3, 4, 17, 6, 7, 18, 9, 10, 19, 12, 13, 20, 15);
  *(device Unaligned*)(to + 16) = __builtin_shufflevector(ab1, c, 0, 21, 2, 3, 22, 5, 6, 23, 8, 9, 24, 11, 12, 25, 14, 15);
  *(device Unaligned*)(to + 32) = __builtin_shufflevector(ab2, c, 26, 1, 2, 27, 4, 5, 28, 7, 8, 29, 10, 11, 30, 13, 14, 31);
}

/// recurrent/ssm_conv.metal for a core that takes all channels of a threadgroup.
template <class T>
kernel void ssm_conv_state_update(device const T* x [[buffer(0)]],
                                  device const T* old_state [[buffer(1)]],
                                  device T* new_state [[buffer(2)]],
                                  constant ConvShape& shape [[buffer(3)]],
                                  uint3 group [[threadgroup_position_in_grid]],
                                  uint3 size [[dispatch_threads_per_threadgroup]]) {
  const ConvShape s = shape;
  const uint past = s.width - 1;
  const uint begin = min(group.y * size.y, s.channels), end = min(begin + size.y, s.channels);
  const uint first = min(group.z * size.z, s.sequences), last = min(first + size.z, s.sequences);
  if (group.x != 0) return;
  const uint rest = past == 3 && s.tokens >= 3 ? end - (end - begin) % 16 : begin;  // the first channel that is taken alone
  for (uint sequence = first; sequence < last; ++sequence) {
    device const T* tokens = x + (ulong(sequence) * s.tokens + s.tokens - 3) * s.channels;
    for (uint c = begin; c < rest; c += 16)
      interleave_three(tokens + c, s.channels, new_state + (ulong(sequence) * s.channels + c) * 3);
  }
  for (uint sequence = first; sequence < last; ++sequence) {
    device const T* tokens = x + ulong(sequence) * s.tokens * s.channels;
    const ulong state = ulong(sequence) * s.channels * past;
    for (uint i = 0; i < past; ++i) {
      const uint at = s.tokens + i;  // of the old state followed by the tokens
      const bool is_old = at < past;
      const ulong step = is_old ? past : 1;
      device const T* from = is_old ? old_state + state + at : tokens + ulong(at - past) * s.channels;
#pragma clang loop vectorize(disable)
      for (uint j = rest; j < end; ++j) new_state[state + ulong(j) * past + i] = from[j * step];
    }
  }
}

#define INSTANTIATE(name, T) \
  template [[host_name("ssm_conv_state_update_" name)]] kernel void ssm_conv_state_update<T>( \
      device const T*, device const T*, device T*, constant ConvShape&, uint3, uint3);
INSTANTIATE("f32", float)
INSTANTIATE("bf16", bfloat)
