// Function constants at specialisation: every type, by index and name, unset, derived, as guards.
#include "msl_front_end/support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <llvm/IR/Constants.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/Module.h>

#include <optional>
#include <string>

namespace {

using anymetal::ConstantValue;
using anymetal::ErrorCode;
using anymetal::FunctionConstant;
using anymetal::Result;
using anymetal::msl::SpecialisedKernel;
using front_end::parse;

Result<SpecialisedKernel> specialised(const std::string& text, std::vector<FunctionConstant> constants) {
  const auto source = parse(text);
  if (!source) return std::unexpected(source.error());
  const auto entry = (*source)->entry("f", constants);
  if (!entry) return std::unexpected(entry.error());
  return specialise(**entry, constants);
}

/// The constant integer the kernel stores last; empty where it stores anything else.
std::optional<std::int64_t> stored(const Result<SpecialisedKernel>& kernel) {
  if (!kernel) {
    ADD_FAILURE() << kernel.error().message();
    return std::nullopt;
  }
  std::optional<std::int64_t> value;
  for (const llvm::BasicBlock& block : *kernel->module->getFunction(kernel->symbol)) {
    for (const llvm::Instruction& i : block) {
      const auto* store = llvm::dyn_cast<llvm::StoreInst>(&i);
      const auto* constant = store == nullptr ? nullptr : llvm::dyn_cast<llvm::ConstantInt>(store->getValueOperand());
      if (constant != nullptr) value = constant->getSExtValue();
    }
  }
  return value;
}

struct TypeCase {
  const char* type;
  ConstantValue value;
  std::int64_t expected;  ///< of int(c) * 10 for scalars
};

class ConstantType : public testing::TestWithParam<TypeCase> {};

TEST_P(ConstantType, FoldsByIndexAndByName) {
  const std::string text = std::string("constant ") + GetParam().type + " c [[function_constant(7)]];\nkernel void f(device int* o) { o[0] = int(float(c) * 10.0f); }";
  EXPECT_EQ(stored(specialised(text, {{7U, GetParam().value}})), GetParam().expected);
  EXPECT_EQ(stored(specialised(text, {{std::string("c"), GetParam().value}})), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(Scalars, ConstantType,
                         testing::Values(TypeCase{"bool", true, 10}, TypeCase{"char", std::int8_t{-3}, -30}, TypeCase{"uchar", std::uint8_t{200}, 2000},
                                         TypeCase{"short", std::int16_t{-300}, -3000}, TypeCase{"ushort", std::uint16_t{60000}, 600000},
                                         TypeCase{"int", std::int32_t{-7}, -70}, TypeCase{"uint", std::uint32_t{9}, 90},
                                         TypeCase{"half", ConstantValue::half(1.5f), 15}, TypeCase{"float", 2.5f, 25}));

TEST(FunctionConstants, VectorsOfTwoToFour) {
  const float values[4] = {1, 2, 3, 4};
  for (unsigned n = 2; n <= 4; ++n) {
    const std::string text = "constant float" + std::to_string(n) + " c [[function_constant(0)]];\nkernel void f(device int* o) { o[0] = int(c[" + std::to_string(n - 1) + "] * 10); }";
    EXPECT_EQ(stored(specialised(text, {{0U, ConstantValue::from_bytes(anymetal::ConstantType::Float, n, values)}})), 10 * static_cast<int>(n));
  }
}

TEST(FunctionConstants, WrongTypeIsAnErrorNamingBoth) {
  const auto kernel = specialised("constant int n [[function_constant(3)]];\nkernel void f(device int* o) { o[0] = n; }", {{3U, 1.0f}});
  ASSERT_FALSE(kernel);
  EXPECT_EQ(kernel.error().code(), ErrorCode::FunctionConstantError);
  EXPECT_THAT(kernel.error().message(), testing::HasSubstr("'n' (index 3) has type int, float given"));
}

TEST(FunctionConstants, TwoValuesForOneAreAnErrorTheSameValueIsNot) {
  const std::string text = "constant int c [[function_constant(7)]];\nkernel void f(device int* o) { o[0] = c; }";
  EXPECT_EQ(stored(specialised(text, {{7U, 3}, {std::string("c"), 3}})), 3);
  const auto two = specialised(text, {{7U, 3}, {std::string("c"), 4}});
  ASSERT_FALSE(two);
  EXPECT_EQ(two.error().code(), ErrorCode::FunctionConstantError);
  EXPECT_THAT(two.error().message(), testing::HasSubstr("function constant 'c' (index 7) is given two different values"));
}

TEST(FunctionConstants, UnknownIndexIsIgnoredUnknownNameIsNot) {
  const std::string text = "constant int n [[function_constant(3)]];\nkernel void f(device int* o) { o[0] = n; }";
  EXPECT_EQ(stored(specialised(text, {{3U, std::int32_t{5}}, {99U, true}})), 5);
  const auto kernel = specialised(text, {{3U, std::int32_t{5}}, {std::string("m"), true}});
  ASSERT_FALSE(kernel);
  EXPECT_THAT(kernel.error().message(), testing::AllOf(testing::HasSubstr("'m'"), testing::HasSubstr("'n'")));
}

TEST(FunctionConstants, UnsetIsAnErrorOnlyWhereRead) {
  const std::string read = "constant int n [[function_constant(3)]];\nkernel void f(device int* o) { o[0] = n; }";
  const auto kernel = specialised(read, {});
  ASSERT_FALSE(kernel);
  EXPECT_EQ(kernel.error().code(), ErrorCode::FunctionConstantError);
  EXPECT_THAT(kernel.error().message(), testing::HasSubstr("'n' (index 3, int) needs a value"));
  const auto both = specialised("constant int n [[function_constant(3)]];\nconstant bool b [[function_constant(4)]];\n"
                                "kernel void f(device int* o) { o[0] = b ? n : 1; }", {});
  ASSERT_FALSE(both);
  EXPECT_THAT(both.error().message(),
              testing::HasSubstr("function constants 'n' (index 3, int), 'b' (index 4, bool) need values: the kernel reads them"));
  const std::string queried = "constant int n [[function_constant(3)]];\nkernel void f(device int* o) { o[0] = is_function_constant_defined(n) ? n : 42; }";
  EXPECT_EQ(stored(specialised(queried, {})), 42);
  EXPECT_EQ(stored(specialised(queried, {{3U, std::int32_t{6}}})), 6);
  const std::string unread = "constant int n [[function_constant(3)]];\nconstant bool b [[function_constant(4)]];\nkernel void f(device int* o) { o[0] = b ? n : 1; }";
  EXPECT_EQ(stored(specialised(unread, {{4U, false}})), 1);
}

constexpr const char* kDerived = R"(constant int width [[function_constant(0)]];
constant int width_or = is_function_constant_defined(width) ? width : 32;
constant bool causal [[function_constant(1)]];
constant int span = width_or * 2 - 1;
constant bool narrow = causal && span < 20;
static constant constexpr const int doubled = span * 2;
kernel void f(device int* o) { o[0] = narrow ? -doubled : doubled; })";

TEST(DerivedConstants, AreEvaluatedInOrder) {
  EXPECT_EQ(stored(specialised(kDerived, {{1U, true}})), 126);
  EXPECT_EQ(stored(specialised(kDerived, {{0U, std::int32_t{4}}, {1U, true}})), -14);
  EXPECT_EQ(stored(specialised(kDerived, {{0U, std::int32_t{4}}, {1U, false}})), 14);
}

TEST(DerivedConstants, NameTheConstantTheyLack) {
  const auto kernel = specialised(kDerived, {{0U, std::int32_t{4}}});
  ASSERT_FALSE(kernel);
  EXPECT_EQ(kernel.error().code(), ErrorCode::FunctionConstantError);
  EXPECT_THAT(kernel.error().message(), testing::HasSubstr("'causal' (index 1, bool)"));
}

constexpr const char* kComputed = R"(struct scale { float a; int calls; scale(float v) constant : a(sqrt(v)), calls(int(a) + 1) {} };
constant scale s(16.0f);
constant float root = sqrt(9.0f);
kernel void f(device int* o) { o[0] = int(s.a + root) * 10 + s.calls; })";

TEST(Initialisers, NeedNoFunctionConstants) { EXPECT_EQ(stored(specialised(kComputed, {})), 75); }

constexpr const char* kLanesInInitialiser = R"(struct logger { int a; logger(int v) constant : a(v) { float x = simd_sum(1.0f); (void)x; } int get() const constant { return a; } };
constant logger l(4);
constant float lanes = simd_sum(1.0f);
kernel void f(device int* o) { o[0] = 7; }
kernel void g(device int* o) { o[0] = int(lanes); })";

TEST(Initialisers, ThatCannotBeComputedAreErrorsOnlyWhereRead) {
  EXPECT_EQ(stored(specialised(kLanesInInitialiser, {})), 7);
  const auto source = parse(kLanesInInitialiser);
  ASSERT_TRUE(source) << source.error().message();
  const auto entry = (*source)->entry("g");
  ASSERT_TRUE(entry) << entry.error().message();
  const auto kernel = specialise(**entry, {});
  ASSERT_FALSE(kernel);
  EXPECT_THAT(kernel.error().message(), testing::HasSubstr("the initialiser of 'lanes' is no constant expression"));
}

TEST(Guards, DecideWhichArgumentsAreActive) {
  const std::string text = R"(constant bool has_bias [[function_constant(0)]];
constant bool has_both = has_bias && is_function_constant_defined(has_bias);
kernel void f(device int* o [[buffer(0)]], device int* a [[buffer(1), function_constant(has_bias)]],
              device int* b [[function_constant(has_both), buffer(2)]]) { o[0] = a ? 1 : 2; if (b) o[1] = 3; })";
  for (const bool on : {false, true}) {
    const auto kernel = specialised(text, {{0U, on}});
    ASSERT_TRUE(kernel) << kernel.error().message();
    EXPECT_TRUE(kernel->reflection.arguments[0].active);
    EXPECT_EQ(kernel->reflection.arguments[1].active, on);
    EXPECT_EQ(kernel->reflection.arguments[2].active, on);
  }
  const auto unset = specialised("constant bool g [[function_constant(0)]];\nkernel void f(device int* o, device int* a [[function_constant(g)]]) { o[0] = a ? 1 : 2; }", {});
  EXPECT_EQ(stored(unset), 2);
  EXPECT_FALSE(unset->reflection.arguments[1].active);
}

TEST(Arguments, ThatAreNeverLookedAtNeedNoBinding) {
  const std::string text = R"(constant bool batched [[function_constant(0)]];
template <bool B> void put(device int* o, constant int& n, const device int* shape) { device int* p = o; if (B) p += shape[n]; *p = 1; }
template <bool B> kernel void f(device int* o, constant int& n, const device int* shape, const device int* never, const device int* maybe,
                                device int* kept, threadgroup int* shared [[threadgroup(0)]], device int* tested) {
  const device int* copy = never; copy += 1; thread const device int** there = &copy; (void)there;
  put<B>(o, n, shape); if (batched) o[1] = maybe[0];
  volatile int size = sizeof(*kept); o[2] = size; if (tested) o[3] = 1;
}
template [[host_name("plain")]] kernel void f<false>(device int*, constant int&, const device int*, const device int*, const device int*, device int*, threadgroup int*, device int*);
template [[host_name("full")]] kernel void f<true>(device int*, constant int&, const device int*, const device int*, const device int*, device int*, threadgroup int*, device int*);
)";
  const auto source = parse(text);
  ASSERT_TRUE(source) << source.error().message();
  for (const bool full : {false, true}) {
    const auto entry = (*source)->entry(full ? "full" : "plain");
    ASSERT_TRUE(entry) << entry.error().message();
    const std::vector<FunctionConstant> constants = {{0U, full}};
    const auto kernel = specialise(**entry, constants);
    ASSERT_TRUE(kernel) << kernel.error().message();
    for (const auto& argument : kernel->reflection.arguments) {
      const bool is_used = argument.name == "o" || argument.name == "tested" ||
                           (full && (argument.name == "n" || argument.name == "shape" || argument.name == "maybe"));
      if (argument.name == "never") continue;  // the address of its copy is taken: nobody looks further
      EXPECT_EQ(argument.active, is_used) << argument.name << full;
    }
  }
}

constexpr const char* kTemplateArguments = R"(constant int n [[function_constant(0)]];
constant int m [[function_constant(1)]];
static_assert(n % 2 == 0, "pairs");
template <int N> int scaled(int x) { return N * x; }
kernel void f(device int* o) { o[0] = scaled<n>(10); }
kernel void g(device int* o) { o[0] = scaled<m>(10); if constexpr (m > 3) o[1] = m; })";

TEST(ConstantExpressions, TakeTheValuesOfEverySpecialisation) {
  const auto source = parse(kTemplateArguments);
  ASSERT_TRUE(source) << source.error().message();
  EXPECT_THAT((*source)->entry_names(), testing::ElementsAre("f", "g"));
  ASSERT_EQ((*source)->constants().size(), 2U);
  for (const std::int32_t n : {2, 8, 6, 2}) {
    const std::vector<FunctionConstant> constants = {{0U, n}};
    const auto entry = (*source)->entry("f", constants);
    ASSERT_TRUE(entry) << entry.error().message();
    EXPECT_TRUE((*entry)->is_bound);
    EXPECT_EQ(stored(specialise(**entry, constants)), n * 10);
  }
  EXPECT_EQ(stored(specialised(kTemplateArguments, {{std::string("n"), std::int32_t{4}}})), 40) << "by name";
}

TEST(ConstantExpressions, AMissingValueIsNamedWhereItIsNeeded) {
  const auto source = parse(kTemplateArguments);
  ASSERT_TRUE(source) << source.error().message();
  const auto missing = [&](const char* entry, std::vector<FunctionConstant> constants) {
    const auto made = (*source)->entry(entry, constants);
    EXPECT_FALSE(made);
    EXPECT_TRUE(made || made.error().code() == ErrorCode::FunctionConstantError);
    return made ? std::string() : made.error().message();
  };
  EXPECT_THAT(missing("f", {}), testing::HasSubstr("t.metal:5:15: function constant 'n' (index 0, int) needs a value"));
  EXPECT_THAT(missing("g", {{0U, std::int32_t{2}}}), testing::HasSubstr("t.metal:8:46: function constant 'm' (index 1, int) needs a value"));
}

TEST(ConstantExpressions, ValuesThatDoNotFitAreErrorsOfThatSpecialisation) {
  const auto odd = specialised(kTemplateArguments, {{0U, std::int32_t{3}}});
  ASSERT_FALSE(odd);
  EXPECT_EQ(odd.error().code(), ErrorCode::ShaderCompilationError);
  EXPECT_THAT(odd.error().message(), testing::AllOf(testing::HasSubstr("t.metal:5:15"), testing::HasSubstr("pairs")));
  const auto wrong = specialised(kTemplateArguments, {{0U, 2.0f}});
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().message(), testing::HasSubstr("'n' (index 0) has type int, float given"));
}

TEST(ConstantExpressions, OtherMistakesAreStillThoseOfTheSource) {
  const auto source = parse("constant int n [[function_constant(0)]];\ntemplate <int N> int h() { return N; }\nkernel void f(device int* o) { o[0] = h<n>() + wrong; }");
  ASSERT_FALSE(source);
  EXPECT_THAT(source.error().message(), testing::HasSubstr("t.metal:5:48: error: use of undeclared identifier 'wrong'"));
  EXPECT_THAT(source.error().message(), testing::Not(testing::HasSubstr("'h'")));
  const auto instantiated = parse("constant int n [[function_constant(0)]];\ntemplate <typename T, int N> T h(T x) { return x.missing + N; }\nkernel void f(device int* o) { o[0] = h<int, n>(1); }");
  ASSERT_TRUE(instantiated);
  const auto entry = (*instantiated)->entry("f", std::vector<FunctionConstant>{{0U, std::int32_t{1}}});
  ASSERT_FALSE(entry);
  EXPECT_THAT(entry.error().message(), testing::HasSubstr("t.metal:4:"));
}

TEST(ConstantExpressions, SourcesWithoutThemAreParsedOnce) {
  const auto source = parse("constant int n [[function_constant(0)]];\nkernel void f(device int* o) { int a[n]; a[n - 1] = 4; o[0] = a[n - 1]; }");
  ASSERT_TRUE(source);
  const auto first = (*source)->entry("f", std::vector<FunctionConstant>{{0U, std::int32_t{1}}});
  const auto second = (*source)->entry("f", std::vector<FunctionConstant>{{0U, std::int32_t{2}}});
  ASSERT_TRUE(first && second);
  EXPECT_FALSE((*first)->is_bound);
  EXPECT_EQ(*first, *second) << "one module for all values";
}

TEST(Arithmetic, DivisionAndShiftsAreDefined) {
  EXPECT_EQ(stored(specialised("constant uint n [[function_constant(0)]];\nkernel void f(device uint* o) { o[0] = 1u << n; }", {{0U, std::uint32_t{33}}})), 2);
  EXPECT_EQ(stored(specialised("constant int n [[function_constant(0)]];\nkernel void f(device int* o) { o[0] = -8 >> n; }", {{0U, std::int32_t{-1}}})), -1);
  EXPECT_EQ(stored(specialised("constant float x [[function_constant(0)]];\nkernel void f(device int* o) { o[0] = int(x); }", {{0U, 1e20f}})), 2147483647);
  EXPECT_TRUE(stored(specialised("constant int n [[function_constant(0)]];\nkernel void f(device int* o) { o[0] = 7 / n; }", {{0U, std::int32_t{0}}})).has_value());
}

TEST(Specialisation, StaticThreadgroupMemoryIsCountedAndLimited) {
  const auto small = specialised("kernel void f(device float* o, uint i [[thread_index_in_threadgroup]]) { threadgroup float t[100]; threadgroup char c; t[i] = 1; c = 2; o[i] = t[99 - i] + c; }", {});
  ASSERT_TRUE(small) << small.error().message();
  EXPECT_GE(small->reflection.static_threadgroup_memory, 401U);
  EXPECT_LE(small->reflection.static_threadgroup_memory, 416U);
  const auto large = specialised("kernel void f(device float* o) { threadgroup float t[9000]; t[0] = o[0]; o[0] = t[1]; }", {});
  ASSERT_FALSE(large);
  EXPECT_THAT(large.error().message(), testing::HasSubstr("36000 bytes of threadgroup memory, limit 32768"));
}

TEST(FunctionConstants, MaySizeArrays) {
  const std::string text = R"(constant int n [[function_constant(0)]];
kernel void f(device float* o, uint i [[thread_index_in_threadgroup]]) {
  threadgroup float shared[n]; threadgroup half2 more[n + 1]; float own[n];
  for (int k = 0; k < n; ++k) own[k] = o[k];
  shared[i] = own[n - 1 - i]; more[i + 1] = half(own[i]); o[i] = shared[n - 1 - i] + more[1].y;
})";
  const auto kernel = specialised(text, {{0U, std::int32_t{30}}});
  ASSERT_TRUE(kernel) << kernel.error().message();
  EXPECT_GE(kernel->reflection.static_threadgroup_memory, 30U * 4U + 31U * 4U);
  EXPECT_LE(kernel->reflection.static_threadgroup_memory, 256U);
  const auto large = specialised(text, {{0U, std::int32_t{30000}}});
  ASSERT_FALSE(large);
  EXPECT_THAT(large.error().message(), testing::HasSubstr("threadgroup memory, limit 32768"));
}

TEST(Specialisation, ThreadLimitIsTheDevices) {
  EXPECT_TRUE(specialised("[[max_total_threads_per_threadgroup(1024)]] kernel void f(device int* o) {}", {}));
  const auto kernel = specialised("[[max_total_threads_per_threadgroup(2048)]] kernel void f(device int* o) {}", {});
  ASSERT_FALSE(kernel);
  EXPECT_THAT(kernel.error().message(), testing::HasSubstr("limit 1024"));
}

TEST(Specialisation, RecursionIsRefusedTailCallsAreNot) {
  const auto recursive = specialised("int h(int n) { return n < 2 ? n : h(n - 1) + h(n - 2); }\nkernel void f(device int* o) { o[0] = h(o[0]); }", {});
  ASSERT_FALSE(recursive);
  EXPECT_THAT(recursive.error().message(), testing::AllOf(testing::HasSubstr("recursion"), testing::HasSubstr("h(int)")));
  EXPECT_TRUE(specialised("int h(int n, int s) { return n < 1 ? s : h(n - 1, s + n); }\nkernel void f(device int* o) { o[0] = h(o[0], 0); }", {}));
}

TEST(Specialisation, RecursionThatEndsWhateverTheDataIsInlined) {
  for (const char* ends : {
           "float h(float x) { if (x < 0) return -h(-x); return sqrt(x); }",
           "float h(float x) { if (x > 2 && x <= 9) return 1 - h(-x); return abs(x); }",
           "float h(float x) { if (abs(x) >= 3) return x; return 2 * h(x < 0 ? -3.0f : 3.0f); }",
           "half h(half x) { if (!(x >= 0.5h)) return 1 / x; return 2 - h(-abs(x)); }",
       }) {
    EXPECT_TRUE(specialised(std::string(ends) + "\nkernel void f(device float* o) { o[0] = float(h(o[0])); }", {})) << ends;
  }
  for (const char* goes_on : {
           "float h(float x) { if (!(x >= 0)) return -h(-x); return x; }",  // NaN stays NaN
           "float h(float x) { if (x <= 0) return 1 - h(-x); return x; }",  // as does 0
           "float h(float x) { if (abs(x) > 3) return 1 - h(x); return x; }",
           "float h(float x) { if (x < 3) return 1 - h(-x); return x; }",
           "float h(float x) { if (abs(x) < 2 || x > 5) return 1 - h(-x); return x; }",
       }) {
    const auto refused = specialised(std::string(goes_on) + "\nkernel void f(device float* o) { o[0] = h(o[0]); }", {});
    ASSERT_FALSE(refused) << goes_on;
    EXPECT_THAT(refused.error().message(), testing::HasSubstr("recursion")) << goes_on;
  }
}

TEST(Specialisation, UndefinedFunctionIsNamed) {
  const auto kernel = specialised("float missing(float x);\nkernel void f(device float* o) { o[0] = missing(o[0]); }", {});
  ASSERT_FALSE(kernel);
  EXPECT_THAT(kernel.error().message(), testing::HasSubstr("missing"));
}

// Nothing writes to the `constant` space during a dispatch, so that parameters need to be read only once.
TEST(ConstantArguments, AreNotAliased) {
  const auto kernel = specialised(R"(
struct Params { uint n; float scale; };
constant bool has_bias [[function_constant(0)]];
kernel void f(device const float* x [[buffer(0)]], device float* y [[buffer(1)]], constant Params& p [[buffer(2)]],
              constant float* table [[buffer(3)]], constant float& bias [[buffer(4), function_constant(has_bias)]],
              uint i [[thread_position_in_grid]]) {
  if (i < p.n) y[i] = x[i] * p.scale + table[0] + (has_bias ? bias : 0.0f);
})",
                                  {{0U, ConstantValue(true)}});
  ASSERT_TRUE(kernel) << kernel.error().message();
  const llvm::Function& entry = *kernel->module->getFunction(kernel->symbol);
  for (const unsigned device : {0U, 1U}) EXPECT_FALSE(entry.hasParamAttribute(device, llvm::Attribute::NoAlias));
  for (const unsigned constant : {2U, 3U, 4U}) EXPECT_TRUE(entry.hasParamAttribute(constant, llvm::Attribute::NoAlias));
  EXPECT_EQ(entry.getParamDereferenceableBytes(2), 8U);
  EXPECT_EQ(entry.getParamAlign(2).valueOrOne().value(), 4U);
  EXPECT_EQ(entry.getParamDereferenceableBytes(3), 0U) << "a pointer may point to nothing";
  EXPECT_EQ(entry.getParamDereferenceableBytes(4), 0U) << "an argument that may be absent is no reference to anything";
}

}  // namespace
