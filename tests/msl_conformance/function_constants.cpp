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
    {"specifiers from macros",
     "#define STATIC_CONSTANT static constant constexpr const\n#define DECLARE(type, name, i) STATIC_CONSTANT type name "
     "[[function_constant(i)]]\n#define INLINE inline\nSTATIC_CONSTANT int steps [[function_constant(0)]]; DECLARE(bool, flag, 1); INLINE "
     "constant short both[[function_constant(2)]]; STATIC_CONSTANT int plain = 3;",
     "o[0] = steps; o[1] = flag; o[2] = both; static_assert(plain == 3);",
     {4, 1, 6},
     1,
     "metal4.0",
     {{0U, std::int32_t{4}}, {1U, true}, {2U, std::int16_t{6}}}},
    {"attributes from macros, behind the name and between brackets; standard ones beside them",
     "#define FC(i) [[function_constant(i)]]\n#define INDEX(i) function_constant(i)\n#define FLAG [[function_constant(2)]]\n#define ATTRIBUTE(...) "
     "[[__VA_ARGS__]]\n#define DECLARE(type, name, i) constant type name FC(i)\n#define VALUE(i) = i\nnamespace { constant int a FC(0); } static constant "
     "constexpr short b [[INDEX(1)]]; constant bool c FLAG; constant int d ATTRIBUTE(function_constant(3)); DECLARE(int, e, 4); constant int f "
     "[[function_constant(5)]] [[maybe_unused]]; [[maybe_unused]] constant int g [[function_constant(6)]]; constant int both = a * b; constant uint plain VALUE(9);",
     "o[0] = a; o[1] = b; o[2] = c; o[3] = d; o[4] = e; o[5] = f; o[6] = is_function_constant_defined(g) ? g : 5; o[7] = both; o[8] = is_function_constant_defined(a) + "
     "plain;",
     {3, 4, 1, 6, 7, 8, 5, 12, 10},
     1,
     "metal4.0",
     {{0U, std::int32_t{3}},
      {1U, std::int16_t{4}},
      {2U, true},
      {3U, std::int32_t{6}},
      {4U, std::int32_t{7}},
      {5U, std::int32_t{8}}}},
    {"guards from macros, beside a binding and between brackets",
     "#define WHERE(i, flag) [[buffer(i), function_constant(flag)]]\n#define SLOT(i) buffer(i)\n#define IF(flag) function_constant(flag)\nconstant bool on [[function_constant(0)]]; "
     "constant bool off [[function_constant(1)]]; kernel void k(device int* o [[buffer(0)]], device const int* n [[SLOT(1), IF(on)]], device int* a [[SLOT(2), "
     "IF(off)]], device int* b WHERE(3, off)) { o[0] = n[4]; if (off) o[0] = a[0] + b[0]; }",
     "",
     {4},
     1,
     "metal4.0",
     {{0U, true}, {1U, false}}},
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
    {"derived constants with attributes and extents; arrays of fixed extents beside them",
     "constant uint g [[function_constant(0)]]; constant uint3 size [[maybe_unused]] = uint3(g, 1, 1); constant int table[2] = {int(g), 5}; "
     "void put(threadgroup int (&to)[4], int i) { to[i] = i * 3; }",
     "threadgroup int four[4]; put(four, 2); threadgroup int late[size.x]; late[size.x - 1] = table[0] + table[1]; o[0] = four[n[2]]; o[1] = sizeof(four); o[2] = late[3];",
     {6, 16, 9},
     1,
     "metal4.0",
     {{0U, std::uint32_t{4}}}},
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
    {"guards on members of what other stages give and take",
     "constant bool second [[function_constant(0)]]; struct out { float4 a [[color(0)]]; float4 b [[color(1), function_constant(second)]]; float "
     "c [[function_constant(second), user(extra)]]; }; template <typename T> struct outs { vec<T, 4> a [[color(2), function_constant(second)]]; "
     "}; fragment out f() { out r; r.a = 1; if (second) r.b = r.c = 2; return r; } fragment outs<half> g() { return {1}; }",
     "o[0] = second ? n[3] : 1;",
     {3},
     1,
     "metal4.0",
     {{0U, true}}},
    {"the attribute before the declaration, as a value and in constant expressions",
     "[[function_constant(0)]] constant int a; [[function_constant(1)]] static constant constexpr const bool b; template <int N> int twice() { return 2 * N; }",
     "o[0] = a; o[1] = b; o[2] = twice<a>();",
     {5, 1, 10},
     1,
     "metal4.0",
     {{0U, std::int32_t{5}}, {1U, true}}},
    {"long, ulong, size_t and bfloat, and vectors of them, as values and in constant expressions",
     "constant long a [[function_constant(0)]]; constant size_t b [[function_constant(1)]]; constant long4 c [[function_constant(2)]]; constant bfloat d [[function_constant(3)]]; "
     "constant bfloat2 e [[function_constant(4)]]; constant ulong twice = b * 2; template <ulong N> int high() { return int(N >> 32); }",
     "o[0] = int(a >> 32); o[1] = int(twice >> 33); o[2] = int(c.w - c.x); o[3] = int(float(d) * 2); o[4] = int(float(e.y)); o[5] = high<b>();",
     {-2, 3, 9, 3, 4, 3},
     1,
     "metal4.0",
     {{0U, std::int64_t{-5000000000}},
      {1U, std::uint64_t{3} << 32},
      {2U, ConstantValue::from_bytes(anymetal::ConstantType::Long, 4, std::array<std::int64_t, 4>{1LL << 40, 2, 3, (1LL << 40) + 9}.data())},
      {3U, ConstantValue::bfloat(1.5f)},
      {4U, ConstantValue::from_bytes(anymetal::ConstantType::BFloat, 2, std::array<std::uint16_t, 2>{0x3f80, 0x4080}.data())}}},
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
    {"template arguments, of functions, classes and through constants derived from them",
     "constant int a [[function_constant(0)]]; constant bool wide [[function_constant(1)]]; constant int twice = a * "
     "2; "
     "template <int N> int squares(int x) { int s = 0; for (int k = 0; k < N; ++k) s += k * k + x; return s; } "
     "template "
     "<int N, bool W> struct tile { static constexpr constant int area = N * (W ? 2 : 1); int rows[N]; };",
     "o[0] = squares<a>(n[1]); o[1] = squares<twice>(0); tile<a + 1, wide> piece; o[2] = sizeof(piece.rows); o[3] = "
     "piece.area;",
     {18, 140, 20, 10},
     1,
     "metal4.0",
     {{0U, std::int32_t{4}}, {1U, true}}},
    {"static_assert, case labels, extents of member arrays, enumerators",
     "constant uint a [[function_constant(0)]]; constant short b [[function_constant(1)]]; static_assert(a % 4 == 0 && "
     "b "
     "< 0, \"multiples of four\"); struct row { int values[a]; }; enum sizes : uint { kRows = a + 1 }; enum class mode "
     "{ "
     "slow = -b };",
     "row r; for (uint i = 0; i < a; ++i) r.values[i] = i * 3; static_assert(sizeof(row) == a * 4, \"\"); switch "
     "(n[8]) { "
     "case a: o[0] = 1; break; default: o[0] = 2; } o[1] = r.values[a - 1]; o[2] = kRows; o[3] = int(mode::slow);",
     {1, 21, 9, 5},
     1,
     "metal4.0",
     {{0U, 8U}, {1U, std::int16_t{-5}}}},
    {"`if constexpr` that leaves out what does not compile; extents through `const` locals",
     "constant int a [[function_constant(0)]]; constant float f [[function_constant(1)]]; template <int N> struct only "
     "{ "
     "}; template <> struct only<4> { int v() { return 9; } }; template <int N> int pick(int x) { if constexpr (N == 4 "
     "&& f > 1.0f) { return only<N>().v() + x; } else { return only<N>().missing() + x; } }",
     "const int count = a + 2; int local[count]; for (int i = 0; i < count; ++i) local[i] = i; o[0] = pick<a>(n[1]); "
     "o[1] = "
     "local[count - 1];",
     {10, 5},
     1,
     "metal4.0",
     {{0U, std::int32_t{4}}, {1U, 1.5f}}},
    {"constant expressions with a default, while the constant has no value",
     "constant int a [[function_constant(0)]]; constant int b [[function_constant(1)]]; constant int a_or = "
     "is_function_constant_defined(a) ? a : 3; constant int b_or = is_function_constant_defined(b) ? b : 3; template "
     "<int "
     "N> int three() { return N * 100; }",
     "o[0] = three<a_or>(); o[1] = three<b_or>(); if constexpr (is_function_constant_defined(a)) o[2] = 1; else o[2] = "
     "2;",
     {500, 300, 1},
     1,
     "metal4.0",
     {{0U, std::int32_t{5}}}},
    {"kernel templates whose bodies use function constants as template arguments; guards beside them",
     "constant int a [[function_constant(0)]]; constant bool more [[function_constant(1)]]; constant bool less = "
     "!more; "
     "template <typename T, int N> T fill(T x) { return x * N; } template <typename T> kernel void body(device T* o "
     "[[buffer(0)]], device const int* m [[buffer(1), function_constant(more)]], device const int* l [[buffer(1), "
     "function_constant(less)]]) { o[0] = fill<T, a>(m[3]); o[1] = l ? 1 : 2; } template [[host_name(\"k\")]] kernel "
     "void "
     "body<int>(device int*, device const int*, device const int*);",
     "",
     {12, 2},
     1,
     "metal4.0",
     {{0U, std::int32_t{4}}, {1U, true}}},
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
