// Structs by constant reference, also of scalars, `constant const`
#include <metal_stdlib>
using namespace metal;
struct Shape { int rows, cols; float scale; ulong stride; };
kernel void x02(constant Shape& s [[buffer(0)]], const constant uint& n [[buffer(1)]], constant const int* dims [[buffer(2)]],
                device float* o [[buffer(3)]], uint i [[thread_position_in_grid]]) {
  if (i >= n) return;
  o[i] = s.scale * dims[i % 2] + float(s.stride);
}
