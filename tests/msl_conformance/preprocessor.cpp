// Section 6 and 7: macros, pragmas, standards, math modes, headers.
#include "msl_conformance/features.hpp"

namespace msl_conformance {
namespace {

const Feature kFeatures[] = {
    {"predefined macros of metal4.0",
     "#if __METAL_VERSION__ != 400 || __METAL__ != 1 || !defined(__METAL_MACOS__) || __HAVE_BFLOAT__ != 1 || "
     "__HAVE_SIMDGROUP_MATRIX__ != 1 || __HAVE_TENSOR__ != 1 || !defined(__clang__)\n#error wrong\n#endif\n#if "
     "defined(__x86_64__) || defined(__linux__) || defined(__CUDA_ARCH__) || defined(__aarch64__) || "
     "defined(__SYCL_DEVICE_ONLY__) || defined(__HAVE_RAYTRACING__) || defined(__unix__)\n#error host macro\n#endif\n",
     "o[0] = __METAL_VERSION__; o[1] = __COUNTER__; o[2] = __LINE__ > 0; o[3] = __UINT32_MAX__ == 4294967295u;",
     {400, 0, 1, 1}},
    {"predefined macros of metal3.0 and metal3.1",
     "#if __METAL_VERSION__ != 310 || defined(__HAVE_TENSOR__) || !defined(__HAVE_BFLOAT__)\n#error wrong\n#endif\n",
     "o[0] = __METAL_VERSION__ + n[0];",
     {310},
     1,
     "metal3.1"},
    {"macros: variadic, pasting, stringising, __VA_OPT__",
     "#define CAT(a, b) a##b\n#define COUNT(...) count_of(0 __VA_OPT__(,) __VA_ARGS__)\n#define STR(x) #x\ntemplate "
     "<typename... T> int count_of(T...) { return sizeof...(T) - 1; }\n#define DECLARE(type, ...) type __VA_ARGS__;\n",
     "int CAT(va, lue) = 3; DECLARE(int, x = 4, y = 5) o[0] = value + COUNT() * 100 + COUNT(1, 2) * 10; o[1] = x + y; "
     "o[2] = sizeof(STR(abc));",
     {23, 9, 4}},
    {"digraphs, in attributes, directives and bodies",
     "%:define CAT(a, b) a%:%:b\ntemplate <typename T> struct box <% T v<:2:>; %>;\n%:if 1\nkernel void k(device int* o <:<:buffer(0):>:>, "
     "device const int* n [[buffer(1)]:>, uint t <:[thread_position_in_grid]:>) <% CAT(bo, x)<::metal::uint> b = <%<%1, 2%>%>; o<:0:> = b.v<:1:>; o[1] = n<:3:>; %>\n%:endif",
     "",
     {2, 3}},
    {"lines continued inside names and numbers, between brackets of attributes, in directives",
     "#def\\\nine V 1\\\n2\nker\\\nnel vo\\\nid k(dev\\\nice int* o [\\\n[buf\\\nfer(0)]\\\n], device const int* n [[buffer(\\\n1)]], uint t [[thread_position\\\n_in_grid\\\n]]) "
     "{ threadgroup_bar\\\nrier(mem_flags::mem_none); o[t] = V + n[t]; }",
     "",
     {12, 13},
     2},
    {"unroll pragmas, also in macros and with expressions",
     "#define UNROLL _Pragma(\"clang loop unroll(full)\")\n#define FOR_UNROLL(x) _Pragma(\"clang loop unroll(full)\") "
     "for (x)\n#define LEAST(a, b) ((a) < (b) ? (a) : (b))\ntemplate <short N> int body() { const short chunks = 4; "
     "int s = 0; UNROLL for (short k = 0; k < N; ++k) s += k; FOR_UNROLL (short k = 0; k < N; ++k) { s += 2; "
     "}\n#pragma unroll(chunks)\nfor (short k = 0; k < chunks; ++k) s += 1;\n#pragma unroll (LEAST(N / 2, 4 * N))\nfor "
     "(short k = 0; k < N / 2; ++k) s += 1;\n#pragma unroll\nfor (short k = 0; k < N; ++k) s += 1;\n#pragma clang loop "
     "unroll_count(2)\nfor (short k = 0; k < N; ++k) s += 1;\n#pragma clang loop unroll(disable)\nfor (short k = 0; k "
     "< N; ++k) s += 1; return s; }",
     "o[0] = body<8>();",
     {28 + 16 + 4 + 4 + 8 + 8 + 8}},
    {"#pragma METAL fp math_mode(safe) in a function: the rounding trick holds",
     "int nearest(float x) {\n#pragma METAL fp math_mode(safe)\nfloat v = x + 12582912.0f; return int(v - "
     "12582912.0f); }\nint kept(float x) {\n#pragma METAL fp math_mode(safe)\nreturn ((x + 1e8f) - 1e8f) == 0.0f; }",
     "o[0] = nearest(n[5] * 0.3f); o[1] = kept(1.0f + n[0]);",
     {2, 1}},
    {"the same for vectors and matrices, packed ones too",
     "float4 kept(float4 x) {\n#pragma METAL fp math_mode(safe)\nreturn (x + 1e8f) - 1e8f; }\nfloat2x2 both(float2x2 "
     "x, "
     "float2x2 y) {\n#pragma METAL fp math_mode(safe)\nreturn (x + y) - y; }\nfloat3 packed(packed_float3 x) "
     "{\n#pragma "
     "METAL fp math_mode(safe)\nx += 1e8f; return x - 1e8f; }",
     "float x = 1 + n[0]; o[0] = all(kept(float4(x)) == 0.0f); o[1] = both(float2x2(x), float2x2(1e8f))[1][1] == 0.0f; "
     "o[2] = all(packed(packed_float3(x, x, x)) == 0.0f);",
     {1, 1, 1}},
    {"#pragma METAL fp contract(off), #pragma STDC FP_CONTRACT OFF",
     "float two_roundings(float a, float b, float c) {\n#pragma METAL fp math_mode(safe)\n#pragma METAL fp "
     "contract(off)\nreturn a * b + c; }\n#pragma STDC FP_CONTRACT ON\n",
     "float a = 1 + 0x1p-12f + n[0]; o[0] = two_roundings(a, a, -(1 + 0x1p-11f)) == 0.0f; o[1] = fma(a, a, -(1 + "
     "0x1p-11f)) == 0x1p-24f;",
     {1, 1}},
    {"contract(off) stays in force whatever mode is set behind it, to the end of its scope",
     "float first(float a, float b, float c) {\n#pragma METAL fp contract(off)\n#pragma METAL fp "
     "math_mode(safe)\nreturn a * "
     "b + c; }\nfloat swift(float a, float b, float c) {\n#pragma METAL fp contract(off)\n#pragma METAL fp "
     "math_mode(fast)\nreturn a * b + c; }\nfloat spelled(float a, float b, float c) { _Pragma(\"METAL fp "
     "contract(off)\") "
     "_Pragma(\"METAL fp math_mode(safe)\") return a * b + c; }\nfloat alone(float a, float b, float c) {\n#pragma "
     "METAL fp "
     "contract(off)\nreturn a * b + c; }\nfloat outer(float a, float b, float c) {\n#pragma METAL fp "
     "contract(off)\n{\n#pragma "
     "METAL fp math_mode(safe)\nreturn a * b + c; } }",
     "float a = 1 + 0x1p-12f + n[0], c = -(1 + 0x1p-11f) + n[0]; o[0] = first(a, a, c) == 0.0f; o[1] = swift(a, a, c) "
     "== 0.0f; "
     "o[2] = spelled(a, a, c) == 0.0f; o[3] = alone(a, a, c) == 0.0f; o[4] = outer(a, a, c) == 0.0f;",
     {1, 1, 1, 1, 1}},
    {"contract(off) reaches operators of vectors and matrices, packed and compound ones too, in a function, a block, a template and a file",
     "float4 plain(float4 a, float4 b, float4 c) {\n#pragma METAL fp contract(off)\nreturn a * b + c; }\nfloat3 compound(packed_float3 a, float3 b, float3 c) "
     "{\n#pragma METAL fp contract(off)\nfloat3 r = a; r *= b; r += c; return r; }\ntemplate <class T> T generic(T a, T b, T c) {\n#pragma METAL fp "
     "contract(off)\nreturn c - a * -b; }\nfloat2x2 grid(float2x2 a, float b, float2x2 c) {\n#pragma STDC FP_CONTRACT OFF\nreturn a * b + c; "
     "}\nfloat2 block(float2 a, float2 b, float2 c) { float2 r = 0; if (a.x > 0) {\n#pragma METAL fp contract(off)\nr = a * b + c; } return r; }\n#pragma METAL "
     "fp contract(off)\nfloat2 file(float2 a, float2 b, float2 c) { return a * b + c; }",
     "float a = 1 + 0x1p-12f + n[0], c = -(1 + 0x1p-11f) + n[0]; o[0] = all(plain(a, a, c) == 0.0f); o[1] = all(compound(float3(a), a, c) == 0.0f); o[2] = "
     "all(generic<float3>(a, a, c) == 0.0f); float2x2 m{float2(a), float2(a)}, k{float2(c), float2(c)}; float2x2 g = grid(m, a, k); o[3] = g[0][0] == 0.0f && g[1][1] == 0.0f; o[4] = "
     "all(block(a, a, c) == 0.0f); o[5] = all(file(a, a, c) == 0.0f); o[6] = fma(float4(a), float4(a), float4(c)).x == 0x1p-24f;",
     {1, 1, 1, 1, 1, 1, 1}},
    {"the mode of a block reaches its calls and operators, and none outside it: safe in fast, fast in safe, in loops, lambdas and templates",
     "template <class T> T of_branch(T x, bool is_safe) { if (is_safe) {\n#pragma METAL fp math_mode(safe)\nreturn exp(x); } return exp(x); }\nfloat other(float x, bool is_fast) "
     "{\n#pragma METAL fp math_mode(safe)\nif (is_fast) {\n#pragma METAL fp math_mode(fast)\nreturn exp(x); } return exp(x); }",
     "int inside = 0, outside = 0, differ = 0; for (int i = 1; i < 64; ++i) { float x = n[i] * 0.37f, block; {\n#pragma METAL fp math_mode(safe)\nblock = exp(x); } "
     "auto call = [](float y) { float r = 0; for (int k = 0; k < 1; ++k) {\n#pragma METAL fp math_mode(safe)\nr = exp(y); } return r; };\n"
     "const float exact = precise::exp(x), swift = fast::exp(x); inside += block != exact; inside += call(x) != exact; inside += of_branch(x, n[1]) != exact; "
     "inside += of_branch(float2(x), n[1]).y != exact; inside += other(x, n[0]) != exact; outside += exp(x) != swift; outside += of_branch(x, n[0]) != swift; outside += other(x, n[1]) != "
     "swift; differ += exact != swift; } o[0] = inside; o[1] = outside; o[2] = differ > 0;",
     {0, 0, 1}},
    {"infinities and NaN mean what they are in fast mode",
     "",
     "float m = -INFINITY; for (int i = 0; i < 4; ++i) m = max(m, float(n[i])); o[0] = m; float z = n[0]; o[1] = "
     "isinf(1 / z) && isnan(z / z) && (z / z != z / z); o[2] = exp(-INFINITY + z) == 0 && !(NAN < z); o[3] = "
     "max(-INFINITY, -INFINITY + z) == -INFINITY;",
     {3, 1, 1, 1}},
    {"accepted without effect: unknown pragmas, mark, once, unused, diagnostics, internals",
     "#pragma once\n#pragma mark - part\n#pragma clang diagnostic push\n#pragma clang diagnostic ignored "
     "\"-Wunused\"\n#pragma unknown thing\n#pragma METAL internals : enable\nint f(int x) {\n#pragma unused(x)\nreturn "
     "3; }\n#pragma METAL internals : disable\n#pragma clang diagnostic pop\n",
     "o[0] = f(1);",
     {3}},
    {"every public header, twice, in any order",
     R"(#include <metal_simdgroup_matrix>
#include <metal_types>
#include <metal_common>
#include <metal_math>
#include <metal_integer>
#include <metal_relational>
#include <metal_geometric>
#include <metal_matrix>
#include <metal_compute>
#include <metal_simdgroup>
#include <metal_quadgroup>
#include <metal_atomic>
#include <metal_pack>
#include <metal_limits>
#include <metal_numeric>
#include <metal_type_traits>
#include <metal_array>
#include <metal_uniform>
#include <metal_logging>
#include <metal_tensor>
#include <metal_cooperative_tensor>
#include <metal_texture>
#include <metal_graphics>
#include <metal_pixel>
#include <metal_raytracing>
#include <metal_visible_function_table>
#include <metal_command_buffer>
#include <metal_mesh>
#include <metal_curves>
#include <metal_tessellation>
#include <metal_imageblocks>
#include <metal_assert>
#include <metal_utility>
#include <MetalPerformancePrimitives/MetalPerformancePrimitives.h>
#include <TargetConditionals.h>
#include <simd/simd.h>
#include <metal_stdlib>
#include <metal_types>)",
     "o[0] = n[8]; simd_float4 v = 2; o[1] = v.x;",
     {8, 2}},
    {"macros of the user's named like keywords, until their #undef",
     "#define device threadgroup\nvoid g(device int* p) { p[0] = 4; }\n#undef device\nvoid h(device int* p) { p[1] = "
     "5; "
     "}\n#undef constant\nconstant int kept = 6;\n#ifndef device\n#error gone\n#endif",
     "threadgroup int s[2]; g(s); o[0] = s[0]; h(o); o[2] = kept;",
     {4, 5, 6}},
    {"enumerations by a macro, declared and defined in one `typedef`",
     "#define NS_ENUM(type, name) enum name : type name; enum name : type\ntypedef metal::int32_t EnumBackingType;\n"
     "typedef NS_ENUM(EnumBackingType, BufferIndex) { BufferIndexA = 3, BufferIndexB };",
     "BufferIndex i = BufferIndexB; o[0] = i; o[1] = sizeof(BufferIndex);",
     {4, 4}},
    {"assertions, with and without metal_assert: what they ask is not evaluated",
     "int touch(thread int& x) { assert(x > 3); return ++x; }\n#include <metal_assert>\n",
     "int x = n[1]; assert(touch(x) > 100 && o[0] == 5); assert(x == 2), x += 2; o[0] = x; o[1] = touch(x);",
     {3, 4}},
    {"version-gated code and a logger without metal_logging",
     "#if defined(__METAL_VERSION__) && (__METAL_VERSION__ >= 320)\n#error gated\n#else\nstruct log_t { constexpr "
     "log_t(constant char*, constant char*) constant {} template <typename... A> void log_debug(constant char*, A...) "
     "const constant {} };\n#endif\nconstant log_t logger(\"area\", \"x\");",
     "if (n[0] > 0) logger.log_debug(\"bad %u\", t); o[0] = 1;",
     {1},
     1,
     "metal3.1"},
};

}  // namespace

std::span<const Feature> preprocessor() { return kFeatures; }

}  // namespace msl_conformance
