#include <metal_stdlib>
using namespace metal;
constant bool flag [[function_constant(1)]];
constant int n [[function_constant(0)]];
constant int derived = n * 2 + 1;
kernel void f(device float* o [[buffer(0)]], constant int& m [[buffer(1), function_constant(flag)]],
              uint i [[thread_position_in_grid]], ushort lane [[thread_index_in_simdgroup]]) {
  threadgroup float s[64];
  float x = o[i];
  for (int k = 0; k < derived; ++k) {
    if (lane < 16) x += simd_sum(x);
    s[lane] = x;
    threadgroup_barrier(mem_flags::mem_threadgroup);
    x = s[lane ^ 1];
  }
  if (flag) x *= m;
  o[i] = x;
}
