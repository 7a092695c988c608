#pragma once
// metal::vec<T, N>: N elements of T over one Clang vector, so that arithmetic, comparisons and conversions are single
// IR instructions. A class and not the Clang vector itself, because constructors, conversions and bool and bfloat
// elements differ from what Clang offers for those.
#pragma clang system_header
#include "address_spaces.h"
#include "swizzle.h"
#include "vec_raw.h"

#define __MSL_VALID_INDEX(i) \
  __attribute__((diagnose_if(i < 0 || i >= N, "vector component index out of range", "error")))

namespace metal {

template <class T, int N>
struct vec : __msl_components::components<T, N> {
  using __element = T;
  using __raw = __msl::raw_of<T, N>;
  template <int M>
  using __with_width = vec<T, M>;
  __raw __v;

  vec() = default;
  __MSL_MEMBER constexpr vec(__msl::raw_tag, __raw v) : __v(v) {}

  // What is volatile is read, and written below, as a whole. Templates are no copies: the class stays trivial.
  template <class V>
    requires(__is_volatile(V) && __is_same(__msl::plain<V>, vec))
  __MSL_MEMBER vec(V& o) : __v(o.__v) {}
  template <class V>
    requires(__is_volatile(V) && !__is_const(V))
  __MSL_MEMBER vec operator=(this V& v, const vec& o) {
    v.__v = o.__v;
    return o;
  }
  template <class V, class O>
    requires(!__is_const(V) && __is_volatile(O) && __is_same(__msl::plain<O>, vec))
  __MSL_MEMBER vec operator=(this V& v, O& o) {
    return v = vec(o);
  }

  // A scalar of any kind is converted to T and replicated.
  template <class S>
    requires(__is_constructible(T, S))
  __MSL_MEMBER constexpr vec(S s) : __v(__msl::splat<T>(static_cast<T>(s), __msl::first<N>{})) {}

  // Another element type, explicitly.
  template <class U>
    requires(!__is_same(U, T))
  __MSL_MEMBER explicit constexpr vec(const vec<U, N>& o) : __v(__msl::convert<T, U, N>(o.__v)) {}

  // Scalars and vectors of T, left to right, that fill exactly N elements.
  template <class A, class B, class... C>
    requires(((__msl::width<T, A> + __msl::width<T, B>)+... + __msl::width<T, C>) == N)
  __MSL_MEMBER constexpr vec(A a, B b, C... c) : __v(__msl::join<T>(__msl::first<N>{}, a, b, c...)) {}

  template <class A, class B, class... C>
    requires(__msl::wrong_width<((__msl::width<T, A> + __msl::width<T, B>)+... + __msl::width<T, C>), N>)
  vec(A, B, C...) = delete("wrong number of components for the vector");

  // A brace list; missing elements are zero.
  __MSL_MEMBER constexpr vec(std::initializer_list<T> list) : __v(__msl::from_list<T>(list, __msl::first<N>{})) {}

  // An element is an lvalue of its own: vectors are stored as N consecutive elements.
  template <class V>
    requires(!__is_const(V) && !__is_volatile(V))
  __MSL_MEMBER __msl::like<V, T>& operator[](this V& v, long i) __MSL_VALID_INDEX(i) {
    return reinterpret_cast<__msl::like<V, T>*>(&v.__v)[i];
  }
  template <class V>
    requires(!__is_const(V) && __is_volatile(V))
  __MSL_MEMBER volatile __msl::like<typename __msl::steady<V>::type, T>& operator[](this V& v, long i)
      __MSL_VALID_INDEX(i) {
    return reinterpret_cast<volatile __msl::like<typename __msl::steady<V>::type, T>*>(&v.__v)[i];
  }
  __MSL_MEMBER constexpr T operator[](long i) const __MSL_VALID_INDEX(i) { return __at(i); }

  __MSL_MEMBER constexpr T __at(long i) const { return __msl::at<T, N>(__v, i); }
  __MSL_MEMBER void __set(int i, T s) { __v[i] = __msl::element<T>::store(s); }
  template <int... I>
  __MSL_MEMBER constexpr auto __swizzle() const {
    return vec<T, sizeof...(I)>(__msl::raw_tag{}, __builtin_shufflevector(__v, __v, I...));
  }
  template <int... I>
  __MSL_MEMBER void __assign(const vec<T, sizeof...(I)>& o) {
    const auto values = o.__v;  // `v.xy = v.yx` reads before it writes
    int k = 0;
    ((__v[I] = values[k++]), ...);
  }

  __MSL_MEMBER T operator[](long i) const volatile __MSL_VALID_INDEX(i) { return __at(i); }
  __MSL_MEMBER T __at(long i) const volatile { return vec(*this).__at(i); }
  __MSL_MEMBER void __set(int i, T s) volatile { __v[i] = __msl::element<T>::store(s); }
  template <int... I>
  __MSL_MEMBER auto __swizzle() const volatile {
    return vec(*this).template __swizzle<I...>();
  }
  template <int... I>
  __MSL_MEMBER void __assign(const vec<T, sizeof...(I)>& o) volatile {
    vec all(*this);
    all.template __assign<I...>(o);
    __v = all.__v;
  }

#include "vec_operators.inc"
};

// The counts of a shift may be of another integer type: of each only the low bits are read.
#define __MSL_SHIFTABLE(T) (__is_integral(T) && !__is_same(T, bool))
#define __MSL_SHIFT(op)                                                                   \
  template <class T, class U, int N>                                                      \
    requires(__MSL_SHIFTABLE(T) && __MSL_SHIFTABLE(U) && !__is_same(T, U))                \
  __MSL_INLINE constexpr vec<T, N> operator op(const vec<T, N>& a, const vec<U, N>& b) {  \
    return a op vec<T, N>(b);                                                             \
  }                                                                                       \
  template <class T, class U, int N>                                                      \
    requires(__MSL_SHIFTABLE(T) && __MSL_SHIFTABLE(U) && !__is_same(T, U))                \
  __MSL_INLINE constexpr vec<T, N>& operator op##=(vec<T, N>& a, const vec<U, N>& b) {    \
    return a op##= vec<T, N>(b);                                                          \
  }
__MSL_SHIFT(<<)
__MSL_SHIFT(>>)
#undef __MSL_SHIFT
#undef __MSL_SHIFTABLE

}  // namespace metal

#undef __MSL_VALID_INDEX

// float2, float3, float4 and their kin, global and in `metal`.
#define __MSL_NAMES(T)           \
  typedef metal::vec<T, 2> T##2; \
  typedef metal::vec<T, 3> T##3; \
  typedef metal::vec<T, 4> T##4; \
  namespace metal {              \
  using ::T##2;                  \
  using ::T##3;                  \
  using ::T##4;                  \
  }
__MSL_NAMES(bool)
__MSL_NAMES(bfloat)
__MSL_EACH_NUMBER(__MSL_NAMES)
#undef __MSL_NAMES

// The language's layouts. Asking for them also instantiates these types in the precompiled header.
#define __MSL_LAYOUT(T, size)                                           \
  static_assert(sizeof(T##2) == 2 * size && alignof(T##2) == 2 * size); \
  static_assert(sizeof(T##3) == 4 * size && alignof(T##3) == 4 * size); \
  static_assert(sizeof(T##4) == 4 * size && alignof(T##4) == 4 * size);
__MSL_LAYOUT(bool, 1)
__MSL_LAYOUT(char, 1)
__MSL_LAYOUT(uchar, 1)
__MSL_LAYOUT(half, 2)
__MSL_LAYOUT(int, 4)
__MSL_LAYOUT(uint, 4)
__MSL_LAYOUT(float, 4)
#undef __MSL_LAYOUT
