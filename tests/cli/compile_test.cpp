#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "process.hpp"

namespace anymetal::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kTwoKernels = R"(#include <metal_stdlib>
using namespace metal;
constant int factor [[function_constant(3)]];
kernel void twice(device float* x [[buffer(0)]], uint i [[thread_position_in_grid]]) { x[i] *= 2; }
kernel void times(device const int* in [[buffer(0)]], device int* out [[buffer(1)]],
                  uint i [[thread_position_in_grid]]) { out[i] = in[i] * factor; }
)";

constexpr std::string_view kBroken = R"(#include <metal_stdlib>
using namespace metal;
kernel void broken(device float* x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  x[i] = undeclared + 1;
}
)";

class CliCompile : public ::testing::Test {
 protected:
  ScratchDirectory scratch;
};

TEST_F(CliCompile, EveryEntryByDefault) {
  const auto file = scratch.write("two.metal", kTwoKernels);
  const auto result = run_program({"compile", file, "--constant", "3=int:5"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("twice"));
  EXPECT_THAT(result.out, HasSubstr("times"));
  EXPECT_THAT(result.err, HasSubstr("2 of 2 entries compiled"));
}

TEST_F(CliCompile, JsonHasEntriesWithArguments) {
  const auto file = scratch.write("two.metal", kTwoKernels);
  const auto result = run_program({"compile", file, "--entry", "times", "--constant", "factor=int:5", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto object = nlohmann::json::parse(result.out);
  ASSERT_EQ(object.at("entries").size(), 1U);
  const auto& entry = object.at("entries")[0];
  EXPECT_EQ(entry.at("name"), "times");
  EXPECT_TRUE(entry.at("ok"));
  EXPECT_GT(entry.at("milliseconds"), 0);
  ASSERT_EQ(entry.at("arguments").size(), 2U);
  EXPECT_EQ(entry.at("arguments")[0].at("access"), "read");
  EXPECT_EQ(entry.at("arguments")[1].at("index"), 1);
  EXPECT_TRUE(object.at("diagnostics").empty());
}

TEST_F(CliCompile, ErrorsCarryLineColumnAndCaret) {
  const auto file = scratch.write("broken.metal", kBroken);
  const auto result = run_program({"compile", file});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, HasSubstr(file + ":4:10: error: "));
  EXPECT_THAT(result.err, HasSubstr("  x[i] = undeclared + 1;"));
  EXPECT_THAT(result.err, HasSubstr("         ^"));
}

TEST_F(CliCompile, ErrorsAsJson) {
  const auto file = scratch.write("broken.metal", kBroken);
  const auto result = run_program({"compile", file, "--json"});
  EXPECT_EQ(result.exit_code, 1);
  const auto object = nlohmann::json::parse(result.out);
  ASSERT_EQ(object.at("diagnostics").size(), 1U);
  EXPECT_EQ(object.at("diagnostics")[0].at("line"), 4);
  EXPECT_EQ(object.at("diagnostics")[0].at("column"), 10);
  EXPECT_EQ(object.at("diagnostics")[0].at("severity"), "error");
}

TEST_F(CliCompile, AConstantOfAnotherTypeIsAnError) {
  const auto file = scratch.write("two.metal", kTwoKernels);
  EXPECT_EQ(run_program({"compile", file, "--entry", "times", "--constant", "3=float:5"}).exit_code, 1);
  EXPECT_EQ(run_program({"compile", file, "--entry", "times"}).exit_code, 1);
  EXPECT_EQ(run_program({"compile", file, "--entry", "times", "--constant", "3=int"}).exit_code, 2);
  EXPECT_EQ(run_program({"compile", file, "--entry", "times", "--constant", "factor=5"}).exit_code, 0);
  EXPECT_THAT(run_program({"compile", file, "--entry", "times", "--constant", "facter=5"}).err, HasSubstr("did you mean 'factor'?"));
}

TEST_F(CliCompile, OneFailureDoesNotStopTheOthers) {
  const auto file = scratch.write("three.metal", "kernel void large(device int* o) { threadgroup int t[20000]; t[o[0]] = 1; o[1] = t[o[2]]; }\n" +
                                                     std::string(kTwoKernels));
  const auto result = run_program({"compile", file, "--all", "--json"});
  EXPECT_EQ(result.exit_code, 1);
  const auto entries = nlohmann::json::parse(result.out).at("entries");
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_FALSE(entries[0].at("ok"));
  EXPECT_THAT(std::string(entries[0].at("message")), HasSubstr("80000 bytes"));
  EXPECT_TRUE(entries[1].at("ok"));
  EXPECT_FALSE(entries[1].contains("unset_constants_assumed"));
  EXPECT_TRUE(entries[2].at("ok"));
  EXPECT_EQ(entries[2].at("unset_constants_assumed"), 1);
}

TEST_F(CliCompile, AWholeFileNeedsNoConstants) {
  const auto file = scratch.write("constants.metal", R"(#include <metal_stdlib>
using namespace metal;
constant int n [[function_constant(0)]];
constant bool flag [[function_constant(1)]];
constant float2 scale [[function_constant(2)]];
template <int N> int quarters() { static_assert(N % 4 == 0, "quarters"); return N / 4; }
kernel void plain(device float* x) { x[0] = 1; }
kernel void reads(device float* x) { x[0] = flag ? n * scale.y : 2; }
kernel void in_a_type(device float* x) { x[0] = quarters<n>(); }
kernel void never(device float* x) { threadgroup float t[n * 100000]; t[0] = x[0]; x[1] = t[0]; }
)");
  const auto result = run_program({"compile", file});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.out, HasSubstr("unset constants are 4"));
  const auto emitted = run_program({"compile", file, "--emit", "ir"});
  EXPECT_THAT(emitted.err, HasSubstr("in_a_type: function constants without a value are 4"));
  EXPECT_THAT(emitted.out, HasSubstr("@__msl_entry_in_a_type"));
  EXPECT_THAT(result.err, HasSubstr("3 of 4 entries compiled"));
  EXPECT_THAT(result.err, HasSubstr("2 of them without values for function constants"));
  EXPECT_THAT(result.err, HasSubstr("bytes of threadgroup memory"));
  const auto given = run_program({"compile", file, "--constant", "n=int:8", "--json"});
  EXPECT_EQ(given.exit_code, 1);
  const auto entries = nlohmann::json::parse(given.out).at("entries");
  EXPECT_EQ(entries.at(1).at("unset_constants_assumed"), 1);
  EXPECT_TRUE(entries.at(2).at("ok"));
  EXPECT_EQ(run_program({"compile", file, "--entry", "reads", "--constant", "n=int:8"}).exit_code, 1);
}

/// `count` instantiations, of which the one of width 7 does not compile.
std::string instantiations(int count) {
  std::string text = R"(#include <metal_stdlib>
using namespace metal;
template <int N> kernel void add(device int* o [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  static_assert(N != 7, "seven");
  for (int k = 0; k < N; ++k) o[N * i + k] += k;
}
)";
  for (int i = 1; i <= count; ++i) {
    const std::string n = std::to_string(i);
    text += "template [[host_name(\"add_" + n + "\")]] kernel void add<" + n + ">(device int*, uint);\n";
  }
  return text;
}

TEST_F(CliCompile, ManyInstantiations) {
  const auto file = scratch.write("many.metal", instantiations(40));
  for (const char* device : {"cpu", "cuda:sm_90"}) {
    const auto result = run_program({"compile", file, "--all", "--jobs", "3", "--device", device});
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_THAT(result.out, testing::StartsWith("entry "));
    const bool is_ptx = std::string_view(device) != "cpu";
    EXPECT_EQ(result.out.contains("registers"), is_ptx);
    EXPECT_EQ(result.out.contains("—"), is_ptx) << "only ptxas knows, and it needs a driver";
    EXPECT_LT(result.out.find("add_6 "), result.out.find("add_8 ")) << "rows are in the order of the source";
    EXPECT_THAT(result.err, HasSubstr("39 of 40 entries compiled"));
    EXPECT_THAT(result.err,
                HasSubstr(file + ":4:17: error: static assertion failed due to requirement '7 != 7': seven"));
  }
}

TEST_F(CliCompile, SomeEntries) {
  const auto file = scratch.write("many.metal", instantiations(40));
  const auto result =
      run_program({"compile", file, "--entry", "add_30", "--entry", "add_2", "--entry", "add_7", "--entry", "add_4"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("3 of 4 entries compiled"));
  EXPECT_LT(result.out.find("add_30 "), result.out.find("add_2 "));
  EXPECT_THAT(result.out, testing::Not(HasSubstr("add_3 ")));
}

TEST_F(CliCompile, JsonHasStagesAndStack) {
  const auto file = scratch.write("stack.metal", R"(#include <metal_stdlib>
kernel void stack(device int* o [[buffer(0)]], metal::uint i [[thread_position_in_grid]]) {
  int v[64];
  for (int k = 0; k < 64; ++k) v[k] = o[k + i];
  o[i] = v[o[i] & 63] + v[o[i + 1] & 63];
}
)");
  for (const char* device : {"cpu", "cuda:sm_90"}) {
    const auto result = run_program({"compile", file, "--json", "--device", device});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    const auto entry = nlohmann::json::parse(result.out).at("entries").at(0);
    EXPECT_GE(int(entry.at("stack_bytes")), 256) << device;
    EXPECT_GT(int(entry.at("code_bytes")), 0);
    for (const char* stage : {"entry", "specialise", "device"}) EXPECT_GT(double(entry.at("stages").at(stage)), 0);
  }
}

TEST_F(CliCompile, ALoopThatCannotBeUnrolledIsNoNews) {
  const auto file = scratch.write("stubborn.metal", R"metal(#include <metal_stdlib>
using namespace metal;
kernel void stubborn(device int* o [[buffer(0)]], device const int* n [[buffer(1)]], uint i [[thread_position_in_grid]]) {
  int s = 0;
  _Pragma("clang loop unroll(full)") for (int k = 0; k < n[i]; ++k) { s += o[k] * k; if (s > 1000) break; }
  o[i] = s;
}
)metal");
  for (const char* device : {"cpu", "cuda:sm_90"}) {
    const auto result = run_program({"compile", file, "--device", device});
    EXPECT_EQ(result.exit_code, 0) << device;
    EXPECT_THAT(result.err, testing::StartsWith("1 of 1 entries compiled")) << device;
    EXPECT_THAT(result.err, testing::Not(HasSubstr("unroll"))) << device;
  }
}

TEST_F(CliCompile, EmitsIrAndAssembly) {
  const auto file = scratch.write("two.metal", kTwoKernels);
  const auto ir = run_program({"compile", file, "--entry", "twice", "--emit", "ir"});
  EXPECT_EQ(ir.exit_code, 0) << ir.err;
  EXPECT_THAT(ir.out, HasSubstr("__msl_"));
  EXPECT_THAT(ir.out, HasSubstr("define "));
  const auto assembly = run_program({"compile", file, "--entry", "twice", "--emit", "asm"});
  EXPECT_EQ(assembly.exit_code, 0) << assembly.err;
  EXPECT_THAT(assembly.out, HasSubstr("ret"));
  const auto ptx = run_program({"compile", file, "--entry", "twice", "--device", "cuda:sm_90", "--emit", "ptx"});
  EXPECT_EQ(ptx.exit_code, 0) << ptx.err;
  EXPECT_THAT(ptx.out, HasSubstr(".target sm_90"));
  EXPECT_EQ(run_program({"compile", file, "--emit", "ptx"}).exit_code, 2);
}

TEST_F(CliCompile, ForAnotherProcessor) {
  const auto file = scratch.write("scale.metal", R"(#include <metal_stdlib>
kernel void scale(device float* x [[buffer(0)]], uint i [[thread_position_in_grid]]) { x[i] *= 3.0f; })");
  const auto for_target = [](const char* target, std::vector<std::string> arguments) {
    ::setenv("ANYMETAL_CPU_TARGET", target, 1);
    auto result = run_program(std::move(arguments));
    ::unsetenv("ANYMETAL_CPU_TARGET");
    return result;
  };
  const std::vector<std::string> assembly = {"compile", file, "--entry", "scale", "--device", "cpu", "--emit", "asm"};
  const auto arm = for_target("aarch64-linux-gnu:neoverse-n1", assembly);
  EXPECT_EQ(arm.exit_code, 0) << arm.err;
  EXPECT_THAT(arm.out, HasSubstr(".4s"));
#if defined(__x86_64__)
  const auto avx2 = for_target("x86-64-v3", assembly);
  EXPECT_EQ(avx2.exit_code, 0) << avx2.err;
  EXPECT_THAT(avx2.out, HasSubstr("ymm"));
  EXPECT_THAT(avx2.out, Not(HasSubstr("zmm")));
#endif
  const auto unknown = for_target("abacus", assembly);
  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_THAT(unknown.err, HasSubstr("no processor 'abacus'"));
#if defined(__x86_64__)
  const char* elsewhere = "aarch64-linux-gnu:neoverse-n1";
#else
  const char* elsewhere = "x86_64-linux-gnu:x86-64-v3";
#endif
  const auto run = for_target(elsewhere, {"run", file, "--entry", "scale", "--device", "cpu", "--buffer",
                                          "0=zeros:f32:4", "--threads", "4x1x1", "--group", "4x1x1"});
  EXPECT_NE(run.exit_code, 0);
  EXPECT_THAT(run.err, HasSubstr("ANYMETAL_CPU_TARGET"));
}

#if defined(__x86_64__)
TEST_F(CliCompile, LooksUpInRegistersOfEightFloats) {
  const auto file = scratch.write("look_up.metal", R"(#include <metal_stdlib>
typedef float Float16 __attribute__((ext_vector_type(16)));
typedef uint Uint16 __attribute__((ext_vector_type(16)));
extern "C" void __msl_look_up_32(thread Float16*, thread const Float16*, thread const Float16*, thread const Uint16*);
kernel void look_up(device Float16* x [[buffer(0)]], device const Uint16& n [[buffer(1)]]) {
  const Float16 low = x[0], high = x[1];
  const Uint16 index = n;
  Float16 found;
  __msl_look_up_32(&found, &low, &high, &index);
  x[2] = found;
})");
  ::setenv("ANYMETAL_CPU_TARGET", "x86-64-v3", 1);
  const auto avx2 = run_program({"compile", file, "--entry", "look_up", "--device", "cpu", "--emit", "asm"});
  ::unsetenv("ANYMETAL_CPU_TARGET");
  EXPECT_EQ(avx2.exit_code, 0) << avx2.err;
  EXPECT_THAT(avx2.out, HasSubstr("vperm"));
  EXPECT_THAT(avx2.out, Not(HasSubstr("vinsertps")));  // of single entries
}
#endif

TEST_F(CliCompile, DefinesAndIncludeDirectories) {
  scratch.write("scale.h", "constexpr constant float kScale = SCALE;\n");
  const auto file = scratch.write("use.metal", R"(#include <metal_stdlib>
#include "scale.h"
kernel void use(device float* x [[buffer(0)]]) { x[0] = kScale; }
)");
  EXPECT_EQ(run_program({"compile", file, "-D", "SCALE=2.5"}).exit_code, 0) << "a file finds what lies beside it";
  EXPECT_EQ(run_program({"compile", file}).exit_code, 1);
  std::filesystem::create_directory(scratch.file("elsewhere"));
  const auto elsewhere = scratch.write("elsewhere/use.metal", "#include \"scale.h\"\nkernel void use(device float* x) { x[0] = kScale; }\n");
  EXPECT_EQ(run_program({"compile", elsewhere, "-I", scratch.file(""), "-D", "SCALE=2.5"}).exit_code, 0);
  const auto missing = run_program({"compile", elsewhere, "-D", "SCALE=2.5"});
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_THAT(missing.err, HasSubstr("'scale.h' file not found; searched: the given include files, " + scratch.file("elsewhere")));
}

TEST_F(CliCompile, BadFilesAreTheInputsFault) {
  const auto missing = run_program({"compile", scratch.file("missing.metal")});
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_THAT(missing.err, HasSubstr("no such file"));
  const auto directory = run_program({"compile", scratch.file("")});
  EXPECT_EQ(directory.exit_code, 1);
  EXPECT_THAT(directory.err, HasSubstr("is a directory"));
  const auto bytes =
      run_program({"compile", scratch.write("bytes.metal", std::string("\xff\xfe\0\x80kernel", 10)), "--json"});
  EXPECT_EQ(bytes.exit_code, 1);
  EXPECT_TRUE(nlohmann::json::accept(bytes.out)) << bytes.out;
  const auto unknown = run_program({"compile", scratch.write("two.metal", kTwoKernels), "--entry", "twize"});
  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_THAT(unknown.err, HasSubstr("twice"));
}

}  // namespace
}  // namespace anymetal::test
