#include <metal_stdlib>
#include "common/reduce.h"
using namespace metal;
using namespace anymetal;

// kernels: softmax_f32 softmax_f16 softmax_bf16

/// y = exp(x - max x) / sum exp(x - max x) per row, in f32 and rounded once. A row of -inf only, or with +inf, gives NaN.
///
/// buffer 0: x [R, C]; 1: y [R, C]; 2: params f32 {C, unused}; threadgroup 0: one float per simdgroup
/// grid: threadgroups (R), any threadgroup size. y may be x. tolerance: f32 1e-5, f16 and bf16 1e-3
template <class T>
kernel void softmax(device const T* x [[buffer(0)]],
                    device T* y [[buffer(1)]],
                    constant float* params [[buffer(2)]],
                    threadgroup float* scratch [[threadgroup(0)]],
                    uint row [[threadgroup_position_in_grid]],
                    uint index [[thread_index_in_threadgroup]],
                    uint size [[threads_per_threadgroup]],
                    uint lane [[thread_index_in_simdgroup]],
                    uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  const Team team = {index, size, lane, simdgroup};
  const uint columns = uint(params[0]);
  const ulong base = ulong(row) * columns;

  float top = -INFINITY;
  for (uint i = index; i < columns; i += size) top = max(top, float(x[base + i]));
  top = threadgroup_max(top, scratch, team);

  float sum = 0.0f;
  for (uint i = index; i < columns; i += size) sum += exp(float(x[base + i]) - top);
  const float inverse = 1.0f / threadgroup_sum(sum, scratch, team);

  for (uint i = index; i < columns; i += size) y[base + i] = T(exp(float(x[base + i]) - top) * inverse);
}

#define INSTANTIATE(name, T) \
  template [[host_name("softmax_" name)]] kernel void softmax<T>( \
      device const T*, device T*, constant float*, threadgroup float*, uint, uint, uint, uint, uint);
INSTANTIATE("f32", float)
INSTANTIATE("f16", half)
INSTANTIATE("bf16", bfloat)
