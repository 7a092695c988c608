#include <metal_stdlib>
#include "cpu/register_sum.h"
#include "cpu/share.h"
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

constant constexpr uint kRowsTogether = 8;  // of a decoded state, whose sums are made at once

/// recurrent/gated_delta_net.metal for a core that takes the rows of several threadgroups, as a threadgroup has kCells of them only: eight
/// together go through the state twice for each token, and leave for the memory what the last one makes of it.
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
  constexpr uint kKeys = 32 * kCells, kRows = kRowsTogether;
  const DeltaParams p = params;
  const uint head = group.y, sequence = group.z;
  if (head >= p.heads || sequence >= p.sequences || p.key_dim != kKeys || p.key_heads == 0) return;
  const uint2 share = share_of(group.x, kCells, p.value_dim, 64);
  const ulong matrix = (ulong(sequence) * p.heads + head) * p.value_dim;
  const ulong cells = ulong(p.sequences) * p.heads * p.value_dim * kKeys;
  const bool stream = state_in != state_out && is_streamed(state_out, 2 * sizeof(float) * cells);
  for (uint first = share.x; first < share.y; first += kRows) {
    const uint rows = min(kRows, share.y - first);
    device const float* from[kRows];  // past the end the last one again
    for (uint r = 0; r < kRows; ++r) from[r] = state_in + (matrix + first + min(r, rows - 1)) * kKeys;
    alignas(64) float s[kRows][kKeys];
    if (p.tokens == 0) {
      for (uint j = 0; j < rows * kKeys; j += 16) Wide::store(state_out + (matrix + first) * kKeys + j, Wide::load(from[0] + j));
      continue;
    }
    for (uint t = 0; t < p.tokens; ++t) {
      const ulong token = ulong(sequence) * p.tokens + t, at = token * p.heads + head;
      const ulong keys = (token * p.key_heads + head % p.key_heads) * kKeys;
      const float decay = precise::exp(-g[at]);
      RegisterSum prediction[kRows], out[kRows];
#pragma unroll 1
      for (uint j = 0; j < kKeys; j += 16) {
        const WideF key = Wide::load(k + keys + j);
#pragma unroll
        for (uint r = 0; r < kRows; ++r) {
          if (t == 0) __builtin_prefetch(from[r] + kRows * kKeys + j);  // eight rows in turn are no run of memory
          const WideF decayed = (t == 0 ? Wide::load(from[r] + j) : Wide::load(s[r] + j)) * decay;
          Wide::store(s[r] + j, decayed);
          prediction[r].add(decayed, key);
        }
      }
      float write[kRows] = {};
      device const float* values = v + at * p.value_dim + first;
      for (uint r = 0; r < rows; ++r) write[r] = values[r];
      Lanes<8>::store(write, beta[at] * (Lanes<8>::load(write) - added_up(prediction)));
      const bool is_last = t + 1 == p.tokens;
#pragma unroll 1
      for (uint j = 0; j < kKeys; j += 16) {
        const WideF key = Wide::load(k + keys + j), query = Wide::load(q + keys + j);
#pragma unroll
        for (uint r = 0; r < kRows; ++r) {
          const WideF written = Wide::load(s[r] + j) + write[r] * key;
          out[r].add(written, query);
          if (!is_last) {
            Wide::store(s[r] + j, written);
          } else if (r < rows) {
            wide_stream(state_out + (matrix + first + r) * kKeys + j, written, stream);
          }
        }
      }
      store_up_to(o + at * p.value_dim + first, added_up(out), rows);
    }
  }
}

#define INSTANTIATE(cells) \
  template [[host_name("gated_delta_net_decode_f32_" #cells)]] kernel void gated_delta_net_decode<cells>( \
      device const float*, device const float*, device const float*, device const float*, device const float*, \
      device const float*, device float*, device float*, constant DeltaParams&, uint3);
INSTANTIATE(1)
INSTANTIATE(2)
INSTANTIATE(4)
