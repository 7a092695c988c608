// Static arrays (computed extent, nested block), and one dynamic block carved by casts (8 threads)
#include <metal_stdlib>
using namespace metal;
template <int BN, bool KEYS> kernel void x04(device float* o [[buffer(0)]], threadgroup char* shm [[threadgroup(0)]], uint t [[thread_index_in_threadgroup]]) {
  constexpr int pad = 16 / sizeof(float); threadgroup float tile[BN * (BN + pad)]; threadgroup half grid2[4][8];
  threadgroup half* sa = (threadgroup half*)(shm); threadgroup float* sb = (threadgroup float*)(shm + 512);
  if (KEYS) { threadgroup uint keys[BN]; keys[t % BN] = t; o[t] = keys[t % BN]; }
  else { threadgroup float keys[BN]; keys[t % BN] = t; o[t] = keys[t % BN]; }
  tile[t] = t; sa[t] = half(t); sb[t] = t; grid2[t % 4][t % 8] = 1.0h; threadgroup_barrier(mem_flags::mem_none | mem_flags::mem_threadgroup);
  o[t] += tile[t] + float(sa[t]) + sb[t];
}
template [[host_name("x04_8")]] kernel void x04<8, true>(device float*, threadgroup char*, uint);
