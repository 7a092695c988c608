// Variants by function constants
#include <metal_stdlib>
using namespace metal;
constant bool has_mask [[function_constant(300)]];
constant bool has_bias [[function_constant(301)]];
constant float slope [[function_constant(302)]];
constant int32_t ns10 [[function_constant(320)]];
constant int32_t nsg [[function_constant(321)]];
template <typename T, short DK, short Q = 8, short C = 32>
void body(device const T* q, device const T* m, device float* o, threadgroup half* shmem, ushort tiisg, ushort sgitg) {
  constexpr short DK4 = DK / 4; const short T4 = 2 * DK + 2 * C;
  threadgroup T* sq = (threadgroup T*)(shmem + 0 * DK); threadgroup float* ss = (threadgroup float*)(shmem + Q * T4);
  for (short j = sgitg; j < Q; j += nsg) { if (tiisg < DK4) ((threadgroup vec<T, 4>*)(sq + j * DK))[tiisg] = ((device const vec<T, 4>*)q)[j * ns10 / 4 + tiisg]; }
  threadgroup_barrier(mem_flags::mem_threadgroup);
  for (short j = sgitg; j < Q; j += nsg) {
    float s = 0; for (short i = tiisg; i < DK; i += 32) s += float(sq[j * DK + i]);
    s = simd_sum(s);
    if (has_mask) s += slope * float(m[j]);
    if (tiisg == 0) ss[j] = s;
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);
  if (sgitg == 0 && tiisg < Q) o[tiisg] = ss[tiisg] + (has_bias ? 1.0f : 0.0f);
}
template <typename T, short DK> kernel void attn(device const T* q, device const T* m, device float* o, threadgroup half* shmem [[threadgroup(0)]],
                                                 ushort tiisg [[thread_index_in_simdgroup]], ushort sgitg [[simdgroup_index_in_threadgroup]]) {
#define BODY(K) body<T, DK, 8, K>(q, m, o, shmem, tiisg, sgitg)
  switch (nsg) { case 1: BODY(32); break; case 2: BODY(32); break; case 4: BODY(32); break; }
#undef BODY
}
typedef decltype(attn<half, 64>) attn_t;
template [[host_name("attn_f16_dk64")]] kernel attn_t attn<half, 64>;
template [[host_name("attn_f32_dk64")]] kernel decltype(attn<float, 64>) attn<float, 64>;
