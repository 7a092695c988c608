// What would reach beyond a kernel: attributes, builtins, names and language features of the host's.
#include "msl_front_end/malformed_support.hpp"

namespace {

using anymetal::ErrorCode;
using front_end::kHead;
using front_end::Malformed;

const Malformed kAttributes[] = {
    {"__attribute__((«constructor»)) void f() {}", "attribute 'constructor' is not supported"},
    {"__attribute__((«destructor»)) void f() {}", "attribute 'destructor' is not supported"},
    {"void g() {}\n__attribute__((«alias»(\"_Z1gv\"))) void f();", "attribute 'alias' is not supported"},
    {"extern \"C\" void* g() { return nullptr; }\n__attribute__((«ifunc»(\"g\"))) void f();", "attribute 'ifunc' is not supported"},
    {"__attribute__((«section»(\".init_array\"))) constant int x = 1;", "attribute 'section' is not supported"},
    {"__attribute__((«naked»)) void f() {}", "attribute 'naked' is not supported"},
    {"__attribute__((«weak»)) void f() {}", "attribute 'weak' is not supported"},
    {"__attribute__((noreturn)) void «f»() { while (true) {} }", "attribute 'noreturn' is not supported"},
    {"[[«noreturn»]] void f() { while (true) {} }", "attribute 'noreturn' is not supported"},
    {"__attribute__((«target»(\"avx512f\"))) void f() {}", "attribute 'target' is not supported"},
    {"void g(thread int* p) {}\nvoid f() { __attribute__((«cleanup»(g))) int x; }", "attribute 'cleanup' is not supported"},
    {"__attribute__((«tls_model»(\"local-exec\"))) int x;", ""},
    {"__attribute__((«no_sanitize»(\"address\"))) void f() {}", "attribute 'no_sanitize' is not supported"},
    {"__declspec(«selectany») int x;", ""},
    {"void f(thread int __attribute__((«address_space»(3)))* p) {}", "attribute 'address_space' is not supported"},
    {"void f() __attribute__((«ms_abi»));", "attribute 'ms_abi' is not supported"},
    {"int f(int n) { [[«clang::musttail»]] return f(n - 1); }", "attribute 'musttail' is not supported"},
    {"#pragma redefine_extname h «memcpy»\nextern \"C\" void h() {}", "this pragma"},
    {"#pragma weak «h»\nextern \"C\" void h() {}", "not supported"},
    {"#pragma clang attribute push(__attribute__((«weak»)), apply_to = function)\nvoid h() {}\n#pragma clang attribute pop", "attribute 'weak' is not supported"},
    {"#pragma clang section «text»=\".init\"\nvoid h() {}", "this pragma"},
    {"#pragma clang __debug «overflow_stack»", "'#pragma clang __debug' is not supported"},
    {"#define P(x) _Pragma(#x)\n«P»(clang __debug llvm_fatal_error)", "'#pragma clang __debug' is not supported"},
    {"#pragma clang module «build» m\nmodule m {}\n#pragma clang module endbuild", "modules are not supported"},
    {"#pragma STDC FENV_ROUND FE_UPWARD\nfloat f(int n) «{» return n; }", "rounded to nearest"},
};

const Malformed kBuiltins[] = {
    {"void f() { «__builtin_trap»(); }", "'__builtin_trap' is not supported"},
    {"void f() { «__builtin_debugtrap»(); }", "'__builtin_debugtrap' is not supported"},
    {"void f(int n) { «__builtin_alloca»(1 << 30); }", "'__builtin_alloca' is not supported"},
    {"void f() { «__builtin_return_address»(0); }", "'__builtin_return_address' is not supported"},
    {"void f() { «__builtin_frame_address»(0); }", "'__builtin_frame_address' is not supported"},
    {"void f(thread int* p) { «__builtin_setjmp»((thread void**)p); }", "'__builtin_setjmp' is not supported"},
    {"bool f() { return «__builtin_cpu_supports»(\"avx2\"); }", "'__builtin_cpu_supports' is not supported"},
    {"void f() { «__builtin_printf»(\"x\"); }", "'__builtin_printf' is not supported"},
    {"void f() { «__builtin_malloc»(1); }", "'__builtin_malloc' is not supported"},
    {"void f() { «__builtin_readcyclecounter»(); }", "'__builtin_readcyclecounter' is not supported"},
    {"void f() { «__builtin_operator_new»(1); }", "'__builtin_operator_new' is not supported"},
    {"void f(device int* p) { «__sync_synchronize»(); }", "'__sync_synchronize' is not supported"},
    {"void f(device int* p) { «__atomic_thread_fence»(5); }", "'__atomic_thread_fence' is not supported"},
    {"template <class T> void f(T x) { «__builtin_trap»(); }", "'__builtin_trap' is not supported"},
    {"void f() { thread void* p = (thread void*)«__builtin_thread_pointer»(); }", "'__builtin_thread_pointer' is not supported"},
};

const Malformed kLanguage[] = {
    {"void f() { «asm»(\"nop\"); }", "inline assembly is not supported"},
    {"void f() { «__asm__» volatile (\"syscall\"); }", "inline assembly is not supported"},
    {"void f() «__asm__»(\"memcpy\");", "inline assembly is not supported"},
    {"«asm»(\".globl x\");", "inline assembly is not supported"},
    {"int f(int) «__asm»(\"_f\");", "nor are names of symbols such as \"_f\""},
    {"void f(int) «__asm»(\"air.ctz.i32\");", "'air.ctz.i32' is not supported: of the intrinsics of Apple's IR a source may declare 'air.simdgroup_async_copy_1d.p3i8.p1i8'"},
    {"void f(int) «__asm»(\"air.wait_simdgroup_events\");", "'air.wait_simdgroup_events' names a function without a body that takes (int, thread event **)"},
    {"void f(int, device void*) «__asm__»(\"air.wait_simdgroup_events\");", "names a function without a body that takes"},
    {"int n «__asm»(\"air.wait_simdgroup_events\");", "names a function without a body"},
    {"void f() { int («^»b)(int); }", "blocks are not supported"},
    {"typedef float m __attribute__((«matrix_type»(4, 4)));", "matrices have types of their own"},
    {"int f(int n, «...») { return n; }", "variadic functions are not supported"},
    {"void f() { «co_return»; }", "coroutines are not supported"},
    {"«__int128» f() { return 1; }", "does not exist in Metal"},
    {"unsigned «_BitInt»(4096) f() { return 1; }", "does not exist in Metal"},
    {"«__thread» int t;", "storage class is not supported"},
    {"void f(«throw» 1) {}", "exceptions are not supported"},
    {"struct S { int (*«p»)(int); };", "pointers to functions are not supported"},
    {"int f(int x) { return x; } int (*constant «p»)(int) = f;", "pointers to functions are not supported"},
    {"extern \"C\" void «__msl_threadgroup_barrier»(int x) {}", ""},
    {"void «__msl_mine»() {}", "names that begin with '__msl' belong to the library"},
    {"constant int «__msl_table»[2] = {1, 2};", "names that begin with '__msl' belong to the library"},
};

class HostAccess : public testing::TestWithParam<Malformed> {};
TEST_P(HostAccess, IsRefused) { front_end::expect_refused(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Attributes, HostAccess, testing::ValuesIn(kAttributes));
INSTANTIATE_TEST_SUITE_P(Builtins, HostAccess, testing::ValuesIn(kBuiltins));
INSTANTIATE_TEST_SUITE_P(Language, HostAccess, testing::ValuesIn(kLanguage));

TEST(HostAccess, AnIncludeCannotDeclareItselfPartOfTheLibrary) {
  auto r = front_end::request("#include \"a.h\"\n");
  r.options.include_files = {{"a.h", "#pragma clang system_header\nvoid f() { asm(\"nop\"); }\n"}};
  const auto diagnostics = front_end::errors_of(r);
  ASSERT_FALSE(diagnostics.empty());
  EXPECT_THAT(diagnostics.front().message, testing::HasSubstr("inline assembly"));
}

TEST(HostAccess, ALineMarkerCannotDeclareTheTextPartOfTheLibrary) {
  const auto diagnostics = front_end::errors_of("# 1 \"t.metal\" 3\nvoid f() { asm(\"nop\"); }");
  ASSERT_FALSE(diagnostics.empty());
  EXPECT_THAT(diagnostics.front().message, testing::HasSubstr("inline assembly"));
}

TEST(HostAccess, AttributesOfOwnCodeAreAccepted) {
  const auto diagnostics = front_end::errors_of(std::string(kHead) + R"msl(
struct __attribute__((packed)) P { char a; int b; };
struct alignas(16) A { float x; };
__attribute__((always_inline)) inline float f(float x) { return x; }
__attribute__((noinline, const)) float g(float x) { return x; }
template <class T> [[gnu::always_inline]] inline T h(T x) { [[maybe_unused]] int q = 0; return __builtin_expect(x > 1, 1) ? x : T(1); }
kernel void k(device float* o, uint i [[thread_position_in_grid]]) {
  float v[4];
  #pragma unroll
  for (int j = 0; j < 4; ++j) v[j] = h(f(o[j]));
  switch (i) { case 0: o[0] = g(v[0]); [[fallthrough]]; default: o[1] = v[1]; }
})msl");
  EXPECT_TRUE(diagnostics.empty()) << render(diagnostics);
}

/// A kernel that specialises, or the error of it.
anymetal::Result<anymetal::msl::SpecialisedKernel> specialised(const std::string& text) {
  const auto source = front_end::parse(text);
  if (!source) return std::unexpected(source.error());
  const auto entry = (*source)->entry("f");
  return entry ? specialise(**entry, {}) : std::unexpected(entry.error());
}

struct Refused {
  const char* name;
  const char* text;
  const char* message;
};

class SpecialisedHostAccess : public testing::TestWithParam<Refused> {};

TEST_P(SpecialisedHostAccess, IsRefused) {
  const auto kernel = specialised(GetParam().text);
  ASSERT_FALSE(kernel);
  EXPECT_EQ(kernel.error().code(), ErrorCode::ShaderCompilationError);
  EXPECT_THAT(kernel.error().message(), testing::HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Table, SpecialisedHostAccess,
    testing::Values(
        Refused{"FunctionOfTheCLibrary", "extern \"C\" thread void* malloc(unsigned long);\nkernel void f(device ulong* o) { o[0] = (ulong)malloc(4); }",
                "'malloc' is used but not defined"},
        Refused{"IndirectCall", "int g(int x) { return x; }\nusing F = int(int);\nkernel void f(device int* o) { F* volatile table[1] = {g}; o[0] = table[0](o[0]); }", "indirect"},
        Refused{"WideVector", "typedef float wide __attribute__((ext_vector_type(65536)));\nkernel void f(device wide* o) { o[0] = o[1] + o[2]; }", "vector"},
        Refused{"LargeVariable", "kernel void f(device int* o) { int x[1 << 20]; for (int i = 0; i < 1 << 20; ++i) x[i] = o[i]; o[0] = x[o[1]]; }", "one thread"},
        Refused{"FarAlignedVariable", "kernel void f(device int* o) { alignas(1 << 28) int x[3]; x[o[0]] = 1; x[o[1]] += 2; o[0] = x[o[2]]; }", "aligned to more than 4096 bytes"},
        Refused{"FarAlignedConstant", "alignas(1 << 28) constant int t[3] = {1, 2, 3};\nkernel void f(device int* o) { o[0] = t[o[0]]; }", "aligned to more than 4096 bytes"},
        Refused{"LargeConstant", "constant int t[1 << 26] = {1};\nkernel void f(device int* o) { o[0] = t[o[0]]; }", "program-scope constants"},
        Refused{"LargeThreadgroupArray", "kernel void f(device int* o) { threadgroup int t[1 << 28]; t[o[0]] = 1; o[0] = t[o[1]]; }", "threadgroup memory"},
        Refused{"MutualRecursion", "int b(int n);\nint a(int n) { return n < 1 ? n : b(n - 1) + 1; }\nint b(int n) { return a(n) * 2; }\nkernel void f(device int* o) { o[0] = a(o[0]); }",
                "recursion"},
        Refused{"RecursionOfPointers", "int g(int n, device float* p, constant int* r) { return n < 2 ? int(p[n]) : g(n - 1, p, r) * g(n - 2, p, r) + r[2]; }\nkernel void f(device float* o, constant int* r) { o[0] = g(r[0], o, r); }",
                "g(int, float device*, int constant*)"}),
    [](const auto& row) { return row.param.name; });

TEST(HostAccess, CallsThatDoubleAreBounded) {
  std::string text = "int f0(int x) { return x * 3 + 1; }\n";
  for (int i = 1; i < 40; ++i) {
    const std::string before = "f" + std::to_string(i - 1);
    text += "int f" + std::to_string(i) + "(int x) { return " + before + "(x) ^ " + before + "(x + " + std::to_string(i) + "); }\n";
  }
  const auto kernel = specialised(text + "kernel void f(device int* o) { o[0] = f39(o[0]); }");
  ASSERT_FALSE(kernel);
  EXPECT_THAT(kernel.error().message(), testing::HasSubstr("instructions"));
}

TEST(HostAccess, NamesOfTheCLibraryAreTheUsersOwn) {
  const auto kernel = specialised(
      "extern \"C\" float powf(float x, float y) { return x + y; }\nextern \"C\" void memcpy(device int* a, int b) { a[0] = b; }\nextern \"C\" void _start() {}\n"
      "kernel void f(device float* o, device int* p) { memcpy(p, 3); o[0] = powf(o[1], 0.0f); _start(); }");
  EXPECT_TRUE(kernel) << kernel.error().message();
}

TEST(HostAccess, AFunctionWithoutReturnStopsNoProcess) {
  const auto kernel = specialised("int g(int x) { if (x > 3) return x; }\nkernel void f(device int* o) { o[0] = g(o[0]); }");
  ASSERT_TRUE(kernel) << kernel.error().message();
}

}  // namespace
