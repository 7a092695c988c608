// Wide offsets, uniform, early exit, shadowed names
#include <metal_stdlib>
using namespace metal;
kernel void x47(device const char* base [[buffer(0)]], device float* o [[buffer(1)]], constant ulong& pitch [[buffer(2)]], constant int& n [[buffer(3)]],
                uint3 tg [[threadgroup_position_in_grid]], uint t [[thread_index_in_threadgroup]]) {
  if (int(tg.x) >= n) return;
  threadgroup float s[64]; auto rows = make_uniform(n); const uint64_t off = (uint64_t)tg.x * pitch + size_t(t) * 4;
  float min = *(device const float*)(base + off), max = min; s[t] = min; threadgroup_barrier(mem_flags::mem_threadgroup);
  for (int k = 0; k < 64; ++k) { max = metal::max(max, s[k]); min = metal::min(min, s[k]); }
  o[(int64_t)tg.x * 64 + t] = max - min + rows;
}
