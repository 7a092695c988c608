#include <metal_stdlib>
#include "cpu/vec_attention.h"
using namespace metal;
using namespace anymetal;

struct SdpaDecodeParams {
  uint n_heads, n_kv_heads, head_dim, kv_seq_len, kv_capacity;
  float scale;
  uint n_sg;
};
static_assert(sizeof(SdpaDecodeParams) == 28, "layout");

/// attention/sdpa_decode.metal for a core that takes a head: nothing depends on the thread.
kernel void sdpa_decode(device const float* Q [[buffer(0)]],
                        device const float* K [[buffer(1)]],
                        device const float* V [[buffer(2)]],
                        device float* O [[buffer(3)]],
                        constant SdpaDecodeParams& p [[buffer(4)]],
                        threadgroup float* scratch [[threadgroup(0)]],
                        uint head [[threadgroup_position_in_grid]]) {
  constexpr uint kMaxDim = 512;
  const uint dim = p.head_dim;
  if (head >= p.n_heads || dim == 0 || dim % 32 != 0 || dim > kMaxDim) return;
  const ulong kv_base = ulong(kv_head_of(head, p.n_heads, p.n_kv_heads)) * p.kv_capacity * dim;
  device const float *keys = K + kv_base, *values = V + kv_base;

  VecAttention<kMaxDim> attention;
  for (uint d = 0; d < dim; ++d) attention.query[d] = Q[ulong(head) * dim + d];
  const uint length = min(p.kv_seq_len, p.kv_capacity);
  for (uint chunk = 0; chunk < length; chunk += kHeldKeys) {
    attention.add(
        chunk, min(length, chunk + kHeldKeys), dim, [=](uint i) { return WideRow<float>{keys + ulong(i) * dim}; },
        [=](uint i) { return WideRow<float>{values + ulong(i) * dim}; }, [&](float dot, uint) { return dot * p.scale; });
  }
  const float inverse = attention.sum > 0.0f ? 1.0f / attention.sum : 0.0f;
  for (uint d = 0; d < dim; ++d) O[ulong(head) * dim + d] = attention.out[d] * inverse;
}
