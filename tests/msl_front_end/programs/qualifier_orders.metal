// Orders of const and space; casts
#include <metal_stdlib>
using namespace metal;
kernel void x01(device const float* a [[buffer(0)]], const device uchar* b [[buffer(1)]], float device* o [[buffer(2)]],
                uint i [[thread_position_in_grid]]) {
  const device half4* h = (const device half4*)(b + 8 * i); device const float4& v = *reinterpret_cast<device const float4*>(a + 4 * i);
  o[i] = float((*h)[1]) + v.w + ((device const float*)a)[i];
}
