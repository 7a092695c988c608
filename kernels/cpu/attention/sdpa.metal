#include <metal_stdlib>
#include "cpu/tile_attention.h"
using namespace metal;
using namespace anymetal;

// kernels: sdpa sdpa_bf16 sdpa_sliding sdpa_sliding_bf16

struct SdpaParams {
  uint n_heads, n_kv_heads, head_dim, seq_len, kv_seq_len;
  float scale;
  uint kv_capacity;
};
static_assert(sizeof(SdpaParams) == 28, "layout");

struct SdpaSlidingParams {
  uint n_heads, n_kv_heads, head_dim, seq_len, kv_seq_len, window_size;
  float scale;
  uint kv_capacity;
};
static_assert(sizeof(SdpaSlidingParams) == 32, "layout");

// Keys a query sees up to its own; 0: all of them.
inline int window_of(SdpaParams) { return 0; }
inline int window_of(SdpaSlidingParams p) { return int(min(p.window_size, 0x7ffffffeu)) + 1; }

/// attention/sdpa.metal for a core that takes the 32 queries of a threadgroup: nothing depends on the thread.
template <class T, class Params>
kernel void sdpa(device const T* Q [[buffer(0)]],
                 device const T* K [[buffer(1)]],
                 device const T* V [[buffer(2)]],
                 device T* O [[buffer(3)]],
                 constant Params& p [[buffer(4)]],
                 uint3 group [[threadgroup_position_in_grid]]) {
  constexpr uint kSlab = 512;  // elements of a row held at a time; longer rows repeat the scores for each slab of outputs
  const uint first = group.z * 32, dim = p.head_dim;
  if (first >= p.seq_len || group.y >= p.n_heads) return;
  const uint live = min(32u, p.seq_len - first), capacity = p.kv_capacity > 0 ? p.kv_capacity : p.kv_seq_len;
  const ulong at = ((ulong(group.x) * p.n_heads + group.y) * p.seq_len + first) * dim;
  const ulong kv_at = (ulong(group.x) * p.n_kv_heads + kv_head_of(group.y, p.n_heads, p.n_kv_heads)) * capacity * dim;

  // Of the first query; before the first key, which is so in no valid call, it sees nothing.
  const int position = int(p.kv_seq_len) - int(p.seq_len) + int(first), window = window_of(p);
  const int end = min(position + int(live), int(capacity)), begin = window > 0 ? max(0, position - window + 1) : 0;
  for (uint outputs = 0; outputs < dim; outputs += kSlab) {
    TileAttention<2, kSlab> attention;
    attention.start(dim < kSlab ? dim : kSlab);
    TileCache<T, kSlab> cache = {K, V + kv_at + outputs, long(dim), long(dim), 0};
    for (int key0 = begin; key0 < end; key0 += int(kKeys)) {
      const uint count = uint(min(int(kKeys), end - key0));
      for (uint i = 0; i < kKeys * kColumns; i += 16) Wide::store(attention.scores + i, 0.0f);
      for (uint part = 0; part < dim; part += kSlab) {
        cache.dim = min(kSlab, dim - part);
        cache.k = K + kv_at + part;
        if (key0 == begin || dim > kSlab) {
          device const T* q = Q + at + part;
          load_columns([=](uint i) { return q + ulong(i) * dim; }, live, 0, cache.dim, attention.queries);
          const float scale = p.scale * 1.44269504089f;
          for (uint i = 0; i < cache.dim * kColumns; ++i) attention.queries[i] *= scale;
        }
        for (uint j = 0; j < count; j += kRowsAtOnce) {
          cache.template score<2>(uint(key0) + j, uint(end - key0) - j, attention.queries, attention.scores + j * kColumns);
        }
      }
      cache.dim = min(kSlab, dim - outputs);
      attention.weigh(count, cache.dim, position, key0, true, window);
      cache.template add<2>(uint(key0), count, attention.hides, attention.scores, attention.out);
    }
    device T* o = O + at + outputs;
    attention.template store<T>(int(live), min(kSlab, dim - outputs), [=](int i) { return o + ulong(i) * dim; });
  }
}

#define INSTANTIATE(name, T, PARAMS) \
  template [[host_name(name)]] kernel void sdpa<T, PARAMS>( \
      device const T*, device const T*, device const T*, device T*, constant PARAMS&, uint3);
INSTANTIATE("sdpa", float, SdpaParams)
INSTANTIATE("sdpa_bf16", bfloat, SdpaParams)
INSTANTIATE("sdpa_sliding", float, SdpaSlidingParams)
INSTANTIATE("sdpa_sliding_bf16", bfloat, SdpaSlidingParams)
