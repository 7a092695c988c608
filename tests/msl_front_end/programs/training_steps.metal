// As trainers write that were C before: packs of 16 bytes, warps as structures, hashed roundings, gradients by atomics.
#include <metal_stdlib>
using namespace metal;
#define WARP_SIZE 32
#define CEIL_DIV(M, N) (((M) + (N)-1) / (N))
#define GELU_FACTOR sqrt(2.0f / M_PI_F)
#if defined(ENABLE_FP32)
typedef float floatX;
#else
typedef bfloat floatX;
#endif
template <class ElementType> struct alignas(16) Packed128 {
  Packed128() = default;
  explicit Packed128(int4 bits) { payload_of(*this) = bits; }
  static Packed128 filled(ElementType value) { Packed128 r; for (uint k = 0; k < size; ++k) r.payload[k] = value; return r; }
  static Packed128 zeros() { return filled(ElementType(0.0f)); }
  thread ElementType& operator[](int i) thread { return payload[i]; }
  const thread ElementType& operator[](int i) const thread { return payload[i]; }
  int4 bits() const { int4 b; static_assert(sizeof(b) == sizeof(payload), "16 bytes"); b = *reinterpret_cast<const thread int4*>(&payload); return b; }
  static constexpr constant size_t size = sizeof(int4) / sizeof(ElementType);
  ElementType payload[size];
 private:
  static thread int4& payload_of(thread Packed128& p) { return *reinterpret_cast<thread int4*>(&p.payload); }
};
template <class T> Packed128<T> load128(const device T* address) { return Packed128<T>{*reinterpret_cast<const device int4*>(address)}; }
template <class T> void store128(device T* target, Packed128<T> value) { *reinterpret_cast<device int4*>(target) = value.bits(); }
typedef Packed128<floatX> x128;
typedef Packed128<float> f128;
struct Warp { uint lane, id, count; };
template <float (*reduce)(float)> float block_reduce(float val, threadgroup float* shared, Warp w, float out_of_bounds = 0.0f) {
  const float in_warp = reduce(val);
  if (w.lane == 0) shared[w.id] = in_warp;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  val = w.lane < w.count ? shared[w.lane] : out_of_bounds;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  return reduce(val);
}
inline float warp_sum(float v) { return simd_sum(v); }
inline float warp_max(float v) { for (int offset = WARP_SIZE / 2; offset > 0; offset /= 2) v = fmax(v, simd_shuffle_xor(v, offset)); return v; }
constexpr uint hashed(uint position, uint seed) {
  constexpr uint kNoise[3] = {0xd2a80a3fu, 0xa884f197u, 0x6C736F4Bu};
  uint bits = position * kNoise[0] + seed;
  bits ^= bits >> 9; bits += kNoise[1]; bits ^= bits >> 11; bits *= kNoise[2]; bits ^= bits >> 13;
  return bits;
}
static_assert(hashed(1, 2) != hashed(2, 1), "noise");
inline void round_stochastically(float in, device bfloat* out, uint position, uint seed) {
  const uint threshold = hashed(position, seed) & 0xFFFF, bits = as_type<uint>(in), kept = bits & 0xFFFF;
  *out = as_type<bfloat>(ushort((kept > threshold ? (bits | 0xFFFF) + 1 : bits & ~0xFFFFu) >> 16));
}
inline void round_stochastically(float in, device float* out, uint, uint) { *out = in; }
kernel void layernorm_gelu(device floatX* out [[buffer(0)]], device float* mean [[buffer(1)]], device float* rstd [[buffer(2)]], const device floatX* inp [[buffer(3)]], const device floatX* weight [[buffer(4)]],
                           constant int& C [[buffer(5)]], uint idx [[threadgroup_position_in_grid]], uint tid [[thread_position_in_threadgroup]], uint block_size [[threads_per_threadgroup]],
                           uint warp_id [[simdgroup_index_in_threadgroup]], uint lane_id [[thread_index_in_simdgroup]], threadgroup float* shared [[threadgroup(0)]]) {
  const Warp w{lane_id, warp_id, CEIL_DIV(block_size, WARP_SIZE)};
  const device floatX* x = inp + idx * C;
  float sum = 0.0f;
  for (int i = tid * x128::size; i < C; i += block_size * x128::size) { const x128 p = load128(x + i); for (int k = 0; k < int(x128::size); ++k) sum += (float)p[k]; }
  const float m = block_reduce<warp_sum>(sum, shared, w) / C;
  float v = 0;
  for (int i = tid * x128::size; i < C; i += block_size * x128::size) { const x128 p = load128(x + i); for (int k = 0; k < int(x128::size); ++k) v += ((float)p[k] - m) * ((float)p[k] - m); }
  v = block_reduce<warp_sum>(v, shared, w);
  const float s = precise::rsqrt(v / C + 1e-5f);
  if (tid == 0) { mean[idx] = m; rstd[idx] = s; }
  for (int i = tid * x128::size; i < C; i += block_size * x128::size) {
    x128 p = load128(x + i), q = load128(weight + i), o = x128::zeros();
    for (int k = 0; k < int(x128::size); ++k) {
      const float n = s * ((float)p[k] - m) * (float)q[k];
      o[k] = (floatX)(0.5f * n * (1.0f + precise::tanh(GELU_FACTOR * (n + 0.044715f * n * n * n))));
    }
    store128(out + idx * C + i, o);
  }
}
kernel void cross_entropy(device float* losses, device float* dlogits, const device float* logits, const device int* targets, constant int& V, constant int& P, uint row [[threadgroup_position_in_grid]],
                          uint tid [[thread_position_in_threadgroup]], uint block_size [[threads_per_threadgroup]], uint warp_id [[simdgroup_index_in_threadgroup]], uint lane_id [[thread_index_in_simdgroup]]) {
  threadgroup float shared[WARP_SIZE];
  const Warp w{lane_id, warp_id, CEIL_DIV(block_size, WARP_SIZE)};
  const device float* x = logits + size_t(row) * P;
  float most = -INFINITY, sum = 0;
  for (int i = tid; i < V; i += block_size) most = max(most, x[i]);
  most = block_reduce<warp_max>(most, shared, w, -INFINITY);
  for (int i = tid; i < V; i += block_size) sum += precise::exp(x[i] - most);
  sum = block_reduce<warp_sum>(sum, shared, w);
  const int target = targets[row];
  if (tid == 0) losses[row] = precise::log(sum) - (x[target] - most);
  for (int i = tid; i < P; i += block_size) dlogits[row * P + i] = i < V ? precise::exp(x[i] - most) / sum - (i == target) : 0.0f;
}
struct AdamArgs { float lr, beta1, beta2, correction1, correction2, eps, decay; uint seed; };
template <typename Tp, typename Tg> kernel void adamw(device Tp* params [[buffer(0)]], device float* master [[buffer(1)]], const device Tg* grads [[buffer(2)]], device float* m [[buffer(3)]], device float* v [[buffer(4)]],
                                                      constant AdamArgs& a [[buffer(5)]], constant ulong& n [[buffer(6)]], uint i [[thread_position_in_grid]]) {
  if (i >= n) return;
  const auto lerp = [](float start, float end, float t) { return fma(t, end, fma(-t, start, start)); };
  const float g = (float)grads[i], mi = m[i] = lerp(g, m[i], a.beta1), vi = v[i] = lerp(g * g, v[i], a.beta2);
  const float old = master != nullptr ? master[i] : (float)params[i];
  const float p = old - a.lr * ((mi / a.correction1) / (precise::sqrt(vi / a.correction2) + a.eps) + a.decay * old);
  round_stochastically(p, params + i, i, a.seed);
  if (master) master[i] = p;
}
template [[host_name("adamw_bfloat")]] kernel void adamw<bfloat, bfloat>(device bfloat*, device float*, const device bfloat*, device float*, device float*, constant AdamArgs&, constant ulong&, uint);
template [[host_name("adamw_float")]] kernel void adamw<float, float>(device float*, device float*, const device float*, device float*, device float*, constant AdamArgs&, constant ulong&, uint);
kernel void encoder_backward(device atomic<float>* dwte, const device float* dout, const device int* tokens, constant uint3& TBC, uint i [[thread_position_in_grid]]) {
  const uint C = TBC.z;
  if (i >= TBC.x * TBC.y * C) return;
  device auto* target = dwte + tokens[i / C] * C + i % C;
  atomic_fetch_add_explicit(target, dout[i], memory_order_relaxed);
}
