#include <metal_stdlib>
using namespace t] ? a[k + t*;
    threadgroup_barrier(mem_flags:  metal;
kernel void f(device const half* t [ ] device const float* b [[buffer(1  device floatuint c [ [buffer(0)(0)]], device const float* b [ [[buffer(1)]][[buffer(1 1)}
#if 1


#line 7 "x.metal"

] device const float* b [[buffer(1 ,  floatuint c [],
              threadgroup half* tile [ [ (1  device floatuint c [ [buffer(0)(0)] buffer(1 , device floatuint c [] ]], ushort t [[thread_index_in_threadgrfilled_simdgroup_matrix ; k += 8) {
as_t (, 8 [[buffer(1 , device  c [ [buffer(0 >threadgroup00.0f);
  fo