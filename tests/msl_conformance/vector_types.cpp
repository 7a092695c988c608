// Section 1.5 and 1.6: vectors, swizzles, packed vectors.
#include "msl_conformance/features.hpp"

namespace msl_conformance {
namespace {

const Feature kFeatures[] = {
    {"constructors: replicate, scalars and vectors left to right",
     "",
     "float2 a = float2(n[1], n[2]); float4 b = float4(a, 3, 4), c = float4(1, float2(5, 6), 7), d = float4(float3(8), "
     "9), e = float4(a.xy, a.yx), f = 2; o[0] = b.x * 1000 + b.y * 100 + b.z * 10 + b.w; o[1] = c.x * 1000 + c.y * 100 "
     "+ c.z * 10 + c.w; o[2] = d.z * 10 + d.w; o[3] = e.z * 10 + e.w + f.w;",
     {1234, 1567, 89, 23}},
    {"brace lists; short ones fill with zero; narrowing allowed",
     "template <typename T> vec<T, 2> pair(T a) { return {T(a), T(-a)}; }",
     "uint4 a = {uint(n[1]), 2, 3}; float4 b{1, 2}; vec<float, 8> z{0}; half2 c = {1.5f, -1.0f}; short2 s = "
     "short2{short(n[3]), 2}; float4 d = {}; o[0] = a.w + a.z; o[1] = b.y + b.z; o[2] = z[7]; o[3] = c.x * 2; o[4] = "
     "s.x; o[5] = pair(3.0f).y; o[6] = d.x;",
     {3, 2, 0, 3, 3, -3, 0}},
    {"explicit conversion element by element",
     "",
     "int4 i = int4(float4(1.9f, -2.9f, 3, 4) + n[0]); o[0] = i.x * 10 + i.y; uchar4 u = (uchar4)i; o[1] = u.y; half2 "
     "h = static_cast<half2>(float2(0.5f)); o[2] = h.x * 4; bool4 b = bool4(i - 1); o[3] = b.x + b.y;",
     {8, 254, 2, 1}},
    {"element access by index, also dynamic, as an lvalue",
     "",
     "float4 v = 0; for (int i = 0; i < 4; ++i) v[i] = i * n[2]; v[n[1]] += 10; o[0] = v[n[1]]; o[1] = v[3]; thread "
     "float& r = v[2]; r = 7; o[2] = v.z; bool3 b = false; b[n[1]] = true; o[3] = b.y;",
     {12, 6, 7, 1}},
    {"swizzles of two to four letters, read, with repeats, rgba names",
     "",
     "int4 v = int4(n[1], n[2], n[3], n[4]); o[0] = v.wzyx.x * 10 + v.xxyy.w; o[1] = v.bgr.x * 100 + v.bgr.y * 10 + "
     "v.bgr.z; o[2] = v.ra.y; o[3] = v.xy.yx.x; int3 w = v.zzz; o[4] = w.x + w.y + w.z; o[5] = v.rgba.a; o[6] = "
     "int2(v.xw).y;",
     {42, 321, 4, 2, 9, 4, 4}},
    {"swizzle writes of two to four letters, compound too",
     "",
     "float4 v = float4(1, 2, 3, 4); v.xw = float2(9, 8) + n[0]; v.zyx *= 2; v.rg += float2(1); v.wzyx = v; o[0] = "
     "v.x; o[1] = v.y; o[2] = v.z; o[3] = v.w; v.xyz = 5; v.bgra = float4(1, 2, 3, 4); o[4] = v.x * 1000 + v.y * 100 + "
     "v.z * 10 + v.w;",
     {8, 6, 5, 19, 3214}},
    {"swizzles through pointers and references in every space",
     "void up(device float4& v) { v.xy = v.yx; } void ut(thread float3& v) { v.yz *= 2.0f; }",
     "threadgroup float4 s[2]; device float4* d = (device float4*)(o + 8); d[0] = float4(1, 2, 3, 4); up(d[0]); s[1] = "
     "d[0].wzyx; s[1].xw = s[1].wx; d->z += 5; float3 p = 1; ut(p); o[0] = d[0].x; o[1] = s[1].x; o[2] = d->z; o[3] = "
     "p.z; o[4] = s[1].y; for (int i = 5; i < 16; ++i) o[i] = 0;",
     {2, 2, 8, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
    {"assignments to components have values: chains, conditions, `++v.x`",
     "struct state { uint4 counter; packed_uint3 p; bool next() { if (++counter.x == 0 && ++counter.y == 0) "
     "++counter.z; "
     "return counter.y == 1; } };\ntemplate <typename T> T bump(T v) { v.w = v.x += v.y = 2; return v; }",
     "state s; s.counter = uint4(0xffffffff, 0, 0, 7); o[0] = s.next() * 10 + s.counter.y; int4 v; v.x = v.y = v.z = "
     "v.w = "
     "n[3]; v.xy = v.zw = int2(n[5]) + 1; o[1] = v.x + v.y + v.z + v.w; s.p.x = s.p.z = 4; uint a = s.p.x -= 1, b = "
     "++s.p.z, c = s.p.x++; o[2] = a * 100 + b * 10 + c; float2 f; float g = f.x = 2.5f; o[3] = int((f.y = g) * 2); "
     "int4 w "
     "= bump(int4(1, 1, 1, 1)); o[4] = w.w * 10 + w.x; const int d = --v.x + v.y--; o[5] = d * 10 + v.y; device int2* "
     "q "
     "= (device int2*)(o + 6); q->x = q->y = 8; if ((q->x += 1) == 9) q->y = q->x;",
     {11, 24, 353, 5, 33, 115, 9, 9}},
    {"single components are lvalues",
     "void twice(thread float& x) { x *= 2; } void twice(device int& x) { x *= 3; }",
     "float4 v = float4(1, 2, 3, 4); v.y += n[1]; v.x++; --v.w; twice(v[2]); device int4* d = (device int4*)o; d->x = "
     "4; d->y = 5; (*d)[1] += 1; twice((*d)[0]); o[2] = v.x * 1000 + v.y * 100 + v.z * 10 + v.w; o[3] = v.a;",
     {12, 6, 2363, 3}},
    {"operators element by element with vector and scalar operands",
     "",
     "int4 a = int4(7, -7, 8, 9) + n[0]; int4 b = a % 4; o[0] = b.x * 10 + b.y; b = a << 1; o[1] = b.z; b = (a & 6) | "
     "1; o[2] = b.x; b = ~a ^ 3; o[3] = b.x; b = -a; b += 2; b *= int4(1, 2, 3, 4); o[4] = b.w; float2 f = 6.0f / "
     "float2(2, 3); o[5] = f.x * 10 + f.y; uint2 u = uint2(1, 2) >> uint2(1, 33); o[6] = u.x + u.y; b = a++; o[7] = "
     "a.x * 10 + b.x;",
     {27, 16, 7, -5, -28, 32, 1, 87}},
    {"counts of shifts are vectors of any integers",
     "static_assert(is_same_v<decltype(short4(1) << ushort4(1)), short4> && is_same_v<decltype(uchar2(1) >> long2(1)), uchar2>); template <typename A, typename B> "
     "auto shifts(A a, B b, int) -> decltype(a << b, true) { return true; } template <typename A, typename B> bool shifts(A, B, long) { return false; }",
     "short4 s = short4(-9, 3, 5, 1) << ushort4(0, 1, 2, n[3] + 16); o[0] = s.x; o[1] = s.y; o[2] = s.z; o[3] = s.w; ulong2 w = ulong2(3, 1) << char2(33, -1); o[4] = w.x >> 32; "
     "o[5] = w.y >> 60; s >>= int4(1, 33, 2, n[3]); o[6] = s.x * 100 + s.y * 10 + s.z; o[7] = shifts(int2(1), uint2(1), 0) * 8 + shifts(int2(1), uint3(1), 0) * 4 + "
     "shifts(float2(1), uint2(1), 0) * 2 + shifts(int2(1), bool2(1), 0);",
     {-9, 6, 20, 8, 6, 8, -465, 8}},
    {"comparisons give bool vectors; `!`, `&&`, `||`, all, any",
     "static_assert(is_same_v<decltype(float3(1) < float3(2)), bool3>);",
     "int3 a = int3(1, 2, 3) + n[0]; bool3 b = a > 1; o[0] = b.x * 100 + b.y * 10 + b.z; o[1] = any(a == 3) * 10 + "
     "all(a == 3); bool3 c = !b || (a != 2 && b); o[2] = c.x * 100 + c.y * 10 + c.z; o[3] = all(a <= int3(1, 2, 3));",
     {11, 10, 101, 1}},
    {"`?:` with a scalar condition, select per element",
     "",
     "float4 v = n[1] ? float4(1, 2, 3, 4) : float4(0); float4 w = n[0] ? v : 5.0f; o[0] = v.z; o[1] = w.y; int4 s = "
     "select(int4(1), int4(2), int4(n[0], 1, 2, 3) > 1); o[2] = s.x * 1000 + s.y * 100 + s.z * 10 + s.w; o[3] = "
     "select(4, 5, n[1] == 1);",
     {3, 5, 1122, 5}},
    {"scalars convert and replicate in mixed expressions",
     "static_assert(is_same_v<decltype(half4(1) * 2.0f), half4> && is_same_v<decltype(2 * float3(1)), float3>);",
     "half4 h = half4(n[3]) * 0.5; float4 f = 2 * float4(h) + 1; f = f * n[2]; o[0] = h.x * 10; o[1] = f.w;",
     {15, 8}},
    {"sizes: a 3-vector takes four elements, in arrays and structs too",
     "struct s { char c; float3 v; char d; }; static_assert(sizeof(float3) == 16 && sizeof(s) == 48 && "
     "sizeof(half3[2]) == 16 && alignof(long2) == 16 && sizeof(bool3) == 4);",
     "o[0] = sizeof(ulong3);",
     {32}},
    {"vectors of 1, 8, 16, 32 and 64 elements",
     "typedef vec<float, 1> one; template <typename T, int R> struct tile { using type = vec<T, R * R / 32>; };",
     "tile<float, 16>::type f = 0; for (short j = 0; j < 8; ++j) f[j] += j * n[1]; vec<float, 8> g = f * 2.0f; one s = "
     "3.0f; vec<int, 64> w = 1; w[63] = 5; o[0] = g[7]; o[1] = s[0]; o[2] = w[63] + w[0]; vec<half, 16> h = 2.0h; o[3] "
     "= h[15];",
     {14, 3, 6, 2}},
    {"vectors in unions and by-value structs are trivial",
     "union u { uint2 v; uchar4 b[2]; ulong l; }; struct p { float4 a; half2 b; };",
     "u x; x.v = uint2(0x04030201u + n[0], 5); o[0] = x.b[0].w * 10 + x.b[1].x; o[1] = x.l >> 32; p q; q.a = 3; p r = "
     "q; r.b.y = 1; o[2] = r.a.z + r.b.y;",
     {45, 5, 4}},
    {"reinterpretation by pointer and reference casts",
     "",
     "float4 v = float4(1, 2, 3, 4) + n[0]; thread float* p = (thread float*)&v; p[3] = 7; o[0] = v.w; thread uint2& u "
     "= reinterpret_cast<thread uint2&>(v); o[1] = u.x >> 20; o[2] = ((thread int*)&v)[0] >> 20;",
     {7, 0x3f8, 0x3f8}},
    {"conversion at a function's boundary and in `return`",
     "float3 unit(uint3 p) { return float3(p); } half4 grey(half x) { return x; }",
     "o[0] = unit(uint3(1, 2, n[3])).z; o[1] = grey(2).w;",
     {3, 2}},
    {"packed vectors: size, alignment, implicit both ways, arithmetic",
     "static_assert(sizeof(packed_float3) == 12 && alignof(packed_float3) == 4 && sizeof(packed_char4) == 4 && "
     "alignof(packed_char4) == 1 && sizeof(packed_half3) == 6); struct v { packed_float3 p; float w; }; "
     "static_assert(sizeof(v) == 16);",
     "packed_float3 p = float3(1, 2, n[3]); float3 f = p; p = f * 2; p[1] += 1; o[0] = p.y * 10 + p[2]; float3 s = p + "
     "p; o[1] = s.x; o[2] = (p * 2.0f).z; p.xy = p.yx; o[3] = p.x; packed_char4 c = packed_char4(char4(n[4])); float4 "
     "w = float4(char4(c)) * 0.5f; o[4] = w.y; o[5] = dot(float3(p), float3(1));",
     {56, 4, 12, 5, 2, 13}},
    {"packed vectors as arguments of the library's functions, in every mode's names",
     "float first(float3 v) { return v.x; }",
     "packed_float3 p = packed_float3(3, 4, -12) + float(n[0]); packed_uint3 u = packed_uint3(1, 7, 255) + uint(n[0]); "
     "packed_uchar4 c = packed_uchar4(1, 2, 3, 4); packed_float3 one = packed_float3(1, 1, 1); o[0] = length(p); o[1] "
     "= dot(p, float3(1)) + dot(p, one); o[2] = max(p, one).z + metal::clamp(p, 0.0f, 3.5f).y * 2; o[3] = fabs(p).z + "
     "abs(p).x; o[4] = precise::sqrt(packed_float3(4, 16, 9)).y + fast::fmin(p, one).x; o[5] = popcount(u).z + "
     "clz(u).x; o[6] = select(p, one, bool3(true, false, false)).x + any(isnan(p)); o[7] = cross(p, one).x; o[8] = "
     "as_type<uint>(c) & 0xffff; packed_float3 h = p * 1.5f; float3 whole; o[9] = modf(h, whole).x * 10 + whole.y; "
     "o[10] = first(p) + mix(p, one, 0.5f).x; o[11] = distance(p, packed_float3(0, 0, -12)) + fma(p, p, one).x; o[12] "
     "= simd_max(p).y;",
     {13, -10, 1 + 7, 15, 4 + 1, 8 + 31, 1, 16, 0x201, 5 + 6, 5, 5 + 10, 4}},
    {"packed vectors loaded at any byte",
     "",
     "threadgroup uchar raw[32]; for (int i = 0; i < 32; ++i) raw[i] = i; threadgroup const packed_ushort2* u = "
     "(threadgroup const packed_ushort2*)(raw + 2); ushort2 x = u[0]; o[0] = x.y; packed_uchar3 b = *(threadgroup "
     "packed_uchar3*)(raw + 5); o[1] = b.z; packed_int2 z; z = int2(3, 4); o[2] = z.x * z[1];",
     {0x504, 7, 12}},
    {"volatile vectors: read, written and changed by components, in every space",
     "",
     "volatile int4 v = n[2]; v.x = n[5]; int4 w = v; v = w; int2 q = v.xy; v.zw = q; v.x += 2; o[0] = v.x * 1000 + "
     "v.y "
     "* 100 + v.z * 10 + v.w; volatile threadgroup float4 s[2]; s[t] = float4(w); s[t].y = 3; w = int4(float4(s[t]) * "
     "2); s[1] = s[0]; const float c = s[1][1]; o[1] = w.x * 10 + w.y; o[2] = s[1].y + c; volatile device int2* d = "
     "(volatile device int2*)(o + 4); d[0] = 4; d[0].y -= 1; int2 r = d[0]; o[3] = ++d[0].x; const int2 e = d[0]; o[5] "
     "= r.y + e.x;",
     {7252, 106, 6, 5, 5, 8}},
    {"constant expressions on vectors",
     "constant constexpr float4 kWeights = float4(1, 2, 3, 4); constexpr constant int2 kPair = {3, 4}; "
     "static_assert(kPair.y == 4 && all(int2(1, 2) + 1 == int2(2, 3)));",
     "constexpr auto v = uint3(1, 2, 3) * 2u; static_assert(v.z == 6); o[0] = kWeights[n[3]]; o[1] = v[n[1]];",
     {4, 4}},
    {"packed vectors: every operator, with operands in any space",
     "struct pair { packed_float3 a, b[2]; }; constant packed_int2 kPair = {3, 4};",
     "threadgroup pair s[2]; s[1].a = float3(1, 2, n[3]); s[1].b[0] = s[1].a * 2.0f; s[1].b[1] = s[1].b[0] - s[1].a; o[0] = "
     "s[1].b[1].z; threadgroup const pair& p = s[1]; pair l = p; o[1] = (l.a + p.b[0]).y; device packed_uint3* u = (device "
     "packed_uint3*)(o + 4); u[0] = uint3(5, 6, 7); u[0] = u[0] << 2u; u[0] |= 1u; u[0] ^= u[0] & 4u; u[0] %= 16u; o[2] = (kPair "
     "* kPair).x + (2 * kPair).y + (-kPair).x; o[3] = all(p.a == p.a) + any(p.a < p.b[1]) + all(!(kPair > 3) == bool2(1, 0)) + "
     "(~kPair).x;",
     {3, 6, 9 + 8 - 3, 1 + 0 + 1 - 4, 1, 9, 9}},
    {"volatile packed vectors and matrices; operators and functions of what is volatile",
     "",
     "volatile threadgroup packed_float3 p[2]; p[1] = float3(1, 2, n[3]); p[1].x += 3; p[1] *= 2.0f; p[1][1] = 9; p[0] = p[1]; "
     "p[0].zx = p[1].yz; o[0] = p[0].x * 100 + p[0].y * 10 + p[1].z; volatile float2x2 m = float2x2(1, 2, 3, n[4]); m[0][1] = 5; "
     "m += float2x2(1); float2 c = m * float2(1, 2); m[1] = c; float2x2 k = m; o[1] = k[1][0] * 100 + c.y; volatile device int4* "
     "v = (volatile device int4*)(o + 4); v[0] = 3; v[0] = v[0] + v[0] * 2; v[0] <<= 1; ++v[0]; v[0][3] = 4; int4 old = v[0]--; "
     "o[2] = max(v[0], 5).w * 100 + old.y; o[3] = all(v[0] == v[0]) + any(-v[0] > 0) + dot(p[1], float3(0, 1, 0));",
     {690 + 6, 800 + 15, 500 + 19, 10, 18, 18, 18, 3}},
    {"components of components are assigned",
     "struct pixel { float4 c; };",
     "float4 v = float4(1, 2, 3, n[4]); v.xyz.x = 5; v.wz.y += 4; v.rgba.gb = float2(8, 9); thread pixel* p = (thread pixel*)&v; "
     "o[0] = v.x; o[1] = v.y; o[2] = v.z; p->c.zyx.xz.y *= 2; v.wyx.x++; o[3] = v.w; o[4] = v.x;",
     {5, 8, 9, 5, 10}},
    {"elements of components are assigned, by constant and by dynamic index",
     "struct pixel { float4 c; }; template <class V> void put(thread V& v, int i) { v.yzw[i] = 20 + i; v.zx[1] -= 1; }",
     "float4 v = float4(0, 1, 2, 3); int4 w = 7; packed_float3 q = {1, 2, 3}; pixel s = {float4(1)}; thread pixel* p = &s; int i = n[1]; v.xyz[0] = 4; "
     "v.yz[i] += 5; put(w, 2); q.xy[i] = 9; p->c.zw[1] = 6; p->c.yzw[i * 2 - 1] = 8; v.wz[0]++; o[0] = v.x; o[1] = v.y; o[2] = v.z; o[3] = v.w; "
     "o[4] = w.x; o[5] = w.y; o[6] = w.w; o[7] = q.y; o[8] = s.c.w; o[9] = s.c.z;",
     {4, 1, 7, 4, 6, 7, 22, 9, 6, 8}},
    {"elements of components in any order, by dynamic index: read, assigned, stepped; of components of components too",
     "template <class V> auto get(V v, int i) { return v.zyx[i]; } template <class V> void put(thread V& v, int i) { v.zx[i] = 30 + i; }",
     "int4 v = int4(1, 2, 3, 4); packed_int3 q = {5, 6, 7}; int2 a[2] = {int2(8), int2(9)}; thread int4* p = &v; o[0] = v.zx[n[0]] * 10 + v.zx[n[1]]; o[1] = get(v, n[1]); "
     "v.zx[n[1]] = 10; v.wy[n[0]] += 20; put(q, n[0]); ++v.wzy[n[2]]; p->yw[n[0]]--; p->wzyx.xw[n[1]] *= 2; a[n[1]].yx[n[1]] = 11; ++a[n[0]].yx.x; "
     "o[2] = v.x; o[3] = v.y; o[4] = v.z; o[5] = v.w; o[6] = q.z; o[7] = a[1].x; o[8] = a[0].y; int b = 1; o[9] = b+++v.zx[n[0]]; o[10] = v.zx[n[0]]++ + b; o[11] = v.z;",
     {31, 2, 20, 2, 3, 24, 30, 11, 9, 4, 5, 4}},
};

}  // namespace

std::span<const Feature> vector_types() { return kFeatures; }

}  // namespace msl_conformance
