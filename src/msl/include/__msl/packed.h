#pragma once
// packed_vec<T, N>: N elements without padding, aligned like one; arithmetic happens in the vector it converts to.
#pragma clang system_header
#include "vec.h"

namespace metal {

template <class T, int N>
struct packed_vec : __msl_components::components<T, N> {
  using __element = T;
  template <int M>
  using __with_width = vec<T, M>;
  T __e[N];

  packed_vec() = default;
  __MSL_MEMBER constexpr packed_vec(const vec<T, N>& v) { __store(v); }
  template <class S>
    requires(__is_constructible(T, S))
  __MSL_MEMBER constexpr packed_vec(S s) {
    __store(vec<T, N>(s));
  }
  template <class U>
    requires(!__is_same(U, T))
  __MSL_MEMBER explicit constexpr packed_vec(const vec<U, N>& v) {
    __store(vec<T, N>(v));
  }
  template <class U>
    requires(!__is_same(U, T))
  __MSL_MEMBER explicit constexpr packed_vec(const packed_vec<U, N>& v) {
    __store(vec<T, N>(v.__load()));
  }
  template <class A, class B, class... C>
    requires(((__msl::width<T, A> + __msl::width<T, B>)+... + __msl::width<T, C>) == N)
  __MSL_MEMBER constexpr packed_vec(A a, B b, C... c) {
    __store(vec<T, N>(a, b, c...));
  }
  __MSL_MEMBER constexpr packed_vec(std::initializer_list<T> list) { __store(vec<T, N>(list)); }

  __MSL_MEMBER constexpr operator vec<T, N>() const { return __load(); }
  template <class U>
    requires(!__is_same(U, T))
  __MSL_MEMBER explicit constexpr operator vec<U, N>() const {
    return vec<U, N>(__load());
  }

  template <class V>
  __MSL_MEMBER constexpr auto& operator[](this V& v, long i) {
    return v.__e[i];
  }
  __MSL_MEMBER constexpr T operator[](long i) const { return __e[i]; }

  __MSL_MEMBER constexpr T __at(long i) const { return __e[i]; }
  __MSL_MEMBER constexpr void __set(int i, T s) { __e[i] = s; }
  template <int... I>
  __MSL_MEMBER constexpr auto __swizzle() const {
    return vec<T, sizeof...(I)>(__e[I]...);
  }
  template <int... I>
  __MSL_MEMBER constexpr void __assign(const vec<T, sizeof...(I)>& o) {
    int k = 0;
    ((__e[I] = o.__at(k++)), ...);
  }
  __MSL_MEMBER constexpr vec<T, N> __load() const { return __load(__msl::first<N>{}); }

#define __MSL_COMPOUND(op)                                                                       \
  friend __MSL_MEMBER constexpr packed_vec& operator op##=(packed_vec & a, const vec<T, N>& b) { \
    return a = a.__load() op b;                                                                  \
  }
  __MSL_COMPOUND(+)
  __MSL_COMPOUND(-)
  __MSL_COMPOUND(*)
  __MSL_COMPOUND(/)
#undef __MSL_COMPOUND
// Both operands packed: no vector is there whose operator the call would find.
#define __MSL_OPERATOR(op)                                                 \
  template <class P>                                                       \
    requires(__is_same(P, packed_vec))                                     \
  friend __MSL_MEMBER constexpr auto operator op(const P& a, const P& b) { \
    return a.__load() op b.__load();                                       \
  }
#define __MSL_WITH_SCALAR(op)                                                \
  __MSL_OPERATOR(op)                                                         \
  template <class S>                                                         \
    requires(__is_arithmetic(S))                                             \
  friend __MSL_MEMBER constexpr auto operator op(const packed_vec& a, S b) { \
    return a.__load() op b;                                                  \
  }                                                                          \
  template <class S>                                                         \
    requires(__is_arithmetic(S))                                             \
  friend __MSL_MEMBER constexpr auto operator op(S a, const packed_vec& b) { \
    return a op b.__load();                                                  \
  }
  __MSL_WITH_SCALAR(+)
  __MSL_WITH_SCALAR(-)
  __MSL_WITH_SCALAR(*)
  __MSL_WITH_SCALAR(/)
  __MSL_WITH_SCALAR(==)
  __MSL_WITH_SCALAR(!=)
  __MSL_WITH_SCALAR(<)
  __MSL_WITH_SCALAR(<=)
  __MSL_WITH_SCALAR(>)
  __MSL_WITH_SCALAR(>=)
#undef __MSL_WITH_SCALAR
#undef __MSL_OPERATOR
  friend __MSL_MEMBER constexpr vec<T, N> operator-(const packed_vec& a) { return -a.__load(); }

 private:
  template <int... i>
  __MSL_MEMBER constexpr vec<T, N> __load(__msl::sequence<int, i...>) const {
    return vec<T, N>(__e[i]...);
  }
  __MSL_MEMBER constexpr void __store(const vec<T, N>& v) {
    for (int i = 0; i < N; ++i) __e[i] = v.__at(i);
  }
};

}  // namespace metal

#define __MSL_NAMES(T)                           \
  typedef metal::packed_vec<T, 2> packed_##T##2; \
  typedef metal::packed_vec<T, 3> packed_##T##3; \
  typedef metal::packed_vec<T, 4> packed_##T##4; \
  namespace metal {                              \
  using ::packed_##T##2;                         \
  using ::packed_##T##3;                         \
  using ::packed_##T##4;                         \
  }
__MSL_NAMES(bfloat)
__MSL_EACH_NUMBER(__MSL_NAMES)
#undef __MSL_NAMES
