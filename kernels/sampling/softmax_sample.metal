#include <metal_stdlib>
#include "common/softmax.h"
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
                               threadgroup float* scratch [[threadgroup(0)]],
                               uint index [[thread_index_in_threadgroup]],
                               uint size [[threads_per_threadgroup]],
                               uint lane [[thread_index_in_simdgroup]],
                               uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  const Team team = {index, size, lane, simdgroup};
  const uint n = uint(params[0]);
  const float inverse_temperature = 1.0f / params[1], u = params[2];
  const auto score = [&](uint i) { return x[i] * inverse_temperature; };
  const SoftmaxScale scale = softmax_scale(n, scratch, team, score);

  // Each thread owns a run of tokens; only itself reads the probabilities it writes.
  const uint share = (n + size - 1) / size;
  const uint begin = min(n, index * share), end = min(n, begin + share);
  float mass = 0.0f;
  for (uint i = begin; i < end; ++i) {
    const float p = scale(score(i));
    probabilities[i] = p;
    mass += p;
  }
  const float before = threadgroup_sum_before(mass, scratch, team);

  // The draw falls to the first thread whose run reaches u, else to the last one with any probability, else to thread 0.
  const uint nobody = 2 * size;
  uint claim = nobody;
  if (mass > 0.0f) claim = before + mass >= u ? index : nobody - 1 - index;
  claim = threadgroup_min(claim, (threadgroup uint*)scratch, team);
  const uint owner = claim < size ? claim : claim < nobody ? nobody - 1 - claim : 0;
  if (index != owner) return;

  uint token = max(n, 1u) - 1;
  float sum = before;
  for (uint i = begin; i < end; ++i) {
    const float p = probabilities[i];
    if (!(p > 0.0f)) continue;
    token = i;
    sum += p;
    if (sum >= u) break;
  }
  out_token[0] = token;
  out_logprob[0] = score(token) - scale.top + precise::log(scale.inverse_sum);
}
