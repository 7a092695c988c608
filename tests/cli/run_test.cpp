#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <numeric>

#include "parts/npy.hpp"
#include "process.hpp"
#include "support/resource_limit.hpp"

namespace anymetal::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view kSource = R"(#include <metal_stdlib>
using namespace metal;
constant int shift [[function_constant(0)]];
struct Params { uint count; float factor; };
kernel void axpy(device const float* x [[buffer(0)]], device float* y [[buffer(1)]],
                 constant Params& p [[buffer(2)]], uint i [[thread_position_in_grid]]) {
  if (i < p.count) y[i] += p.factor * x[i];
}
kernel void shifted(device const int* in [[buffer(0)]], device int* out [[buffer(1)]],
                    uint i [[thread_position_in_grid]]) { out[i] = in[i] + shift; }
kernel void reversed(device int* x [[buffer(0)]], threadgroup int* copy [[threadgroup(0)]],
                     uint i [[thread_index_in_threadgroup]], uint n [[threads_per_threadgroup]]) {
  copy[i] = x[i];
  threadgroup_barrier(mem_flags::mem_threadgroup);
  x[i] = copy[n - 1 - i];
}
)";

template <class T>
std::vector<T> values_of(const cli::NpyArray& array) {
  std::vector<T> values(array.data.size() / sizeof(T));
  std::memcpy(values.data(), array.data.data(), array.data.size());
  return values;
}

class CliRun : public ::testing::Test {
 protected:
  /// A file of 0, 1, 2 ...
  template <class T>
  std::string count(std::string_view name, cli::ElementType type, std::size_t size) {
    std::vector<T> values(size);
    std::iota(values.begin(), values.end(), T{0});
    const std::vector<std::size_t> shape{size};
    EXPECT_TRUE(cli::write_npy(scratch.file(name), type, shape, std::as_bytes(std::span(values))));
    return scratch.file(name);
  }

  ScratchDirectory scratch;
  std::string source = scratch.write("kernels.metal", kSource);
};

TEST_F(CliRun, ArraysGoInAndComeOut) {
  const auto x = count<float>("x.npy", cli::ElementType::F32, 5);
  const auto params = scratch.write("params.bin", std::string("\4\0\0\0\0\0\0\x40", 8));  // {4, 2.0f}
  const auto result = run_program({"run", source, "--entry", "axpy", "--device", "cpu", "--buffer", "0=" + x,
                                   "--buffer", "1=" + x, "--bytes", "2=@" + params, "--threads", "5", "--group", "2",
                                   "--dump", "1=" + scratch.file("y.npy")});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto y = cli::read_npy(scratch.file("y.npy"));
  ASSERT_TRUE(y) << y.error().message();
  EXPECT_EQ(y->type, cli::ElementType::F32);
  EXPECT_THAT(values_of<float>(*y), ElementsAre(0, 3, 6, 9, 4));
}

TEST_F(CliRun, OffsetsConstantsAndJson) {
  const auto x = count<std::int32_t>("x.npy", cli::ElementType::I32, 6);
  const auto result = run_program({"run",        source,
                                   "--entry",    "shifted",
                                   "--device",   "cpu",
                                   "--constant", "shift=100",
                                   "--buffer",   "0=" + x + "+8",
                                   "--buffer",   "1=zeros:i32:4",
                                   "--grid",     "1",
                                   "--group",    "4",
                                   "--dump",     "1=" + scratch.file("out.npy"),
                                   "--repeat",   "3",
                                   "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(values_of<std::int32_t>(*cli::read_npy(scratch.file("out.npy"))), ElementsAre(102, 103, 104, 105));
  const auto object = nlohmann::json::parse(result.out);
  EXPECT_EQ(object.at("label"), "shifted|0:i100");
  EXPECT_EQ(object.at("device"), "cpu");
  EXPECT_EQ(object.at("repeat"), 3);
  EXPECT_GT(object.at("milliseconds").at("median"), 0);
  EXPECT_LE(object.at("milliseconds").at("minimum"), object.at("milliseconds").at("maximum"));
}

TEST_F(CliRun, DynamicThreadgroupMemory) {
  const auto x = count<std::int32_t>("x.npy", cli::ElementType::I32, 8);
  const auto result = run_program({"run", source, "--entry", "reversed", "--device", "cpu", "--buffer", "0=" + x,
                                   "--threadgroup-memory", "0=32", "--grid", "1", "--group", "8", "--dump",
                                   "0=" + scratch.file("out.npy")});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(values_of<std::int32_t>(*cli::read_npy(scratch.file("out.npy"))), ElementsAre(7, 6, 5, 4, 3, 2, 1, 0));
}

TEST_F(CliRun, AVariableOfTheEnvironmentThatMakesNoSenseIsNamedOnce) {
  ::setenv("ANYMETAL_THREADS", "banana", 1);
  const auto run = run_program({"run", source, "--entry", "reversed", "--buffer", "0=zeros:i32:8", "--threadgroup-memory", "0=32", "--grid", "1", "--group", "8"});
  ::unsetenv("ANYMETAL_THREADS");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  constexpr std::string_view kWarning = "anymetal: warning: ANYMETAL_THREADS=banana is left out: it takes a number of threads, 1 or more\n";
  ASSERT_THAT(run.err, HasSubstr(kWarning));
  EXPECT_EQ(run.err.find(kWarning), run.err.rfind(kWarning));
}

TEST_F(CliRun, BuiltInKernelsNeedNoFile) {
  const auto x = count<float>("x.npy", cli::ElementType::F32, 8);
  const auto result = run_program({"run", "--kernel", "elementwise_add_f32", "--device", "cpu", "--buffer", "0=" + x,
                                   "--buffer", "1=" + x, "--buffer", "2=zeros:f32:8", "--bytes", "3=u32:8", "--threads",
                                   "8", "--dump", "2=" + scratch.file("sum.npy")});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(values_of<float>(*cli::read_npy(scratch.file("sum.npy"))), ElementsAre(0, 2, 4, 6, 8, 10, 12, 14));
}

TEST_F(CliRun, MistakesLeaveNothingBehind) {
  const auto before = scratch.names();
  const std::string dump = "1=" + scratch.file("y.npy");
  const std::vector<std::vector<std::string>> mistakes{
      {"--buffer", "0=zeros:f32:4", "--threads", "4"},                               // no buffer 1
      {"--buffer", "0=missing.npy", "--threads", "4"},                               // no file
      {"--buffer", "0=" + scratch.file(""), "--threads", "4"},                       // a directory
      {"--buffer", "0=" + source, "--threads", "4"},                                 // not an array
      {"--buffer", "0=/dev/zero", "--threads", "4"},                                 // without an end
      {"--buffer", "0=zeros:f32:4", "--buffer", "1=zeros:f32:4", "--threads", "4"},  // no bytes 2
      {"--buffer", "0=zeros:f32:4", "--buffer", "1=zeros:f32:4", "--bytes", "2=u8:1", "--threads",
       "4"},  // too few bytes
      {"--buffer", "0=zeros:f32:4+99", "--buffer", "1=zeros:f32:4", "--bytes", "2=u32:1,0", "--threads", "4"},
      {"--buffer", "0=zeros:f32:4", "--buffer", "1=zeros:f32:4", "--bytes", "2=u32:1,0", "--threads", "4", "--group",
       "4096"},  // too many threads
  };
  for (const auto& mistake : mistakes) {
    std::vector<std::string> arguments{"run", source, "--entry", "axpy", "--device", "cpu", "--dump", dump, "--json"};
    arguments.insert(arguments.end(), mistake.begin(), mistake.end());
    const auto result = run_program(arguments);
    EXPECT_EQ(result.exit_code, 1) << result.err << ::testing::PrintToString(mistake);
    ASSERT_TRUE(nlohmann::json::accept(result.out)) << result.out;
    EXPECT_NE(nlohmann::json::parse(result.out).at("error").at("message"), "");
    EXPECT_EQ(scratch.names(), before);
  }
}

constexpr std::string_view kRunsPast = R"(#include <metal_stdlib>
using namespace metal;
kernel void copies(device const float* x [[buffer(0)]], device float* y [[buffer(1)]], uint i [[thread_position_in_grid]]) {
  y[i] = x[i];
}
kernel void shifts(device float* y [[buffer(1)]], constant long* by [[buffer(2)]], uint i [[thread_position_in_grid]]) {
  y[long(i) + by[0]] = 1;
}
kernel void looks_up(constant uint* table [[buffer(0)]], device uint* y [[buffer(1)]], constant uint& at [[buffer(2)]]) {
  y[0] = table[at];
}
kernel void shares(device float* y [[buffer(0)]], constant int& by [[buffer(1)]], threadgroup float* given [[threadgroup(0)]],
                   uint i [[thread_index_in_threadgroup]], uint n [[threads_per_threadgroup]]) {
  threadgroup float own[64];
  own[int(i) - min(by, 0)] = i;
  given[int(i) + max(by, 0)] = i;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  y[i] = own[n - 1 - i] + given[n - 1 - i];
}
)";

TEST_F(CliRun, WhatAKernelAccessesOutsideItsBuffersIsAnError) {
  const auto file = scratch.write("past.metal", kRunsPast);
  const auto before = scratch.names();
  struct Mistake {
    std::vector<std::string> arguments;
    const char* message;
  };
  const auto copies = [](const char* x, const char* y) {
    return std::vector<std::string>{"--entry", "copies", "--buffer", x, "--buffer", y, "--threads", "8"};
  };
  const auto shifts = [](const char* by) {
    return std::vector<std::string>{"--entry", "shifts", "--buffer", "1=zeros:f32:8", "--bytes", by, "--threads", "1"};
  };
  const auto looks_up = [](const char* table, const char* at) {
    return std::vector<std::string>{"--entry",       "looks_up", "--bytes", table,       "--buffer",
                                    "1=zeros:u32:1", "--bytes",  at,        "--threads", "1"};
  };
  const Mistake mistakes[] = {
      {copies("0=zeros:f32:4", "1=zeros:f32:8"),
       "'x' [[buffer(0)]]: the buffer has 16 bytes, the kernel accessed byte 16"},
      {copies("0=zeros:f32:8", "1=zeros:f32:4"),
       "'y' [[buffer(1)]]: the buffer has 16 bytes, the kernel accessed byte 16"},
      {copies("0=zeros:f32:8", "1=zeros:f32:7"),
       "'y' [[buffer(1)]]: the buffer has 28 bytes, the kernel wrote byte 28"},
      {copies("0=zeros:f32:8", "1=zeros:f32:8+16"), "the buffer has 32 bytes, the kernel accessed byte 32"},
      {shifts("2=i64:-1"), "the buffer has 32 bytes, the kernel wrote byte -1"},
      {shifts("2=i64:100000000"), "the buffer has 32 bytes, the kernel accessed byte 400000000"},
      {shifts("2=i64:1000000000000000"), "kernel 'shifts': it accessed memory that belongs to none of its buffers"},
      {looks_up("0=u32:1,2,3,4", "2=u32:4"),
       "'table' [[buffer(0)]]: the buffer has 16 bytes, the kernel accessed byte 16"},
      {looks_up("0=u32:1,2,3,4", "2=u8:1"), "'at' [[buffer(2)]]: 1 bytes are given, 'uint' has 4"},
  };
  for (const Mistake& mistake : mistakes) {
    std::vector<std::string> arguments{"run",   file, "--device", "cpu", "--dump", "1=" + scratch.file("y.npy"),
                                       "--json"};
    arguments.insert(arguments.end(), mistake.arguments.begin(), mistake.arguments.end());
    const auto result = run_program(arguments);
    EXPECT_EQ(result.exit_code, 1) << result.err << mistake.message;
    EXPECT_THAT(result.err, HasSubstr(mistake.message));
    ASSERT_TRUE(nlohmann::json::accept(result.out)) << result.out;
    const auto error = nlohmann::json::parse(result.out).at("error");
    EXPECT_EQ(error.at("code"), "InvalidBinding");
    EXPECT_THAT(error.at("message").get<std::string>(), HasSubstr(mistake.message));
    EXPECT_EQ(scratch.names(), before);
  }
}

TEST_F(CliRun, WhatAKernelDoesBeyondItsThreadgroupMemoryNeverReachesTheHeap) {
  const auto file = scratch.write("past.metal", kRunsPast);
  const auto shares = [&](int by) {
    return run_program({"run", file, "--device", "cpu", "--entry", "shares", "--buffer", "0=zeros:f32:64", "--bytes",
                        fmt::format("1=i32:{}", by), "--threadgroup-memory", "0=256", "--threads", "64", "--group",
                        "64"});
  };
  EXPECT_EQ(shares(0).exit_code, 0);
  for (const int by : {1, 4, 64, 1000, 16000, -129, -1000, -16000}) {  // its own array ends where the other begins
    const auto result = shares(by);
    EXPECT_EQ(result.exit_code, 1) << by << result.err;
    EXPECT_THAT(result.err, HasSubstr("kernel 'shares': it accessed memory beyond its threadgroup memory")) << by;
  }
}

TEST_F(CliRun, ADumpLargerThanFilesMayBecomeIsAnErrorAndNoSignal) {
  const auto before = scratch.names();
  const auto result = [&] {
    const ResourceLimit limit(RLIMIT_FSIZE, 8192);
    return run_program({"run", source, "--entry", "shifted", "--device", "cpu", "--constant", "0=int:1", "--buffer",
                        "0=zeros:i32:4096", "--buffer", "1=zeros:i32:4096", "--threads", "4", "--dump",
                        "1=" + scratch.file("y.npy")});
  }();
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_THAT(result.err, HasSubstr("y.npy: cannot write: File too large"));
  EXPECT_EQ(scratch.names(), before);
}

TEST_F(CliRun, AnOffsetThatDoesNotFitIsNamedAsItWasGiven) {
  const auto result = run_program({"run", source, "--entry", "shifted", "--device", "cpu", "--constant", "0=int:1",
                                   "--buffer", "0=zeros:i32:8+2", "--buffer", "1=zeros:i32:8", "--threads", "4"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("'in' [[buffer(0)]]: offset 2 is not a multiple of 4, the alignment of 'int'"));
}

TEST_F(CliRun, AKernelWithoutAnEndIsEnded) {
  const auto file = scratch.write("endless.metal",
                                  "#include <metal_stdlib>\nusing namespace metal;\n"
                                  "kernel void waits(device atomic_int* x [[buffer(0)]]) {\n"
                                  "  while (atomic_load_explicit(x, memory_order_relaxed) == 0) {}\n}\n");
  const auto result = run_program({"run", file, "--entry", "waits", "--device", "cpu", "--buffer", "0=zeros:i32:1",
                                   "--threads", "1", "--timeout", "1", "--json"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("kernel 'waits': it still runs after 1 s"));
  ASSERT_TRUE(nlohmann::json::accept(result.out)) << result.out;
  EXPECT_EQ(nlohmann::json::parse(result.out).at("error").at("code"), "Cancelled");
}

TEST_F(CliRun, WhatIsNoFileIsWrittenToAndNotReplaced) {
  const auto pipe = scratch.file("pipe");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const int reader = ::open(pipe.c_str(), O_RDWR | O_NONBLOCK);
  const auto result =
      run_program({"run", source, "--entry", "shifted", "--device", "cpu", "--constant", "0=int:1", "--buffer",
                   "0=zeros:i32:8", "--buffer", "1=zeros:i32:8", "--threads", "4", "--dump", "1=" + pipe});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(std::filesystem::is_fifo(pipe));
  std::string found(6, 0);
  EXPECT_EQ(::read(reader, found.data(), found.size()), 6);
  EXPECT_EQ(found, "\x93NUMPY");
  ::close(reader);
}

TEST_F(CliRun, NothingIsGivenTwice) {
  const std::vector<std::string> once{"run",      source,          "--entry",  "shifted",       "--device",  "cpu",
                                      "--buffer", "0=zeros:i32:4", "--buffer", "1=zeros:i32:4", "--threads", "4"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), once.begin(), once.end());
    return run_program(more);
  };
  EXPECT_EQ(with({"--constant", "0=int:1"}).exit_code, 0);
  const auto index = with({"--constant", "0=int:1", "--constant", "0=int:2"});
  EXPECT_EQ(index.exit_code, 2);
  EXPECT_THAT(index.err, HasSubstr("--constant 0=int:2: the constant is given twice"));
  EXPECT_EQ(with({"--constant", "shift=int:1", "--constant", "shift=int:1"}).exit_code, 2);
  const auto both = with({"--constant", "0=int:1", "--constant", "shift=int:2"});
  EXPECT_EQ(both.exit_code, 1);
  EXPECT_THAT(both.err, HasSubstr("is given two different values"));
  EXPECT_EQ(with({"--constant", "0=int:1", "--buffer", "0=zeros:i32:8"}).exit_code, 2);
  const auto memory = with({"--constant", "0=int:1", "--threadgroup-memory", "0=16", "--threadgroup-memory", "0=32"});
  EXPECT_EQ(memory.exit_code, 2);
  EXPECT_THAT(memory.err, HasSubstr("--threadgroup-memory 0: the argument is given twice"));
}

TEST_F(CliRun, TextThatIsNoValueIsWrongUsage) {
  for (const std::vector<std::string>& mistake :
       std::vector<std::vector<std::string>>{{"--threads", "4x4x4x4"},
                                             {"--threads", "4", "--buffer", "0=zeros:f64:4"},
                                             {"--threads", "4", "--bytes", "2=u8:256"},
                                             {"--threads", "4", "--constant", "0=int"},
                                             {"--grid", ""},
                                             {"--threads", "4", "--group", "-1"}}) {
    std::vector<std::string> arguments{"run", source, "--entry", "axpy", "--json"};
    arguments.insert(arguments.end(), mistake.begin(), mistake.end());
    const auto result = run_program(arguments);
    EXPECT_EQ(result.exit_code, 2) << result.err;
    EXPECT_TRUE(nlohmann::json::accept(result.out)) << result.out;
  }
}

TEST_F(CliRun, UnknownKernelsComeWithSuggestions) {
  const auto result = run_program({"run", "--kernel", "rms_nrm_f32", "--threads", "1", "--json"});
  EXPECT_EQ(result.exit_code, 1);
  const auto error = nlohmann::json::parse(result.out).at("error");
  EXPECT_EQ(error.at("code"), "KernelNotFound");
  EXPECT_THAT(result.err, HasSubstr("rms_norm_f32"));
}

TEST_F(CliRun, CompileErrorsNameTheUsersFile) {
  const auto broken = scratch.write(
      "broken.metal", "#include <metal_stdlib>\nkernel void broken(device int* x [[buffer(0)]]) { x = 1; }\n");
  const auto result = run_program({"run", broken, "--entry", "broken", "--threads", "1"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr(broken + ":2:"));
}

}  // namespace
}  // namespace anymetal::test
