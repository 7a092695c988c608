// Section 2: address spaces, qualifiers in every place, overloads and specialisations that differ in the space.
#include "msl_conformance/features.hpp"

namespace msl_conformance {
namespace {

const Feature kFeatures[] = {
    {"every order of const, volatile and space",
     "",
     "device const int* a = n; const device int* b = n + 1; int device const* c = n + 2; device int const* d = n + 3; "
     "volatile device int* e = (volatile device int*)o; const constant int* z = nullptr; e[0] = *a + *b + *c + *d; "
     "o[1] = z == nullptr;",
     {6, 1}},
    {"casts change the pointee within a space",
     "",
     "threadgroup uchar raw[64]; threadgroup half* h = (threadgroup half*)(raw); threadgroup float* f = (threadgroup "
     "float*)(raw + 16); h[0] = 1.5h; f[0] = h[0] * 2; threadgroup const uint& u = *reinterpret_cast<threadgroup const "
     "uint*>(f); o[0] = f[0]; o[1] = u >> 20; o[2] = ((device const short*)n)[2];",
     {3, 0x404, 1}},
    {"`thread` on parameters and locals that are no pointers, in one of two declarations",
     "int twice(thread const int x, thread float y); int twice(const int x, float y) { thread int z = x; return z * 2 + "
     "int(y); } int pick(thread int2 v, thread const int* p) { v.x += p[0]; return v.x + v.y; }",
     "int three = 3; o[0] = twice(n[4], 1.5f); o[1] = pick(int2(10, 20), &three);",
     {9, 33}},
    {"a reference to one of two objects in a space, chosen by ?:",
     "struct part { int v[2]; }; constant part parts[2] = {{{1, 2}}, {{3, 4}}};",
     "device part* a = (device part*)o; device const part* b = (device const part*)n; device part& c = n[0] == 0 ? a[0] : a[1]; c.v[1] = 7; "
     "const device part& d = n[1] == 0 ? a[0] : b[1]; o[2] = d.v[0] * 10; part x = {{5, 6}}, y = x; for (thread part& e = n[0] > 0 ? x : y; e.v[0] < 7;) ++e.v[0]; "
     "o[3] = x.v[0] * 10 + y.v[0]; constant part& f = n[3] == 3 ? n[2] == 1 ? parts[0] : parts[1] : parts[0]; o[4] = f.v[1]; "
     "device int2& g = n[1] > 0 ? ((device int2*)o)[0] : ((device int2*)o)[1]; g.x = n[4] > 3 ? part{{8, 9}}.v[0] : 0;",
     {8, 7, 20, 57, 4}},
    {"references to and pointers to arrays of pointers that say their space",
     "struct part { int v[2]; }; int all(device part* (&parts)[2], constant int* ends) { return parts[0]->v[1] + parts[1]->v[ends[0]]; } constant int zeros[1] = {0}; "
     "int row(device const int* const (&rows)[3], uint i) { return rows[i][1]; }",
     "device part* parts[] = {(device part*)n + 1, (device part*)n + 2}; "
     "device const int* rows[3] = {n, n + 10, n + 20}; o[0] = all(parts, zeros) * 100 + row(rows, 2);",
     {721}},
    {"parameters that are arrays: without a name, of template types, of several extents",
     "constant int l3[3] = {1, 2, 3}; constant int l23[2][3] = {{1, 2, 3}, {4, 5, 6}}; int a(constant int [3], int x) { return x; } int b(constant int [][3], device const "
     "float [2]) { return 8; } int c(constant array<int, 3> v[1]) { return v[0][1]; } int d(const constant vec<int, 2> v[3]) { return v[0].y; } int e(constant unsigned int "
     "[3], threadgroup vec<float, 4> [2]) { return 9; } int f(constant metal::uint2 v[2][2], constant uint w[]) { return v[0][1].x + w[1]; } int g(constant int* v, thread "
     "const int w[2]) { return v[1] + w[1]; }",
     "int two[2] = {1, 2}; o[0] = a(l3, 7); o[1] = b(l23, (device const float*)n); o[2] = c((constant array<int, 3>*)l3); o[3] = d((constant int2*)l3); o[4] = "
     "e((constant uint*)l3, nullptr); o[5] = f((constant uint2 (*)[2])l23, (constant uint*)l3); o[6] = g(l3, two);",
     {7, 8, 2, 2, 9, 5, 4}},
    {"overloads by the space of a pointer, each with its own body",
     "int which(device const int* p) { return 1; } int which(threadgroup const int* p) { return 2; } int which(thread "
     "const int* p) { return 3; } int which(constant int* p) { return 4; } constant int table[2] = {5, 6};",
     "threadgroup int s[4]; int v = 0; int a[2] = {}; o[0] = which(o + 1) * 10000 + which(s) * 1000 + which(&v) * 100 "
     "+ which(table) * 10 + which(a);",
     {12343}},
    {"overloads by the space of a reference, templates too",
     "template <typename T> int which(device const T& p) { return 1; } template <typename T> int which(threadgroup "
     "const T& p) { return 2; } template <typename T> int which(thread const T& p) { return 3; } template <typename T> "
     "int which(constant const T& p) { return 4; } constant float table[2] = {5, 6};",
     "threadgroup half s[4]; float4 v = 0; o[0] = which(n[1]) * 1000 + which(s[2]) * 100 + which(v) * 10 + "
     "which(table[1]);",
     {1234}},
    {"overloads that macros write",
     "#define LOAD(space) template <typename T> T load(const space T* from) { return from[0]; } template <typename T> "
     "void keep(space T* to, T v) { to[0] = v; }\nLOAD(device)\n LOAD(threadgroup)\n LOAD(thread)\n#define ADD(space) "
     "struct add_##space { template <typename T> static space T& to(space T& a, T b) { a += b; return a; } "
     "};\nADD(device)\nADD(thread)\n",
     "threadgroup int s[2]; int v; keep(s, n[3]); keep(&v, n[4]); keep(o, load(s) * 10 + load(&v)); "
     "add_device::to(o[0], 100); add_thread::to(v, 1); o[1] = v + load(n + 2);",
     {134, 7}},
    {"partial specialisations on device T*, threadgroup T*, constant T*, thread T*, with members of their own",
     "template <typename T> struct space_of { static constexpr constant int v = 0; }; template <typename T> struct "
     "space_of<device T*> { static constexpr constant int v = 1; using type = remove_cv_t<T>; }; template <typename T> "
     "struct space_of<threadgroup T*> { static constexpr constant int v = 2; using type = remove_cv_t<T>; }; template "
     "<typename T> struct space_of<constant T*> { static constexpr constant int v = 3; using type = remove_cv_t<T>; }; "
     "template <typename T> struct space_of<thread T*> { static constexpr constant int v = 4; using type = "
     "remove_cv_t<T>; }; template <typename P> int space(P p) { return space_of<remove_cv_t<P>>::v; } constant int "
     "table[1] = {1}; template <typename P> void put(P p, float v) { using U = typename "
     "space_of<remove_cv_t<P>>::type; p[0] = static_cast<U>(v); }",
     "threadgroup half s[2]; float f; o[0] = space(n) * 10000 + space(s) * 1000 + space(table) * 100 + space(&f) * 10 "
     "+ space_of<int>::v; put(o + 1, 2.5f); put(s, 1.5f); put(&f, 3.5f); o[2] = s[0] * 2 + f * 2;",
     {12340, 2, 10}},
    {"member functions by the space of the object, each with its own body",
     "struct s { int a; int sum() const thread { return a; } int sum() const device { return a + 1; } int sum() const "
     "threadgroup { return a + 2; } int sum() const constant { return a + 3; } int any() const { return a * 2; } "
     "device int* ptr() device { return &a; } thread int* ptr() thread { return &a; } }; constant s kS = {40};",
     "device s* d = (device s*)o; threadgroup s g; d->a = 10; g.a = 20; s l; l.a = 30; int r = d->sum() * 1000000 + "
     "g.sum() * 10000 + l.sum() * 100 + kS.sum(); int all = d->any() + g.any() + l.any() + kS.any(); *d->ptr() += 1; "
     "*l.ptr() += 1; o[1] = d->a + l.a; o[0] = r; o[2] = all;",
     {11223043, 42, 200}},
    {"constructors and conversions by space; assignment between spaces",
     "template <typename T> struct pair_t { T re, im; constexpr pair_t(T r, T i) thread : re(r), im(i) {} constexpr "
     "pair_t() thread : re(0), im(0) {} constexpr pair_t() threadgroup : re(0), im(0) {} template <typename U, "
     "typename = enable_if_t<is_convertible_v<U, T>>> constexpr pair_t(U x) thread : re(static_cast<T>(x)), im(0) {} "
     "template <typename U, typename = enable_if_t<is_convertible_v<U, T>>> constexpr pair_t(U x) device : "
     "re(static_cast<T>(x)), im(0) {} constexpr operator vec<T, 2>() const thread { return vec<T, 2>(re, im); } "
     "constexpr operator vec<T, 2>() const device { return vec<T, 2>(im, re); } constexpr operator vec<T, 2>() const "
     "threadgroup { return vec<T, 2>(7, 7); } }; template <typename T> constexpr thread pair_t<T>& operator+=(thread "
     "pair_t<T>& a, pair_t<T> b) { a.re += b.re; a.im += b.im; return a; } template <typename T> constexpr device "
     "pair_t<T>& operator+=(device pair_t<T>& a, pair_t<T> b) { a.re += b.re; return a; } template <typename T> "
     "constexpr pair_t<T> operator+(pair_t<T> a, pair_t<T> b) { return {a.re + b.re, a.im + b.im}; }",
     "device pair_t<float>* d = (device pair_t<float>*)o; threadgroup pair_t<float> g[4]; d[0] = pair_t<float>(1, 2); "
     "pair_t<float> a = d[0]; a += pair_t<float>(1.0f, 2.0f); d[0] += a; g[1] = a + d[0]; float2 x = a, y = d[0], z = "
     "g[1]; pair_t<float> c = 3.0f; o[0] = x.x * 10 + x.y; o[1] = y.x * 10 + y.y; o[2] = z.x + c.re + g[1].im;",
     {24, 23, 16}},
    {"methods by space in a class template, with noexcept, templates, trailing return types",
     "template <typename T, int N> struct ring { T v[N]; template <typename U> U at(int i) const device noexcept { "
     "return U(v[i]) + 1; } template <typename U> U at(int i) const thread noexcept { return U(v[i]); } auto front() "
     "device -> device T& { return v[0]; } auto front() thread -> thread T& { return v[0]; } int size() const { return "
     "N; } };",
     "device ring<int, 2>* d = (device ring<int, 2>*)o; d->front() = 5; ring<int, 2> l; l.front() = 6; l.v[1] = n[7]; "
     "float r = d->at<float>(0) * 100 + l.at<int>(1) * 10 + d->size(); o[0] = r; o[1] = l.front();",
     {672, 6}},
    {"methods by space: explicit specialisations in the class and outside, members of an instantiated class",
     "struct half_t { int v; }; struct Rem { template <typename T> T operator()(T a, T b) thread { return a % b; } template <> "
     "half_t operator()(half_t a, half_t b) thread { return {a.v - b.v}; } template <typename T> int kind() const device { "
     "return 1; } template <typename T> int kind() const thread { return 2; } }; template <> int Rem::kind<int>() const device "
     "{ return 3; } template <typename T> struct reader { T v; int load() const thread; int load() const device; int twice() "
     "thread; }; template <typename T> int reader<T>::load() const thread { return v; } template <typename T> int "
     "reader<T>::load() const device { return v + 5; } template <typename T> int reader<T>::twice() thread { return 2 * v; } "
     "template <> int reader<float>::load() const thread { return 100; } template <> int reader<float>::twice() thread { return "
     "-v; }",
     "device reader<int>* e = (device reader<int>*)o; e->v = 3; int l = e->load(); device Rem* d = (device Rem*)o; Rem r; o[0] = r(7, "
     "n[4]) * 10 + r(half_t{9}, half_t{n[4]}).v; o[1] = d->kind<int>() * 100 + d->kind<float>() * 10 + r.kind<int>(); reader<int> a{n[6]}; reader<float> b{8}; o[2] = a.load() + "
     "b.load(); o[3] = a.twice() + b.twice(); o[4] = l;",
     {35, 312, 106, 4, 8}},
    {"references to pointers and arrays of pointers as parameters, whose own space is `thread`",
     "template <typename T> void advance(device T*& out, const device T*& in, int by) { out += by; in += by; } int total(const "
     "device int* rows[2], int i) { return rows[0][i] + rows[1][i]; } struct cursor { device int*& at; };",
     "o[0] = 0; device int* p = o; const device int* q = n; advance(p, q, 1); p[0] = q[1]; const device int* rows[2] = {n, n + 3}; "
     "p[1] = total(rows, 2); cursor c{p}; c.at += 2; p[0] = 9;",
     {0, 2, 7, 9}},
    {"`auto` and deduced parameters carry the space",
     "template <typename P> auto next(P p) { return p + 1; } template <typename T> void swap_in(T p, int v) { *p = v; "
     "}",
     "auto p = next(o); auto& r = p[0]; r = 4; threadgroup int s[2]; threadgroup auto* q = s; swap_in(q, 3); "
     "swap_in(o, 8); o[2] = s[0]; for (auto& e : *(device int(*)[1])(o + 3)) e = 9;",
     {8, 4, 3, 9}},
    {"pointers to pointers, arrays and members of pointers, references to arrays",
     "struct view { device int* out; const device int* in; threadgroup int* tmp; }; template <int N> int total(thread "
     "const int (&a)[N]) { int s = 0; for (int i = 0; i < N; ++i) s += a[i]; return s; } int first(threadgroup int "
     "(&row)[4]) { return row[0]; }",
     "threadgroup int s[2][4]; view v = {o, n, s[0]}; v.tmp[0] = v.in[5]; s[1][0] = 6; device int* both[2] = {o, o + "
     "1}; both[1][0] = v.tmp[0] + first(s[1]); thread device int** pp = &both[0]; (*pp)[0] = 3; int a[3] = {1, 2, "
     "n[3]}; v.out[2] = total(a);",
     {3, 11, 6}},
    {"nullptr and default arguments of pointers in every space",
     "float opt(float a, const device float* p = nullptr) { return p ? a + *p : a; } void keep(threadgroup uint* t) { "
     "if (t) t[0] = 1; } int has(constant int* c = nullptr) { return c != nullptr; }",
     "keep(nullptr); o[0] = opt(2.0f); o[1] = has() + (device int*)0 == nullptr; device int* p = n[0] ? o : nullptr; "
     "o[2] = p == nullptr;",
     {2, 1, 1}},
    {"whole structs copied between spaces",
     "struct big { float4 a; int b[4]; half c; }; constant big kBig = {float4(1, 2, 3, 4), {5, 6, 7, 8}, 9};",
     "threadgroup big g; big l = kBig; l.b[1] = n[3]; g = l; device big* d = (device big*)o; *d = g; big r = *d; for "
     "(int i = 0; i < 12; ++i) o[i] = 0; o[0] = r.a.w * 1000 + r.b[1] * 100 + r.b[3] * 10 + r.c;",
     {4389, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
    {"the conditional operator between objects in any two spaces, const or not",
     "struct pair { int a, b; pair operator+(pair o) const { return {a + o.a, b + o.b}; } }; constant int4 kFour = {4, 5, 6, "
     "7}; template <typename T> T chosen(bool c, device const T* p, T z) { return c ? z : p[0]; }\n#define EITHER(c, v, w) "
     "((c) ? (v) : (w))\n",
     "bool yes = n[1] == 1, no = n[1] == 2; threadgroup int4 shared[2]; shared[1] = int4(9); device const int4* x = (device "
     "const int4*)n; device pair* q = (device pair*)o; q[0] = pair{1, 2}; pair s = {5, 6}; s = yes ? q[0] : s + s; int4 z = 3; o[0] = (yes ? x[0] : int4(8)).y; o[1] "
     "= (no ? int4(8) : x[0]).z; o[2] = (no ? x[0] : no ? z : kFour).w; o[3] = EITHER(yes, shared[1], x[0]).x + EITHER(no, x[0], "
     "shared[1]).x; o[4] = chosen(yes, x, z).x * 10 + chosen(no, x, z).y; o[5] = s.b; "
     "device const int4* none = no ? x : 0; o[6] = none == nullptr; (yes ? s.a : s.b) = 7; o[7] = s.a; o[8] = (no ? 1.5h : 2) "
     "* (yes ?: 5) * (yes ? 3 : 4);",
     {1, 2, 7, 18, 31, 2, 1, 7, 6}},
    {"atomics, packed vectors and matrices behind pointers in their space",
     "struct cell { atomic_int v; packed_float3 p; };",
     "device cell* c = (device cell*)o; atomic_store_explicit(&c->v, 5, memory_order_relaxed); c->p = "
     "packed_float3(1.0f, 2.0f, 3.0f); int r = atomic_fetch_add_explicit(&c->v, 2, memory_order_relaxed); float z = "
     "c->p.z; o[1] = r; o[2] = z; o[3] = 0;",
     {7, 5, 3, 0}},
    {"threadgroup variables: nested blocks, through macros, with constructors, aligned",
     "#define SHARED threadgroup\n#define DECLARE_TILE(T, name, count) threadgroup T name[count]\nstruct with_init { "
     "int a; with_init() : a(3) {} };\n",
     "SHARED int a[4]; DECLARE_TILE(float, tile, 2); threadgroup with_init w[2]; alignas(16) threadgroup half h[8]; { "
     "threadgroup int inner; inner = n[2]; a[0] = inner; } volatile threadgroup int flag; flag = 1; tile[1] = 2.5f; "
     "w[1].a = 6; h[7] = 1; threadgroup int* p = a; const threadgroup int* q = p; SHARED float* f = tile; o[0] = q[0] "
     "* 1000 + f[1] * 200 + w[1].a * 10 + h[7] + flag;",
     {2562}},
    {"typedef'd and using-declared pointers keep their space",
     "typedef device int* out_ptr; using in_ptr = const device int*; typedef threadgroup float tg_float; template "
     "<typename T> using dev = device T*;",
     "out_ptr p = o; in_ptr q = n; dev<int> r = p + 1; p[0] = q[4]; *r = q[5]; threadgroup tg_float* x = nullptr; o[2] "
     "= x == nullptr;",
     {4, 5, 1}},
    {"string literals are `constant char*`, in constant expressions too",
     "constexpr uint hash(constant char* s) { uint h = 0; while (*s) h = h * 31 + *s++; return h; }\ntemplate <uint N> "
     "struct named { enum { value = N }; };\nconstexpr constant char* kName = \"abc\"; constant char kText[] = "
     "\"hello\";\nint first(constant char* text) { return text[0]; }",
     "static_assert(hash(\"ab\") == 'a' * 31 + 'b'); o[0] = named<hash(\"ab\")>::value; o[1] = first(kName + 1); o[2] = "
     "kText[4]; o[3] = first(__func__); o[4] = hash(kName) == hash(\"a\" \"bc\");",
     {3105, 'b', 'o', 'k', 1}},
    {"classes whose constructors are for one space; with `= default` they are aggregates",
     "struct shared { int v; shared() threadgroup = default; shared(int x) thread : v(x) {} }; template <typename T> "
     "struct indexed { int i; T v; indexed() = default; }; struct held { int v; held(int x) device : v(x) {} held(int x) "
     "thread : v(-x) {} };",
     "threadgroup shared s[2]; s[1].v = 3; shared mine(4); indexed<float> a = {1, 2.5f}; auto b = indexed<int>{5, 6}; "
     "threadgroup indexed<int> c[1]; c[0] = b; held h(7); o[0] = s[1].v * 10 + mine.v; o[1] = a.i + int(a.v * 2); o[2] = "
     "c[0].i * 10 + c[0].v; o[3] = h.v;",
     {34, 6, 56, -7}},
    {"arrays and structures of pointers in thread memory: to device, threadgroup and thread memory",
     "struct views { threadgroup int* t[2]; device int* d; thread int* own; };",
     "threadgroup int a[4], b[4]; int mine = 9; threadgroup int* both[2] = {a, b + 1}; views v = {{b, a}, o, &mine}; "
     "for (int i = 0; i < 4; ++i) { a[i] = n[i]; b[i] = n[i] * 10; } const device int* rows[3] = {n, n + 5, n + 7}; "
     "int sum = 0; for (int i = 0; i < 2; ++i) { sum += both[i][n[1]] * 100 + v.t[n[i]][2]; auto other = both[0]; "
     "both[0] = both[1]; both[1] = other; } *v.own += rows[n[2]][1]; v.d[0] = sum; o[1] = mine; o[2] = both[n[1]] - b;",
     {222, 17, 1}},
};

}  // namespace

std::span<const Feature> address_spaces() { return kFeatures; }

}  // namespace msl_conformance
