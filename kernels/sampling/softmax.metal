#include <metal_stdlib>
#include "common/softmax.h"
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
  const uint columns = uint(params[0]);
  const ulong base = ulong(row) * columns;
  softmax_row(columns, scratch, {index, size, lane, simdgroup}, [=](uint i) { return float(x[base + i]); }, [=](uint i, float v, float) { y[base + i] = T(v); });
}

#define INSTANTIATE(name, T) \
  template [[host_name("softmax_" name)]] kernel void softmax<T>( \
      device const T*, device T*, constant float*, threadgroup float*, uint, uint, uint, uint, uint);
INSTANTIATE("f32", float)
INSTANTIATE("f16", half)
INSTANTIATE("bf16", bfloat)
