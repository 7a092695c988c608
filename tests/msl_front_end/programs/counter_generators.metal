// Counter-based random numbers as libraries for tensors write them: rounds by templates, tables in classes, a state on the stack.
#include <metal_stdlib>
#include <metal_integer>
namespace rng {
using metal::uint2;
using metal::uint4;
template <uint N> struct Words { uint w[N]; thread uint& operator[](uint i) thread { return w[i]; } uint operator[](uint i) const thread { return w[i]; } constant uint& operator[](uint i) constant const { return w[i]; } };
inline uint2 wide_product(uint a, uint b) { const ulong p = ulong(a) * b; return as_type<uint2>(p); }
template <uint Rounds = 10> class Philox {
  static constexpr constant uint kKey[2] = {0x9E3779B9u, 0xBB67AE85u};
  static constexpr constant uint kFactor[2] = {0xD2511F53u, 0xCD9E8D57u};
  template <uint R> static METAL_FUNC uint4 round(uint4 c, uint2 k) {
    if constexpr (R == 0) {
      return c;
    } else {
      const uint2 low = wide_product(kFactor[0], c.x);
      const uint high1 = metal::mulhi(kFactor[1], c.z), low1 = kFactor[1] * c.z;
      return round<R - 1>(uint4(high1 ^ c.y ^ k.x, low1, low.y ^ c.w ^ k.y, low.x), k + uint2(kKey[0], kKey[1]));
    }
  }
 public:
  struct State { uint4 counter; uint2 key; uint at = 4; uint4 kept; };
  static uint4 block(uint4 counter, uint2 key) { return round<Rounds>(counter, key); }
  METAL_FUNC static uint next(thread State& s) {
    if (s.at >= 4) {
      s.kept = block(s.counter, s.key);
      s.at = 0;
      if (++s.counter.x == 0 && ++s.counter.y == 0) ++s.counter.z;
    }
    return s.kept[s.at++];
  }
};
template <uint Rounds> struct Threefry {
  static constant constexpr uint rotations[2][4] = {{13, 15, 26, 6}, {17, 29, 16, 24}};
  METAL_FUNC static uint2 block(uint2 c, uint2 key) {
    Words<3> ks = {{key.x, key.y, 0x1BD11BDAu ^ key.x ^ key.y}};
    c += key;
#pragma clang loop unroll(full)
    for (uint r = 0; r < Rounds; ++r) {
      c.x += c.y;
      c.y = metal::rotate(c.y, rotations[(r / 4) % 2][r % 4]) ^ c.x;
      if (r % 4 == 3) { const uint n = r / 4 + 1; c.x += ks[n % 3]; c.y += ks[(n + 1) % 3] + n; }
    }
    return c;
  }
};
enum class Kind : ushort { Bits, Uniform, Normal };
template <Kind K, typename T> struct Draw;
template <> struct Draw<Kind::Bits, uint> { static uint from(uint x) { return x; } };
template <> struct Draw<Kind::Uniform, float> { static float from(uint x) { return as_type<float>((x >> 9) | as_type<uint>(1.0f)) - 1; } };
template <> struct Draw<Kind::Uniform, half> { static half from(uint x) { return half(x >> 22) / 1024.0h; } };
template <> struct Draw<Kind::Normal, float> {
  static metal::float2 from(uint2 x) { const float r = metal::precise::sqrt(-2 * metal::precise::log((x.x + 1.0f) * 0x1p-32f)); float c; const float s = metal::precise::sincos(2 * M_PI_F * (x.y * 0x1p-32f), c); return r * metal::float2(c, s); }
};
}  // namespace rng
using rng::Kind;
template <Kind K, typename T> [[kernel]] void draw(device T* out [[buffer(0)]], constant rng::Words<2>& seed [[buffer(1)]], constant uint& count [[buffer(2)]], uint i [[thread_position_in_grid]], uint n [[threads_per_grid]]) {
  typename rng::Philox<>::State s{uint4(0, i, 0, 0), uint2(seed[0], seed[1])};
  for (uint k = i; k < count; k += n) out[k] = rng::Draw<K, T>::from(rng::Philox<>::next(s));
}
template [[host_name("draw_bits")]] [[kernel]] void draw<Kind::Bits, uint>(device uint*, constant rng::Words<2>&, constant uint&, uint, uint);
template [[host_name("draw_uniform_half")]] [[kernel]] void draw<Kind::Uniform, half>(device half*, constant rng::Words<2>&, constant uint&, uint, uint);
template [[host_name("draw_uniform_float")]] [[kernel]] void draw<Kind::Uniform, float>(device float*, constant rng::Words<2>&, constant uint&, uint, uint);
kernel void blocks(device const uint4* counters, device const uint4* keys, device uint4* out, uint i [[thread_position_in_grid]]) {
  out[2 * i] = rng::Philox<10>::block(counters[i], keys[i].xy);
  out[2 * i + 1].xy = rng::Threefry<20>::block(counters[i].xy, keys[i].zw);
  out[2 * i + 1].zw = rng::Threefry<20>::block(counters[i].zw, keys[i].xy);
}
kernel void normals(device float* out, constant uint& seed, threadgroup float2* shared [[threadgroup(0)]], uint i [[thread_position_in_grid]], uint t [[thread_index_in_threadgroup]]) {
  using namespace metal;
  float2 z = rng::Draw<Kind::Normal, float>::from(rng::Threefry<20>::block(uint2(i, 0), uint2(seed)));
  float2 sums = float2(simd_sum(z.x + z.y), simd_sum(length_squared(z)));
  if (simd_is_first()) shared[t / 32] = sums;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  out[2 * i] = z.x;
  out[2 * i + 1] = t == 0 ? shared[1].x : t == 1 ? shared[0].y : z.y;
}
