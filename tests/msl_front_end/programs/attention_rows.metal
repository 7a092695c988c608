// Attention by rows with an online softmax, sizes and masks by function constants, activations as template arguments
#include <metal_stdlib>
#include <metal_simdgroup_matrix>
using namespace metal;
typedef half4 h4; typedef float4 f4;
constant int D [[function_constant(5)]];
constant bool causal [[function_constant(6)]];
constant float scale [[function_constant(7)]];
constant int D4 = D / 4;
constant bool has_scale = is_function_constant_defined(scale);
constant float real_scale = has_scale ? scale : 1.0f;
struct AttnArgs { uint n_q, n_k; ulong4 strides; };
template <typename T> struct vec4_of; template <> struct vec4_of<half> { using type = half4; }; template <> struct vec4_of<float> { using type = float4; }; template <> struct vec4_of<bfloat> { using type = bfloat4; };
template <typename T> using vec4_t = typename vec4_of<T>::type;
template <typename T, int MAXD = 128> [[kernel]] [[max_total_threads_per_threadgroup(128)]] void attention(const device T* q [[buffer(0)]], const device T* k [[buffer(1)]], const device T* v [[buffer(2)]], device T* o [[buffer(3)]],
    constant AttnArgs& args [[buffer(4)]], const device uchar* mask [[buffer(5), function_constant(causal)]], uint3 tg [[threadgroup_position_in_grid]], uint lane [[thread_index_in_simdgroup]], uint sg [[simdgroup_index_in_threadgroup]], uint sgs [[simdgroups_per_threadgroup]]) {
  const uint row = tg.x * sgs + sg; if (row >= args.n_q) return;
  float acc[MAXD / 32] = {0}; float m = -INFINITY, l = 0;
  for (uint j = 0; j < args.n_k; ++j) {
    if (causal) { if (mask[row * args.n_k + j] == 0) continue; }
    float s = 0;
    for (int d = int(lane); d < D4; d += 32) s += dot(float4(((const device vec4_t<T>*)(q + row * args.strides.x))[d]), float4(((const device vec4_t<T>*)(k + j * args.strides.y))[d]));
    s = simd_sum(s) * real_scale;
    const float m2 = max(m, s), c = exp(m - m2), p = exp(s - m2); l = l * c + p;
    for (int d = 0; d < D / 32; ++d) acc[d] = acc[d] * c + p * float(v[j * args.strides.z + d * 32 + lane]);
    m = m2;
  }
  for (int d = 0; d < D / 32; ++d) o[row * args.strides.w + d * 32 + lane] = T(l == 0 ? 0 : acc[d] / l);
}
#define INST(n, t) template [[host_name("attention_" #n)]] [[kernel]] decltype(attention<t>) attention<t>;
INST(f32, float) INST(f16, half) INST(bf16, bfloat)
template <typename T> inline T gelu_tanh(T x) { const float f = float(x); return T(0.5f * f * (1.f + precise::tanh(0.79788456080286535587989211986876f * (f + 0.044715f * f * f * f)))); }
template <typename T, T (*Op)(T)> [[kernel]] void unary_v4(device const vec4_t<T>* in, device vec4_t<T>* out, uint i [[thread_position_in_grid]]) { vec4_t<T> x = in[i]; for (int c = 0; c < 4; ++c) x[c] = Op(x[c]); out[i] = x; }
template [[host_name("gelu_f16")]] [[kernel]] decltype(unary_v4<half, gelu_tanh<half>>) unary_v4<half, gelu_tanh<half>>;
template [[host_name("gelu_bf16")]] [[kernel]] decltype(unary_v4<bfloat, gelu_tanh<bfloat>>) unary_v4<bfloat, gelu_tanh<bfloat>>;
