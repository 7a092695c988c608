#pragma once
// The spellings of headers shared with the host.
#include <metal_stdlib>

#define __MSL_NAMES(T)                    \
  typedef metal::vec<T, 2> simd_##T##2;   \
  typedef metal::vec<T, 3> simd_##T##3;   \
  typedef metal::vec<T, 4> simd_##T##4;   \
  typedef metal::vec<T, 2> vector_##T##2; \
  typedef metal::vec<T, 3> vector_##T##3; \
  typedef metal::vec<T, 4> vector_##T##4;
__MSL_EACH_NUMBER(__MSL_NAMES)
#undef __MSL_NAMES

#define __MSL_NAMES(C, R)                                 \
  typedef metal::matrix<float, C, R> simd_float##C##x##R; \
  typedef metal::matrix<float, C, R> matrix_float##C##x##R;
__MSL_NAMES(2, 2)
__MSL_NAMES(2, 3)
__MSL_NAMES(2, 4)
__MSL_NAMES(3, 2)
__MSL_NAMES(3, 3)
__MSL_NAMES(3, 4)
__MSL_NAMES(4, 2)
__MSL_NAMES(4, 3)
__MSL_NAMES(4, 4)
#undef __MSL_NAMES
