// Section 1.1 to 1.4: scalars, literals, conversions.
#include "msl_conformance/features.hpp"

namespace msl_conformance {
namespace {

const Feature kFeatures[] = {
    {"names, sizes and identity of the scalar types",
     R"(
static_assert(sizeof(bool) == 1 && sizeof(char) == 1 && sizeof(short) == 2 && sizeof(int) == 4 && sizeof(long) == 8 && sizeof(half) == 2 && sizeof(bfloat) == 2);
static_assert(is_same_v<int64_t, long> && is_same_v<uint64_t, ulong> && is_same_v<size_t, ulong> && is_same_v<ptrdiff_t, long> && is_same_v<int8_t, char>);
static_assert(is_same_v<uchar, unsigned char> && is_same_v<ushort, uint16_t> && is_same_v<uint, unsigned> && is_same_v<decltype(sizeof(0)), size_t>);)",
     "o[0] = char(200 + n[0]); o[1] = nullptr == (thread int*)0;",
     {-56, 1}},
    {"type names without an include or namespace",
     "#undef metal_dummy\nint first(uint a, metal::float4 b, packed_half3 c) { return int(a) + int(b.x); }",
     "o[0] = first(2, metal::float4(3), packed_half3(1.0h));",
     {5}},
    {"unsuffixed floating literals are float, `h` half, `bf` bfloat",
     R"(
static_assert(is_same_v<decltype(1.0), float> && is_same_v<decltype(.5), float> && is_same_v<decltype(1e-5), float> && is_same_v<decltype(1.F), float>);
static_assert(is_same_v<decltype(1.0h), half> && is_same_v<decltype(1.H), half> && is_same_v<decltype(1.0bf), bfloat> && is_same_v<decltype(1.BF), bfloat>);)",
     "float x = n[2]; o[0] = x * 0x1p-2 * 100; o[1] = float(n[3]) * 1.5h * 10; o[2] = float(bfloat(n[2]) * 1.25bf) * "
     "100;",
     {50, 45, 250}},
    {"floating literals beside values of a template's types",
     "#define HALF_OF(x) ((x) * 0.5)\n#define GLUE(a, b) a##.##b\ntemplate <typename T> T third(T x) { static_assert(is_same_v<decltype(x / 3 "
     "+ .5), T>); static_assert(is_same_v<decltype(x * 0x1.8p1 - 1e2), T>); static_assert(is_same_v<decltype(HALF_OF(x)), T>); return "
     "fmax(0, fmin(1, x / 3 + GLUE(0, 25))); } template <typename T> struct box { T v; float grow() const { "
     "static_assert(is_same_v<decltype(v * 1.), float>); return v * 1.e1; } }; template <typename T> void print(T x, thread int& n) { auto f = "
     "[](auto y) { static_assert(is_same_v<decltype(y + 2.5), float>); return y + 2.5; }; n = f(x) * 2.0; }",
     "o[0] = third(float(n[1])) * 12; o[1] = box<int>{n[3]}.grow(); thread int m; print(float(n[2]), m); o[2] = m;",
     {7, 30, 9}},
    {"integer literals: int, uint, long, ulong; character literals",
     R"(
static_assert(is_same_v<decltype(1), int> && is_same_v<decltype(1u), uint> && is_same_v<decltype(1l), long> && is_same_v<decltype(1UL), ulong> && is_same_v<decltype('a'), char>);
static_assert(is_same_v<decltype(0x1ffffffff), long>);)",
     "o[0] = 'a'; o[1] = 0x7f; o[2] = 0b101;",
     {97, 127, 5}},
    {"implicit conversions between half, float and integers",
     "float twice(float x) { return 2 * x; } half narrow(half x) { return x; }",
     "half h = n[3]; float f = h; int i = f; h = f + 0.5f; o[0] = i; o[1] = twice(h) * 10; o[2] = narrow(2.75f) * 4; "
     "bool b = f; o[3] = b + b;",
     {3, 70, 11, 2}},
    {"bfloat: to float implicitly, to and from half explicitly",
     R"(
static_assert(!is_convertible_v<float, bfloat> && is_convertible_v<bfloat, float> && !is_convertible_v<half, bfloat> && !is_convertible_v<bfloat, half>);
static_assert(is_same_v<decltype(1.0bf + 1.0f), float> && is_same_v<decltype(1.0bf + 1.0bf), bfloat> && is_same_v<decltype(1.0bf * 2), bfloat>);)",
     "bfloat b = bfloat(n[3]); float f = b; half h = half(b); b = bfloat(h) + (bfloat)f - static_cast<bfloat>(1); o[0] "
     "= int(b); int i = int(b); o[1] = i; o[2] = bool(b); b = n[2]; b += 1.0bf; o[3] = b < 4.0bf;",
     {5, 5, 1, 1}},
    {"bfloat rounds each operation, nearest even",
     "",
     "bfloat b = bfloat(256.0f + n[0]); b = b + 1.0bf; o[0] = int(b); b = bfloat(257.0f + n[2]); o[1] = int(b); o[2] = "
     "as_type<ushort>(bfloat(1.0f + n[0]));",
     {256, 260, 0x3f80}},
    {"bfloat vectors, as_type and limits",
     "",
     R"(bfloat4 v = bfloat4(float4(1, 2, 3, 4) * n[2]); float4 w = float4(v + v); o[0] = w.w; o[1] = int(v[1]); o[2] = as_type<ushort2>(bfloat2(1.0f, -2.0f)).y;
  o[3] = as_type<bfloat>(ushort(0x4040)) == 3.0bf; o[4] = numeric_limits<bfloat>::digits; half4 h = half4(v); o[5] = h.z; v *= 2.0bf; o[6] = float(v.x); o[7] = all(v == bfloat4(4.0f, 8.0f, 12.0f, 16.0f));)",
     {16, 4, 0xc000, 1, 8, 6, 4, 1}},
    {"half arithmetic stays in half",
     "static_assert(is_same_v<decltype(1.0h + 1.0h), half> && is_same_v<decltype(1.0h * 2), half> && "
     "is_same_v<decltype(1.0h + 1.0f), float>);",
     "half h = half(2048 + n[0]); o[0] = h + 1.0h; o[1] = h + 1.0f; half big = half(60000 + n[0]); o[2] = isinf(big * "
     "2.0h);",
     {2048, 2049, 1}},
    {"float to integer saturates, NaN gives 0",
     "",
     "float big = 1e20f + n[0], nan = as_type<float>(0x7fc00000 + n[0]); o[0] = int(big); o[1] = int(-big); o[2] = "
     "int(nan); o[3] = int(uchar(300.0f + n[0])); o[4] = int(2.9f + n[0]); o[5] = int(-2.9f - n[0]); int4 v = "
     "int4(float4(big)); o[6] = v.y;",
     {2147483647, -2147483647 - 1, 0, 255, 2, -2, 2147483647}},
    {"integer narrowing is modulo 2^n, bool is x != 0",
     "",
     "o[0] = uchar(n[1] + 511); o[1] = short(n[0] + 65535); o[2] = bool(n[2]) + bool(as_type<float>(0x80000000 + "
     "n[0])); float nan = as_type<float>(0x7fc00000 + n[0]); o[3] = bool(nan);",
     {0, -1, 1, 1}},
    {"integer promotions of scalars, none of vectors",
     "static_assert(is_same_v<decltype(short(1) + short(1)), int> && is_same_v<decltype(short4(1) + short4(1)), "
     "short4>);",
     "uchar2 v = uchar2(200 + n[0]); v = v + v; o[0] = v.x; o[1] = uchar(200) + uchar(200 + n[0]);",
     {144, 400}},
    {"shift counts are masked, `>>` is arithmetic, division never traps",
     "",
     "o[0] = 1u << (33 + n[0]); o[1] = -8 >> (n[1] + 32); int z = n[0]; o[2] = (5 / z, 1); o[3] = ((-2147483647 - 1) / "
     "(z - 1), 7 % z, 2); o[4] = -7 % (3 + z); o[5] = (-7 + z) / 2;",
     {2, -4, 1, 2, -1, -3}},
    {"so are counts that are constants; constant operands of no defined result make no code unreachable",
     "",
     "uint a[3] = {5, 6, 7}; if (n[1] == 1) a[(7u << 99u) % 3u] = n[2]; o[0] = a[2]; o[1] = 1 << 33; o[2] = -8 >> 33; "
     "int u = 3; u <<= 34; o[3] = u; o[4] = 1 << -31; if (n[1] == 1) o[5] = a[(7 / 0) % 1] + a[5 % 0]; long w = 1l << "
     "66; o[6] = w; o[7] = ((-2147483647 - 1) / -1 , 9);",
     {2, 2, -4, 12, 2, 10, 4, 9}},
    {"numeric_limits of every scalar, usable in constant expressions",
     R"(
static_assert(numeric_limits<half>::max() == 65504.0h && numeric_limits<half>::epsilon() == 0x1p-10h && numeric_limits<float>::infinity() > MAXFLOAT && numeric_limits<int>::lowest() == INT_MIN);
static_assert(numeric_limits<uchar>::max() == 255 && numeric_limits<long>::max() == LONG_MAX && numeric_limits<char>::is_signed && !numeric_limits<uint>::is_signed && numeric_limits<ushort>::digits == 16);
static_assert(numeric_limits<float>::digits == 24 && numeric_limits<half>::max_exponent == 16 && numeric_limits<bool>::is_specialized && !numeric_limits<float>::is_exact && numeric_limits<bfloat>::has_infinity);)",
     "o[0] = isnan(numeric_limits<float>::quiet_NaN()); o[1] = int(numeric_limits<half>::max()); o[2] = -1 * "
     "numeric_limits<short>::min(); o[3] = numeric_limits<float>::denorm_min() > 0; o[4] = CHAR_BIT + FLT_DIG + "
     "HALF_MANT_DIG;",
     {1, 65504, 32768, 1, 25}},
    {"mathematical constants with _F, _H and _BF",
     "static_assert(M_PI_F > 3.14159f && M_SQRT2_F < 1.4143f && M_E_H > 2.7h && M_LN2_H < 0.7h);",
     "o[0] = M_PI_F * 1000 + n[0]; o[1] = float(M_PI_BF) * 1000; o[2] = isinf(INFINITY) + isnan(NAN) + "
     "isinf(HUGE_VALF) + isinf(HUGE_VALH); o[3] = MAXHALF; o[4] = MAXFLOAT > 3e38f;",
     {3141, 3140, 4, 65504, 1}},
    {"enum, enum class with a base, bit-fields, unions",
     "enum kind { first = 3, second }; enum class small : uchar { a = 250, b }; struct bits { uint low : 4; uint high "
     ": 28; }; union word { float f; uint u; uchar4 b; };",
     "small s = small::b; o[0] = second; o[1] = int(s); bits x; x.low = 17 + n[0]; x.high = 5; o[2] = x.low * 10 + "
     "x.high; word w; w.f = 1.0f + n[0]; o[3] = w.u >> 20; o[4] = w.b.w; o[5] = sizeof(small);",
     {4, 251, 15, 0x3f8, 0x3f, 1}},
    {"long arithmetic and 64-bit offsets",
     "",
     "long a = 3000000000l + n[0]; ulong b = ulong(a) * 4; o[0] = b >> 32; o[1] = int(a / 1000000); uint64_t r = "
     "0x0123456789abcdeful + n[0]; r = (r << 13) | (r >> 51); o[2] = uint(r); o[3] = int(r >> 32);",
     {2, 3000, int(0x79BDE024u), 0x68ACF135}},
    {"intptr_t, uintptr_t, offsetof",
     "struct part { char a; float3 b; packed_half3 c; }; static_assert(sizeof(intptr_t) == 8 && is_same_v<uintptr_t, ulong>);",
     "uintptr_t p = reinterpret_cast<uintptr_t>(o + 3) - uintptr_t(o); intptr_t d = -intptr_t(p); o[0] = p; o[1] = d; o[2] = "
     "offsetof(part, b) * 100 + offsetof(part, c);",
     {12, -12, 1632}},
    {"structures with `__attribute__((packed))`, vectors among their members",
     "struct __attribute__((packed)) row { char tag; packed_float3 p; half h; packed_uchar4 c; }; static_assert(sizeof(row) == 19 && "
     "offsetof(row, p) == 1 && alignof(row) == 1); typedef struct __attribute__((packed, aligned(16))) { float4 a; uint b; } wide; "
     "static_assert(sizeof(wide) == 32);",
     "device row* r = (device row*)(o + 4); r->p = float3(1, 2, 3) + n[0]; r->h = 2; r->c = uchar4(4, 5, 6, 7); r->tag = 9; row l = *r; "
     "o[0] = l.p.z * 10 + l.c.w; wide w = {float4(n[3]), 2}; o[1] = w.a.w * 10 + w.b; o[2] = ((device uchar*)r)[18]; o[3] = r->p.x; for (int i = 4; i < 9; ++i) o[i] = 0;",
     {37, 32, 7, 1, 0, 0, 0, 0, 0}},
    {"volatile bfloat: read, written, converted and computed with",
     "",
     "volatile bfloat v = 3.0bf; bfloat w = v; v = w * 2.0bf; float f = v; v += 1.0bf; volatile threadgroup bfloat s[2]; s[1] = w; "
     "bfloat x = s[1]; volatile device bfloat* d = (volatile device bfloat*)(o + 4); d[0] = v; d[1] = d[0]; o[0] = int(f); o[1] = "
     "int(v); o[2] = (x < v) + int(float(x) * 10); o[3] = ++v > 7.0f;",
     {6, 7, 31, 1, 0x40E040E0}},
};

}  // namespace

std::span<const Feature> scalar_types() { return kFeatures; }

}  // namespace msl_conformance
