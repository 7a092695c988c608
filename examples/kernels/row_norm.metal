#include <metal_stdlib>
using namespace metal;

struct RowNormParams {
  uint columns;
  float epsilon;
};

// out = x / sqrt(mean(x^2) + epsilon), one threadgroup a row: each simdgroup sums its share, then all sums meet in
// threadgroup memory.
kernel void row_norm(device const float* x [[buffer(0)]],
                     device float* out [[buffer(1)]],
                     constant RowNormParams& params [[buffer(2)]],
                     uint row [[threadgroup_position_in_grid]],
                     uint thread_index [[thread_index_in_threadgroup]],
                     uint threads [[threads_per_threadgroup]],
                     uint simdgroup [[simdgroup_index_in_threadgroup]],
                     uint simdgroups [[simdgroups_per_threadgroup]],
                     uint lane [[thread_index_in_simdgroup]]) {
  threadgroup float partial[32];
  device const float* in = x + size_t(row) * params.columns;

  float sum = 0;
  for (uint i = thread_index; i < params.columns; i += threads) {
    sum += in[i] * in[i];
  }
  sum = simd_sum(sum);
  if (lane == 0) {
    partial[simdgroup] = sum;
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);
  float total = 0;
  for (uint s = 0; s < simdgroups; ++s) {
    total += partial[s];
  }

  const float scale = rsqrt(total / float(params.columns) + params.epsilon);
  for (uint i = thread_index; i < params.columns; i += threads) {
    out[size_t(row) * params.columns + i] = in[i] * scale;
  }
}
