#include <metal_stdlib>
#include "common/reduce.h"
#include "common/shares.h"
using namespace metal;
using namespace anymetal;

/// p = softmax(x / T), and one draw from it: the first token of positive probability at which the running sum of p reaches
/// u, or the last such token where rounding keeps the sum below u. logprob = ln p[token]. Where p is NaN the token is n - 1.
///
/// buffer 0: x f32 [n]; 1: p f32 [n]; 2: token u32 [1]; 3: logprob f32 [1]; 4: params f32 {n, T, u}, T > 0, 0 <= u < 1;
/// threadgroup 0: one float per simdgroup
/// grid: one threadgroup of any size. tolerance: p 1e-5, logprob 1e-4; where the running sum is within 1e-5 of u the token
/// after it may be drawn
kernel void softmax_sample_f32(device const float* x [[buffer(0)]],
                               device float* probabilities [[buffer(1)]],
                               device uint* out_token [[buffer(2)]],
                               device float* out_logprob [[buffer(3)]],
                               constant float* params [[buffer(4)]],
                               threadgroup float* masses [[threadgroup(0)]],
                               uint index [[thread_index_in_threadgroup]],
                               uint size [[threads_per_threadgroup]],
                               uint lane [[thread_index_in_simdgroup]],
                               uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  const Team team = {index, size, lane, simdgroup};
  const uint n = uint(params[0]);
  const float inverse_temperature = 1.0f / params[1], u = params[2];
  const auto score = [&](uint i) { return x[i] * inverse_temperature; };

  // Each simdgroup owns a run of tokens and its lanes take turns: a thread reads only probabilities that it wrote.
  const uint simdgroups = (size + 31) / 32, lanes = own_simdgroup(team).size;
  const uint share = (n + simdgroups - 1) / simdgroups;
  const uint begin = min(n, simdgroup * share), end = min(n, begin + share);
  float top = -INFINITY;
  const uint count = end - begin;
  for_share(count, lane, lanes, [&](uint i) { return score(begin + i); }, [&](uint, float v) { top = max(top, v); });
  top = threadgroup_max(top, masses, team);

  float mass = 0.0f;
  for_share(count, lane, lanes, [&](uint i) { return score(begin + i); }, [&](uint i, float v) {
    const float e = exp(v - top);
    probabilities[begin + i] = e;
    mass += e;
  });
  mass = simd_sum(mass);
  if (lane == 0) masses[simdgroup] = mass;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  float total = 0.0f;
  for (uint s = 0; s < simdgroups; ++s) total += masses[s];
  const float inverse = 1.0f / total;
  for_share(count, lane, lanes, [&](uint i) { return probabilities[begin + i]; }, [&](uint i, float e) { probabilities[begin + i] = e * inverse; });

  // The draw falls into the first run at whose end the sum reaches u, else into the last one with any probability.
  uint owner = 0;
  float sum = 0.0f, reached = 0.0f;
  for (uint s = 0; s < simdgroups && !(reached > 0.0f && reached >= u); ++s) {
    if (!(masses[s] > 0.0f)) continue;
    owner = s;
    sum = reached;
    reached += masses[s] * inverse;
  }
  if (simdgroup != owner) return;

  uint token = max(n, 1u) - 1;
  for (uint first = begin; first < end; first += lanes) {
    const uint i = first + lane;
    const float p = i < end ? probabilities[i] : 0.0f;
    const uint hit = simd_min(p > 0.0f && sum + simd_prefix_inclusive_sum(p) >= u ? i : n);
    const uint possible = simd_max(p > 0.0f ? i + 1 : 0);
    if (possible > 0) token = possible - 1;
    if (hit < n) {
      token = hit;
      break;
    }
    sum += simd_sum(p);
  }
  if (lane != 0) return;
  out_token[0] = token;
  out_logprob[0] = score(token) - top + precise::log(inverse);
}
