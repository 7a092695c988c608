// Operators as structs, instantiating macros, bfloat with the user's own overloads, complex numbers, strides
#include <metal_math>
#include <metal_stdlib>
#define METAL_FUNC inline __attribute__((__always_inline__))
#define instantiate_kernel(name, func, ...) \
  template [[host_name(name)]] [[kernel]] decltype(func<__VA_ARGS__>) func<__VA_ARGS__>;
#if defined(__HAVE_BFLOAT__)
typedef bfloat bfloat16_t;
// The library's own min and max of bfloats are floats.
namespace metal {
METAL_FUNC bfloat16_t max(bfloat16_t x, bfloat16_t y) { return static_cast<bfloat16_t>(metal::max(static_cast<float>(x), static_cast<float>(y))); }
METAL_FUNC bfloat16_t min(bfloat16_t x, bfloat16_t y) { return static_cast<bfloat16_t>(metal::min(static_cast<float>(x), static_cast<float>(y))); }
}
#else
struct bfloat16_t { uint16_t bits; };
#endif
typedef half float16_t;
struct complex64_t {
  float real; float imag;
  constexpr complex64_t(float r, float i) : real(r), imag(i) {}
  constexpr complex64_t() : real(0), imag(0) {}
  template <typename T, typename = typename metal::enable_if<metal::is_convertible<T, float>::value>::type>
  constexpr complex64_t(T x) thread : real(x), imag(0) {}
  template <typename T, typename = typename metal::enable_if<metal::is_convertible<T, float>::value>::type>
  constexpr complex64_t(T x) constant : real(x), imag(0) {}
  template <typename T, typename = typename metal::enable_if<metal::is_convertible<float, T>::value>::type>
  constexpr operator T() const thread { return static_cast<T>(real); }
  template <typename T, typename = typename metal::enable_if<metal::is_convertible<float, T>::value>::type>
  constexpr operator T() const device { return static_cast<T>(real); }
};
constexpr complex64_t operator+(complex64_t a, complex64_t b) { return {a.real + b.real, a.imag + b.imag}; }
constexpr complex64_t operator*(complex64_t a, complex64_t b) { return {a.real * b.real - a.imag * b.imag, a.real * b.imag + a.imag * b.real}; }
template <typename U> struct Limits { static constexpr constant U max = metal::numeric_limits<U>::max(); static constexpr constant U min = metal::numeric_limits<U>::min(); };
template <> struct Limits<bool> { static constexpr constant bool max = true; static constexpr constant bool min = false; };
#define FLOATING_LIMITS(type) \
  template <> struct Limits<type> { static constexpr constant type max = metal::numeric_limits<type>::infinity(); static constexpr constant type min = -metal::numeric_limits<type>::infinity(); };
FLOATING_LIMITS(float)
FLOATING_LIMITS(float16_t)
FLOATING_LIMITS(bfloat16_t)
struct Add { template <typename T> T operator()(T x, T y) { return x + y; } };
struct Multiply { template <typename T> T operator()(T x, T y) { return x * y; } };
struct Maximum {
  template <typename T> metal::enable_if_t<metal::is_integral_v<T>, T> operator()(T x, T y) { return metal::max(x, y); }
  template <typename T> metal::enable_if_t<!metal::is_integral_v<T>, T> operator()(T x, T y) { if (metal::isnan(x)) return x; return x > y ? x : y; }
  template <> complex64_t operator()(complex64_t x, complex64_t y) { return x.real >= y.real ? x : y; }
};
struct LogAddExp {
  template <typename T> T operator()(T x, T y) {
    if (metal::isnan(x) || metal::isnan(y)) return metal::numeric_limits<T>::quiet_NaN();
    constexpr T inf = metal::numeric_limits<T>::infinity();
    T maxval = metal::max(x, y); T minval = metal::min(x, y);
    return (minval == -inf || maxval == inf) ? maxval : T(maxval + metal::precise::log(1.0f + metal::precise::exp(float(minval - maxval))));
  }
};
template <typename IdxT = int64_t> METAL_FUNC IdxT elem_to_loc(IdxT elem, constant const int* shape, constant const int64_t* strides, int ndim) {
  IdxT loc = 0;
  for (int i = ndim - 1; i >= 0 && elem > 0; --i) { loc += (elem % shape[i]) * IdxT(strides[i]); elem /= shape[i]; }
  return loc;
}
template <typename T, typename U, typename Op, typename IdxT = int64_t>
[[kernel]] void binary_g(device const T* a, device const T* b, device U* c, constant const int* shape, constant const int64_t* a_strides, constant const int64_t* b_strides,
                         constant const int& ndim, uint3 index [[thread_position_in_grid]], uint3 grid_dim [[threads_per_grid]]) {
  auto ai = elem_to_loc<IdxT>(index.x, shape, a_strides, ndim);
  auto bi = elem_to_loc<IdxT>(index.x, shape, b_strides, ndim);
  auto out = index.x + IdxT(grid_dim.x) * (index.y + IdxT(grid_dim.y) * index.z);
  c[out] = Op()(a[ai], b[bi]);
}
template <typename T, int N, typename Op> [[kernel]] void reduce_rows(device const T* in [[buffer(0)]], device T* out [[buffer(1)]], uint row [[threadgroup_position_in_grid]], uint lane [[thread_index_in_simdgroup]]) {
  Op op; T total = Limits<T>::min; in += size_t(row) * N;
  for (int i = lane; i < N; i += 32) total = op(total, in[i]);
  for (ushort d = 16; d > 0; d /= 2) total = op(total, metal::simd_shuffle_down(total, d));
  if (lane == 0) out[row] = total;
}
#define instantiate_binary(name, t, u, op) instantiate_kernel("g_" #name, binary_g, t, u, op) instantiate_kernel("g_large_" #name, binary_g, t, u, op, uint)
instantiate_binary(addfloat32, float, float, Add)
instantiate_binary(mulcomplex64, complex64_t, complex64_t, Multiply)
instantiate_binary(maxint32, int32_t, int32_t, Maximum)
instantiate_binary(maxbfloat16, bfloat16_t, bfloat16_t, Maximum)
instantiate_binary(lsebfloat16, bfloat16_t, bfloat16_t, LogAddExp)
instantiate_binary(maxcomplex64, complex64_t, complex64_t, Maximum)
instantiate_kernel("row_reduce_max_f32", reduce_rows, float, 70, Maximum)
instantiate_kernel("row_reduce_max_bf16", reduce_rows, bfloat16_t, 70, Maximum)
instantiate_kernel("row_reduce_max_i16", reduce_rows, int16_t, 70, Maximum)
