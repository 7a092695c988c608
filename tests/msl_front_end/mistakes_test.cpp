// Mistakes that are made in kernel libraries of different styles: at which token, in which words.
#include "msl/type_names.hpp"
#include "msl_front_end/malformed_support.hpp"

namespace {

using front_end::Malformed;

const Malformed kArrayLibraries[] = {
    {"template <typename T, int N> [[kernel]] void f(device T* o [[buffer(0)]]) { o[0] = N; }\n"
     "#define instantiate_kernel(name, func, ...) template [[host_name(name)]] [[kernel]] decltype(func<__VA_ARGS__>) func<__VA_ARGS__>;\n"
     "instantiate_kernel(\"f_float\", «f», float)",
     "these template arguments name none of them, or several", "possible target"},
    {"template <typename T> [[kernel]] void f(device T* o, constant int& n) { o[0] = n; }\n"
     "template [[host_name(\"f_float\")]] [[kernel]] void «f»<float>(device float*, constant int*);",
     "does not refer to a function template", "could not match 'void (device float *, constant int &)'"},
    {"template <typename T> [[kernel]] void f(device T* o) { o[0] = 1; }\ntemplate [[host_name(\"f\")]] [[kernel]] void f<«bfloat16»>(device bfloat16*);",
     "undeclared identifier 'bfloat16'"},
    {"template <typename T> struct Loader { threadgroup T* to; Loader(threadgroup T* t, const device T* s) : to(t) {} };\n"
     "kernel void f(device float* a) { threadgroup float t[32]; Loader<float> «l»(a, t); }",
     "no matching constructor for initialization of 'Loader<float>'", "address space 'device' as a pointer to address space 'threadgroup'"},
    {"struct complex64_t { float re, im; };\nkernel void f(device complex64_t* o) { o[0] = «simd_sum»(o[0]); }",
     "no matching function for call to 'simd_sum': it does not take 'complex64_t'"},
    {"kernel void f(device half* h) { simdgroup_float8x8 m; «simdgroup_load»(m, h, 8); }",
     "no matching function for call to 'simdgroup_load': it takes no 'device half' beside 'float'"},
    {"kernel void f(device const float* x) { simdgroup_float8x8 m; «simdgroup_store»(m, x, 8); }",
     "no matching function for call to 'simdgroup_store': it takes no 'const device float' beside 'float'"},
    {"struct tile_t { int v; tile_t() threadgroup {} };\nkernel void f(device int* o) { tile_t «t»; o[0] = t.v; }",
     "no matching constructor for initialization of 'tile_t'", "cannot be used to construct an object in address space 'thread'"},
    {"kernel void f(device int* o) {\n#include «<metal_tensor>»\n}", "namespaces can only be defined in global or namespace scope"},
    {"struct tile_t { void clear() thread {} };\nkernel void f(device int* o) { int x = «&»tile_t::clear; o[0] = x; }", "'void (tile_t::*)()'"},
    {"#include <metal_tensor>\nkernel void f(device float* o) { tensor<device float, «dextents<int, 65536>», tensor_inline> t(o, {}); o[0] = t.get_rank(); }",
     "a tensor has 1 to 16 dimensions"},
    {"template <int bits> inline int g() { static_assert(«bits == 2 || bits == 4», \"no such width\"); return bits; }\n"
     "template <int bits> [[kernel]] void f(device int* o) { o[0] = g<bits>(); }\ntemplate [[host_name(\"f_3\")]] [[kernel]] void f<3>(device int*);",
     "no such width", "in instantiation of function template specialization 'f<3>'"},
    {"template <typename U> struct Limits { static const constant U max; };\nkernel void f(device half* o) { o[0] = Limits<half>::«max»; }",
     "variable 'Limits<half>::max' is used but not defined"},
};

const Malformed kSingleFileLibraries[] = {
    {"template <typename T> kernel void k(device T* o, constant int& n) { o[0] = n; }\ntypedef decltype(k<float>) k_t;\n"
     "template [[host_name(\"k_half\")]] kernel k_t «k»<half>;",
     "does not refer to a function template", "'void (device half *, constant int &)' against 'k_t'"},
    {"struct args { int n; };\nvoid impl(constant args& a, device float* o) { o[0] = a.n; }\nkernel void k(device args& a, device float* o) { impl(«a», o); }",
     "no conversion from 'device args &' to 'constant args &': mismatching address spaces"},
    {"kernel void k(device const «block_q4_1»* x, device float* o) { o[0] = x[0].d; }", "unknown type name 'block_q4_1'"},
    {"void reduce(threadgroup float* s) { s[0] = 0; }\nkernel void k(threadgroup char* shmem [[threadgroup(0)]]) { «reduce»(shmem); }",
     "no matching function for call to 'reduce'", "no known conversion from 'threadgroup char *' to 'threadgroup float *'"},
    {"constant bool a [[function_constant(0)]];\nconstant int b [[«function_constant»(0)]];", "index 0 is taken by 'a', which has another type"},
    {"template <void (*fn)(device const int*, short)> kernel void k(device const int* x) { fn(x, 0); }\nvoid other(device const int* x, int i) {}\n"
     "template [[host_name(\"k\")]] kernel void «k»<other>(device const int*);",
     "does not refer to a function template", "invalid explicitly-specified argument for template parameter 'fn'"},
    {"float helper(float x);\nkernel void k(device float* o) { o[0] = «helper»(o[0]); }", "function 'helper(float)' is used but not defined"},
};

const Malformed kTensorLibraries[] = {
    {"struct add_functor { template <typename T> T operator()(T a, T b) { return a + b; } };\n"
     "template <typename T, typename F> kernel void run(device T* o) { F f; o[0] = «f»(o[0]); }\n"
     "template [[host_name(\"add\")]] kernel void run<float, add_functor>(device float*);",
     "no matching function for call to object of type 'add_functor'", "requires 2 arguments, but 1 was provided"},
    {"template <typename T, typename F> kernel void run(device T* o) { o[0] = F()(o[0]); }\n"
     "#define REGISTER(NAME, T) template [[host_name(#NAME \"_\" #T)]] kernel void run<T, NAME##_functor>(device T*)\n«REGISTER»(mull, float);",
     "use of undeclared identifier 'mull_functor'", "expanded from macro 'REGISTER'"},
    {"template <typename T> T cast_to(float2 x) { return «static_cast»<T>(x); }\nkernel void k(device float* o) { o[0] = cast_to<float>(float2(1)); }",
     "cannot convert 'float2' to 'float'", "in instantiation of"},
    {"template <typename T, enable_if_t<is_floating_point_v<T>, bool> = true> T g(T x) { return x; }\nkernel void k(device int* o) { o[0] = «g»(o[0]); }",
     "no matching function for call to 'g'", "requirement 'is_floating_point_v<int>' was not satisfied"},
    {"kernel void k(constant float* in, constant float* out, uint i [[thread_position_in_grid]]) { «out[i]» = in[i]; }", "read-only"},
    {"kernel void k(device float4* o) { o[0] = «select»(o[0], o[1], 1.0f); }", "no matching function for call to 'select'"},
};

const Malformed kGenerators[] = {
    {"kernel void r(device float* d) { threadgroup float t[16]; t[0] = d[0]; «threadgroup_barrier»(); d[0] = t[0]; }",
     "no matching function for call to 'threadgroup_barrier'", "requires single argument 'flags'"},
    {"kernel void r(device float* d) { «double» acc = 0.0; d[0] = acc; }", "'double' is not supported"},
    {"kernel void f(device float* A, uint3 blockIdx [[threadgroup_position_in_grid]], uint2 threadIdx [[«thread_position_in_threadgroup»]]) {}",
     "'threadIdx' has 2 components, 'blockIdx' has 3"},
    {"template <typename T, size_t N> struct List { T elements[N]; thread T& operator[](size_t i) thread { return elements[i]; } };\n"
     "constant List<int, 3> table = {{1, 2, 3}};\nkernel void m(device int* o) { o[0] = table«[»1]; }",
     "no viable overloaded operator[]", "expects object in address space 'thread'"},
    {"kernel void k(device float* o) { simdgroup_float8x8 m; m.«thread_element»()[0] = 1; }", "did you mean 'thread_elements'?"},
    {"kernel void k(device float* o) { simdgroup_half8x8 a; «simdgroup_load»(a, o, 8); }", "no matching function for call to 'simdgroup_load'"},
    {"kernel void k(device float* o) { array<float, 3> a = {1, 2, 3, «4»}; o[0] = a[0]; }", "excess elements"},
};

const Malformed kPorts[] = {
    {"kernel void k(device int* o) { «local» int t[4]; }", "unknown type name 'local'"},
    {"kernel void k(device int* o) { o[«get_global_id»(0)] = 1; }", "undeclared identifier 'get_global_id'"},
    {"kernel void k(device int* o) { o[0] = «__metal_get_thread_index_in_simdgroupushort»; }", "undeclared identifier"},
    {"kernel void k(«__global» int* o) {}", "address spaces are device, constant, threadgroup and thread"},
    {"«__global__» void k(float* o) {}", "unknown type name '__global__'"},
    {"kernel void k(device uint* o) { «atomicAdd»(o, 1u); }", "undeclared identifier 'atomicAdd'"},
    {"kernel void k(device uint* o) { «atomic_fetch_add_explicit»((device atomic_uint*)o, 1); }", "no matching function", "requires 3 arguments, but 2 were provided"},
    {"kernel void k(device float* o) { «atomic_fetch_add_explicit»(o, 1.0f, memory_order_relaxed); }", "no matching function for call to 'atomic_fetch_add_explicit': it takes"},
    {"kernel void k(device ulong* o) { unsigned «__int128» x = o[0]; }", "this type does not exist in Metal"},
    {"#define private_ptr thread\nfloat sum(const private_ptr float* p) { return p[0]; }\nkernel void k(device float* o) { o[0] = sum(«o»); }",
     "'device float *' to 'thread float *'"},
    {"struct K { int v; int run(int x) device const; };\nint K::«run»(int x) const { return v + x; }", "does not match any declaration in 'K'", "nearly matches"},
};

const Malformed kSimulations[] = {
    {"#include «<vector>»", "'vector' file not found"},
    {"kernel void k(device int* o) { device int* s = «new» int[4]; }", "'new' and 'delete' are not supported"},
    {"kernel void k(device int* o) { «printf»(\"%d\", o[0]); }", "undeclared identifier 'printf'"},
    {"kernel void k(device float* o) { o[0] = «std»::min(o[0], 1.0f); }", "no member named 'min' in namespace 'std'"},
    {"kernel void k(device float4* o) { o[0].«xyzz» = float4(1); }", "component 'xyzz' cannot be assigned: it names a component twice"},
    {"kernel void k(device float4* o) { o[0] = o[0].«xyq»; }", "no member named 'xyq' in 'float4'"},
    {"kernel void k(device packed_uchar3* o) { o[0] = «float3»(1, 2, 3); }", "cannot convert 'float3' to 'packed_uchar3'"},
    {"kernel void k(device float* o, uint i [[«thread_position_in_treadgroup»]]) {}", "did you mean 'thread_position_in_threadgroup'?"},
    {"kernel void k(device float* o, uint i [«thread_position_in_grid»]]) { o[i] = 1; }", "attributes are written [[thread_position_in_grid]]"},
    {"template <typename T> struct V { T x«» };", "expected ';' at end of declaration list"},
    {"kernel void k(device float* o, uint i [[thread_position_in_grid]] «{» o[i] = 1; }", "expected ')'"},
};

const Malformed kSpaces[] = {
    {"kernel void k(device float* o) { float x; device float* p = «&x»; }", "no conversion from 'thread float *' to 'device float *': mismatching address spaces"},
    {"kernel void k(device float* o) { constant float* p = «o»; }", "no conversion from 'device float *' to 'constant float *': mismatching address spaces"},
    {"kernel void k(device float* o) { float x; device float* p = o; p = «&x»; }", "no conversion from 'thread float *' to 'device float *'"},
    {"kernel void k(device float* o) { float x; if (o «==» &x) o[0] = 1; }", "invalid operands 'device float *' and 'thread float *' to operator '=='"},
    {"kernel void k(device float* o) { thread float* p = nullptr; o[0] = p «-» o; }", "'thread float *' and 'device float *' to operator '-': mismatching address spaces"},
    {"struct S { static int «n»; };", "static members must reside in constant address space"},
    {"#define FLAG(n) [[maybe_unused]]\nconstant int «c» FLAG(0);", "a variable in the constant address space must be initialised"},
    {"constant int a [[«function_constants»(0)]];", "did you mean 'function_constant'?"},
    {"kernel void k(device float* o) { float* «p» = o; }", "pointer type must have an explicit address space"},
    {"kernel void k(device float* o) { float& «r» = o[0]; }", "reference type must have an explicit address space"},
};

const Malformed kWords[] = {
    {"kernel void k(device float2* o) { float4 f = 1; thread float2* p = «&»f.xy; o[0] = *p; }", "the address of several components cannot be taken"},
    {"kernel void k(device atomic_int* o) { atomic_store_explicit(o, 1, memory_order_seq_cst«)»; }", "the order of atomic functions is memory_order_relaxed"},
    {"kernel void k(device atomic_int* o, int e) { int x = 0; atomic_compare_exchange_weak_explicit(o, &x, 1, memory_order_relaxed, memory_order_seq_cst«)»; }",
     "the order of atomic functions is memory_order_relaxed"},
    {"kernel void k(device float* o) { o[0] = «1.5q»; }", "invalid suffix of '1.5q'"},
    {"kernel void k(device float* o) { o[0] = int(«3i»); }", "invalid suffix of '3i'"},
    {"void h() { «try» {} catch (...) {} }", "exceptions are not supported"},
    {"kernel void k(device float* o) { o[0] = «nullptr»; }", "'nullptr_t'"},
};

const Malformed kOtherLanguages[] = {
    {"constexpr int operator\"\"_k(«unsigned» long n) { return n; }", "a literal operator are 'unsigned long long' or 'long double', which Metal has not"},
    {"thread float& first(thread float4& v) { return «v».x; }", "a reference cannot be bound to a vector component"},
    {"struct P { float3 at[2]; }; void f(thread P* p) { thread float& «r» = p->at[1].z; }", "a reference cannot be bound to a vector component"},
    {"float x(); void f() { thread float& «r» = x(); }", "non-const lvalue reference to type 'float' cannot bind to a temporary of type 'float'"},
    {"kernel void k(device float* o) { auto e = «dextents»<int, 2>(4, 4); }", "; #include <metal_tensor>"},
    {"kernel void k(device float* o) { constexpr auto d = «mpp»::tensor_ops::matmul2d_descriptor(8, 8); }", "; #include <MetalPerformancePrimitives/MetalPerformancePrimitives.h>"},
    {"kernel void k(device float* o) { int e; o[0] = «frexp»(o[0], &e); }",
     "no matching function for call to 'frexp': its second result is taken by reference, as 'thread T&': pass the variable without '&'"},
    {"kernel void k(device float4* o) { int4 e; o[0] = «frexp»(o[0], &e); }", "'frexp': its second result is taken by reference"},
    {"kernel void k(device half* o) { half w; o[0] = «modf»(o[0], &w); }", "'modf': its second result is taken by reference"},
    {"kernel void k(device float* o) { float c; o[0] = «sincos»(o[0], &c); }", "'sincos': its second result is taken by reference"},
    {"«kernal» void k(device float* o) {}", "unknown type name 'kernal'; did you mean 'kernel'?"},
    {"kernel void k(device float* o) { o[«threadIdx».x] = 1; }", "'threadIdx'; in Metal: a parameter with [[thread_position_in_threadgroup]]"},
    {"kernel void k(device float* o) { «__syncthreads»(); }", "in Metal: threadgroup_barrier(mem_flags::mem_threadgroup)"},
    {"kernel void k(device float* o) { threadgroup_barrier(«mem_threadgroup»); }", "in Metal: mem_flags::mem_threadgroup"},
    {"«__kernel» void k(device float* o) {}", "in Metal: kernel"},
    {"kernel void k(device float* o) { std::«vector»<int> v; }", "no member named 'vector' in namespace 'std' (Metal has no C++ standard library)"},
    {"kernel void k(device float* o) { auto r = 1 «<=>» 2; }", "operator '<=>' is not supported in Metal"},
    {"kernel void k(device float* o) { float «a»[0]; }", "arrays of no elements are not supported"},
    {"struct S { int n; float «a»[3][0]; };", "arrays of no elements are not supported"},
    {"kernel void k(device float2* o) { float2 f = «half2(1)»; }", "no viable conversion from 'half2' to 'float2': write float2(...)"},
    {"kernel void k(device float2* o) { float2 f = «float3(1)»; }", "no viable conversion from 'float3' to 'float2'"},
    {"kernel void k(device «atomic<half>»* o) {}", "'atomic' holds int, uint, bool, ulong or float"},
    {"kernel void k(device float* o) { o[0] = «dot»(o[0], float3(1)); }", "no matching function for call to 'dot': it takes a vector, not 'float'"},
};

class Mistakes : public testing::TestWithParam<Malformed> {};
TEST_P(Mistakes, AreExplained) { front_end::expect_refused(GetParam()); }
INSTANTIATE_TEST_SUITE_P(ArrayLibraries, Mistakes, testing::ValuesIn(kArrayLibraries));
INSTANTIATE_TEST_SUITE_P(SingleFileLibraries, Mistakes, testing::ValuesIn(kSingleFileLibraries));
INSTANTIATE_TEST_SUITE_P(TensorLibraries, Mistakes, testing::ValuesIn(kTensorLibraries));
INSTANTIATE_TEST_SUITE_P(Generators, Mistakes, testing::ValuesIn(kGenerators));
INSTANTIATE_TEST_SUITE_P(Ports, Mistakes, testing::ValuesIn(kPorts));
INSTANTIATE_TEST_SUITE_P(OtherLanguages, Mistakes, testing::ValuesIn(kOtherLanguages));
INSTANTIATE_TEST_SUITE_P(Spaces, Mistakes, testing::ValuesIn(kSpaces));
INSTANTIATE_TEST_SUITE_P(Words, Mistakes, testing::ValuesIn(kWords));
INSTANTIATE_TEST_SUITE_P(Simulations, Mistakes, testing::ValuesIn(kSimulations));

TEST(MistakesInNames, OfTheLibraryAreShownWithTheirNamespace) {
  const std::pair<const char*, const char*> mistakes[] = {{"o[0] = max(o[0], 2.0f);", "use of undeclared identifier 'max'; did you mean 'metal::max'?"},
                                                          {"remove_cv_t<const float> x = 1; o[0] = x;", "no template named 'remove_cv_t'; did you mean 'metal::remove_cv_t'?"},
                                                          {"mem_flags f = 0;", "unknown type name 'mem_flags'; did you mean 'metal::mem_flags'?"}};
  for (const auto& [body, message] : mistakes) {
    const auto diagnostics = front_end::errors_of(front_end::request(std::string("#include <metal_stdlib>\nkernel void k(device float* o) { ") + body + " }"));
    ASSERT_FALSE(diagnostics.empty()) << body;
    EXPECT_EQ(diagnostics[0].message, message);
  }
}

TEST(MistakesInNames, AreNotTakenForTheLibrarysOwn) {
  for (const char* text : {"kernel void k(device float* o, uint i [thread_position_in_grid]]) { o[i] = 1; }",
                           "kernel void k(device float* o, uint i [ulongthread_position_in_grid]]) { o[i] = 1; }"}) {
    for (const auto& d : front_end::errors_of(text)) EXPECT_EQ(d.message.find("__msl"), std::string::npos) << d.message;
  }
}

TEST(MistakesInNames, AreToldAsTheyWereWritten) {
  const auto errors = front_end::errors_of("constexpr uint hash_of(constant char* t) { return uint(t[0]); }\ntemplate <uint H> struct A {};\ntemplate <> struct A<hash_of(\"relu\")> {};\n"
                                           "kernel void k(device int* o) { o[0] = A<hash_of(\"relu\")>::of(1); }");
  ASSERT_FALSE(errors.empty());
  EXPECT_EQ(errors[0].message, "no member named 'of' in 'A<hash_of(\"relu\")>'");
  for (const char* text : {"constant int n [[function_constant(0)]];\nkernel void k(device int* o) { o[0] = is_function_constant_defined ? n : 3; }",
                           "kernel void k(device int* o [[ [[thread_position_in_grid]] buffer(0)]]) { o[0] = 1; }"}) {
    const auto source = front_end::parse(text);
    const auto said = source ? std::vector((*source)->warnings().begin(), (*source)->warnings().end()) : source.error().diagnostics();
    for (const auto& d : said) EXPECT_EQ(d.message.find("__msl"), std::string::npos) << d.message;
  }
}

TEST(MistakesInSpaces, AreSaidOnce) {
  for (const char* text : {"kernel void k(device float* o) { float* p = o; o[0] = *p; }", "kernel void k(device float* o) { float& r = o[0]; r = 1; }",
                           "constant int a [[function_constants(0)]];\nkernel void k(device int* o) { o[0] = 1; }"}) {
    const auto diagnostics = front_end::errors_of(text);
    EXPECT_EQ(diagnostics.size(), 1U) << anymetal::render(diagnostics);
  }
}

TEST(MistakesInNames, ThatOtherLanguagesHaveAreNotTakenForOthers) {
  const auto diagnostics = front_end::errors_of(front_end::kHead + std::string("kernel void k(device int* o) { printf(\"x\"); }"));
  ASSERT_FALSE(diagnostics.empty());
  EXPECT_EQ(diagnostics[0].message, "use of undeclared identifier 'printf'; in Metal: os_log_default.log() of <metal_logging>");
}

TEST(MistakesInCalls, AreNotFollowedByEveryFunctionOfThatName) {
  const auto diagnostics = front_end::errors_of("kernel void k(device float4* o) { o[0] = select(o[0], o[1], 1.0f); }");
  EXPECT_LE(diagnostics.size(), 4U) << anymetal::render(diagnostics);
}

TEST(TypeNames, AreMslsInMessages) {
  using anymetal::msl::msl_spelling;
  EXPECT_EQ(msl_spelling("void () __generic"), "void () thread");
  EXPECT_EQ(msl_spelling("void (tile_t::*)() __restrict"), "void (tile_t::*)()");
  EXPECT_EQ(msl_spelling("const __private metal::vec<_Float16, 4> *"), "constant half4 *");
}

}  // namespace
