#include <metal_stdlib>
#include "cpu/wide.h"
using namespace metal;
using namespace anymetal;

// kernels: gated_delta_net_f32 gated_delta_net_decode_f32_1 gated_delta_net_decode_f32_2 gated_delta_net_decode_f32_4

struct DeltaParams {
  uint key_dim, value_dim, key_heads, heads, tokens, sequences, unused[2];
};

constant constexpr uint kMaxKeys = 128;
constant constexpr uint kStateRows = 32;  // side by side, as two vectors: a key is one number for all of them

/// recurrent/gated_delta_net.metal for a core that takes all rows of a head's state, 32 at a time over all tokens.
kernel void gated_delta_net_f32(device const float* q [[buffer(0)]],
                                device const float* k [[buffer(1)]],
                                device const float* v [[buffer(2)]],
                                device const float* g [[buffer(3)]],
                                device const float* beta [[buffer(4)]],
                                device const float* state_in [[buffer(5)]],
                                device float* o [[buffer(6)]],
                                device float* state_out [[buffer(7)]],
                                constant DeltaParams& params [[buffer(8)]],
                                uint3 group [[threadgroup_position_in_grid]]) {
  const DeltaParams p = params;
  const uint K = p.key_dim, head = group.x, sequence = group.y;
  if (head >= p.heads || sequence >= p.sequences || K > kMaxKeys || p.key_heads == 0) return;
  for (uint first = 0; first < p.value_dim; first += kStateRows) {
    const uint rows = min(kStateRows, p.value_dim - first);
    const ulong row = ((ulong(sequence) * p.heads + head) * p.value_dim + first) * K;
    alignas(64) float s[kMaxKeys][kStateRows] = {}, values[kStateRows] = {}, results[kStateRows];
    for (uint i = 0; i < rows; ++i) {
#pragma clang loop vectorize(disable)
      for (uint j = 0; j < K; ++j) s[j][i] = state_in[row + ulong(i) * K + j];
    }
    for (uint t = 0; t < p.tokens; ++t) {
      const ulong token = ulong(sequence) * p.tokens + t, at = token * p.heads + head;
      device const float *key = k + (token * p.key_heads + head % p.key_heads) * K,
                         *query = q + (token * p.key_heads + head % p.key_heads) * K;
      const float decay = precise::exp(-g[at]);
      WideF prediction[2] = {};
#pragma unroll 4
      for (uint j = 0; j < K; ++j) {
        prediction[0] += Wide::load(s[j]) * key[j];
        prediction[1] += Wide::load(s[j] + 16) * key[j];
      }
#pragma clang loop vectorize(disable) unroll(disable)
      for (uint i = 0; i < rows; ++i) values[i] = v[at * p.value_dim + first + i];
      const WideF write[2] = {beta[at] * (Wide::load(values) - decay * prediction[0]),
                              beta[at] * (Wide::load(values + 16) - decay * prediction[1])};
      WideF out[2] = {};
#pragma unroll 4
      for (uint j = 0; j < K; ++j) {
        const WideF low = Wide::load(s[j]) * decay + write[0] * key[j], high = Wide::load(s[j] + 16) * decay + write[1] * key[j];
        Wide::store(s[j], low);
        Wide::store(s[j] + 16, high);
        out[0] += low * query[j];
        out[1] += high * query[j];
      }
      device float* to = o + at * p.value_dim + first;
      if (rows == kStateRows) {
        Wide::store(to, out[0]);
        Wide::store(to + 16, out[1]);
        continue;
      }
      Wide::store(results, out[0]);
      Wide::store(results + 16, out[1]);
#pragma clang loop vectorize(disable) unroll(disable)
      for (uint i = 0; i < rows; ++i) to[i] = results[i];
    }
    for (uint i = 0; i < rows; ++i) {
#pragma clang loop vectorize(disable)
      for (uint j = 0; j < K; ++j) state_out[row + ulong(i) * K + j] = s[j][i];
    }
  }
}

/// recurrent/gated_delta_net.metal for a core that takes a threadgroup's kCells rows of the state, each in registers.
template <uint kCells>
kernel void gated_delta_net_decode(device const float* q [[buffer(0)]],
                                   device const float* k [[buffer(1)]],
                                   device const float* v [[buffer(2)]],
                                   device const float* g [[buffer(3)]],
                                   device const float* beta [[buffer(4)]],
                                   device const float* state_in [[buffer(5)]],
                                   device float* o [[buffer(6)]],
                                   device float* state_out [[buffer(7)]],
                                   constant DeltaParams& params [[buffer(8)]],
                                   uint3 group [[threadgroup_position_in_grid]]) {
  constexpr uint kKeys = 32 * kCells, kVectors = kKeys / 16;
  const DeltaParams p = params;
  const uint head = group.y, sequence = group.z;
  if (head >= p.heads || sequence >= p.sequences || p.key_dim != kKeys || p.key_heads == 0) return;
  const uint first = min(group.x * kCells, p.value_dim), last = min(first + kCells, p.value_dim);
  for (uint i = first; i < last; ++i) {
    const ulong row = ((ulong(sequence) * p.heads + head) * p.value_dim + i) * kKeys;
    WideF s[kVectors];
    for (uint j = 0; j < kVectors; ++j) s[j] = Wide::load(state_in + row + 16 * j);
    for (uint t = 0; t < p.tokens; ++t) {
      const ulong token = ulong(sequence) * p.tokens + t, at = token * p.heads + head;
      const ulong keys = (token * p.key_heads + head % p.key_heads) * kKeys;
      const float decay = precise::exp(-g[at]);
      WideF prediction = 0.0f;
      for (uint j = 0; j < kVectors; ++j) {
        s[j] *= decay;
        prediction += s[j] * Wide::load(k + keys + 16 * j);
      }
      const float write = beta[at] * (v[at * p.value_dim + i] - Wide::sum(prediction));
      WideF out = 0.0f;
      for (uint j = 0; j < kVectors; ++j) {
        s[j] += write * Wide::load(k + keys + 16 * j);
        out += s[j] * Wide::load(q + keys + 16 * j);
      }
      o[at * p.value_dim + i] = Wide::sum(out);
    }
    for (uint j = 0; j < kVectors; ++j) Wide::store(state_out + row + 16 * j, s[j]);
  }
}

#define INSTANTIATE(cells) \
  template [[host_name("gated_delta_net_decode_f32_" #cells)]] kernel void gated_delta_net_decode<cells>( \
      device const float*, device const float*, device const float*, device const float*, device const float*, \
      device const float*, device float*, device float*, constant DeltaParams&, uint3);
INSTANTIATE(1)
INSTANTIATE(2)
INSTANTIATE(4)
