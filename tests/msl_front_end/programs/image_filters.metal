// Image buffers: packed pixels, separable filters, lambdas, half, clamps
#include <metal_stdlib>
using namespace metal;
struct Image { uint width, height, stride; };
enum class Edge : uchar { clamp, mirror, zero };
template <Edge E> inline int edge(int i, int n);
template <> inline int edge<Edge::clamp>(int i, int n) { return clamp(i, 0, n - 1); }
template <> inline int edge<Edge::mirror>(int i, int n) { i = abs(i); return i < n ? i : 2 * n - 2 - i; }
constant float kGauss[5] = {1.f / 16, 4.f / 16, 6.f / 16, 4.f / 16, 1.f / 16};
template <Edge E, bool Vertical> kernel void blur(device const uchar4* in [[buffer(0)]], device uchar4* out [[buffer(1)]], constant Image& image [[buffer(2)]], uint2 at [[thread_position_in_grid]]) {
  if (any(at >= uint2(image.width, image.height))) return;
  const auto load = [&](int dx, int dy) { return float4(in[edge<E>(int(at.y) + dy, image.height) * image.stride + edge<E>(int(at.x) + dx, image.width)]); };
  float4 sum = 0;
  for (int k = -2; k <= 2; ++k) sum = fma(kGauss[k + 2], Vertical ? load(0, k) : load(k, 0), sum);
  out[at.y * image.stride + at.x] = uchar4(rint(saturate(sum / 255.f) * 255.f));
}
template [[host_name("blur_h_clamp")]] kernel void blur<Edge::clamp, false>(device const uchar4*, device uchar4*, constant Image&, uint2);
template [[host_name("blur_v_mirror")]] kernel void blur<Edge::mirror, true>(device const uchar4*, device uchar4*, constant Image&, uint2);
kernel void grade(device const uint* rgba [[buffer(0)]], device half4* out [[buffer(1)]], constant float3x3& m [[buffer(2)]], uint i [[thread_position_in_grid]]) {
  const half4 c = unpack_unorm4x8_to_half(rgba[i]);
  const float3 lin = select(float3(c.rgb) / 12.92f, powr((float3(c.rgb) + 0.055f) / 1.055f, 2.4f), float3(c.rgb) > 0.04045f);
  half3 v = half3(m * lin); v.bgr = v.rgb;
  out[i] = half4(v, c.a); out[i].xw += half2(1, 2);
}
kernel void pack(device const float4* in [[buffer(0)]], device uint* out [[buffer(1)]], uint i [[thread_position_in_grid]]) {
  out[3 * i] = pack_float_to_unorm4x8(in[i]); out[3 * i + 1] = pack_float_to_snorm2x16(in[i].xy); out[3 * i + 2] = as_type<uint>(half2(in[i].zw));
}
