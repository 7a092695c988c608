#include <metal_stdlib>
using namespace metal;

// c = a * b for row-major square matrices whose size is a multiple of 32, on 8x8 matrices of a simdgroup: each simdgroup
// makes a block of 8 rows by 32 columns.
kernel void matmul(device const float* a [[buffer(0)]],
                   device const float* b [[buffer(1)]],
                   device float* c [[buffer(2)]],
                   constant uint& size [[buffer(3)]],
                   uint2 group [[threadgroup_position_in_grid]]) {
  simdgroup_float8x8 sum[4];
  for (uint n = 0; n < 4; ++n) {
    sum[n] = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);
  }
  device const float* rows = a + size_t(group.y) * 8 * size;
  device const float* columns = b + size_t(group.x) * 32;
  for (uint k = 0; k < size; k += 8) {
    simdgroup_float8x8 left;
    simdgroup_load(left, rows + k, size);
    for (uint n = 0; n < 4; ++n) {
      simdgroup_float8x8 right;
      simdgroup_load(right, columns + size_t(k) * size + n * 8, size);
      simdgroup_multiply_accumulate(sum[n], left, right, sum[n]);
    }
  }
  for (uint n = 0; n < 4; ++n) {
    simdgroup_store(sum[n], c + size_t(group.y) * 8 * size + size_t(group.x) * 32 + n * 8, size);
  }
}
