// The driver of the case table sees every kind of wrong kernel.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "cases/runner.hpp"

namespace {

using namespace anymetal;
using cases::DType;
using testing::HasSubstr;

constexpr std::size_t kCount = 40;

/// y = 2 x with a kernel body of the test's choice.
cases::Outcome run(const std::string& body, cases::Placements placements = cases::kAlignments) {
  KernelRegistry registry;
  registry.register_source("twice",
                           "#include <metal_stdlib>\nusing namespace metal;\n"
                           "kernel void twice(device float* x [[buffer(0)]], device float* y [[buffer(1)]],\n"
                           "                  constant uint& n [[buffer(2)]], uint i [[thread_position_in_grid]]) {\n" +
                               body + "\n}\n");
  const cases::Case test = {"twice", "n=40", cases::Purpose::Test, [](cases::Problem& p) {
                              const auto x = p.input(0, DType::F32, kCount, cases::normal());
                              const auto y = p.output(1, DType::F32, kCount);
                              p.value(2, static_cast<std::uint32_t>(kCount));
                              p.threads({kCount}, {kCount});
                              p.expect(y, {.relative = 1e-7}, [=] {
                                auto twice = x;
                                for (double& v : twice) v *= 2;
                                return twice;
                              });
                            }};
  return cases::run(test, registry, *Device::open("cpu"), 0, placements);
}

void expect_failure(const std::string& body, const std::string& what) {
  const cases::Outcome outcome = run(body);
  EXPECT_THAT(outcome.failures, testing::Contains(HasSubstr(what))) << body;
}

TEST(Driver, SeesReadsOutsideABufferAtInaccessiblePages) {
  const auto failures = [](const std::string& body) { return run(body, cases::kGuardedPages).failures; };
  EXPECT_THAT(failures("if (i < n) y[i] = 2 * x[i];"), testing::IsEmpty());
  // What stands outside does not matter for the result.
  const std::string before = "if (i < n) y[i] = *(volatile device float*)(x + i - 1) > 1e30f ? 0 : 2 * x[i];";
  const std::string after = "if (i < n) y[i] = *(volatile device float*)(x + i + 1) > 1e30f ? 0 : 2 * x[i];";
  EXPECT_THAT(run(before).failures, testing::IsEmpty());
  EXPECT_THAT(failures(before), testing::ElementsAre("buffer 0: accessed 4 bytes before its start"));
  EXPECT_THAT(failures(after), testing::ElementsAre("buffer 0: accessed 0 bytes past its end"));
  EXPECT_THAT(run(before, cases::kEverywhere).failures, testing::ElementsAre("buffer 0: accessed 4 bytes before its start"));
  EXPECT_THAT(run(after, cases::kEverywhere).failures, testing::ElementsAre("buffer 0: accessed 0 bytes past its end"));
  EXPECT_THAT(failures("if (i < n) y[i] = 2 * x[i]; if (i == 3) y[n + 9] = 1;"),
              testing::Contains("buffer 1: accessed 36 bytes past its end"));
  EXPECT_THAT(failures("if (i < n && *((volatile constant uint*)&n + 1) != 123456789) y[i] = 2 * x[i];"),
              testing::ElementsAre("buffer 2: accessed 0 bytes past its end"));
}

TEST(Driver, AcceptsTheRightKernel) {
  const cases::Outcome outcome = run("if (i < n) y[i] = 2 * x[i];");
  EXPECT_THAT(outcome.failures, testing::IsEmpty());
  ASSERT_EQ(outcome.accuracy.size(), 1u);
  EXPECT_EQ(outcome.accuracy[0].error, 0);
}

TEST(Driver, SeesWrongKernels) {
  expect_failure("if (i < n) y[i] = 2.001f * x[i];", "40 of 40 elements wrong");
  expect_failure("if (i + 1 < n) y[i] = 2 * x[i];", "1 of 40 elements wrong; first: element 39 is ");
  expect_failure("if (i < n) y[i] = 2 * x[i]; if (i == 0) y[n] = 1;", "buffer 1: bytes outside it were written");
  expect_failure("if (i < n) y[i] = 2 * x[i]; if (i == 0) *(y - 1) = 1;", "buffer 1: bytes outside it were written");
  expect_failure("if (i < n) { y[i] = 2 * x[i]; x[i] = 0; }", "buffer 0: an input was changed");
  expect_failure("if (i < n) y[i] = (ulong(y) & 4) ? 2 * x[i] + 1e-9f * x[i] + 1e-7f : 2 * x[i];", "gave other bits");
  expect_failure("y[i] = undefined;", "undefined");
}

TEST(Driver, SeesParametersOfAnotherLayout) {
  KernelRegistry registry;
  registry.register_source("wide", "struct P { uint n; uint unused[3]; };\n"
                                   "kernel void wide(device float* y [[buffer(0)]], constant P& p [[buffer(1)]]) { y[0] = p.n; }");
  const cases::Case test = {"wide", "", cases::Purpose::Test, [](cases::Problem& p) {
                              const auto y = p.output(0, DType::F32, 1);
                              p.value(1, std::uint32_t{3});
                              p.threads({1}, {1});
                              p.expect(y, cases::Tolerance::exact(), [] { return std::vector<double>{3}; });
                            }};
  EXPECT_THAT(cases::run(test, registry, *Device::open("cpu")).failures,
              testing::Contains("buffer 1: 'P' has 16 bytes on the device, the case gives 4"));
}

TEST(Driver, AnExpectedInfinityAllowsNothingElse) {
  KernelRegistry registry;
  registry.register_source("fixed", "kernel void fixed(device float* y [[buffer(0)]]) { y[0] = 5; }");
  const cases::Case test = {"fixed", "", cases::Purpose::Test, [](cases::Problem& p) {
                              const auto y = p.output(0, DType::F32, 1);
                              p.threads({1}, {1});
                              p.expect(y, {.relative = 1e-3}, [] { return std::vector<double>{HUGE_VAL}; });
                            }};
  EXPECT_THAT(cases::run(test, registry, *Device::open("cpu")).failures,
              testing::Contains(HasSubstr("element 0 is 5, must be inf")));
}

}  // namespace
