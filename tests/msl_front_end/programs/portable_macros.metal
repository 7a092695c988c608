// Sources for several languages: address spaces as macros, packed records, bit-fields, unions, a counter-based generator
#include <metal_stdlib>
#include <metal_math>
using namespace metal;
#define __global device
#define __local threadgroup
#define __kernel kernel
#define always_inline inline __attribute__((__always_inline__))
#define get_global_id(d) gid[d]
#define CONCAT_(a, b) a##b
#define CONCAT(a, b) CONCAT_(a, b)
#define STR_(x) #x
#define STR(x) STR_(x)
#define DEFINE_AXPY(T) \
  __kernel void CONCAT(axpy_, T)(__global const T* x [[buffer(0)]], __global T* y [[buffer(1)]], constant T& a [[buffer(2)]], uint3 gid [[thread_position_in_grid]]) { \
    size_t i = get_global_id(0); y[i] += a * x[i]; }
DEFINE_AXPY(float)
DEFINE_AXPY(int)
DEFINE_AXPY(half)
DEFINE_AXPY(ulong)
typedef struct __attribute__((packed)) { uchar kind; uint value; ushort tail; } record_t;
static_assert(sizeof(record_t) == 7, STR(record_t) " is packed");
struct flags_t { uint mode : 3; uint level : 5; int bias : 8; uint rest : 16; };
enum { RECORD_SUM = 1, RECORD_XOR, RECORD_MAX = RECORD_XOR << 2 };
METAL_FUNC uint fold(uint acc, record_t r) {
  switch (r.kind) { case RECORD_SUM: return acc + r.value; case RECORD_XOR: return acc ^ r.value; case RECORD_MAX: return max(acc, r.value + r.tail); }
  return acc;
}
__kernel void fold_records(__global const record_t* r [[buffer(0)]], __global uint* out [[buffer(1)]], constant int& n [[buffer(2)]], uint i [[thread_position_in_grid]]) {
  uint acc = 0; int k = n;
  do { acc = fold(acc, r[i * uint(n) + uint(n - k)]); } while (--k);
  out[i] = acc;
}
__kernel void bits(__global const uint* in [[buffer(0)]], __global int* out [[buffer(1)]], uint i [[thread_position_in_grid]]) {
  flags_t f; f.mode = in[i]; f.level = in[i] >> 3; f.bias = int(in[i] >> 8); f.rest = in[i] >> 16;
  union { uint u; float f; uchar4 c; ushort2 s; } v; v.u = in[i]; v.c.yz = v.c.zy;
  out[i] = int(f.mode + 10 * f.level) + 1000 * f.bias + int(v.s.y) - int(v.c[0]);
  f.bias += 1; out[i] ^= f.bias;
}
// Random numbers: a counter-based generator in a class template with state in threads' memory
template <int ROUNDS = 10> class Philox { public:
  Philox(uint2 key, uint4 counter = uint4(0)) thread : key_(key), counter_(counter) {}
  uint4 operator()() { uint4 x = counter_; uint2 k = key_; for (int r = 0; r < ROUNDS; ++r) { if (r) k += uint2(0x9E3779B9, 0xBB67AE85); x = round(x, k); } ++counter_.x; return x; }
  static always_inline float4 uniform(uint4 x) { return float4(x >> 8) * 0x1p-24f; }
private:
  static uint4 round(uint4 c, uint2 k) { const uint h0 = mulhi(0xD2511F53u, c.x), l0 = 0xD2511F53u * c.x, h1 = mulhi(0xCD9E8D57u, c.z), l1 = 0xCD9E8D57u * c.z; return {h1 ^ c.y ^ k.x, l1, h0 ^ c.w ^ k.y, l0}; }
  uint2 key_; uint4 counter_;
};
kernel void philox(device uint4* out [[buffer(0)]], device float4* u [[buffer(1)]], constant uint4* counters [[buffer(2)]], constant uint2* keys [[buffer(3)]], uint i [[thread_position_in_grid]]) {
  Philox<> rng(keys[i], counters[i]); out[i] = rng(); Philox<7> other{keys[i]}; u[i] = rng.uniform(other());
}
