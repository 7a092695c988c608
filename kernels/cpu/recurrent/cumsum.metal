#include <metal_stdlib>
#include "cpu/wide.h"
using namespace metal;
using namespace anymetal;

// kernels: cumsum_f32 cumsum_bf16 chunk_local_cumsum_g_f32

// Elements that stand `distance` places before those of v, some of them in the run before.
template <int distance>
WideF shifted(WideF before, WideF v) {
  static_assert(distance == 1 || distance == 2 || distance == 4 || distance == 8, "a power of two");
  if (distance == 1) return __builtin_shufflevector(before, v, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30);
  if (distance == 2) return __builtin_shufflevector(before, v, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29);
  if (distance == 4) return __builtin_shufflevector(before, v, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27);
  return __builtin_shufflevector(before, v, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23);
}

/// recurrent/cumsum.metal for a core that takes a row.
template <class T>
kernel void cumsum(device const T* x [[buffer(0)]],
                   device T* y [[buffer(1)]],
                   constant uint& dim [[buffer(2)]],
                   threadgroup float* scratch [[threadgroup(0)]],
                   uint row [[threadgroup_position_in_grid]],
                   uint groups [[threadgroups_per_grid]]) {
  const uint columns = dim;
  x += ulong(row) * columns;
  y += ulong(row) * columns;
  // Sums of the last 1, 2, 4 and 8 elements of every place of a run give those of 16, and with the run before all sums: of
  // additions only one waits for the round before.
  WideF one = 0.0f, two = 0.0f, four = 0.0f, eight = 0.0f, sums = 0.0f;
  const bool stream = is_streamed(y, 2 * sizeof(T) * ulong(groups) * columns);
  uint i = 0;
  for (; i + 16 <= columns; i += 16) {
    const WideF v = Wide::load(x + i);
    const WideF of_two = v + shifted<1>(one, v);
    const WideF of_four = of_two + shifted<2>(two, of_two);
    const WideF of_eight = of_four + shifted<4>(four, of_four);
    sums += of_eight + shifted<8>(eight, of_eight);
    one = v, two = of_two, four = of_four, eight = of_eight;
    wide_stream(y + i, sums, stream);
  }
  float before = sums[15];
  for (; i < columns; ++i) {
    before += float(x[i]);
    y[i] = T(before);
  }
}

#define INSTANTIATE(name, T) \
  template [[host_name("cumsum_" name)]] kernel void cumsum<T>(device const T*, device T*, constant uint&, threadgroup float*, uint, uint);
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
