#include <metal_stdlib>
#include "cpu/copy.h"
#include "cpu/share.h"
#include "cpu/wide.h"
using namespace metal;
using namespace anymetal;

// kernels: permute_021_f32 permute_021_bf16 permute_021_bf16_to_f32

struct Extents {
  uint a, b, c;
};

template <class T>
void convert_run(device T* to, device const T* from, ulong n) {
  copy_run(to, from, n);
}
inline void convert_run(device float* to, device const bfloat* from, ulong n) {
  ulong i = 0;
  for (; i + 16 <= n; i += 16) Wide::store(to + i, Wide::load(from + i));
#pragma clang loop vectorize(disable) unroll(disable)
  for (; i < n; ++i) to[i] = float(from[i]);
}

constant constexpr uint kRow = 4096, kRows = 64;  // elements of a run, and runs of a plane, that one threadgroup moves

/// movement/transpose.metal for a core that moves the runs of all threadgroups that share them.
template <class From, class To>
kernel void permute_021(device const From* x [[buffer(0)]],
                        device To* out [[buffer(1)]],
                        constant Extents& e [[buffer(2)]],
                        uint3 group [[threadgroup_position_in_grid]],
                        uint3 size [[dispatch_threads_per_threadgroup]]) {
  const Extents s = e;
  const uint2 run = share_of(group.x, size.x, s.c, kRow), rows = share_of(group.y, size.y, s.b, kRows),
              planes = share_of(group.z, size.z, s.a, size.z);
  if (run.x == run.y) return;
  for (ulong a = planes.x; a < planes.y; ++a) {
    for (ulong b = rows.x; b < rows.y; ++b)
      convert_run(out + (b * s.a + a) * s.c + run.x, x + (a * s.b + b) * s.c + run.x, run.y - run.x);
  }
}

template [[host_name("permute_021_f32")]] kernel void permute_021<float, float>(
    device const float*, device float*, constant Extents&, uint3, uint3);
template [[host_name("permute_021_bf16")]] kernel void permute_021<bfloat, bfloat>(
    device const bfloat*, device bfloat*, constant Extents&, uint3, uint3);
template [[host_name("permute_021_bf16_to_f32")]] kernel void permute_021<bfloat, float>(
    device const bfloat*, device float*, constant Extents&, uint3, uint3);
