#include <metal_stdlib>
using namespace metal;
kernel void f(device const half* a [[buffer(0)]], device const float* b [[buffer(1)]], device float* c [[buffer(2)]],
              threadgroup half* tile [[threadgroup(0)]], ushort t [[thread_index_in_threadgroup]]) {
  simdgroup_float8x8 acc = make_filled_simdgroup_matrix<float, 8>(0.0f);
  for (int k = 0; k < 32; k += 8) {
    tile[t] = a[k + t];
    threadgroup_barrier(mem_flags::mem_threadgroup);
    simdgroup_half8x8 x;
    simdgroup_float8x8 y;
    simdgroup_load(x, tile, 8);
    simdgroup_load(y, b + k, 8, 0, true);
    simdgroup_multiply_accumulate(acc, x, y, acc);
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
  acc.thread_elements()[0] *= 2;
  simdgroup_store(acc, c, 8);
}
