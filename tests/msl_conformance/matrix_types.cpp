// Section 1.7: matrices.
#include "msl_conformance/features.hpp"

namespace msl_conformance {
namespace {

const Feature kFeatures[] = {
    {"layout: columns of vectors, in all sizes",
     "static_assert(sizeof(float3x3) == 48 && alignof(float3x3) == 16 && sizeof(half2x4) == 16 && sizeof(float4x2) == "
     "32 && sizeof(half3x3) == 24 && sizeof(matrix<bfloat, 4, 4>) == 32 && alignof(matrix<bfloat, 2, 4>) == 8);",
     "o[0] = sizeof(float4x4);",
     {64}},
    {"constructors: diagonal, columns, elements, same shape of other elements",
     "",
     "float2x2 d = float2x2(n[3]); float2x3 c = float2x3(float3(1, 2, 3), float3(4, 5, 6)); float2x2 e = float2x2(1, "
     "2, 3, n[4]); half2x2 h = half2x2(e); float2x2 b{float2(1, 2), float2(3, 4)}; float2x2 q = {float2(5, 6), "
     "float2(7, 8)}; o[0] = d[0][0] * 100 + d[0][1] * 10 + d[1][1]; o[1] = c[1][2]; o[2] = e[1].y; o[3] = h[1].x; o[4] "
     "= ((float2x2)h)[0][1] + b[1][0]; o[5] = q[1].y;",
     {303, 6, 4, 3, 5, 8}},
    {"columns as braced elements and as packed vectors",
     "constant float3x3 turns = {{0, 1, 0}, {0, 0, 1}, {1, 0, 0}}; constant half2x2 pair[2] = {{{1, 2}, {3, 4}}, {half2(5), {6, 7}}}; "
     "float2x3 made(float x) { return {{x, 1, 2}, {3, 4, x}}; }",
     "float2x2 a = {{1, 2}, {3, 4}}; float2x2 b({5, 6}, float2(7)); packed_float2 p(8, 9); float2x2 c(p, p); float3x2 d{p, {1, 2}, float2(3)}; "
     "float4x4 e({1, 0, 0, 0}, {float2(2), 3, 4}, {float3(5), 6}, 2.0f * float4(1)); o[0] = a[1][0]; o[1] = b[0].y * 10 + b[1].x; o[2] = c[1].y; "
     "o[3] = d[0].x * 100 + d[1].y * 10 + d[2].x; o[4] = e[1].y * 1000 + e[1].w * 100 + e[2].z * 10 + e[3].x; o[5] = (turns * float3(1, 2, 3)).x; "
     "o[6] = float(pair[1][0].y) * 10 + pair[1][1].y; o[7] = made(n[6])[1][2];",
     {3, 67, 9, 823, 2452, 3, 57, 6}},
    {"columns and elements are lvalues, with dynamic indices",
     "",
     "float4x4 m = float4x4(0.0f); for (int i = 0; i < 16; ++i) m[i / 4][i % 4] = i * n[1]; m[2] = float4(9); m[1].x "
     "+= 100; m[3].xy = m[3].yx; thread float4& c = m[0]; c.w = 50; o[0] = m[2][n[3]]; o[1] = m[1][0]; o[2] = m[3][0]; "
     "o[3] = m[0][3];",
     {9, 104, 13, 50}},
    {"sum, difference, negation, scalar factors",
     "",
     "float2x2 a = float2x2(1, 2, 3, 4), b = float2x2(n[1]); float2x2 c = a + b - 2 * b; c += a; c *= 2.0f; float2x2 d "
     "= -a * 0.5f; o[0] = c[0][0]; o[1] = c[1][1]; o[2] = d[1][1]; c -= a; o[3] = c[0][1]; o[4] = (a * 2)[1][0];",
     {2, 14, -2, 6, 6}},
    {"matrix times column, row times matrix, matrix times matrix",
     "",
     "float2x3 m = float2x3(float3(1, 2, 3), float3(4, 5, 6)); float3 c = m * float2(1, n[2]); float2 r = float3(1, 1, "
     "1) * m; o[0] = c.x * 10000 + c.y * 100 + c.z; o[1] = r.x * 100 + r.y; float3x3 p = m * float3x2(float2(1, 0), "
     "float2(0, 1), float2(1, 1)); o[2] = p[2][2]; o[3] = p[1].x; float2x2 q = float2x2(1, 2, 3, 4); q *= q; o[4] = "
     "q[0][0] * 100 + q[1][1];",
     {91215, 615, 9, 4, 722}},
    {"equality gives one bool",
     "",
     "float2x2 a = float2x2(1, 2, 3, n[4]), b = a; o[0] = a == b; b[1][0] = 0; o[1] = a == b; o[2] = a != b;",
     {1, 0, 1}},
    {"transpose and determinant",
     "",
     "float3x2 m = transpose(float2x3(float3(1, 2, 3), float3(4, 5, n[6]))); o[0] = m[2].y; o[1] = "
     "determinant(float2x2(1, 2, 3, 4)); o[2] = determinant(float3x3(float3(2, 0, 1), float3(0, 3, 0), float3(1, 0, "
     "4))); o[3] = determinant(float4x4(float4(2, 0, 0, 1), float4(0, 3, 0, 0), float4(0, 0, 4, 0), float4(1, 0, 0, "
     "5))); o[4] = determinant(half2x2(2.0h, 0.0h, 0.0h, 3.0h));",
     {6, -2, 21, 108, 6}},
    {"bfloat matrices as tiles, converted by cast",
     "typedef matrix<bfloat, 4, 4> bfloat4x4; template <typename T> void fill(short il, thread T& reg) { float4x4 f; "
     "for (int k = 0; k < 16; ++k) f[k / 4][k % 4] = k * il; reg = (T)f; }",
     "bfloat4x4 b; half4x4 h; fill(2, b); fill(1, h); float4x4 w = (float4x4)b; o[0] = float(b[3][1]); o[1] = h[2].y; "
     "o[2] = w[3][3] + n[0]; matrix<bfloat, 2, 4> s; s[1] = bfloat4(float4(3)); o[3] = float(s[1][3]);",
     {26, 9, 30, 3}},
    {"matrices in device and threadgroup memory, by pointer",
     "float trace(device const float4x4* m) { return (*m)[0][0] + (*m)[1][1] + (*m)[2][2] + (*m)[3][3]; } float "
     "corner(threadgroup half4x4& m) { return m[3][3]; }",
     "device float4x4* d = (device float4x4*)o; threadgroup half4x4 s[2]; s[1] = half4x4(half(n[3])); float4x4 l = "
     "float4x4(2.0f); *d = l; (*d)[1][1] = 5; float x = trace(d), y = corner(s[1]); for (int i = 0; i < 16; ++i) o[i] "
     "= 0; o[0] = x; o[1] = y;",
     {11, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
    {"matrices in constant expressions",
     "constant float2x2 kTurn = float2x2(0, 1, -1, 0); static_assert(float2x2(1, 2, 3, 4)[1][0] == 3);",
     "float2 v = kTurn * float2(n[1], n[2]); o[0] = v.x; o[1] = v.y;",
     {-2, 1}},
};

}  // namespace

std::span<const Feature> matrix_types() { return kFeatures; }

}  // namespace msl_conformance
