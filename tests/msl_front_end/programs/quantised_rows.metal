// Block-quantised matrix times vector in the manner of inference libraries: dequantiser as a template argument, names by
// macro, parameters in one struct, everything addressed through byte pointers.
#include <metal_stdlib>
using namespace metal;
#define FOR_UNROLL(x) _Pragma("clang loop unroll(full)") for (x)
#define N_SIMDWIDTH 32
#define QK4 32
typedef struct { half d; uint8_t qs[QK4 / 2]; } block_q4;
typedef struct { half d, m; uint8_t qs[QK4 / 2]; } block_q5;
typedef struct { int32_t ne00, ne01; uint64_t nb01; float scale; } mul_args;
static_assert(sizeof(block_q4) == 18, "wrong block size");

template <typename type4x4> void dequantize_f32(device const float4x4* src, short il, thread type4x4& reg) { reg = (type4x4)(*src); }
template <typename type4> void dequantize_q4_t4(device const block_q4* xb, short il, thread type4& reg) {
  device const uint16_t* qs = ((device const uint16_t*)xb + 1);
  const float d1 = (il / 4) ? (xb->d / 16.h) : xb->d;
  const ushort mask = (il / 4) ? 0x00F0 : 0x000F;
  for (int i = 0; i < 2; i++) {
    reg[2 * i + 0] = d1 * ((qs[2 * (il % 4) + i] >> 0) & mask) - 8.h * xb->d;
    reg[2 * i + 1] = d1 * ((qs[2 * (il % 4) + i] >> 8) & mask) - 8.h * xb->d;
  }
}

constant short FC_nsg [[function_constant(100)]];
constant bool FC_flag [[function_constant(101)]];

template <typename block_t, short nl, void (*deq)(device const block_t*, short, thread float4&), typename args_t>
void mul_impl(args_t args, device const char* src0, device const char* src1, device char* dst, threadgroup char* shmem, uint3 tgpig, ushort tiisg,
              ushort sgitg) {
  threadgroup float* shmem_f32 = (threadgroup float*)shmem;
  device const block_t* x = (device const block_t*)(src0 + tgpig.x * args.nb01);
  device const float4* y4 = (device const float4*)(src1);
  float sumf = 0.f;
  for (int ib = tiisg; ib < args.ne00 / 4; ib += N_SIMDWIDTH * FC_nsg) {
    float4 v;
    deq(x + ib / nl, ib % nl, v);
    sumf += dot(v, y4[ib]);
  }
  sumf = simd_sum(sumf);
  if (tiisg == 0) shmem_f32[sgitg] = sumf;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  FOR_UNROLL (short k = 0; k < 1; ++k) {
    if (tiisg == 0 && sgitg == 0) ((device float*)dst)[tgpig.x] = args.scale * shmem_f32[k] + (FC_flag ? 1.f : 0.f);
  }
}

template <typename block_t, short nl, void (*deq)(device const block_t*, short, thread float4&)>
kernel void kernel_mul_mv(constant mul_args& args, device const char* src0, device const char* src1, device char* dst,
                          threadgroup char* shmem [[threadgroup(0)]], uint3 tgpig [[threadgroup_position_in_grid]],
                          ushort tiisg [[thread_index_in_simdgroup]], ushort sgitg [[simdgroup_index_in_threadgroup]]) {
  mul_impl<block_t, nl, deq, constant mul_args&>(args, src0, src1, dst, shmem, tgpig, tiisg, sgitg);
}
typedef decltype(kernel_mul_mv<block_q4, 8, dequantize_q4_t4>) mul_mv_t;
template [[host_name("kernel_mul_mv_q4_f32")]] kernel mul_mv_t kernel_mul_mv<block_q4, 8, dequantize_q4_t4>;

template <typename T0, typename T1> kernel void kernel_cpy(constant mul_args& args, device const char* src0, device char* dst, uint3 tgpig [[threadgroup_position_in_grid]], ushort3 tpitg [[thread_position_in_threadgroup]], ushort3 ntg [[threads_per_threadgroup]]) {
  device T1* dst_data = (device T1*)(dst + tgpig[0] * args.nb01);
  for (int64_t i00 = tpitg.x; i00 < args.ne00; i00 += ntg.x) dst_data[i00] = (T1)((device const T0*)src0)[i00];
}
typedef decltype(kernel_cpy<float, float>) kernel_cpy_t;
template [[host_name("kernel_cpy_f32_f16")]] kernel kernel_cpy_t kernel_cpy<float, half>;
template [[host_name("kernel_cpy_bf16_f32")]] kernel kernel_cpy_t kernel_cpy<bfloat, float>;
template [[host_name("kernel_cpy_f16_bf16")]] kernel kernel_cpy_t kernel_cpy<half, bfloat>;
