// Elementwise and indexed operations in the manner of tensor frameworks: nested namespaces that shadow `metal`, traits, type
// dispatch, strided iteration, atomics by traits.
#include <metal_atomic>
#include <metal_stdlib>
namespace c10 {
namespace metal {
namespace detail {
template <typename T> struct vectypes {};
template <> struct vectypes<float> { using type4 = float4; using type3 = float3; using type2 = float2; };
template <> struct vectypes<half> { using type4 = half4; using type3 = half3; using type2 = half2; };
template <> struct vectypes<long> { using type4 = long4; using type3 = long3; using type2 = long2; };
template <typename T> constexpr constant bool is_complex_v = ::metal::is_same_v<T, float2> || ::metal::is_same_v<T, half2>;
}
template <typename T> using vec4type_t = typename detail::vectypes<T>::type4;
template <typename T> using opmath_t = ::metal::conditional_t<::metal::is_floating_point_v<T> || detail::is_complex_v<T>, T, float>;
template <typename T> ::metal::enable_if_t<!::metal::is_floating_point_v<T>, T> max(T a, T b) { return ::metal::max(a, b); }
template <typename T> ::metal::enable_if_t<::metal::is_floating_point_v<T>, T> max(T a, T b) { return ::metal::isunordered(a, b) ? NAN : ::metal::max(a, b); }
constant constexpr unsigned simdgroup_size = 32;
template <typename T> opmath_t<T> threadgroup_sum(threadgroup opmath_t<T>* data, opmath_t<T> val, unsigned idx, unsigned size) {
  auto rc = ::metal::simd_sum(val);
  if (idx % simdgroup_size == 0) data[idx / simdgroup_size] = rc;
  if (size > simdgroup_size) {
    ::metal::threadgroup_barrier(::metal::mem_flags::mem_threadgroup);
    if (idx < ((size + simdgroup_size - 1) / simdgroup_size)) { auto rc1 = ::metal::simd_sum(data[idx]); if (idx == 0) data[0] = rc1; }
  }
  ::metal::threadgroup_barrier(::metal::mem_flags::mem_threadgroup);
  return data[0];
}
template <typename T> struct AtomicType {};
template <> struct AtomicType<float> { using type = ::metal::atomic<float>; static inline void atomic_add(device type* data, long offset, float value) { ::metal::atomic_fetch_add_explicit(data + offset, value, ::metal::memory_order_relaxed); } };
template <typename T> static inline void atomic_add_helper(device ::metal::atomic<int>* data, long offset, T value) {
  constexpr auto elem_per_enum = sizeof(int) / sizeof(T);
  auto ptr = data + (offset / elem_per_enum);
  auto old = ::metal::atomic_load_explicit(ptr, ::metal::memory_order_relaxed);
  union { int i; T t[elem_per_enum]; } val;
  do { val.i = old; val.t[offset & (elem_per_enum - 1)] += value; } while (!::metal::atomic_compare_exchange_weak_explicit(ptr, &old, val.i, ::metal::memory_order_relaxed, ::metal::memory_order_relaxed));
}
template <> struct AtomicType<half> { using type = ::metal::atomic<int>; static inline void atomic_add(device type* data, long offset, half value) { atomic_add_helper<half>(data, offset, value); } };
template <> struct AtomicType<bfloat> { using type = ::metal::atomic<int>; static inline void atomic_add(device type* data, long offset, bfloat value) { atomic_add_helper<bfloat>(data, offset, value); } };
template <typename T> using AtomicType_t = typename AtomicType<T>::type;
template <int N> long offset_from_thread_index(long idx, constant long* sizes, constant long* strides, uint ndim) {
  long off = 0;
  for (uint i = 0; i < ndim; ++i) { off += (idx % sizes[i]) * strides[i]; idx /= sizes[i]; }
  return off;
}
}  // namespace metal
}  // namespace c10
using namespace metal;
using namespace c10::metal;
struct exp_functor {
  template <typename T> inline enable_if_t<is_floating_point_v<T>, T> operator()(const T x) { return T(::precise::exp(x)); }
  template <typename T> inline enable_if_t<is_integral_v<T>, float> operator()(const T x) { return ::precise::exp(static_cast<float>(x)); }
  template <typename T> inline enable_if_t<detail::is_complex_v<T>, T> operator()(const T x) { return T(::precise::exp(x.x) * ::precise::cos(x.y), ::precise::exp(x.x) * ::precise::sin(x.y)); }
};
template <typename F, typename T> using result_of = decltype(::metal::declval<F>()(::metal::declval<T>()));
template <typename T, typename F> kernel void unary_dense(device result_of<F, T>* output [[buffer(0)]], constant T* input [[buffer(1)]], uint index [[thread_position_in_grid]]) { F f; output[index] = f(input[index]); }
template <typename T, typename F> kernel void unary_strided(device result_of<F, T>* output [[buffer(0)]], constant T* input [[buffer(1)]], constant long* sizes [[buffer(2)]], constant long* strides [[buffer(3)]], constant uint& ndim [[buffer(4)]], uint index [[thread_position_in_grid]]) { F f; output[index] = f(input[offset_from_thread_index<1>(index, sizes, strides, ndim)]); }
#define INSTANTIATE_UNARY(NAME, T) \
  template [[host_name(#NAME "_dense_" #T)]] kernel void ::unary_dense<T, NAME##_functor>(device result_of<NAME##_functor, T>*, constant T*, uint); \
  template [[host_name(#NAME "_strided_" #T)]] kernel void ::unary_strided<T, NAME##_functor>(device result_of<NAME##_functor, T>*, constant T*, constant long*, constant long*, constant uint&, uint)
INSTANTIATE_UNARY(exp, float);
INSTANTIATE_UNARY(exp, half);
INSTANTIATE_UNARY(exp, int);
INSTANTIATE_UNARY(exp, float2);
template <typename T> kernel void index_put(device AtomicType_t<T>* out [[buffer(0)]], constant T* in [[buffer(1)]], constant long* idx [[buffer(2)]], uint t [[thread_position_in_grid]]) { AtomicType<T>::atomic_add(out, idx[t], in[t]); }
template [[host_name("index_put_half")]] kernel void index_put<half>(device AtomicType_t<half>*, constant half*, constant long*, uint);
template [[host_name("index_put_bfloat")]] kernel void index_put<bfloat>(device AtomicType_t<bfloat>*, constant bfloat*, constant long*, uint);
template <typename T> kernel void sum_rows(constant T* in [[buffer(0)]], device T* out [[buffer(1)]], uint tid [[thread_position_in_threadgroup]], uint size [[threads_per_threadgroup]], uint row [[threadgroup_position_in_grid]]) {
  threadgroup opmath_t<T> shared[simdgroup_size];
  auto total = threadgroup_sum<T>(shared, in[row * size + tid], tid, size);
  if (tid == 0) out[row] = c10::metal::max(total, opmath_t<T>(0));
}
template [[host_name("sum_rows_float")]] kernel void sum_rows<float>(constant float*, device float*, uint, uint, uint);
