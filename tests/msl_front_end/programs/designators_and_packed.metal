// GNU initialiser, X43 aligned copy, X44 packed, X46 nullptr, X50 functors
#include <metal_stdlib>
using namespace metal;
struct Sum { template <typename T> T operator()(T a, T b) thread { return a + b; } };
struct Mul { template <typename T> METAL_FUNC static constexpr T apply(T a, T b) { return a * b; } };
template <typename T, typename Op> T fold(T a, T b) { Op op; return op(a, b); }
template <typename T> struct alignas(4 * sizeof(T)) chunk_t { uchar v[sizeof(T) * 4]; };
float x39_opt(float a, const device float* p = nullptr) { return p ? a + *p : a; }
void x39_keep(threadgroup uint* t) { if (t) t[0] = 1; }
kernel void x39(device float* o [[buffer(0)]], device const char* q [[buffer(1)]], uint i [[thread_index_in_threadgroup]]) {
  threadgroup float t[128]; float z[8] = {[0 ... 7] = -INFINITY}; float m[2][2] = {{1}, {0}};
  *((threadgroup chunk_t<float>*)(&t[4 * i])) = *((const device chunk_t<float>*)(&o[4 * i]));
  device const packed_char4* c = (device const packed_char4*)(q + 1); float4 f = float4(c[i]) * 0.5f; x39_keep(nullptr);
  o[4 * i] = fold<float, Sum>(f.x, t[4 * i]) + Mul::apply(f.w, 2.0f) + max(z[3], m[0][0]) + x39_opt(1.0f);
}
