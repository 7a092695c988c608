#pragma once
// metal::matrix<T, C, R>: C columns of R-vectors.
#pragma clang system_header
#include "overload.h"

namespace metal {

template <class T, int C, int R>
struct matrix {
  static_assert(C >= 2 && C <= 4 && R >= 2 && R <= 4, "a matrix has 2 to 4 columns and rows");
  vec<T, R> columns[C];

  // A column that is no vector: a packed one, or what makes one, in braces.
  struct __written_column {
    vec<T, R> column;
    __MSL_MEMBER constexpr __written_column(vec<T, R> v) : column(v) {}
    template <class First, class... More>
      requires(sizeof...(More) > 0 && requires(First f, More... m) { vec<T, R>(f, m...); })
    __MSL_MEMBER constexpr __written_column(First first, More... more) : column(first, more...) {}
    template <class P>
      requires(__is_same(P, packed_vec<T, R>))
    __MSL_MEMBER constexpr __written_column(P packed) : column(packed) {}
  };

  matrix() = default;

  // Of what is volatile each column is read, and written below.
  template <class M>
    requires(__is_volatile(M) && __is_same(__msl::plain<M>, matrix))
  __MSL_MEMBER matrix(M& m) {
    for (int c = 0; c < C; ++c) columns[c] = vec<T, R>(m.columns[c]);
  }
  template <class M>
    requires(!__is_const(M) && __is_volatile(M))
  __MSL_MEMBER matrix operator=(this M& m, const matrix& o) {
    for (int c = 0; c < C; ++c) m.columns[c] = o.columns[c];
    return o;
  }

  // The diagonal; everything else is zero.
  template <__msl::scalar S>
  __MSL_MEMBER explicit constexpr matrix(S diagonal)
      : matrix(__msl::raw_tag{}, static_cast<T>(diagonal), __msl::first<C>{}) {}

  template <class... V>
    requires(sizeof...(V) == C - 1 && (__is_same(V, vec<T, R>) && ...))
  __MSL_MEMBER constexpr matrix(vec<T, R> column, V... others) : columns{column, others...} {}

  __MSL_MEMBER constexpr matrix(__written_column a, __written_column b)
    requires(C == 2)
      : columns{a.column, b.column} {}
  __MSL_MEMBER constexpr matrix(__written_column a, __written_column b, __written_column c)
    requires(C == 3)
      : columns{a.column, b.column, c.column} {}
  __MSL_MEMBER constexpr matrix(__written_column a, __written_column b, __written_column c, __written_column d)
    requires(C == 4)
      : columns{a.column, b.column, c.column, d.column} {}

  // Elements column by column.
  template <__msl::scalar S, __msl::scalar... More>
    requires(sizeof...(More) == C * R - 1)
  __MSL_MEMBER constexpr matrix(S s, More... more) {
    const T e[C * R] = {static_cast<T>(s), static_cast<T>(more)...};
    for (int c = 0; c < C; ++c) columns[c] = __column(e + c * R, __msl::first<R>{});
  }

  // The same shape with other elements.
  template <class U>
    requires(!__is_same(U, T))
  __MSL_MEMBER explicit constexpr matrix(const matrix<U, C, R>& m) {
    for (int c = 0; c < C; ++c) columns[c] = vec<T, R>(m.columns[c]);
  }

  template <class M>
  __MSL_MEMBER constexpr auto& operator[](this M& m, long c) {
    return m.columns[c];
  }
  __MSL_MEMBER constexpr vec<T, R> operator[](long c) const { return columns[c]; }

#define __MSL_EACH_COLUMN(op)                                                          \
  friend __MSL_MEMBER constexpr matrix operator op(const matrix& a, const matrix& b) { \
    matrix r;                                                                          \
    for (int c = 0; c < C; ++c) r.columns[c] = a.columns[c] op b.columns[c];           \
    return r;                                                                          \
  }                                                                                    \
  friend __MSL_MEMBER constexpr matrix& operator op##=(matrix & a, const matrix & b) { return a = a op b; }
  __MSL_EACH_COLUMN(+)
  __MSL_EACH_COLUMN(-)
#undef __MSL_EACH_COLUMN

  friend __MSL_MEMBER constexpr matrix operator-(const matrix& a) {
    matrix r;
    for (int c = 0; c < C; ++c) r.columns[c] = -a.columns[c];
    return r;
  }
  template <__msl::scalar S>
  friend __MSL_MEMBER constexpr matrix operator*(const matrix& a, S s) {
    matrix r;
    for (int c = 0; c < C; ++c) r.columns[c] = a.columns[c] * static_cast<T>(s);
    return r;
  }
  template <__msl::scalar S>
  friend __MSL_MEMBER constexpr matrix operator*(S s, const matrix& a) {
    return a * s;
  }
  template <__msl::scalar S>
  friend __MSL_MEMBER constexpr matrix& operator*=(matrix& a, S s) {
    return a = a * s;
  }
  friend __MSL_MEMBER constexpr matrix& operator*=(matrix& a, const matrix<T, C, C>& b) { return a = a * b; }

  // v as a column.
  friend __MSL_MEMBER constexpr vec<T, R> operator*(const matrix& a, const vec<T, C>& v) {
    vec<T, R> r = a.columns[0] * v.__at(0);
    for (int c = 1; c < C; ++c) r = r + a.columns[c] * v.__at(c);
    return r;
  }
  // v as a row.
  friend __MSL_MEMBER constexpr vec<T, C> operator*(const vec<T, R>& v, const matrix& a) {
    return __row_times(v, a, __msl::first<C>{});
  }
  template <int D>
  friend __MSL_MEMBER constexpr matrix<T, D, R> operator*(const matrix& a, const matrix<T, D, C>& b) {
    matrix<T, D, R> r;
    for (int d = 0; d < D; ++d) r.columns[d] = a * b.columns[d];
    return r;
  }

  friend __MSL_MEMBER constexpr bool operator==(const matrix& a, const matrix& b) {
    bool equal = true;
    for (int c = 0; c < C; ++c) {
      for (int r = 0; r < R; ++r) equal = equal & (a.columns[c].__at(r) == b.columns[c].__at(r));
    }
    return equal;
  }
  friend __MSL_MEMBER constexpr bool operator!=(const matrix& a, const matrix& b) { return !(a == b); }

  template <int... r>
  static __MSL_MEMBER constexpr vec<T, R> __column(const T* e, __msl::sequence<int, r...>) {
    return vec<T, R>(e[r]...);
  }
  template <int... c>
  __MSL_MEMBER constexpr vec<T, C> __row(int r, __msl::sequence<int, c...>) const {
    return vec<T, C>(columns[c].__at(r)...);
  }
  template <int... c>
  static __MSL_MEMBER constexpr vec<T, C> __row_times(const vec<T, R>& v, const matrix& a, __msl::sequence<int, c...>) {
    return vec<T, C>(__dot(v, a.columns[c])...);
  }
  static __MSL_MEMBER constexpr T __dot(const vec<T, R>& a, const vec<T, R>& b) {
    T sum = a.__at(0) * b.__at(0);
    for (int r = 1; r < R; ++r) sum = sum + a.__at(r) * b.__at(r);
    return sum;
  }

 private:
  template <int... c>
  __MSL_MEMBER constexpr matrix(__msl::raw_tag, T d, __msl::sequence<int, c...>)
      : columns{__unit(d, c, __msl::first<R>{})...} {}
  template <int... r>
  static __MSL_MEMBER constexpr vec<T, R> __unit(T d, int c, __msl::sequence<int, r...>) {
    return vec<T, R>((r == c ? d : static_cast<T>(0))...);
  }
};

template <__msl::float_element T, int C, int R>
__MSL_INLINE constexpr matrix<T, R, C> transpose(const matrix<T, C, R>& m) {
  matrix<T, R, C> t;
  for (int r = 0; r < R; ++r) t.columns[r] = m.__row(r, __msl::first<C>{});
  return t;
}

template <__msl::float_element T>
__MSL_INLINE constexpr T determinant(const matrix<T, 2, 2>& m) {
  return m[0].__at(0) * m[1].__at(1) - m[1].__at(0) * m[0].__at(1);
}
template <__msl::float_element T>
__MSL_INLINE constexpr T determinant(const matrix<T, 3, 3>& m) {
  T sum = 0;
  for (int c = 0; c < 3; ++c) {
    const auto& a = m[(c + 1) % 3];
    const auto& b = m[(c + 2) % 3];
    sum = sum + m[c].__at(0) * (a.__at(1) * b.__at(2) - b.__at(1) * a.__at(2));
  }
  return sum;
}
// Along the first two rows: products of the 2x2 minors of rows 0, 1 and of rows 2, 3.
template <__msl::float_element T>
__MSL_INLINE constexpr T determinant(const matrix<T, 4, 4>& m) {
  T sum = 0;
  for (int a = 0; a < 4; ++a) {
    for (int b = a + 1; b < 4; ++b) {
      const int c = a == 0 ? (b == 1 ? 2 : 1) : 0;
      const int d = 6 - a - b - c;
      const T upper = m[a].__at(0) * m[b].__at(1) - m[b].__at(0) * m[a].__at(1);
      const T lower = m[c].__at(2) * m[d].__at(3) - m[d].__at(2) * m[c].__at(3);
      sum = sum + ((a + b) % 2 == 1 ? upper * lower : -(upper * lower));
    }
  }
  return sum;
}

}  // namespace metal

#define __MSL_MATRIX_NAMES(T, C, R)          \
  typedef metal::matrix<T, C, R> T##C##x##R; \
  namespace metal {                          \
  using ::T##C##x##R;                        \
  }
#define __MSL_MATRICES(T)                                                                                         \
  __MSL_MATRIX_NAMES(T, 2, 2)                                                                                     \
  __MSL_MATRIX_NAMES(T, 2, 3) __MSL_MATRIX_NAMES(T, 2, 4) __MSL_MATRIX_NAMES(T, 3, 2) __MSL_MATRIX_NAMES(T, 3, 3) \
      __MSL_MATRIX_NAMES(T, 3, 4) __MSL_MATRIX_NAMES(T, 4, 2) __MSL_MATRIX_NAMES(T, 4, 3) __MSL_MATRIX_NAMES(T, 4, 4)
__MSL_MATRICES(half)
__MSL_MATRICES(float)
#undef __MSL_MATRICES
#undef __MSL_MATRIX_NAMES
