// Section 4: function constants and what is derived from them.
#include <array>
#include <cstdint>

#include "msl_conformance/features.hpp"

namespace msl_conformance {
namespace {

using anymetal::ConstantValue;

const Feature kFeatures[] = {
    {"every scalar type, as runtime values",
     "constant bool b [[function_constant(0)]]; constant short s [[function_constant(1)]]; constant uchar u "
     "[[function_constant(2)]]; constant half h [[function_constant(3)]]; constant float f [[function_constant(4)]]; "
     "constant int i [[function_constant(5)]];",
     "o[0] = b; o[1] = s; o[2] = u; o[3] = h * 2; o[4] = f * 2; o[5] = i;",
     {1, -3, 200, 3, 5, 7},
     1,
     "metal4.0",
     {{0U, true},
      {1U, std::int16_t{-3}},
      {2U, std::uint8_t{200}},
      {3U, ConstantValue::half(1.5f)},
      {4U, 2.5f},
      {5U, std::int32_t{7}}}},
    {"every order of qualifiers, `constexpr` too; indices from macros",
     "#define FC_BASE 100\nconstant short nsg [[function_constant(FC_BASE + 0)]]; static constant constexpr const int "
     "steps [[function_constant(FC_BASE + 1)]]; constant bool flag[[function_constant(FC_BASE + 2)]];",
     "o[0] = nsg; o[1] = steps; o[2] = flag;",
     {4, 6, 1},
     1,
     "metal4.0",
     {{100U, std::int16_t{4}}, {101U, std::int32_t{6}}, {102U, true}}},
    {"defaults through is_function_constant_defined",
     "constant int blk [[function_constant(0)]]; constant int blk_or = is_function_constant_defined(blk) ? blk : 32; "
     "constant int other [[function_constant(1)]]; constant int other_or = is_function_constant_defined(other) ? other "
     ": 5;",
     "o[0] = blk_or; o[1] = other_or; o[2] = is_function_constant_defined(blk);",
     {8, 5, 1},
     1,
     "metal4.0",
     {{0U, std::int32_t{8}}}},
    {"derived constants, in order, also through functions",
     "constant int a [[function_constant(0)]]; constant bool b [[function_constant(1)]]; constexpr int twice(int x) { "
     "return 2 * x; } constant int span = a * 2 - 1; constant bool both = b && span < 20; constant int deep = both ? "
     "twice(span) : 0; constant float scale = 1.0f / a; constant uint2 pair = uint2(a, span);",
     "o[0] = span; o[1] = both; o[2] = deep; o[3] = scale * 100; o[4] = pair.y;",
     {7, 1, 14, 25, 7},
     1,
     "metal4.0",
     {{0U, std::int32_t{4}}, {1U, true}}},
    {"array extents of thread and threadgroup arrays",
     "constant int a [[function_constant(0)]]; constant int rows = a + 1;",
     "int local[a * 2]; for (int i = 0; i < a * 2; ++i) local[i] = i; threadgroup int s[rows]; threadgroup half "
     "m[rows][4]; s[a] = local[a * 2 - 1]; m[2][3] = 1.5h; threadgroup int* p = s; o[0] = p[a]; o[1] = m[2][3] * 2;",
     {7, 3},
     1,
     "metal4.0",
     {{0U, std::int32_t{4}}}},
    {"`if`, `if constexpr`-like branches, switch to template instances, loop bounds",
     "constant short nsg [[function_constant(0)]]; constant bool bias [[function_constant(1)]]; template <short N> int "
     "body(int x) { int acc[N]; for (short k = 0; k < N; ++k) acc[k] = k + x; return acc[N - 1]; }",
     "switch (nsg) { case 1: o[0] = body<1>(n[2]); break; case 4: o[0] = body<4>(n[2]); break; default: o[0] = -1; } "
     "if (bias) o[1] = 3; else o[1] = 4; int s = 0; for (short i = 0; i < nsg; ++i) s += i; o[2] = s; const short c = "
     "nsg; o[3] = 9 % c;",
     {5, 4, 6, 1},
     1,
     "metal4.0",
     {{0U, std::int16_t{4}}, {1U, false}}},
    {"`if constexpr` on function constants and constants derived from them",
     "constant int a [[function_constant(0)]]; constant bool wide [[function_constant(1)]]; constant bool narrow = "
     "!wide; template <int N> struct tile { static int area() { return N * N; } };",
     "if constexpr (wide) { o[0] = 1; } else { o[0] = 2; } int kept = 0; if constexpr (narrow || a > 9) { kept = 1; } "
     "else if constexpr (wide) { kept = tile<3>::area(); } o[1] = kept + a;",
     {1, 13},
     1,
     "metal4.0",
     {{0U, std::int32_t{4}}, {1U, true}}},
    {"guards on parameters, with either order of attributes, also by derived constants",
     "constant bool has_bias [[function_constant(0)]]; constant bool none = !has_bias; kernel void k(device int* o "
     "[[buffer(0)]], device const int* n [[buffer(1), function_constant(has_bias)]], device const int* m "
     "[[function_constant(none), buffer(1)]]) { o[0] = has_bias ? n[7] : m[0]; }",
     "",
     {7},
     1,
     "metal4.0",
     {{0U, true}}},
    {"vectors of two to four components",
     "constant float2 a [[function_constant(0)]]; constant uint3 b [[function_constant(1)]]; constant int4 c "
     "[[function_constant(2)]];",
     "o[0] = a.y * 2; o[1] = b.z; o[2] = c.w;",
     {3, 6, 10},
     1,
     "metal4.0",
     {{0U, ConstantValue::from_bytes(anymetal::ConstantType::Float, 2, std::array{1.0f, 1.5f}.data())},
      {1U, ConstantValue::from_bytes(anymetal::ConstantType::UInt, 3, std::array{4U, 5U, 6U}.data())},
      {2U, ConstantValue::from_bytes(anymetal::ConstantType::Int, 4, std::array{7, 8, 9, 10}.data())}}},
    {"unset constants that are not read",
     "constant int a [[function_constant(0)]]; constant bool b [[function_constant(1)]];",
     "o[0] = b ? a : 3;",
     {3},
     1,
     "metal4.0",
     {{1U, false}}},
};

}  // namespace

std::span<const Feature> function_constants() { return kFeatures; }

}  // namespace msl_conformance
