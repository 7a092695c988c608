#pragma once
// What vec is made of: the Clang vector that stores it and the conversions between element types. bool is stored as
// bytes 0 and 1, bfloat as its bits; arithmetic on bfloat happens in float.
#pragma clang system_header
#include "bfloat.h"

namespace metal {
template <class T, int N>
struct vec;
template <class T, int N>
struct packed_vec;
}  // namespace metal

namespace __msl {

template <class T, int N>
using ext = T __attribute__((ext_vector_type(N)));

template <class I, I... i>
struct sequence {};
template <int N>
using first = __make_integer_seq<sequence, int, N>;

// How one element is stored.
template <class T>
struct element {
  using stored = T;
  static __MSL_MEMBER constexpr T load(T s) { return s; }
  static __MSL_MEMBER constexpr T store(T s) { return s; }
};
template <>
struct element<bool> {
  using stored = uchar;
  static __MSL_MEMBER constexpr bool load(uchar s) { return s != 0; }
  static __MSL_MEMBER constexpr uchar store(bool s) { return s; }
};
template <>
struct element<bfloat> {
  using stored = ushort;
  static __MSL_MEMBER constexpr bfloat load(ushort s) { return bfloat::__from_bits(s); }
  static __MSL_MEMBER constexpr ushort store(bfloat s) { return s.__bits; }
};

template <class T, int N>
using raw_of = ext<typename element<T>::stored, N>;

struct raw_tag {};

// Stored form to the form operators compute in, and back.
template <class T, int N>
__MSL_INLINE constexpr auto widen(raw_of<T, N> v) {
  if constexpr (__is_same(T, bfloat)) {
    return __builtin_bit_cast(ext<float, N>, __builtin_convertvector(v, ext<uint, N>) << 16);
  } else {
    return v;
  }
}
template <class T, int N, class W>
__MSL_INLINE constexpr raw_of<T, N> narrow(W w) {
  if constexpr (__is_same(T, bfloat)) {
    const auto bits = __builtin_bit_cast(ext<uint, N>, w);
    const auto rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    const auto is_nan = __builtin_convertvector((bits & 0x7fffffffu) > 0x7f800000u, ext<uint, N>);
    return __builtin_convertvector((rounded & ~is_nan) | (((bits >> 16) | 0x40u) & is_nan), ext<ushort, N>);
  } else if constexpr (__is_same(T, bool)) {
    return __builtin_convertvector(w != 0, ext<uchar, N>) & static_cast<uchar>(1);
  } else {
    return __builtin_convertvector(w, ext<T, N>);
  }
}

// Element by element to another element type.
template <class T, class U, int N>
__MSL_INLINE constexpr raw_of<T, N> convert(raw_of<U, N> v) {
  if constexpr (__is_same(T, bfloat)) {
    return narrow<T, N>(__builtin_convertvector(widen<U, N>(v), ext<float, N>));
  } else {
    return narrow<T, N>(widen<U, N>(v));
  }
}

template <class T, int... i>
__MSL_INLINE constexpr auto splat(T value, sequence<int, i...>) {
  const auto s = element<T>::store(value);
  return raw_of<T, sizeof...(i)>{(static_cast<void>(i), s)...};
}

// One element. Clang's own subscript is no constant expression; a bit cast to an array is, once a 3-vector has no
// padding.
template <class T, int N>
__MSL_INLINE constexpr T at(raw_of<T, N> v, long i) {
  if consteval {
    if constexpr (N == 3) {
      return at<T, 4>(__builtin_shufflevector(v, v, 0, 1, 2, 2), i);
    } else {
      struct array {
        typename element<T>::stored e[N];
      };
      return element<T>::load(__builtin_bit_cast(array, v).e[i]);
    }
  } else {
    return element<T>::load(v[i]);
  }
}

// How many elements of vec<T, N> a constructor argument fills; kNoWidth when it cannot.
inline constexpr int kNoWidth = 1000;
template <class T, class A>
inline constexpr int width = __is_constructible(T, A) ? 1 : kNoWidth;
template <class T, int M>
inline constexpr int width<T, metal::vec<T, M>> = M;
template <class T, int M>
inline constexpr int width<T, metal::packed_vec<T, M>> = M;

template <int sum, int N>
inline constexpr bool wrong_width = sum != N && sum < kNoWidth;

template <class T, class A>
__MSL_INLINE constexpr void append(typename element<T>::stored* e, int& k, const A& a) {
  if constexpr (width<T, A> == 1 && __is_constructible(T, A)) {
    e[k++] = element<T>::store(static_cast<T>(a));
  } else {
    for (int i = 0; i < width<T, A>; ++i) e[k++] = element<T>::store(a.__at(i));
  }
}
template <class T, int... i, class... A>
__MSL_INLINE constexpr auto join(sequence<int, i...>, const A&... a) {
  constexpr int N = sizeof...(i);
  if constexpr (sizeof...(A) == N) {
    return raw_of<T, N>{element<T>::store(static_cast<T>(a))...};
  } else {
    typename element<T>::stored e[N] = {};
    int k = 0;
    (append<T>(e, k, a), ...);
    return raw_of<T, N>{e[i]...};
  }
}

template <class T, int... i>
__MSL_INLINE constexpr auto from_list(std::initializer_list<T> list, sequence<int, i...>) {
  const T* const e = list.begin();
  const int size = static_cast<int>(list.size());
  return raw_of<T, sizeof...(i)>{(i < size ? element<T>::store(e[i]) : element<T>::store(T()))...};
}

}  // namespace __msl
