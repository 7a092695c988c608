#pragma once
// packed_vec<T, N>: N elements without padding, aligned like one; arithmetic happens in the vector it converts to.
#pragma clang system_header
#include "operator_lists.h"
#include "vec.h"

namespace __msl {

template <class T>
inline constexpr bool is_packed = false;
template <class T, int N>
inline constexpr bool is_packed<metal::packed_vec<T, N>> = true;

// A copy of what an operand holds, read as a whole where it is volatile; of a packed vector the vector.
template <class A>
__MSL_INLINE constexpr plain<A> loaded(const A& a)
  requires(!is_packed<plain<A>>)
{
  return a;
}
template <class A>
__MSL_INLINE constexpr auto loaded(const A& a)
  requires(is_packed<plain<A>>)
{
  return a.__load();
}

}  // namespace __msl

// Operators with a packed operand where no vector is there whose operator the call would find. A namespace of its own,
// that of a base of packed_vec: other calls do not see them.
namespace __msl::packed_operators {

struct found {};

template <class A>
concept scalar = __is_arithmetic(__msl::plain<A>) || __is_same(__msl::plain<A>, bfloat);
template <class A, class B>
concept operands = !__is_volatile(A) && !__is_volatile(B) &&
                   ((__msl::is_packed<__msl::plain<A>> && (scalar<B> || __is_same(__msl::plain<A>, __msl::plain<B>))) ||
                    (scalar<A> && __msl::is_packed<__msl::plain<B>>));
// Whether A is a packed vector that B can be combined with.
template <class A, class B>
concept target = !__is_volatile(A) && __msl::is_packed<__msl::plain<A>> &&
                 requires(const A& a, const B& b) { __msl::plain<A>(a.__load() + __msl::loaded(b)); };

#define __MSL_OPERATOR(op)                                          \
  template <class A, class B>                                       \
    requires(operands<A, B>)                                        \
  __MSL_INLINE constexpr auto operator op(const A& a, const B& b) { \
    return __msl::loaded(a) op __msl::loaded(b);                    \
  }
#define __MSL_ASSIGNED(op)                                          \
  __MSL_OPERATOR(op)                                                \
  template <class A, class B>                                       \
    requires(target<A, B>)                                          \
  __MSL_INLINE constexpr A& operator op##=(A & a, const B & b) {    \
    a = __msl::loaded(a) op __msl::loaded(b);                       \
    return a;                                                       \
  }
__MSL_COMPUTING_OPERATORS(__MSL_ASSIGNED)
__MSL_COMPARING_OPERATORS(__MSL_OPERATOR)
__MSL_LOGICAL_OPERATORS(__MSL_OPERATOR)
#undef __MSL_OPERATOR
#undef __MSL_ASSIGNED

#define __MSL_SIGN(op)                                               \
  template <class A>                                                 \
    requires(!__is_volatile(A) && __msl::is_packed<__msl::plain<A>>) \
  __MSL_INLINE constexpr auto operator op(const A& a) {              \
    return op __msl::loaded(a);                                      \
  }
__MSL_SIGN_OPERATORS(__MSL_SIGN)
#undef __MSL_SIGN

}  // namespace __msl::packed_operators

namespace metal {

template <class T, int N>
struct packed_vec : __msl_components::components<T, N>, __msl::packed_operators::found {
  using __element = T;
  template <int M>
  using __with_width = vec<T, M>;
  T __e[N];

  packed_vec() = default;
  __MSL_MEMBER constexpr packed_vec(const vec<T, N>& v) { __store(v); }
  // Of what is volatile each element is read, and written below.
  template <class V>
    requires(__is_volatile(V) && __is_same(__msl::plain<V>, packed_vec))
  __MSL_MEMBER packed_vec(V& v) {
    __store(v.__load());
  }
  template <class V, class O>
    requires(!__is_const(V) && __is_volatile(V))
  __MSL_MEMBER vec<T, N> operator=(this V& v, const O& o) {
    const vec<T, N> all(__msl::loaded(o));
    for (int i = 0; i < N; ++i) v.__set(i, all.__at(i));
    return all;
  }
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
  __MSL_MEMBER operator vec<T, N>() const volatile { return __load(); }
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

  __MSL_MEMBER T operator[](long i) const volatile { return __e[i]; }
  __MSL_MEMBER T __at(long i) const volatile { return __e[i]; }
  __MSL_MEMBER void __set(int i, T s) volatile { __e[i] = s; }
  template <int... I>
  __MSL_MEMBER auto __swizzle() const volatile {
    return vec<T, sizeof...(I)>(static_cast<T>(__e[I])...);
  }
  template <int... I>
  __MSL_MEMBER void __assign(const vec<T, sizeof...(I)>& o) volatile {
    int k = 0;
    ((__e[I] = o.__at(k++)), ...);
  }
  __MSL_MEMBER vec<T, N> __load() const volatile {
    vec<T, N> v;
    for (int i = 0; i < N; ++i) v.__set(i, __e[i]);
    return v;
  }


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
