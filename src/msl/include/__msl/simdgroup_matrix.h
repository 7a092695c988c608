#pragma once
// <metal_simdgroup_matrix>: 8x8 matrices spread over the lanes of a SIMD-group, two elements a lane (the layout is that
// of docs/entry-ir.md). Loads and stores are each lane's own; products are the device's.
#pragma clang system_header
#include "address_spaces.h"
#include "intrinsics.h"
#include "overload.h"

namespace __msl {

template <class T>
concept half_float_or_bfloat = float_element<T> || __is_same(T, bfloat);
// Of bool there is the name alone: libraries with a type for every mask have one for matrices of it and never make one.
template <class T>
concept named_element = half_float_or_bfloat<T> || __is_same(T, bool);
template <int Cols, int Rows>
concept eight_by_eight = Cols == 8 && Rows == 8;

// Where this lane's two elements stand: one row, two neighbouring columns.
struct lane_position {
  uint row, column;
};
__MSL_INLINE lane_position lane_elements() {
  const uint l = __msl_thread_index_in_simdgroup();
  const uint q = l / 4;
  return {(q & 4) + (l / 2) % 4, (q & 2) * 2 + (l % 2) * 2};
}

template <class T>
__MSL_INLINE __msl_lane_pair to_pair(const metal::vec<T, 2>& v) {
  const float first = static_cast<float>(v.__at(0)), second = static_cast<float>(v.__at(1));
  return __msl_lane_pair{first, second};
}
template <class T>
__MSL_INLINE metal::vec<T, 2> from_pair(__msl_lane_pair p) {
  const auto values = __builtin_bit_cast(ext<float, 2>, p);
  return metal::vec<T, 2>(metal::vec<float, 2>(raw_tag{}, values));
}

#define __MSL_PRODUCT(A, a_name, B, b_name)                                                              \
  __MSL_INLINE __msl_lane_pair multiply_accumulate(const metal::vec<A, 2>& a, const metal::vec<B, 2>& b, \
                                                   __msl_lane_pair c) {                                  \
    return __msl_simdgroup_multiply_accumulate_##a_name##_##b_name(to_pair(a), to_pair(b), c);           \
  }
__MSL_PRODUCT(float, f32, float, f32)
__MSL_PRODUCT(float, f32, half, f16)
__MSL_PRODUCT(float, f32, bfloat, bf16)
__MSL_PRODUCT(half, f16, float, f32)
__MSL_PRODUCT(half, f16, half, f16)
__MSL_PRODUCT(half, f16, bfloat, bf16)
__MSL_PRODUCT(bfloat, bf16, float, f32)
__MSL_PRODUCT(bfloat, bf16, half, f16)
__MSL_PRODUCT(bfloat, bf16, bfloat, bf16)
#undef __MSL_PRODUCT

}  // namespace __msl

namespace metal {

template <class T, int Cols, int Rows = Cols>
  requires __msl::named_element<T> && __msl::eight_by_eight<Cols, Rows>
struct simdgroup_matrix {
  static_assert(__msl::half_float_or_bfloat<T>, "'simdgroup_matrix' holds half, float or bfloat and is 8x8");
  using __elements = vec<T, 2>;
  __elements __lane;

  simdgroup_matrix() = default;
  // d on the diagonal, zero elsewhere.
  __MSL_MEMBER explicit simdgroup_matrix(T d) {
    const __msl::lane_position p = __msl::lane_elements();
    const T zero = static_cast<T>(0);
    __lane = __elements(p.row == p.column ? d : zero, p.row == p.column + 1 ? d : zero);
  }

  // Elements [0] and [1] of this lane.
  __MSL_MEMBER __elements& thread_elements() { return __lane; }
  __MSL_MEMBER const __elements& thread_elements() const { return __lane; }
};

using simdgroup_float8x8 = simdgroup_matrix<float, 8, 8>;
using simdgroup_half8x8 = simdgroup_matrix<half, 8, 8>;
using simdgroup_bfloat8x8 = simdgroup_matrix<bfloat, 8, 8>;

template <class T, int Cols, int Rows = Cols>
__MSL_INLINE simdgroup_matrix<T, Cols, Rows> make_filled_simdgroup_matrix(__msl::converted<T> value) {
  simdgroup_matrix<T, Cols, Rows> m;
  m.__lane = vec<T, 2>(value);
  return m;
}

// d[r][c] = src[(y + r) * elements_per_row + x + c]; transposed, row and column of d change places.
template <class T, class S>
  requires(__is_same(__msl::plain<S>, T))
__MSL_INLINE void simdgroup_load(simdgroup_matrix<T, 8, 8>& d, S* src, ulong elements_per_row = 8,
                                 ulong2 matrix_origin = 0, bool transpose_matrix = false) {
  const __msl::lane_position p = __msl::lane_elements();
  S* const origin = src + matrix_origin.__at(1) * elements_per_row + matrix_origin.__at(0);
  S* const first =
      transpose_matrix ? origin + p.column * elements_per_row + p.row : origin + p.row * elements_per_row + p.column;
  d.__lane = vec<T, 2>(first[0], first[transpose_matrix ? elements_per_row : 1]);
}
template <class T, class D>
  requires(__is_same(__msl::plain<D>, T) && !__is_const(D))
__MSL_INLINE void simdgroup_store(const simdgroup_matrix<T, 8, 8>& a, D* dst, ulong elements_per_row = 8,
                                  ulong2 matrix_origin = 0, bool transpose_matrix = false) {
  const __msl::lane_position p = __msl::lane_elements();
  D* const origin = dst + matrix_origin.__at(1) * elements_per_row + matrix_origin.__at(0);
  D* const first =
      transpose_matrix ? origin + p.column * elements_per_row + p.row : origin + p.row * elements_per_row + p.column;
  first[0] = a.__lane.__at(0);
  first[transpose_matrix ? elements_per_row : 1] = a.__lane.__at(1);
}

template <class D, class A, class B, class C>
__MSL_INLINE void simdgroup_multiply_accumulate(simdgroup_matrix<D, 8, 8>& d, const simdgroup_matrix<A, 8, 8>& a,
                                                const simdgroup_matrix<B, 8, 8>& b,
                                                const simdgroup_matrix<C, 8, 8>& c) {
  d.__lane = __msl::from_pair<D>(__msl::multiply_accumulate(a.__lane, b.__lane, __msl::to_pair(c.__lane)));
}
template <class D, class A, class B>
__MSL_INLINE void simdgroup_multiply(simdgroup_matrix<D, 8, 8>& d, const simdgroup_matrix<A, 8, 8>& a,
                                     const simdgroup_matrix<B, 8, 8>& b) {
  d.__lane = __msl::from_pair<D>(__msl::multiply_accumulate(a.__lane, b.__lane, __msl_lane_pair{0.0f, 0.0f}));
}
template <class T>
__MSL_INLINE simdgroup_matrix<T, 8, 8> operator*(const simdgroup_matrix<T, 8, 8>& a,
                                                 const simdgroup_matrix<T, 8, 8>& b) {
  simdgroup_matrix<T, 8, 8> d;
  simdgroup_multiply(d, a, b);
  return d;
}

}  // namespace metal
