#include <metal_stdlib>
#include "cpu/row_sums.h"
using namespace metal;
using namespace anymetal;

// kernels: rms_norm_f32_triple fused_post_attn_triple_norm_f32 fused_post_ff_norm2_endlayer_f32

// Norms of several streams, whose outputs together seldom stay in a cache.

constant constexpr uint kKept = 4096;  // elements of a row that wait in the near caches for its norm

/// norm/row_norms.metal for a core that takes a row.
kernel void rms_norm_f32_triple(device const float* x [[buffer(0)]],
                                device const float* w_a [[buffer(1)]],
                                device const float* w_b [[buffer(2)]],
                                device const float* w_c [[buffer(3)]],
                                device float* out_a [[buffer(4)]],
                                device float* out_b [[buffer(5)]],
                                device float* out_c [[buffer(6)]],
                                constant float* params [[buffer(7)]],
                                threadgroup float* scratch [[threadgroup(0)]],
                                uint row [[threadgroup_position_in_grid]],
                                uint rows [[threadgroups_per_grid]]) {
  const uint dim = uint(params[1]);
  const ulong base = ulong(row) * dim, bytes = 4 * sizeof(float) * ulong(rows) * dim;
  const bool a = is_streamed(out_a + base, bytes), b = is_streamed(out_b + base, bytes), c = is_streamed(out_c + base, bytes);
  const float r = inverse_rms(x + base, dim, params[0]);
  over_row(dim, [&](uint i, auto v) {
    v = load_as(v, x + base + i) * r;
    stream(out_a + base + i, v * load_as(v, w_a + i), a);
    stream(out_b + base + i, v * load_as(v, w_b + i), b);
    stream(out_c + base + i, v * load_as(v, w_c + i), c);
  });
}

// Calls use(i, v, r) for a row's values v = value(i, v) after all of them have been written to `out`, r = 1 / sqrt(mean(v^2) + eps).
template <class Value, class Use>
void normalised_row(uint dim, float eps, device float* out, bool is_streamed, Value value, Use use) {
  Squares squares;
  if (dim > kKept) {
    over_row(dim, [&](uint i, auto v) {
      v = value(i, v);
      store(out + i, v);
      squares.add(v);
    });
    const float r = squares.inverse_rms(dim, eps);
    return over_row(dim, [&](uint i, auto v) { use(i, load_as(v, out + i), r); });
  }
  alignas(64) float kept[kKept];
  over_row(dim, [&](uint i, auto v) {
    v = value(i, v);
    stream(out + i, v, is_streamed);
    store(kept + i, v);
    squares.add(v);
  });
  const float r = squares.inverse_rms(dim, eps);
  over_row(dim, [&](uint i, auto v) { use(i, load_as(v, (thread const float*)kept + i), r); });
}

struct TripleNormParams {
  float eps;
  uint dim;
};

/// norm/fused_layer_norms.metal for a core that takes a row.
kernel void fused_post_attn_triple_norm_f32(device const float* hidden [[buffer(0)]],
                                            device const float* attn [[buffer(1)]],
                                            device const float* w [[buffer(2)]],
                                            device const float* w_a [[buffer(3)]],
                                            device const float* w_b [[buffer(4)]],
                                            device const float* w_c [[buffer(5)]],
                                            device float* u [[buffer(6)]],
                                            device float* out_a [[buffer(7)]],
                                            device float* out_b [[buffer(8)]],
                                            device float* out_c [[buffer(9)]],
                                            constant TripleNormParams& p [[buffer(10)]],
                                            threadgroup float* scratch [[threadgroup(0)]],
                                            uint row [[threadgroup_position_in_grid]],
                                            uint rows [[threadgroups_per_grid]]) {
  const uint dim = p.dim;
  const float eps = p.eps;
  const ulong base = ulong(row) * dim, bytes = 6 * sizeof(float) * ulong(rows) * dim;
  const bool a = is_streamed(out_a + base, bytes), b = is_streamed(out_b + base, bytes), c = is_streamed(out_c + base, bytes);
  const float r_attn = inverse_rms(attn + base, dim, eps);
  normalised_row(
      dim, eps, u + base, is_streamed(u + base, bytes),
      [&](uint i, auto v) { return load_as(v, hidden + base + i) + load_as(v, attn + base + i) * r_attn * load_as(v, w + i); },
      [&](uint i, auto v, float r) {
        v *= r;
        stream(out_a + base + i, v * load_as(v, w_a + i), a);
        stream(out_b + base + i, v * load_as(v, w_b + i), b);
        stream(out_c + base + i, v * load_as(v, w_c + i), c);
      });
}

struct EndLayerParams {
  float eps;
  uint dim;
  uint scale_per_column;
};

/// norm/fused_layer_norms.metal for a core that takes a row.
kernel void fused_post_ff_norm2_endlayer_f32(device const float* attn [[buffer(0)]],
                                             device const float* m [[buffer(1)]],
                                             device const float* residual [[buffer(2)]],
                                             device const float* w2 [[buffer(3)]],
                                             device const float* w3 [[buffer(4)]],
                                             device const float* scale [[buffer(5)]],
                                             device float* v [[buffer(6)]],
                                             device float* hidden [[buffer(7)]],
                                             constant EndLayerParams& p [[buffer(8)]],
                                             threadgroup float* scratch [[threadgroup(0)]],
                                             uint row [[threadgroup_position_in_grid]],
                                             uint rows [[threadgroups_per_grid]]) {
  const uint dim = p.dim;
  const float eps = p.eps;
  const bool per_column = p.scale_per_column != 0;
  const ulong base = ulong(row) * dim, bytes = 5 * sizeof(float) * ulong(rows) * dim;
  const bool to_hidden = is_streamed(hidden + base, bytes);
  const float r_m = inverse_rms(m + base, dim, eps), scale_of_all = scale[0];
  normalised_row(
      dim, eps, v + base, is_streamed(v + base, bytes),
      [&](uint i, auto x) { return load_as(x, attn + base + i) + load_as(x, m + base + i) * r_m * load_as(x, w2 + i); },
      [&](uint i, auto x, float r) {
        x = load_as(x, residual + base + i) + x * r * load_as(x, w3 + i);
        stream(hidden + base + i, per_column ? x * load_as(x, scale + i) : x * scale_of_all, to_hidden);
      });
}
