#include <metal_stdlib>
#include "cpu/wide.h"
using namespace metal;
using namespace anymetal;

// kernels: cumsum_f32 cumsum_bf16 chunk_local_cumsum_g_f32

// Sums of v[0] .. v[j] for every j: each step adds what stands 1, 2, 4 and 8 places before.
inline WideF sums_up_to(WideF v) {
  const WideF zero = 0.0f;
  v += __builtin_shufflevector(zero, v, 0, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30);
  v += __builtin_shufflevector(zero, v, 0, 0, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29);
  v += __builtin_shufflevector(zero, v, 0, 0, 0, 0, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27);
  v += __builtin_shufflevector(zero, v, 0, 0, 0, 0, 0, 0, 0, 0, 16, 17, 18, 19, 20, 21, 22, 23);
  return v;
}

/// recurrent/cumsum.metal for a core that takes a row.
template <class T>
kernel void cumsum(device const T* x [[buffer(0)]],
                   device T* y [[buffer(1)]],
                   constant uint& dim [[buffer(2)]],
                   threadgroup float* scratch [[threadgroup(0)]],
                   uint row [[threadgroup_position_in_grid]]) {
  const uint columns = dim;
  x += ulong(row) * columns;
  y += ulong(row) * columns;
  float before = 0.0f;
  uint i = 0;
  for (; i + 16 <= columns; i += 16) {
    const WideF sums = sums_up_to(Wide::load(x + i));
    Wide::store(y + i, sums + before);
    before += sums[15];  // the only thing the next round waits for
  }
  for (; i < columns; ++i) {
    before += float(x[i]);
    y[i] = T(before);
  }
}

#define INSTANTIATE(name, T) \
  template [[host_name("cumsum_" name)]] kernel void cumsum<T>(device const T*, device T*, constant uint&, threadgroup float*, uint);
INSTANTIATE("f32", float)
INSTANTIATE("bf16", bfloat)

struct ChunkCumsumShape {
  uint batches, tokens, heads, chunk, chunks;
};

// The sums of one head, or of 16 neighbours.
template <class V, class Load, class Store>
void sum_tokens(uint tokens, uint heads, device const float* g, device float* G, Load load, Store store) {
  V sum = 0.0f;
  for (uint t = 0; t < tokens; ++t) {
    const ulong at = ulong(t) * heads;
    sum += load(g + at);
    store(G + at, sum);
  }
}

/// recurrent/cumsum.metal for a core that takes the heads of as many threadgroups as a threadgroup has threads.
kernel void chunk_local_cumsum_g_f32(device const float* g [[buffer(0)]],
                                     device float* G [[buffer(1)]],
                                     constant ChunkCumsumShape& shape [[buffer(2)]],
                                     uint3 group [[threadgroup_position_in_grid]],
                                     uint3 size [[threads_per_threadgroup]]) {
  const ChunkCumsumShape s = shape;
  const uint batch = group.z / max(s.chunks, 1u), n = group.z % max(s.chunks, 1u);
  const ulong begin = ulong(n) * s.chunk;
  if (group.x != 0 || group.y % size.x != 0 || group.y >= s.heads || batch >= s.batches || begin >= s.tokens) return;
  const uint tokens = uint(min(ulong(s.chunk), ulong(s.tokens) - begin));
  const ulong first = (ulong(batch) * s.tokens + begin) * s.heads;
  const uint last = min(group.y + size.x, s.heads);
  uint head = group.y;
  for (; head + 16 <= last; head += 16) {
    sum_tokens<WideF>(tokens, s.heads, g + first + head, G + first + head, [](device const float* p) { return Wide::load(p); },
                      [](device float* p, WideF v) { Wide::store(p, v); });
  }
  for (; head < last; ++head) {
    sum_tokens<float>(tokens, s.heads, g + first + head, G + first + head, [](device const float* p) { return *p; },
                      [](device float* p, float v) { *p = v; });
  }
}
