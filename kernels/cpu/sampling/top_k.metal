#include <metal_stdlib>
#include "cpu/wide.h"
using namespace metal;
using namespace anymetal;

struct TopKParams {
  uint n;
  uint k;
};

/// sampling/top_k.metal for a core that takes the row: nothing depends on the thread. The elements chosen so far lie in
/// threadgroup memory in their order; whole vectors without any larger than the last of them are passed over.
kernel void top_k_f32(device const float* x [[buffer(0)]],
                      device uint* out_indices [[buffer(1)]],
                      device float* out_values [[buffer(2)]],
                      constant TopKParams& p [[buffer(3)]],
                      threadgroup float* values [[threadgroup(0)]],
                      threadgroup uint* indices [[threadgroup(1)]]) {
  const uint n = p.n, k = p.k;
  if (k == 0) return;
  uint count = 0;
  float least = -INFINITY;  // what an element must exceed; of equal values the earlier one stays
  const auto offer = [&](uint i) {
    const float value = x[i];
    if (!(value > least)) return;
    uint rank = count < k ? count++ : k - 1;
#pragma clang loop vectorize(disable) unroll(disable)
    for (; rank > 0 && value > values[rank - 1]; --rank) {
      values[rank] = values[rank - 1];
      indices[rank] = indices[rank - 1];
    }
    values[rank] = value;
    indices[rank] = i;
    if (count == k) least = values[k - 1];
  };
  constexpr uint kRun = 64;
  uint i = 0;
  for (; i + kRun <= n; i += kRun) {
    WideF most = Wide::load(x + i);
#pragma unroll
    for (uint j = 16; j < kRun; j += 16) most = wide_max(most, Wide::load(x + i + j));
    if (!(__builtin_reduce_max(most) > least)) continue;
#pragma clang loop vectorize(disable) unroll(disable)
    for (uint j = i; j < i + kRun; ++j) offer(j);
  }
#pragma clang loop vectorize(disable) unroll(disable)
  for (; i < n; ++i) offer(i);
  for (uint slot = 0; slot < k; ++slot) {
    out_values[slot] = slot < count ? values[slot] : -INFINITY;
    out_indices[slot] = slot < count ? indices[slot] : 0;
  }
}
