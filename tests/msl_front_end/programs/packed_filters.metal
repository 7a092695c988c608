// Filters over images in buffers of packed pixels: rows by pitch, any format, separable taps, histograms, YUV, median.
#include <metal_stdlib>
using namespace metal;

template <typename P> struct pixel_traits;
#define PIXEL(P, C, N, ONE) template <> struct pixel_traits<P> { typedef C channel; enum : ushort { channels = N }; static constexpr constant float one = ONE; };
PIXEL(packed_uchar3, uchar, 3, 255.0f)
PIXEL(packed_uchar4, uchar, 4, 255.0f)
PIXEL(packed_ushort3, ushort, 3, 65535.0f)
PIXEL(packed_half3, half, 3, 1.0f)
PIXEL(packed_float3, float, 3, 1)
#undef PIXEL

struct Geometry { ushort2 size; uint pitch; uint offset; };

template <typename P> struct Plane {
  device uchar* const bytes; constant Geometry& g;
  device P& operator()(short2 p) const { return *reinterpret_cast<device P*>(bytes + g.offset + ulong(p.y) * g.pitch + p.x * sizeof(P)); }
  float3 load(short2 p) const { return float3(vec<typename pixel_traits<P>::channel, pixel_traits<P>::channels>((*this)(p)).xyz) / pixel_traits<P>::one; }
  void store(short2 p, float3 v) const {
    typedef typename pixel_traits<P>::channel C;
    v = clamp(v, 0.0f, 1.0f) * pixel_traits<P>::one;
    if constexpr (is_integral_v<C>) v = rint(v);
    (*this)(p).rgb = vec<C, 3>(v);
  }
};

constant short kBorder [[function_constant(100)]];  // 0: clamp, 1: mirror, 2: wrap
static short2 border(short2 p, short2 n) {
  switch (kBorder) {
    case 1: return short2(select(p.x, short(-1 - p.x), p.x < 0), select(p.y, short(-1 - p.y), p.y < 0)) - select(short2(0), 2 * (p - n) + 1, p >= n);
    case 2: return (p + n) % n;
    default: return clamp(p, short2(0), short2(n - 1));
  }
}

template <typename P, ushort RADIUS>
kernel void blur(device uchar* in [[buffer(0)]], device uchar* out [[buffer(1)]], constant Geometry& g [[buffer(2)]], constant array<float, RADIUS + 1>& taps [[buffer(3)]], constant bool& vertical [[buffer(4)]],
                 ushort2 at [[thread_position_in_grid]]) {
  if (any(at >= g.size)) return;
  const Plane<P> source = {in, g}, target{out, g};
  const short2 step = vertical ? short2(0, 1) : short2(1, 0), p = short2(at);
  float3 sum = source.load(p) * taps[0];
#pragma unroll
  for (short k = 1; k <= short(RADIUS); ++k)
    sum += (source.load(border(p + k * step, short2(g.size))) + source.load(border(p - k * step, short2(g.size)))) * taps[k];
  target.store(p, sum);
}
#define BLUR(P, R) template [[host_name("blur_" #P "_" #R)]] kernel void blur<P, R>(device uchar*, device uchar*, constant Geometry&, constant array<float, R + 1>&, constant bool&, ushort2);
BLUR(packed_uchar3, 2) BLUR(packed_uchar4, 1) BLUR(packed_ushort3, 2) BLUR(packed_half3, 2) BLUR(packed_float3, 3)

constant constexpr float3x3 kToYuv = float3x3(float3(0.299f, -0.168736f, 0.5f), float3(0.587f, -0.331264f, -0.418688f), float3(0.114f, 0.5f, -0.081312f));
kernel void to_yuv(device const packed_uchar3* in [[buffer(0)]], device packed_char3* out [[buffer(1)]], uint i [[thread_position_in_grid]]) {
  const float3 yuv = kToYuv * float3(in[i]);
  out[i] = char3(rint(yuv - float3(128, 0, 0)));
  out[i].b = max(char(-127), out[i].z);
}

kernel void histogram(device const packed_uchar4* in [[buffer(0)]], device atomic_uint (*bins)[4] [[buffer(1)]], constant uint& n [[buffer(2)]], uint i [[thread_position_in_grid]], uint t [[thread_index_in_threadgroup]], uint threads [[threads_per_threadgroup]]) {
  threadgroup atomic_uint local[16][4];
  for (uint k = t; k < 64; k += threads) atomic_store_explicit(&local[k >> 2][k & 3], 0, memory_order_relaxed);
  threadgroup_barrier(mem_flags::mem_threadgroup);
  if (i < n)
    for (ushort c = 0; c < 4; ++c) atomic_fetch_add_explicit(&local[in[i][c] >> 4][c], 1u, memory_order_relaxed);
  threadgroup_barrier(mem_flags::mem_threadgroup);
  for (uint k = t; k < 64; k += threads) atomic_fetch_add_explicit(&bins[k >> 2][k & 3], atomic_load_explicit(&local[k >> 2][k & 3], memory_order_relaxed), memory_order_relaxed);
}

#define SWAP(a, b) { const uchar3 lo = min(a, b), hi = max(a, b); a = lo; b = hi; }
kernel void median(device const packed_uchar3* in [[buffer(0)]], device packed_uchar3* out [[buffer(1)]], constant short2& size [[buffer(2)]], uint2 at [[thread_position_in_grid]]) {
  if (int(at.x) >= size.x || int(at.y) >= size.y) return;
  uchar3 v[9];
  short k = 0;
  for (short y = -1; y <= 1; y++) for (short x = -1; x <= 1; x++) { const short2 p = clamp(short2(at) + short2(x, y), short2(0), size - short2(1)); v[k++] = in[p.y * size.x + p.x]; }
  for (short pass = 0; pass < 9; ++pass) for (short j = pass & 1; j < 8; j += 2) SWAP(v[j], v[j + 1]);
  out[at.y * size.x + at.x] = v[4];
}
