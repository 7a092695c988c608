// Implicit indices 0, 1, then 2 for n (5 is reserved), 3 for p
#include <metal_stdlib>
using namespace metal;
kernel void x08(device float* a, constant float& b, device float* c [[buffer(5)]], constant uint& n, constant float* p, uint i [[thread_position_in_grid]]) { if (i < n) c[i] = a[i] + b * p[0]; }
