// As compilers of tensor programs write: arguments in one structure, names of another language's threads, reductions by shuffles.
// Function: fused_matmul_relu_kernel
#include <metal_stdlib>
using namespace metal;

union __ArgUnion {
 int v_int[2];
};

struct fused_matmul_relu_kernel_args_t {
  int m;
  int n[2];
  float slope;
};
struct quant_kernel_args_t { __ArgUnion length; int _pad; };

kernel void fused_matmul_relu_kernel(  device half* A [[ buffer(0) ]],
  device half* B [[ buffer(1) ]],
  device half* C [[ buffer(2) ]],
  constant fused_matmul_relu_kernel_args_t& arg [[ buffer(3) ]],
  uint3 blockIdx [[threadgroup_position_in_grid]],
  uint3 threadIdx [[thread_position_in_threadgroup]]
) {
  thread half C_local[8];
  threadgroup half A_shared[288];
  threadgroup half B_shared[256];
  thread half4 A_local[2];
  for (int ax1_init = 0; ax1_init < 8; ++ax1_init) {
    C_local[ax1_init] = 0x0p+0h/*0.000000e+00*/;
  }
  for (int k_0 = 0; k_0 < 2; ++k_0) {
    threadgroup_barrier(mem_flags::mem_threadgroup);
    *(threadgroup half4*)(A_shared + ((((int)threadIdx.y) * 72) + (((int)threadIdx.x) * 4))) = *(device half4*)(A + (((((((int)blockIdx.y) * 128) + (((int)threadIdx.y) * 32))) + (k_0 * 16)) + (((int)threadIdx.x) * 4)));
    for (int ax0_0 = 0; ax0_0 < 4; ++ax0_0) {
      half4 v_ = *(device half4*)(B + ((((k_0 * 512) + (ax0_0 * 128)) + (((int)threadIdx.y) * 32)) + ((((int)blockIdx.x) * 16) + (((int)threadIdx.x) * 4))));
      *(threadgroup half4*)(B_shared + (((ax0_0 * 64) + (((int)threadIdx.y) * 16)) + (((int)threadIdx.x) * 4))) = v_;
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    for (int k_1 = 0; k_1 < 16; ++k_1) {
      A_local[0] = half4(A_shared[((((int)threadIdx.y) * 72) + k_1)]);
      for (int ax1 = 0; ax1 < 4; ++ax1) {
        C_local[ax1] = (C_local[ax1] + (A_local[0][ax1] * B_shared[(((k_1 * 16) + (((int)threadIdx.x) * 4)) + ax1)]));
      }
    }
  }
  int4 v__1 = int4(((((int)blockIdx.x) * 16) + (((int)threadIdx.x) * 4))+(1*0), ((((int)blockIdx.x) * 16) + (((int)threadIdx.x) * 4))+(1*1), ((((int)blockIdx.x) * 16) + (((int)threadIdx.x) * 4))+(1*2), ((((int)blockIdx.x) * 16) + (((int)threadIdx.x) * 4))+(1*3));
  bool4 __2;
  int4 __3 = int4(arg.n[0], arg.n[0], arg.n[0], arg.n[0]);
  __2.x = (v__1.x<__3.x);
  __2.y = (v__1.y<__3.y);
  __2.z = (v__1.z<__3.z);
  __2.w = (v__1.w<__3.w);
  half4 __4;
    half4 __5 = *(thread half4*)(C_local + 0);
    float4 __6 = ((float4)(__5));
    half4 __7 = half4((half)arg.slope, (half)arg.slope, (half)arg.slope, (half)arg.slope);
    __4 = half4((((__6.x)) > 0.000000e+00f ? __5.x : (__5.x*__7.x)), (((__6.y)) > 0.000000e+00f ? __5.y : (__5.y*__7.y)), (((__6.z)) > 0.000000e+00f ? __5.z : (__5.z*__7.z)), ((__6.w) > 0.000000e+00f ? __5.w : (__5.w*__7.w)));
  if ((((((int)blockIdx.y) * 4) + ((int)threadIdx.y)) < arg.m)) {
    if (((bool)__2.x)) C[(((((int)blockIdx.y) * 128) + (((int)threadIdx.y) * 32)) + v__1.x)] = __4.x;
    if (((bool)__2.y)) C[(((((int)blockIdx.y) * 128) + (((int)threadIdx.y) * 32)) + v__1.y)] = __4.y;
    if (((bool)__2.z)) C[(((((int)blockIdx.y) * 128) + (((int)threadIdx.y) * 32)) + v__1.z)] = __4.z;
    if (((bool)__2.w)) C[(((((int)blockIdx.y) * 128) + (((int)threadIdx.y) * 32)) + v__1.w)] = __4.w;
  }
}

// Function: dequantize_softmax_kernel
kernel void dequantize_softmax_kernel(  device uint* W [[ buffer(0) ]],
  device half* S [[ buffer(1) ]],
  device float* T_softmax [[ buffer(2) ]],
  constant quant_kernel_args_t& arg [[ buffer(3) ]],
  uint blockIdx [[threadgroup_position_in_grid]],
  uint threadIdx [[thread_position_in_threadgroup]]
) {
  threadgroup float red_result[1];
  threadgroup float red_result_1[1];
  float value[8];
  thread float red_buf0[1];
  uint mask[1];
  float t0[1];
  float red_buf0_1[1];
  uint mask_1[1];
  float t0_1[1];
  threadgroup float red_buf_staging[2];
  red_buf0[0] = -3.402823e+38f;
  for (int i = 0; i < 8; ++i) {
    uint w = W[((((int)blockIdx) * 64) + ((int)threadIdx))];
    half scale = S[((((int)blockIdx) * 16) + (((int)threadIdx) >> 2))];
    value[i] = ((((((int)threadIdx) * 8) + i) < arg.length.v_int[0]) ? ((float)((((half)((w >> ((uint)(i * 4))) & (uint)15)) - 7.000000e+00h) * scale)) : -3.402823e+38f);
    red_buf0[0] = max(red_buf0[0], value[i]);
  }
  mask[0] = (uint)4294967295;
  t0[0] = simd_shuffle_down(red_buf0[0], 16);
  red_buf0[0] = max(red_buf0[0], t0[0]);
  t0[0] = simd_shuffle_down(red_buf0[0], 8);
  red_buf0[0] = max(red_buf0[0], t0[0]);
  t0[0] = simd_shuffle_down(red_buf0[0], 4);
  red_buf0[0] = max(red_buf0[0], t0[0]);
  t0[0] = simd_shuffle_down(red_buf0[0], 2);
  red_buf0[0] = max(red_buf0[0], t0[0]);
  t0[0] = simd_shuffle_down(red_buf0[0], 1);
  red_buf0[0] = max(red_buf0[0], t0[0]);
  if ((((int)threadIdx) % 32) == 0) {
    red_buf_staging[(((int)threadIdx) >> 5)] = red_buf0[0];
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);
  if (((int)threadIdx) == 0) {
    ((threadgroup float*)red_result)[0] = max(red_buf_staging[0], red_buf_staging[1]);
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);
  red_buf0_1[0] = 0.000000e+00f;
  for (int i_1 = 0; i_1 < 8; ++i_1) {
    value[i_1] = exp((value[i_1] - red_result[0]));
    red_buf0_1[0] = (red_buf0_1[0] + value[i_1]);
  }
  mask_1[0] = (mask[0] & (uint)4294967295);
  for (int d = 16; d > 0; d = d / 2) {
    t0_1[0] = simd_shuffle_xor(red_buf0_1[0], d);
    red_buf0_1[0] = (red_buf0_1[0] + t0_1[0]);
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);
  if ((((int)threadIdx) % 32) == 0 && mask_1[0] != (uint)0) {
    red_buf_staging[(((int)threadIdx) >> 5)] = red_buf0_1[0];
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);
  if (((int)threadIdx) == 0) {
    red_result_1[0] = (red_buf_staging[0] + red_buf_staging[1]);
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);
  for (int i_2 = 0; i_2 < 2; ++i_2) {
    *(device float4*)(T_softmax + (((((int)blockIdx) * 512) + (((int)threadIdx) * 8)) + (i_2 * 4))) = ((*(thread float4*)(value + (i_2 * 4))) / ((float4)(red_result_1[0])));
  }
}
