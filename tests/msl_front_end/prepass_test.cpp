// The line-preserving rewrite, without a compiler.
#include "msl/prepass.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace {

using anymetal::msl::prepass;

struct Rewrite {
  const char* from;
  const char* to;
};

class PrepassRewrite : public testing::TestWithParam<Rewrite> {};

TEST_P(PrepassRewrite, Gives) {
  EXPECT_EQ(prepass(GetParam().from).text, GetParam().to);
  const std::string_view from = GetParam().from;
  const std::string text = prepass(from).text;
  EXPECT_EQ(std::ranges::count(text, '\n'), std::ranges::count(from, '\n'));
}

INSTANTIATE_TEST_SUITE_P(
    Table, PrepassRewrite,
    testing::Values(Rewrite{"int x [[buffer(1)]];", "int x  __msl_attribute((__msl_annotate(\"msl:buffer\", 1)));"},
                    Rewrite{"[[maybe_unused]] int x;", "[[maybe_unused]] int x;"}, Rewrite{"[[clang::noinline]] int f();", "[[clang::noinline]] int f();"},
                    Rewrite{"\xEF\xBB\xBF#pragma METAL fp math_mode(safe)\n", "   #pragma float_control(precise, on)\n"},
                    Rewrite{"float2 uv [[user(locn0)]];", "float2 uv  __msl_attribute((__msl_annotate(\"msl:user\")));"},
                    Rewrite{"float clip [[clip_distance]] [2];", "float clip                   [2];"},
                    Rewrite{"int x <:<:buffer(1):>:>;", "int x  __msl_attribute(( __msl_annotate(\"msl:buffer\", 1))) ;"},
                    Rewrite{"%:define C(a, b) a%:%:b <%a<:0:>%>", "# define C(a, b) a##  b { a[ 0] } "},
                    Rewrite{"v<::a::b> w<:::c:> x<::>", "v<::a::b> w[ ::c]  x[ ] "},
                    Rewrite{"\"<:\" // <:\nR\"(%:)\"", "\"<:\" // <:\nR\"(%:)\""},
                    Rewrite{"int x [[buf\\\nfer(1\\\n0)]];", "int x  __msl_attribute((__msl_annotate(\"msl:buffer\", \\\n10\\\n )));"},
                    Rewrite{"int x [\\\n[buffer(1)]\\\n];", "int x  __msl_attribute((\\\n__msl_annotate(\"msl:buffer\", 1)))\\\n;"},
                    Rewrite{"ker\\\r\nn\\\r\nel void k()", "kernel\\\r\n \\\r\n   void k()"},
                    Rewrite{"int a \\\nb; \"c\\\nd\" e+\\\nf", "int a \\\nb; \"c\\\nd\" e+\\\nf"},
                    Rewrite{"a[b[0]]", "a[b[0]]"}, Rewrite{"\"[[buffer(0)]]\" // [[buffer(0)]]\n/* [[x]]\n*/", "\"[[buffer(0)]]\" // [[buffer(0)]]\n/* [[x]]\n*/"},
                    Rewrite{"constant bool b [[function_constant(N + 1)]];", "__msl_extern constant bool b  __msl_attribute((__msl_annotate(\"msl:function_constant\", N + 1)));"},
                    Rewrite{"static constant constexpr const int n[[function_constant(2)]];", "__msl_extern        constant           const int n __msl_attribute((__msl_annotate(\"msl:function_constant\", 2)));"},
                    Rewrite{"void f(int a [[function_constant(g)]]);", "void f(int a  __msl_attribute((__msl_annotate(\"msl:function_constant_guard\", &(g)))));"},
                    Rewrite{"template [[host_name(\"n\")]] kernel void f<int>(int);", "__msl_extern template  __msl_attribute((__msl_annotate(\"msl:host_name\", \"n\"))) kernel void f<int>(int);"},
                    Rewrite{"template <int N> void f();", "template <int N> void f();"}, Rewrite{"x.template f<1>();", "x.template f<1>();"},
                    Rewrite{"T f() const thread { }", "T f() const __msl_thread_object { }"}, Rewrite{"if (x) thread float* p = q;", "if (x) thread float* p = q;"},
                    Rewrite{"decltype(x) thread& y = x;", "decltype(x) thread& y = x;"}, Rewrite{"half h = 1.0h;", "half h = 1.0f16;"},
                    Rewrite{"int x = 0xah;", "int x = 0xah;"}, Rewrite{"#pragma METAL fp math_mode(safe)\n", "#pragma float_control(precise, on)\n"},
                    Rewrite{"#pragma METAL fp contract(off)\n#pragma METAL fp math_mode(safe)\n",
                            "#pragma clang fp contract(off)\n_Pragma(\"float_control(precise, on)\") _Pragma(\"clang fp contract(off)\")\n"},
                    Rewrite{"{\n#pragma METAL fp contract(off)\n}\n#pragma METAL fp math_mode(safe)\n", "{\n#pragma clang fp contract(off)\n}\n#pragma float_control(precise, on)\n"},
                    Rewrite{"_Pragma(\"METAL fp contract(off)\") _Pragma(\"METAL fp math_mode(safe)\")",
                            "_Pragma(\"clang fp contract(off)\") _Pragma(\"float_control(precise, on)\") _Pragma(\"clang fp contract(off)\")"},
                    Rewrite{"#define A [[buffer(0)]] \\\n [[threadgroup(1)]]\n",
                            "#define A  __msl_attribute((__msl_annotate(\"msl:buffer\", 0))) \\\n  __msl_attribute((__msl_annotate(\"msl:threadgroup_index\", 1)))\n"}));

TEST(Prepass, MakesArrayParametersPointers) {
  EXPECT_EQ(prepass("void f(constant const long s[3], device T (&r)[2], threadgroup A::B<1> x[2][N] [[threadgroup(0)]]);").text,
            "void f(constant const long *s, device T (&r)[2], threadgroup A::B<1> (*x)[N]  __msl_attribute((__msl_annotate(\"msl:threadgroup_index\", 0))));");
}

TEST(Prepass, ReservesThreadgroupArraysOfLateExtents) {
  EXPECT_EQ(prepass("constant int n [[function_constant(0)]];\nkernel void f() { threadgroup float a[2][3]; threadgroup half b[n * 2][4]; }").text,
            "__msl_extern constant int n  __msl_attribute((__msl_annotate(\"msl:function_constant\", 0)));\nkernel void f() { threadgroup float a[2][3]; threadgroup half (*b)[4] = "
            "(__msl_threadgroup half (*)[4])__msl_threadgroup_array(__msl_sizeof(half) * (n * 2) * (4)); }");
}

TEST(Prepass, DerivedConstantsAreNamedBeforeTheirAttributesAndExtents) {
  const std::string derived = "constant int n [[function_constant(0)]];\nconstant int2 sizes [[maybe_unused]] = int2(n);\nconstant int table[2] = {n, 1};\n";
  EXPECT_TRUE(prepass(derived + "kernel void f() { threadgroup float a[2][3]; }").text.ends_with("\nkernel void f() { threadgroup float a[2][3]; }"));
  for (const char* late : {"sizes.x", "table[0]"})
    EXPECT_NE(prepass(derived + "kernel void f() { threadgroup float a[" + late + "]; }").text.find("__msl_threadgroup_array"), std::string::npos) << late;
}

TEST(ColumnMap, MapsBackToTheUsersColumns) {
  const std::string_view original = "void f(uint i [[buffer(10)]], int q) { q = r; }";
  const auto rewritten = prepass(original);
  for (const char* token : {"uint", "buffer", "10", "int q", "q = r", "r;"}) {
    const std::string_view t(token);
    const std::size_t at = t == "buffer" ? rewritten.text.find("__msl_annotate") : rewritten.text.find(t);
    ASSERT_NE(at, std::string::npos);
    EXPECT_EQ(rewritten.columns.original_column(1, static_cast<unsigned>(at + 1)), original.find(t) + 1) << token;
  }
}

TEST(Prepass, BrokenAttributesKeepTheirLines) {
  for (const std::string_view text : {"void f(uint i [[\nbuffer\n(\n0\n)\n]\n], int q) {\n q = r; }", "#define A [[buffer \\\n(0)] \\\n]\nint x;",
                                      "[[b}\n#pragma METAL fp math_mode(safe)\n]]", "[[r()]\n#pragma METAL fp math_mode(safe)\n]", "[[r\n#define A [[q]]\n(0)]]"}) {
    const auto result = anymetal::msl::prepass(text);
    EXPECT_EQ(std::ranges::count(result.text, '\n'), std::ranges::count(text, '\n')) << result.text;
  }
  const auto result = anymetal::msl::prepass("void f(uint i [[buffer\n(0)]\n], int q) { q = r; }");
  const std::size_t line = result.text.rfind('\n') + 1;
  EXPECT_EQ(result.columns.original_column(3, static_cast<unsigned>(result.text.find("q = r") - line + 1)), 13U) << result.text;
}

TEST(Prepass, RewrittenArraysKeepTheirLines) {
  const std::string late = "constant int n [[function_constant(0)]];\n";
  for (const std::string& text : std::vector<std::string>{late + "void f() {\n threadgroup metal::\nhalf // c\n a[n\n* 2][4 /* c */\n];\n int q; }", "void f(device int a[3\n* 1.0h], int q);",
                                  "void f(device int a[x [[buffer(1)]]\n+ 1.0h], int q);", "void f(device int a[1\n#line 3\n], int q);",
                                  late + "void f() { threadgroup int a[n\n#line 4\n]; int q; }", late + "void f() { threadgroup int a[n; int q] }"}) {
    const auto result = anymetal::msl::prepass(text);
    EXPECT_EQ(std::ranges::count(result.text, '\n'), std::ranges::count(text, '\n')) << result.text;
    EXPECT_EQ(result.text.find("int q"), result.text.rfind("int q")) << result.text;
    const std::size_t q = result.text.find("int q");
    ASSERT_NE(q, std::string::npos);
    const auto line = static_cast<unsigned>(std::ranges::count(result.text.substr(0, q), '\n') + 1);
    const std::size_t begin = result.text.rfind('\n', q) + 1;
    const std::size_t written = text.find("int q") - (text.rfind('\n', text.find("int q")) + 1);
    EXPECT_EQ(result.columns.original_column(line, static_cast<unsigned>(q - begin + 1)), written + 1) << result.text;
  }
}

TEST(Prepass, LongTextsTakeTimeInProportion) {
  constexpr std::size_t kBytes = 1 << 20;
  for (const std::string_view part : {"[[", "[[a(", "constant ", "constexpr x = ", "const thread ", "template <", "namespace {", "struct S {", "R\"", "x [[function_constant(0)]] ",
                                      "thread) const ", "/*/", "#define a \\\n", "_Pragma(\"", "1.0h", "]] [[", "{ ( [ ", "\"\\", "threadgroup a ", "(device a ",
                                      "(constant ", "if constexpr (", "f(\"\"", "threadgroup a[n "}) {
    std::string text;
    while (text.size() < kBytes) text += part;
    const auto result = anymetal::msl::prepass(text);
    EXPECT_EQ(std::ranges::count(result.text, '\n'), std::ranges::count(text, '\n')) << part;
  }
}

}  // namespace
