#include <metal_stdlib>
#include "cpu/row_softmax.h"
using namespace metal;
using namespace anymetal;

/// sampling/softmax_sample.metal for a core that takes the row: nothing depends on the thread.
kernel void softmax_sample_f32(device const float* x [[buffer(0)]],
                               device float* probabilities [[buffer(1)]],
                               device uint* out_token [[buffer(2)]],
                               device float* out_logprob [[buffer(3)]],
                               constant float* params [[buffer(4)]],
                               threadgroup float* masses [[threadgroup(0)]]) {
  const uint n = uint(params[0]);
  const float inverse_temperature = 1.0f / params[1], u = params[2];
  const auto wide = [=](uint i) { return Wide::load(x + i) * inverse_temperature; };
  const auto one = [=](uint i) { return x[i] * inverse_temperature; };
  const WideSoftmax softmax = store_softmax(probabilities, n, wide, one);

  // Runs whose end the sum reaches before u are passed over, long ones first; a margin, as it is added in another order.
  const auto mass = [=](uint first, uint count) {
    WideF sum = 0.0f;
    for (uint j = 0; j < count; j += 16) sum += Wide::load(probabilities + first + j);
    return Wide::sum(sum);
  };
  uint i = 0;
  float sum = 0.0f;
#pragma clang loop unroll(disable)
  for (uint run = 4096; run >= 64; run /= 64) {
    for (; i + run <= n; i += run) {
      const float after = sum + mass(i, run);
      if (!(after < u - 1e-6f)) break;
      sum = after;
    }
  }
  bool found = false;
#pragma clang loop vectorize(disable) unroll(disable)
  for (; i < n && !found; ++i) {
    sum += probabilities[i];
    found = probabilities[i] > 0.0f && sum >= u;
  }
  // Where rounding keeps the sum below u, the last token that there is.
#pragma clang loop vectorize(disable) unroll(disable)
  while (!found && i > 1 && !(probabilities[i - 1] > 0.0f)) --i;
  const bool is_number = softmax.inverse_sum == softmax.inverse_sum;
  const uint token = is_number ? max(i, 1u) - 1 : max(n, 1u) - 1;
  out_token[0] = token;
  out_logprob[0] = one(token) - softmax.top + precise::log(softmax.inverse_sum);
}
