#pragma once
// Constants and limit macros of the language.
#pragma clang system_header
#include "bfloat.h"

// What is asserted is not evaluated.
#define assert(...) static_cast<void>(0)

#define INFINITY __builtin_huge_valf()
#define NAN __builtin_nanf("")
#define HUGE_VALF __builtin_huge_valf()
#define HUGE_VALH static_cast<half>(__builtin_huge_valf())
#define HUGE_VALBF bfloat(__builtin_huge_valf())
#define MAXFLOAT 0x1.fffffep127f
#define MAXHALF static_cast<half>(65504.0f)
#define MAXBFLOAT bfloat(0x1.fep127f)

#define M_E_F 2.71828182845904523536f
#define M_LOG2E_F 1.44269504088896340736f
#define M_LOG10E_F 0.434294481903251827651f
#define M_LN2_F 0.693147180559945309417f
#define M_LN10_F 2.30258509299404568402f
#define M_PI_F 3.14159265358979323846f
#define M_PI_2_F 1.57079632679489661923f
#define M_PI_4_F 0.785398163397448309616f
#define M_1_PI_F 0.318309886183790671538f
#define M_2_PI_F 0.636619772367581343076f
#define M_2_SQRTPI_F 1.12837916709551257390f
#define M_SQRT2_F 1.41421356237309504880f
#define M_SQRT1_2_F 0.707106781186547524401f

#define M_E_H static_cast<half>(M_E_F)
#define M_E_BF bfloat(M_E_F)
#define M_LOG2E_H static_cast<half>(M_LOG2E_F)
#define M_LOG2E_BF bfloat(M_LOG2E_F)
#define M_LOG10E_H static_cast<half>(M_LOG10E_F)
#define M_LOG10E_BF bfloat(M_LOG10E_F)
#define M_LN2_H static_cast<half>(M_LN2_F)
#define M_LN2_BF bfloat(M_LN2_F)
#define M_LN10_H static_cast<half>(M_LN10_F)
#define M_LN10_BF bfloat(M_LN10_F)
#define M_PI_H static_cast<half>(M_PI_F)
#define M_PI_BF bfloat(M_PI_F)
#define M_PI_2_H static_cast<half>(M_PI_2_F)
#define M_PI_2_BF bfloat(M_PI_2_F)
#define M_PI_4_H static_cast<half>(M_PI_4_F)
#define M_PI_4_BF bfloat(M_PI_4_F)
#define M_1_PI_H static_cast<half>(M_1_PI_F)
#define M_1_PI_BF bfloat(M_1_PI_F)
#define M_2_PI_H static_cast<half>(M_2_PI_F)
#define M_2_PI_BF bfloat(M_2_PI_F)
#define M_2_SQRTPI_H static_cast<half>(M_2_SQRTPI_F)
#define M_2_SQRTPI_BF bfloat(M_2_SQRTPI_F)
#define M_SQRT2_H static_cast<half>(M_SQRT2_F)
#define M_SQRT2_BF bfloat(M_SQRT2_F)
#define M_SQRT1_2_H static_cast<half>(M_SQRT1_2_F)
#define M_SQRT1_2_BF bfloat(M_SQRT1_2_F)

#define CHAR_BIT 8
#define SCHAR_MIN (-128)
#define SCHAR_MAX 127
#define UCHAR_MAX 255
#define CHAR_MIN SCHAR_MIN
#define CHAR_MAX SCHAR_MAX
#define SHRT_MIN (-32768)
#define SHRT_MAX 32767
#define USHRT_MAX 65535
#define INT_MIN (-2147483647 - 1)
#define INT_MAX 2147483647
#define UINT_MAX 4294967295u
#define LONG_MIN (-9223372036854775807l - 1l)
#define LONG_MAX 9223372036854775807l
#define ULONG_MAX 18446744073709551615ul

#define FLT_RADIX 2
#define FLT_DIG 6
#define FLT_MANT_DIG 24
#define FLT_MAX_EXP 128
#define FLT_MIN_EXP (-125)
#define FLT_MAX_10_EXP 38
#define FLT_MIN_10_EXP (-37)
#define FLT_MAX 0x1.fffffep127f
#define FLT_MIN 0x1p-126f
#define FLT_EPSILON 0x1p-23f

#define HALF_RADIX 2
#define HALF_DIG 2
#define HALF_MANT_DIG 11
#define HALF_MAX_EXP 16
#define HALF_MIN_EXP (-13)
#define HALF_MAX_10_EXP 4
#define HALF_MIN_10_EXP (-4)
#define HALF_MAX MAXHALF
#define HALF_MIN static_cast<half>(0x1p-14f)
#define HALF_EPSILON static_cast<half>(0x1p-10f)

#define BFLT_RADIX 2
#define BFLT_DIG 2
#define BFLT_MANT_DIG 8
#define BFLT_MAX_EXP 128
#define BFLT_MIN_EXP (-125)
#define BFLT_MAX_10_EXP 38
#define BFLT_MIN_10_EXP (-37)
#define BFLT_MAX MAXBFLOAT
#define BFLT_MIN bfloat(0x1p-126f)
#define BFLT_EPSILON bfloat(0x1p-7f)
