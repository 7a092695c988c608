// Section 1.8 and the C++ of section 10: structs, arrays, templates, lambdas.
#include "msl_conformance/features.hpp"

namespace msl_conformance {
namespace {

const Feature kFeatures[] = {
    {"structs: default member initialisers, const members, nested and aligned types",
     "struct alignas(16) s { int a = 3; const int b; struct in { half x; } c; uint f : 3; s(int v) : b(v) { c.x = 1; f "
     "= 9; } }; static_assert(alignof(s) == 16); template <typename T> struct alignas(4 * sizeof(T)) chunk { T v[4]; "
     "}; static_assert(alignof(chunk<half>) == 8);",
     "s x(n[4]); o[0] = x.a + x.b; o[1] = x.c.x; o[2] = x.f; chunk<int> c; c.v[2] = 7; chunk<int> d = c; o[3] = "
     "d.v[2];",
     {7, 1, 1, 7}},
    {"anonymous unions and structs in structs",
     "struct s { union { float f; uint u; }; int rest; };",
     "s x; x.f = 1 + n[0]; x.rest = 2; o[0] = x.u >> 20; o[1] = sizeof(s);",
     {0x3f8, 8}},
    {"non-virtual inheritance, static dispatch through a template parameter",
     "template <typename D> struct base { int run(int x) { return static_cast<thread D*>(this)->step(x) + 1; } }; "
     "struct twice : base<twice> { int step(int x) { return 2 * x; } }; struct pos { int a; }; struct vel : pos { int "
     "b; };",
     "twice d; o[0] = d.run(n[3]); vel v; v.a = 1; v.b = n[2]; thread pos& p = v; p.a = 5; o[1] = v.a + v.b;",
     {7, 7}},
    {"operators, conversions and functors of user types",
     "struct fix { int raw; constexpr fix(int r) : raw(r) {} constexpr explicit operator int() const { return raw >> "
     "4; } friend constexpr fix operator*(fix a, fix b) { return fix(a.raw * b.raw >> 4); } constexpr bool "
     "operator<(fix b) const { return raw < b.raw; } }; struct Sum { template <typename T> T operator()(T a, T b) { "
     "return a + b; } }; struct Mul { template <typename T> METAL_FUNC static constexpr T apply(T a, T b) { return a * "
     "b; } }; template <typename T, typename Op> T fold(T a, T b) { return Op()(a, b); }",
     "fix a(n[3] * 16), b(2 * 16); o[0] = int(a * b); o[1] = a < b; o[2] = fold<int, Sum>(n[1], 4); o[3] = "
     "Mul::apply(n[3], 5);",
     {6, 0, 5, 15}},
    {"metal::array: aggregate, size, iteration, constant expressions",
     "constexpr constant array<int, 3> kSteps = {1, 4, 9}; static_assert(kSteps.size() == 3); int total(array<int, 3> "
     "a) { int s = 0; for (auto x : a) s += x; return s; }",
     "array<int, 2> a = array<int, 2>({1, n[7]}); array<int, 1> s = {5}; a[0] += 2; o[0] = a[0] * 10 + a[1]; o[1] = "
     "s[0]; o[2] = total(kSteps); o[3] = kSteps[n[2]]; threadgroup array<int, 4> g; g[3] = 8; device array<int, 2>* d "
     "= (device array<int, 2>*)(o + 5); (*d)[1] = g[3]; (*d)[0] = d->size(); o[4] = total(array<int, 3>{1, 2});",
     {37, 5, 14, 9, 3, 2, 8}},
    {"uniform and make_uniform",
     "",
     "uniform<int> u = make_uniform(n[5]); auto v = u + 1; static_assert(is_same_v<decltype(v), int>); o[0] = v; float "
     "f = make_uniform(2.5f) * 2; o[1] = f; const uniform<int> w = (u * make_uniform(3) - u) / make_uniform(2); "
     "static_assert(is_same_v<decltype(-w), uniform<int>>); static_assert(is_same_v<decltype(w < u), uniform<bool>>); o[2] = "
     "0; for (int i = 0; i < w; ++i) o[2] += i; o[3] = w % u + (w == u);",
     {6, 5, 10, 1}},
    {"templates: values, types, function names as arguments, explicit specialisations",
     "struct q8 { half d; char q[16]; }; template <typename T> void deq(device const q8* b, short il, thread T& r) { "
     "for (short k = 0; k < 4; ++k) r[k] = b->q[k] * b->d; } template <typename B, short nl, void (*f)(device const "
     "B*, short, thread float4&)> float run(device const B* b) { float4 r; f(b, nl, r); return r[3]; } template "
     "<typename U, typename T> inline U to(T v) { return static_cast<U>(v); } template <> inline bool to<bool, "
     "float>(float v) { return (as_type<uint>(v) & 0x7fffffff) != 0; }",
     "device q8* b = (device q8*)(o + 8); b->d = 0.5h; for (int i = 0; i < 16; ++i) b->q[i] = i * 2; float r = run<q8, "
     "1, deq>(b); for (int i = 0; i < 16; ++i) o[i] = 0; o[0] = r; o[1] = to<bool>(-0.0f + n[0]) + to<bool>(0.5f); "
     "o[2] = to<int>(3.7f);",
     {3, 1, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
    {"enable_if, if constexpr, variadic templates, fold expressions, alias and variable templates",
     "template <typename T> struct width { static constexpr constant int n = 8 / sizeof(T); }; template <typename T, "
     "typename U = void> struct kind { static constexpr constant int v = 0; }; template <typename T> struct kind<T, "
     "enable_if_t<is_same_v<T, half>>> { static constexpr constant int v = 2; }; template <typename... T> int sum(T... "
     "x) { return (x + ...); } template <typename T> using pair_of = vec<T, 2>; template <typename T> constexpr "
     "constant bool is_wide_v = sizeof(T) >= 4; template <typename T> int pick() { if constexpr (is_integral_v<T>) { "
     "return 1; } else if constexpr (is_floating_point_v<T>) { return 2; } else { return 3; } } template <typename T> "
     "METAL_FUNC constexpr T total(T x) { return x; } template <typename T, typename... Us> METAL_FUNC constexpr auto "
     "total(T x, Us... us) { return x + total(us...); }",
     "o[0] = width<half>::n + kind<half>::v * 10 + kind<float>::v; o[1] = sum(n[1], 2, 3, 4); pair_of<int> p = 3; o[2] "
     "= p.x + is_wide_v<half> + is_wide_v<int>; o[3] = pick<uint>() * 100 + pick<bfloat>() * 10 + pick<float4>(); o[4] "
     "= total(1, n[2], 3.5f) * 2;",
     {24, 10, 4, 123, 13}},
    {"generic lambdas with compile-time integers",
     "template <int v> struct Int { static constexpr constant int value = v; METAL_FUNC constexpr operator int() const "
     "thread noexcept { return v; } }; template <int a, int b> METAL_FUNC constexpr auto operator*(Int<a>, Int<b>) { "
     "return Int<a * b>{}; } template <int s, int e, typename F> constexpr void each(F f) { if constexpr (s < e) { "
     "constexpr auto idx = Int<s>{}; f(idx); each<s + 1, e, F>(f); } } template <int i, int j> METAL_FUNC constexpr "
     "thread float& at(thread float* t) { return t[i * 4 + j]; }",
     "float m[8] = {0}; each<0, 2>([&](auto r) { each<0, 4>([&](auto c) { if (c == 3) return; at<r.value, c.value>(m) "
     "= r * Int<10>{} + c; }); }); o[0] = m[6]; o[1] = m[7]; auto add = [=](int x) { return x + n[2]; }; o[2] = "
     "add(3);",
     {12, 0, 5}},
    {"what a type has, asked by overloads that are only declared, `...` the last",
     "template <typename T> struct has_weight { template <typename U> static char ask(thread decltype(U::weight)*); template <typename U> static int ask(...); "
     "static constexpr constant bool value = sizeof(ask<T>(nullptr)) == 1; }; struct heavy { float weight; }; struct light {}; "
     "template <typename F, typename T> true_type takes(decltype(F()(T()))); template <typename F, typename T> false_type takes(...); struct twice { int operator()(int x) thread { return 2 * x; } };",
     "o[0] = has_weight<heavy>::value; o[1] = has_weight<light>::value; o[2] = decltype(takes<twice, int>(0))::value; o[3] = decltype(takes<twice, light>(0))::value;",
     {1, 0, 1, 0}},
    {"limits of a type of one's own by the template behind numeric_limits, and how many elements a vector has",
     "template <typename T> struct numbered { uint i; T value; }; template <typename T> struct _numeric_limits_impl<numbered<T>> { static constexpr METAL_FUNC numbered<T> "
     "lowest() { return numbered<T>{7, numeric_limits<T>::lowest()}; } }; template <typename T> constexpr T least() { return numeric_limits<T>::lowest(); } "
     "template <uint N> constexpr uint at_least_one() { return N == 0 ? 1 : N; }",
     "numbered<short> x = least<numbered<short>>(); o[0] = x.i; o[1] = x.value + n[0]; o[2] = least<const int>() == least<int>(); o[3] = at_least_one<vec_elements<half>::value>() * 10 + "
     "at_least_one<vec_elements<const half3>::value>(); o[4] = vec_elements<packed_float4>::value + vec_elements<vec<uchar, 2>>::value;",
     {7, -32768, 1, 13, 6}},
    {"what the library's own templates know of SIMD-group functions and of the bits of formats",
     "template <typename T> constexpr constant bool takes = __is_valid_simdgroup_type<T>::value; template <typename T, typename E = void> struct total { static METAL_FUNC T of(T x) { return "
     "x; } }; template <typename T> struct total<T, enable_if_t<takes<T>>> { static METAL_FUNC T of(T x) { return simd_sum(x); } }; struct pair { int x, y; };",
     "o[0] = takes<float> + takes<ushort4> * 2 + takes<half> * 4 + takes<int64_t> * 8 + takes<bool> * 16 + takes<pair> * 32; int sum = total<int>::of(5); pair p = total<pair>::of({3, 4}); "
     "o[1] = sum + p.y; o[2] = (as_type<uint>(-1.5f) & ~_fp_encoding_traits<float>::sign_mask) < _fp_encoding_traits<float>::inf_mask; o[3] = _fp_encoding_traits<half>::inf_mask;",
     {7, 9, 1, 0x7c00}},
    {"functions that are only declared, for the types of unevaluated calls",
     "template <typename T> T made(); float4 spread(float x); struct source { template <typename T> T next(int) const thread; }; template <typename T> using element_t = decltype(made<T>()[0] + 0); "
     "template <typename T> auto fits(T x) -> decltype(made<source>().template next<T>(0)) { return x; }",
     "decltype(made<int>()) a = n[3]; element_t<thread float*> f = 1.5f; o[0] = a; o[1] = f * 2; o[2] = sizeof(spread(1)); o[3] = fits(n[4]) + is_same_v<decltype(spread(1).x), float> + noexcept(made<int>());",
     {3, 3, 16, 5}},
    {"class template argument deduction, deduced return types, auto parameters",
     "template <typename T> struct box { T v; box(T x) : v(x) {} }; auto half_of(auto x) { return x / 2; } constexpr "
     "int square(int x) { return x * x; }",
     "box b(n[3] * 1.5f); o[0] = b.v * 2; o[1] = half_of(n[9]); int a[square(2)] = {0}; a[3] = 4; o[2] = a[3] + "
     "sizeof(a);",
     {9, 4, 20}},
    {"class-type template arguments",
     "struct shape { int m, n; constexpr shape(int a, int b) : m(a), n(b) {} }; template <shape S> int area() { return "
     "S.m * S.n; } constexpr constant shape kS = shape(2, 3);",
     "constexpr auto s = shape(4, 5); o[0] = area<s>(); o[1] = area<shape(1, 2)>() + n[0];",
     {20, 2}},
    {"static members and tables in constant, every order of qualifiers",
     "constexpr constant static float levels[4] = {-1.f, 0, .5f, 1.f}; constant ushort masks[2][2] = {{1, 2}, {4, 8}}; "
     "static constexpr constant int kWide = 4; template <typename U> struct limit { static const constant U hi = "
     "numeric_limits<U>::max(); }; template <> struct limit<float> { static constexpr constant float hi = 7; }; "
     "template <> struct limit<half> { inline static constexpr constant half hi = 3.0h; }; template <typename T, int "
     "N> struct tile { static constant constexpr const int size = N * sizeof(T); static constexpr int count = N; };",
     "o[0] = levels[n[2]] * 4; o[1] = masks[n[1]][1]; o[2] = kWide; o[3] = limit<uchar>::hi + limit<float>::hi; o[4] = "
     "limit<half>::hi; o[5] = tile<half, 4>::size * 10 + tile<float, 3>::count;",
     {2, 8, 4, 262, 3, 83}},
    {"GNU range designators, designated initialisers, nested braces",
     "struct p { int a, b, c; };",
     "float z[8] = {[0 ... 7] = -1}; float m[2][2] = {{1}, {0, 3}}; p x = {.a = 1, .c = n[3]}; o[0] = z[n[5]]; o[1] = "
     "m[0][1] + m[1][1]; o[2] = x.a + x.b + x.c;",
     {-1, 3, 4}},
    {"structured bindings, range-for over rows, switch, do-while, nested scopes",
     "constant uint rot[2][4] = {{13, 15, 26, 6}, {17, 29, 16, 24}}; struct p { int a; float b; };",
     "int s = 0; for (auto r : rot[n[1]]) s += r; o[0] = s; p x = {n[2], 1.5f}; auto [a, b] = x; o[1] = a + int(b * "
     "2); switch (n[2]) { case 1: o[2] = 1; break; case 2: o[2] = 5; break; default: o[2] = 9; } int i = 0; do { ++i; "
     "if (i == 3) continue; } while (i < 5); o[3] = i;",
     {86, 5, 5, 5}},
    {"run-time self tail call in a member of a recursive template",
     "template <int D> struct walk { int dim; walk<D - 1> inner; int off = 0; walk(int d) thread : dim(d), inner(d - "
     "1) {} void next(int c) thread { if (c <= 0) return; off += dim; inner.next(1); next(c - 1); } }; template <> "
     "struct walk<0> { int off = 0; walk(int) thread {} void next(int) thread { ++off; } };",
     "walk<2> w(2); w.next(n[3]); o[0] = w.off * 10 + w.inner.inner.off;",
     {63}},
    {"pointers to functions as parameters, where inlining shows which function they mean",
     "int plus(int a, int b) { return a + b; } int times(int a, int b) { return a * b; } template <typename T> T fold(device const T* v, int "
     "count, T start, T (*op)(T, T)) { for (int i = 1; i <= count; ++i) start = op(start, v[i]); return start; } int square(int x, int "
     "(*op)(int, int)) { return op(x, x); } int outer(int x, int (*f)(int, int (*)(int, int)), int (&op)(int, int)) { return f(x, op); }",
     "o[0] = fold(n, 4, 0, plus); o[1] = fold(n, 4, 1, &times); o[2] = fold<int>(n, 3, 10, [](int a, "
     "int b) { return a - b; }); o[3] = outer(n[5], square, times);",
     {10, 24, 4, 25}},
    {"initializer_list as a parameter, unqualified",
     "template <typename T, int count> struct row { T v[count]; void set(initializer_list<T> list) thread { int i = 0; for (thread "
     "const T& each : list) v[i++] = each; } }; int sum(initializer_list<int> list) { int s = 0; for (thread const int* p = "
     "list.begin(); p != list.end(); ++p) s += *p; return s + "
     "int(list.size()); }",
     "row<int, 3> r; r.set({n[4], 5, n[6]}); o[1] = sum({n[1], n[2], 3}); o[0] = r.v[0] * 100 + r.v[1] * 10 + r.v[2];",
     {456, 9}},
    {"tessellation factors in memory, as kernels leave them",
     "#include <metal_tessellation>\n",
     "device MTLQuadTessellationFactorsHalf& quad = *(device MTLQuadTessellationFactorsHalf*)o; quad.edgeTessellationFactor[3] = 1.0h; "
     "quad.insideTessellationFactor[0] = 2.0h; device metal::MTLTriangleTessellationFactorsHalf* triangles = (device "
     "MTLTriangleTessellationFactorsHalf*)(o + 3); triangles[0].edgeTessellationFactor[0] = half(1); triangles[0].insideTessellationFactor "
     "= half(2); triangles[0].edgeTessellationFactor[1] = triangles[0].edgeTessellationFactor[2] = half(0); quad.edgeTessellationFactor[0] = "
     "quad.edgeTessellationFactor[1] = quad.edgeTessellationFactor[2] = quad.insideTessellationFactor[1] = 0; o[5] = sizeof(quad) * 10 + "
     "sizeof(triangles[0]);",
     {0, 0x3c000000, 0x4000, 0x3c00, 0x40000000, 128}},
    {"type traits",
     R"(static_assert(is_same_v<remove_cv_t<const volatile int>, int> && is_same_v<conditional_t<true, int, float>, int> && is_integral_v<bool> && is_integral<char>::value && is_floating_point_v<half> && is_arithmetic_v<bfloat> && is_signed_v<int> && is_unsigned_v<uint>);
static_assert(is_pointer_v<device int*> && is_array_v<int[3]> && is_enum_v<memory_order> && is_class_v<float4x4> && is_const_v<const int> && is_scalar_v<float> && is_void_v<void> && is_function_v<void(int)> && is_base_of_v<true_type, is_same<int, int>>);
static_assert(is_same_v<make_signed_t<uint>, int> && is_same_v<make_unsigned_t<char>, uchar> && is_same_v<decay_t<const int&>, int> && is_same_v<common_type_t<int, float>, float> && is_same_v<remove_pointer_t<thread int*>, int> && is_same_v<remove_reference_t<thread int&>, int> && is_same_v<remove_extent_t<int[2]>, int>);
static_assert(is_same_v<underlying_type_t<mem_flags>, uint> && integral_constant<int, 3>::value == 3 && bool_constant<true>() && is_convertible_v<int, float> && is_constructible_v<float4, float> && is_trivial_v<float4> && is_trivially_copyable_v<half2x2> && is_standard_layout_v<packed_float3> && is_union_v<int> == false);
static_assert(is_same_v<add_const_t<int>, const int> && is_same_v<remove_addrspace_t<device float>, float> && is_volatile_v<volatile int> && is_lvalue_reference_v<thread int&> && is_reference_v<device int&>);
template <typename... T> struct any_of : metal::_disjunction<is_same<T, half>...> {}; static_assert(any_of<int, half>::value && !any_of<int>::value && _conjunction<true_type, true_type>::value && _negation<false_type>::value);)",
     "o[0] = 1;",
     {1}},
    {"names users define in metal, and beside its functions",
     "namespace metal { template <typename... T> struct make_void { typedef void type; }; template <typename... T> "
     "using void_t = typename make_void<T...>::type; template <typename T> struct is_empty : "
     "bool_constant<__is_empty(T)> {}; template <typename T> constexpr constant bool is_empty_v = is_empty<T>::value; "
     "METAL_FUNC bfloat exp(bfloat x) { return bfloat(exp(float(x))); } METAL_FUNC bfloat abs(bfloat x) { return "
     "bfloat(__metal_fabs(float(x), __METAL_MAYBE_FAST_MATH__)); } namespace precise { METAL_FUNC bfloat log(bfloat x) "
     "{ return bfloat(log(float(x))); } } } struct none {}; inline float log1p(float x) { return log(1 + x); } inline "
     "float erf(float x) { return x; } inline ulong simd_sum(ulong x) { return x + 1; }\n#define MIN(a, b) ((a) < (b) "
     "? (a) : (b))\n#define MAX(a, b) ((a) > (b) ? (a) : (b))",
     "float min = n[3], max = n[4], select = MIN(min, max), exp2 = 1; o[0] = metal::max(min, max) + select + exp2; "
     "o[1] = float(metal::exp(0.0bf)) + float(abs(-2.0bf)) + float(precise::log(1.0bf)); o[2] = is_empty_v<none>; o[3] "
     "= simd_sum(ulong(4)); o[4] = MAX(log1p(0.0f), erf(2.0f));",
     {8, 3, 1, 5, 2}},
    {"functions in namespaces, using-declarations, ::metal:: names",
     "namespace c10 { namespace metal { template <typename T> struct op_math { using type = T; }; template <> struct "
     "op_math<half> { using type = float; }; template <typename T> using op_math_t = typename op_math<T>::type; inline "
     "float plus1(float x) { return ::metal::fabs(x) + 1; } } } namespace lib::detail { constexpr constant int kSeven "
     "= 7; }",
     "using namespace c10::metal; using ::metal::max; o[0] = plus1(-2.0f); c10::metal::op_math_t<half> f = 2.5f; o[1] "
     "= f * 2; o[2] = lib::detail::kSeven + ::metal::min(n[1], n[2]);",
     {3, 5, 8}},
};

}  // namespace

std::span<const Feature> other_types() { return kFeatures; }

}  // namespace msl_conformance
