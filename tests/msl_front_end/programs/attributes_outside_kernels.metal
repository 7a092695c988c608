// Attributes outside kernels; const and pointer members; static members
#include <metal_stdlib>
using namespace metal;
template <typename T, short ROWS, short NT> struct loader_t {
  static constant constexpr const short per = ROWS / NT; const int ld; const short lane; threadgroup T* dst; const device T* src;
  METAL_FUNC loader_t(const device T* s, int l, threadgroup T* d, ushort lane_id [[thread_index_in_simdgroup]]) thread
      : ld(l), lane(lane_id), dst(d + lane_id * per), src(s + lane_id * per) {}
  METAL_FUNC void load() const thread { for (short k = 0; k < per; k++) dst[k] = src[k * ld]; }
  METAL_FUNC static constexpr short2 coord(ushort l [[thread_index_in_simdgroup]]) { return short2{short(l % 8), short(l / 8)}; }
};
kernel void x13(const device float* s [[buffer(0)]], device float* o [[buffer(1)]], uint l [[thread_index_in_simdgroup]]) {
  threadgroup float t[64]; loader_t<float, 64, 32> ld(s, 1, t, l); ld.load(); threadgroup_barrier(mem_flags::mem_threadgroup);
  short2 c = loader_t<float, 64, 32>::coord(ushort(l)); o[l] = t[63 - l] + c.x * loader_t<float, 64, 32>::per;
}
