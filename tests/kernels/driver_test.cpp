// The driver of the case table sees every kind of wrong kernel.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "cases/runner.hpp"

namespace {

using namespace anymetal;
using cases::DType;
using testing::HasSubstr;

constexpr std::size_t kCount = 40;

/// y = 2 x with a kernel body of the test's choice.
cases::Outcome run(const std::string& body) {
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
  return cases::run(test, registry, *Device::open("cpu"));
}

void expect_failure(const std::string& body, const std::string& what) {
  const cases::Outcome outcome = run(body);
  EXPECT_THAT(outcome.failures, testing::Contains(HasSubstr(what))) << body;
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

}  // namespace
