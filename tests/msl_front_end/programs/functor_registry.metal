// As tensor libraries register operators: functors over every type, strided by bytes, errors reported to a buffer.
#include <metal_stdlib>
using namespace metal;
struct error_message { char function[16]; char text[32]; uint line; int values[2]; };
struct error_list { atomic<uint> count; error_message list[2]; };
template <unsigned N> inline void copy_text(device char (&to)[N], constant char* from) { unsigned i = 0; for (; i + 1 < N && from[i]; ++i) to[i] = from[i]; to[i] = 0; }
inline void store_all(device int*) {}
template <typename T, typename... A> inline void store_all(device int* to, T first, A... rest) { *to = static_cast<int>(first); store_all(to + 1, rest...); }
template <typename... A> static void report_error(device error_list* errors, constant char* function, uint line, constant char* text, A... values) {
  const auto at = atomic_fetch_add_explicit(&errors->count, 1, memory_order_relaxed);
  if (at >= 2) return;
  device auto& message = errors->list[at];
  copy_text(message.function, function);
  copy_text(message.text, text);
  message.line = line;
  store_all(message.values, values...);
}
#define REPORT_ERROR(errors, ...) ::report_error(errors, __func__, __LINE__, __VA_ARGS__)
namespace lib { namespace metal_ops {
template <typename T> enable_if_t<is_floating_point_v<T>, T> larger(T a, T b) { return isunordered(a, b) ? NAN : ::metal::max(a, b); }
template <> inline bfloat larger(bfloat a, bfloat b) { return bfloat(isunordered(a, b) ? NAN : ::metal::max(float(a), float(b))); }
template <typename T, typename U> enable_if_t<is_integral_v<T> && is_integral_v<U>, T> larger(T a, U b) { return ::metal::max(a, static_cast<T>(b)); }
template <typename T> constexpr constant bool is_float_v = is_floating_point_v<T> && is_scalar_v<T>;
template <typename T> constexpr constant bool is_whole_v = is_integral_v<T> && is_scalar_v<T>;
enum class Kind : char { Byte = 0, Char, Short, Int, Long, Half, Float, Bool = 11, BFloat16 = 15 };
template <typename T> inline T at_bytes(const device void* ptr, long offs) { return *reinterpret_cast<const device T*>(static_cast<const device char*>(ptr) + offs); }
template <typename T> constexpr device T& ref_bytes(device void* ptr, long offs) { return *reinterpret_cast<device T*>(static_cast<device char*>(ptr) + offs); }
template <typename T> inline T at_bytes(const device void* ptr, long offs, Kind kind) {
  switch (kind) {
    case Kind::Bool: return at_bytes<bool>(ptr, offs);
    case Kind::Byte: return at_bytes<uchar>(ptr, offs);
    case Kind::Short: return at_bytes<short>(ptr, offs);
    case Kind::Long: return at_bytes<long>(ptr, offs);
    case Kind::Half: return static_cast<T>(at_bytes<half>(ptr, offs));
    case Kind::BFloat16: return T(at_bytes<bfloat>(ptr, offs));
    default: return static_cast<T>(at_bytes<float>(ptr, offs));
  }
}
constant constexpr unsigned max_dims = 16;
inline void position(uint index, thread long (&pos)[max_dims], constant long* sizes, uint dims) {
  for (uint i = 0; i < dims; i++) { pos[i] = index % sizes[i]; index /= sizes[i]; }
}
template <unsigned N> inline long offset(thread long (&pos)[N], constant long* strides, uint dims) { long sum = 0; for (uint i = 0; i < dims; i++) sum += pos[i] * strides[i]; return sum; }
template <typename F, typename T> struct result_of { using type = decltype(F{}(T(0))); };
template <typename T, typename F> kernel void unary_strided(device void* output, constant void* input [[buffer(1)]], constant long* sizes [[buffer(2)]], constant long* in_strides [[buffer(3)]],
                                                            constant long* out_strides [[buffer(4)]], constant uint& dims, uint index [[thread_position_in_grid]]) {
  F f;
  using R = typename result_of<F, T>::type;
  long pos[max_dims];
  position(index, pos, sizes, dims);
  ref_bytes<R>(output, offset(pos, out_strides, dims)) = f(*reinterpret_cast<constant T*>(static_cast<constant char*>(input) + offset(pos, in_strides, dims)));
}
#define REGISTER_UNARY_OP(NAME, IN, OUT)                                                                                                             \
  static_assert(is_same_v<OUT, result_of<NAME##_functor, IN>::type>, "Output type mismatch for " #NAME " and input " #IN);                           \
  template [[host_name(#NAME "_strided_" #OUT "_" #IN)]] kernel void ::lib::metal_ops::unary_strided<IN, NAME##_functor>(                            \
      device void* output, constant void* input, constant long* sizes, constant long* in_strides, constant long* out_strides, constant uint& dims, uint index)
}}  // namespace lib::metal_ops
using namespace lib::metal_ops;
struct square_functor {
  template <typename T> inline enable_if_t<is_float_v<T>, T> operator()(const T x) { return T(x * x); }
  template <typename T> inline enable_if_t<is_whole_v<T>, float> operator()(const T x) { return static_cast<float>(x) * static_cast<float>(x); }
  template <typename T> inline enable_if_t<is_same_v<T, float2>, T> operator()(const T x) { return T(x.x * x.x - x.y * x.y, 2 * x.x * x.y); }
};
struct bitwise_not_functor {
  template <typename T> inline enable_if_t<!is_same_v<T, bool> && is_whole_v<T>, T> operator()(const T x) { return ~x; }
  template <typename T> inline enable_if_t<is_same_v<T, bool>, T> operator()(const T x) { return !x; }
};
REGISTER_UNARY_OP(square, float, float); REGISTER_UNARY_OP(square, short, float); REGISTER_UNARY_OP(square, bfloat, bfloat); REGISTER_UNARY_OP(square, float2, float2);
REGISTER_UNARY_OP(bitwise_not, bool, bool); REGISTER_UNARY_OP(bitwise_not, long, long);

template <typename T> struct Added {};
template <typename T> using added_t = typename Added<T>::type;
template <> struct Added<float> { using type = atomic<float>; static inline void add(device type* data, long at, float value) { atomic_fetch_add_explicit(data + at, value, memory_order_relaxed); } };
template <typename T> static inline void add_in_word(device atomic<int>* data, long at, T value) {
  constexpr auto per_word = sizeof(int) / sizeof(T);
  device atomic<int>* word = data + at / per_word;
  union { int i; T t[per_word]; } value_of;
  int old = atomic_load_explicit(word, memory_order_relaxed);
  do { value_of.i = old; value_of.t[at & (per_word - 1)] += value; } while (!atomic_compare_exchange_weak_explicit(word, &old, value_of.i, memory_order_relaxed, memory_order_relaxed));
}
template <> struct Added<half> { using type = atomic<int>; static inline void add(device type* data, long at, half value) { add_in_word<half>(data, at, value); } };
template <> struct Added<bfloat> { using type = atomic<int>; static inline void add(device type* data, long at, bfloat value) { add_in_word<bfloat>(data, at, value); } };
template <> struct Added<uchar> { using type = atomic<int>; static inline void add(device type* data, long at, uchar value) { add_in_word<uchar>(data, at, value); } };
template <typename T, typename I> kernel void scatter_add(device added_t<T>* out, constant T* in, constant I* indices, constant array<long, 2>& limits, device error_list* errors, uint t [[thread_position_in_grid]]) {
  auto at = indices[t];
  if (at < -limits[0] || at >= limits[0]) { REPORT_ERROR(errors, "index % out of range", at, limits[0]); return; }
  if (at < 0) at += limits[0];
  Added<T>::add(out, at, in[t]);
}
#define REGISTER_SCATTER(T) template [[host_name("scatter_add_" #T)]] kernel void scatter_add<T, long>(device added_t<T>*, constant T*, constant long*, constant array<long, 2>&, device error_list*, uint)
REGISTER_SCATTER(float); REGISTER_SCATTER(half); REGISTER_SCATTER(bfloat); REGISTER_SCATTER(uchar);
kernel void any_kind(device float* o, const device void* data, constant Kind* kinds, constant long* offsets, uint i [[thread_position_in_grid]]) {
  o[i] = at_bytes<float>(data, offsets[i], kinds[i]) + float(larger(bfloat(i), bfloat(2))) + larger(3, 1ul) + larger(half(1), half(0.5));
}
