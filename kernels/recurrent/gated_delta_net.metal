#include <metal_stdlib>
#include "common/lanes.h"
#include "common/nvidia.h"
#if ANYMETAL_NVIDIA
#include "nvidia/query_blocks.h"
#endif
using namespace metal;
using namespace anymetal;

// kernels: gated_delta_net_f32 gated_delta_net_decode_f32_1 gated_delta_net_decode_f32_2 gated_delta_net_decode_f32_4

// The gated delta rule token by token (Yang et al., arXiv 2412.06464), per sequence and head with a state S [V, K]:
//   S = exp(-g) S;  S += beta (v - S k) k^T;  o = S q
// Heads share keys and queries in turn: head h reads key head h mod Hg.

struct DeltaParams {
  uint key_dim, value_dim, key_heads, heads, tokens, sequences, unused[2];
};
static_assert(sizeof(DeltaParams) == 32, "layout");

constant uint kMaxKeys = 128;

// Eight elements, zeros from the n-th on.
inline Lanes<8>::F load_up_to(device const float* p, uint n) {
  if (n >= 8) return Lanes<8>::load(p);
  Lanes<8>::F v = {};
  for (uint i = 0; i < n; ++i) v[i] = p[i];
  return v;
}

#if ANYMETAL_NVIDIA
// From 16 sums that every lane has a part of, lane i gets that of i mod 16.
inline float spread_16(thread float (&parts)[32], uint lane) {
  fold_sums<8>(parts, lane);
  fold_sums<4>(parts, lane);
  fold_sums<2>(parts, lane);
  fold_sums<1>(parts, lane);
  return parts[0] + simd_shuffle_xor(parts[0], ushort(16));
}

// gated_delta_net_f32 for K = kKeys, for rows `first` .. first + 15 of the state by a
// simdgroup: a lane holds kKeys / 32 cells of each and knows the sums of one.
template <uint kKeys, bool kAligned>
void delta_rows(device const float* q, device const float* k, device const float* v, device const float* g, device const float* beta,
                device const float* state_in, device float* o, device float* state_out, DeltaParams p, uint head, uint sequence,
                uint first, uint lane) {
  constexpr uint kRows = 16, kCells = kKeys / 32;
  const ulong cells = ((ulong(sequence) * p.heads + head) * p.value_dim + first) * kKeys + lane * kCells;
  const uint own = first + lane % kRows;
  float s[kRows][kCells];
  for (uint r = 0; r < kRows; ++r) load_floats<kAligned>(s[r], state_in + cells + r * kKeys);
  for (uint t = 0; t < p.tokens; ++t) {
    const ulong token = ulong(sequence) * p.tokens + t, at = token * p.heads + head;
    const ulong keys = (token * p.key_heads + head % p.key_heads) * kKeys + lane * kCells;
    float key[kCells], query[kCells], parts[32];
    load_floats<kAligned>(key, k + keys);
    load_floats<kAligned>(query, q + keys);
    const float decay = precise::exp(-g[at]);
    for (uint r = 0; r < kRows; ++r) {
      parts[r] = 0.0f;
      for (uint c = 0; c < kCells; ++c) {
        s[r][c] *= decay;
        parts[r] = fma(s[r][c], key[c], parts[r]);  // in this order, whatever the loads are
      }
    }
    const float write = beta[at] * (v[at * p.value_dim + own] - spread_16(parts, lane));
    for (uint r = 0; r < kRows; ++r) {
      const float row_write = simd_shuffle(write, ushort(r));
      parts[r] = 0.0f;
      for (uint c = 0; c < kCells; ++c) {
        s[r][c] = fma(row_write, key[c], s[r][c]);
        parts[r] = fma(s[r][c], query[c], parts[r]);
      }
    }
    const float out = spread_16(parts, lane);
    if (lane < kRows) o[at * p.value_dim + own] = out;
  }
  for (uint r = 0; r < kRows; ++r) {
    for (uint c = 0; c < kCells; ++c) state_out[cells + r * kKeys + c] = s[r][c];
  }
}

// From kRows sums that every lane has a part of, lane i gets that of i mod kRows.
template <uint kRows>
float spread_rows(thread float (&parts)[32], uint lane) {
  if (kRows > 4) fold_sums<4>(parts, lane);
  fold_sums<2>(parts, lane);
  fold_sums<1>(parts, lane);
  float sum = parts[0];
  for (ushort distance = kRows; distance < 32; distance *= 2) sum += simd_shuffle_xor(sum, distance);
  return sum;
}

// gated_delta_net_decode for kRows rows of the state, kCells apart from `first` on, by a simdgroup that knows the sums of a row in every kRows-th lane.
template <uint kCells, uint kRows, bool kAligned>
void decode_rows(device const float* q, device const float* k, device const float* v, device const float* g, device const float* beta, device const float* state_in,
                 device float* o, device float* state_out, DeltaParams p, uint head, uint sequence, uint first, uint lane) {
  const uint cell = lane * kCells, end = p.value_dim, own = min(first + lane % kRows * kCells, end - 1);
  const ulong states = (ulong(sequence) * p.heads + head) * end;
  const auto cells = [&](uint r) { return (states + min(first + r * kCells, end - 1)) * (32 * kCells) + cell; };
  float s[kRows][kCells];
  for (uint r = 0; r < kRows; ++r) load_floats<kAligned>(s[r], state_in + cells(r));
  for (uint t = 0; t < p.tokens; ++t) {
    const ulong token = ulong(sequence) * p.tokens + t, at = token * p.heads + head;
    const ulong keys = (token * p.key_heads + head % p.key_heads) * (32 * kCells) + cell;
    float key[kCells], query[kCells], parts[32];
    load_floats<kAligned>(key, k + keys);
    load_floats<kAligned>(query, q + keys);
    const float decay = precise::exp(-g[at]), value = v[at * end + own];
    for (uint r = 0; r < kRows; ++r) {
      parts[r] = 0.0f;
      for (uint c = 0; c < kCells; ++c) {
        s[r][c] *= decay;
        parts[r] = fma(s[r][c], key[c], parts[r]);  // in this order, whatever the loads are
      }
    }
    const float write = beta[at] * (value - spread_rows<kRows>(parts, lane));
    for (uint r = 0; r < kRows; ++r) {
      const float row_write = simd_shuffle(write, ushort(r));
      parts[r] = 0.0f;
      for (uint c = 0; c < kCells; ++c) {
        s[r][c] = fma(row_write, key[c], s[r][c]);
        parts[r] = fma(s[r][c], query[c], parts[r]);
      }
    }
    const float out = spread_rows<kRows>(parts, lane);
    if (lane < kRows && first + lane * kCells < end) o[at * end + own] = out;
  }
  for (uint r = 0; r < kRows; ++r) {
    if (first + r * kCells >= end) continue;
    if (kAligned) {
      for (uint c = 0; c < kCells; c += 2) *(device float2*)(state_out + cells(r) + c) = float2(s[r][c], s[r][c + 1]);
    } else {
      for (uint c = 0; c < kCells; ++c) state_out[cells(r) + c] = s[r][c];
    }
  }
}
#endif

/// A thread owns one row of the state, in private memory over all tokens.
///
/// buffer 0: q [B, T, Hg, K]; 1: k [B, T, Hg, K]; 2: v [B, T, H, V]; 3: g [B, T, H]; 4: beta [B, T, H]; 5: S [B, H, V, K];
/// 6: o [B, T, H, V]; 7: S after the last token; 8: u32 {K, V, Hg, H, T, B, unused, unused}. Nothing is written for K > 128
/// grid: threadgroups (H, B), V threads. The new S may be the old one. tolerance: 1e-6 of the largest |ref| + 3e-8
kernel void gated_delta_net_f32(device const float* q [[buffer(0)]],
                                device const float* k [[buffer(1)]],
                                device const float* v [[buffer(2)]],
                                device const float* g [[buffer(3)]],
                                device const float* beta [[buffer(4)]],
                                device const float* state_in [[buffer(5)]],
                                device float* o [[buffer(6)]],
                                device float* state_out [[buffer(7)]],
                                constant DeltaParams& params [[buffer(8)]],
                                uint3 group [[threadgroup_position_in_grid]],
                                uint i [[thread_index_in_threadgroup]]) {
  typedef Lanes<8> L;
  const DeltaParams p = params;
  const uint K = p.key_dim, head = group.x, sequence = group.y;
  if (head >= p.heads || sequence >= p.sequences || i >= p.value_dim || K > kMaxKeys || p.key_heads == 0) return;

#if ANYMETAL_NVIDIA
  if (p.value_dim % 32 == 0 && (K == 64 || K == 128)) {
    const bool aligned = (((ulong)q | (ulong)k | (ulong)state_in) & 15) == 0;
    for (uint half = 0; half < 2; ++half) {
      const uint first = i - i % 32 + 16 * half;
#define ROWS(keys, is_aligned) \
  if (K == keys && aligned == is_aligned) \
    delta_rows<keys, is_aligned>(q, k, v, g, beta, state_in, o, state_out, p, head, sequence, first, i % 32);
      ROWS(64, true) ROWS(64, false) ROWS(128, true) ROWS(128, false)
#undef ROWS
    }
    return;
  }
#endif
  const ulong row = ((ulong(sequence) * p.heads + head) * p.value_dim + i) * K;
  L::F s[kMaxKeys / 8];
  for (uint j = 0; j < K; j += 8) s[j / 8] = load_up_to(state_in + row + j, K - j);

  for (uint t = 0; t < p.tokens; ++t) {
    const ulong token = ulong(sequence) * p.tokens + t, at = token * p.heads + head;
    const ulong keys = (token * p.key_heads + head % p.key_heads) * K;
    const float decay = precise::exp(-g[at]);
    L::F prediction = {};
    for (uint j = 0; j < K; j += 8) {
      s[j / 8] *= decay;
      prediction += s[j / 8] * load_up_to(k + keys + j, K - j);
    }
    const float write = beta[at] * (v[at * p.value_dim + i] - L::sum(prediction));
    L::F out = {};
    for (uint j = 0; j < K; j += 8) {
      s[j / 8] += write * load_up_to(k + keys + j, K - j);
      out += s[j / 8] * load_up_to(q + keys + j, K - j);
    }
    o[at * p.value_dim + i] = L::sum(out);
  }
  for (uint j = 0; j < K; ++j) state_out[row + j] = s[j / 8][j % 8];
}

/// gated_delta_net_f32 with a simdgroup to a row of the state: K = 32 kCells, each lane holds kCells of the row's cells. For
/// few tokens on a GPU.
///
/// buffers and aliasing: gated_delta_net_f32. Nothing is written for any other K
/// grid: threadgroups (V / kCells, H, B), threads (32, kCells); y counts rows. tolerance: as gated_delta_net_f32
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
                                   uint3 group [[threadgroup_position_in_grid]],
                                   uint3 thread_at [[thread_position_in_threadgroup]]) {
  const DeltaParams p = params;
  const uint K = p.key_dim, head = group.y, sequence = group.z, i = group.x * kCells + thread_at.y;
  if (head >= p.heads || sequence >= p.sequences || i >= p.value_dim || K != 32 * kCells || p.key_heads == 0) return;

#if ANYMETAL_NVIDIA
  // A row is too little to start a simdgroup for: every kRows-th threadgroup does those of the ones after it, too.
  constexpr uint kRows = kCells == 4 ? 4 : 8;
  nvidia::take_every_threadgroup<kRows>();
  if (group.x % kRows != 0) return;
  if (kCells > 1 && (((ulong)q | (ulong)k | (ulong)state_in | (ulong)state_out) & 15) == 0) {
    decode_rows<kCells, kRows, (kCells > 1)>(q, k, v, g, beta, state_in, o, state_out, p, head, sequence, i, thread_at.x);
  } else {
    decode_rows<kCells, kRows, false>(q, k, v, g, beta, state_in, o, state_out, p, head, sequence, i, thread_at.x);
  }
  return;
#endif
  const uint cell = thread_at.x * kCells;
  const ulong row = ((ulong(sequence) * p.heads + head) * p.value_dim + i) * K + cell;
  float s[kCells];
  for (uint j = 0; j < kCells; ++j) s[j] = state_in[row + j];

  for (uint t = 0; t < p.tokens; ++t) {
    const ulong token = ulong(sequence) * p.tokens + t, at = token * p.heads + head;
    const ulong keys = (token * p.key_heads + head % p.key_heads) * K + cell;
    const float decay = precise::exp(-g[at]);
    float prediction = 0.0f;
    for (uint j = 0; j < kCells; ++j) {
      s[j] *= decay;
      prediction += s[j] * k[keys + j];
    }
    const float write = beta[at] * (v[at * p.value_dim + i] - simd_sum(prediction));
    float out = 0.0f;
    for (uint j = 0; j < kCells; ++j) {
      s[j] += write * k[keys + j];
      out += s[j] * q[keys + j];
    }
    out = simd_sum(out);
    if (thread_at.x == 0) o[at * p.value_dim + i] = out;
  }
  for (uint j = 0; j < kCells; ++j) state_out[row + j] = s[j];
}

#define INSTANTIATE(cells) \
  template [[host_name("gated_delta_net_decode_f32_" #cells)]] kernel void gated_delta_net_decode<cells>( \
      device const float*, device const float*, device const float*, device const float*, device const float*, \
      device const float*, device float*, device float*, constant DeltaParams&, uint3, uint3);
INSTANTIATE(1)
INSTANTIATE(2)
INSTANTIATE(4)
