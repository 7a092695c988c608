#pragma once
// The functions that are the same in every math mode, under the names metal::precise::f and metal::fast::f too.
#pragma clang system_header
#include "geometric.h"

#define __MSL_MODE(mode)   \
  namespace metal::mode {  \
  using metal::abs;        \
  using metal::ceil;       \
  using metal::clamp;      \
  using metal::copysign;   \
  using metal::distance;   \
  using metal::fabs;       \
  using metal::fdim;       \
  using metal::floor;      \
  using metal::fma;        \
  using metal::fmax;       \
  using metal::fmax3;      \
  using metal::fmedian3;   \
  using metal::fmin;       \
  using metal::fmin3;      \
  using metal::fract;      \
  using metal::frexp;      \
  using metal::ilogb;      \
  using metal::ldexp;      \
  using metal::length;     \
  using metal::max;        \
  using metal::max3;       \
  using metal::median3;    \
  using metal::min;        \
  using metal::min3;       \
  using metal::mix;        \
  using metal::modf;       \
  using metal::nextafter;  \
  using metal::normalize;  \
  using metal::rint;       \
  using metal::round;      \
  using metal::saturate;   \
  using metal::sign;       \
  using metal::smoothstep; \
  using metal::sqrt;       \
  using metal::step;       \
  using metal::trunc;      \
  }
__MSL_MODE(precise)
__MSL_MODE(fast)
#undef __MSL_MODE
