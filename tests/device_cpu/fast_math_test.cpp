// The approximate functions against double precision over their whole range.

#include "ir_kernel.hpp"

#include <cmath>
#include <functional>

namespace anymetal::test {
namespace {

struct Function {
  const char* name;
  double (*reference)(double);
  double first, last;   ///< range sampled
  double relative, absolute;
  std::vector<float> special;
};

double reciprocal(double x) { return 1 / x; }
double reciprocal_root(double x) { return 1 / std::sqrt(x); }

class FastMath : public testing::TestWithParam<Function> {};

TEST_P(FastMath, StaysWithinItsTolerance) {
  const auto& f = GetParam();
  const IrKernel kernel(std::string(R"(
define void @kernel(ptr %in, ptr %out) {
  %g = call i32 @__msl_threadgroup_position_in_grid(i32 0)
  %d = call i32 @__msl_dispatch_threads_per_threadgroup(i32 0)
  %t = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %o = mul i32 %g, %d
  %i = add i32 %o, %t
  %at = zext i32 %i to i64
  %p = getelementptr float, ptr %in, i64 %at
  %q = getelementptr float, ptr %out, i64 %at
  %x = load float, ptr %p
  %y = call float @__msl_fast_)") +
                        f.name + R"((float %x)
  store float %y, ptr %q
  ret void
})");
  std::vector<float> input = f.special;
  for (int i = 0; i <= 20000; ++i) input.push_back(static_cast<float>(f.first + (f.last - f.first) * i / 20000));
  const DeviceArray<float> in(input);
  const DeviceArray<float> out(std::vector<float>(input.size(), 12345.0f));
  ASSERT_TRUE(kernel.run({in.bind(), out.bind()}, {input.size()}, {128}));
  const auto result = out.values();
  double worst = 0;
  for (std::size_t i = 0; i < input.size(); ++i) {
    const auto exact = f.reference(static_cast<double>(input[i]));
    const auto expected = static_cast<float>(exact);
    if (std::isnan(expected) || std::isinf(expected) || expected == 0) {
      ASSERT_TRUE(std::isnan(expected) ? std::isnan(result[i]) : std::abs(result[i] - expected) <= f.absolute ||
                                                                     result[i] == expected)
          << f.name << '(' << input[i] << ") = " << result[i] << ", expected " << expected;
      continue;
    }
    const auto error = std::abs(static_cast<double>(result[i]) - exact);
    ASSERT_LE(error, f.absolute + f.relative * std::abs(exact)) << f.name << '(' << input[i] << ')';
    worst = std::max(worst, error / std::abs(exact));
  }
  RecordProperty("worst_relative_error", std::to_string(worst));
}

INSTANTIATE_TEST_SUITE_P(
    All, FastMath,
    testing::Values(Function{"exp2", std::exp2, -150, 130, 3e-7, 1.5e-45, {INFINITY, -INFINITY, NAN, 0, -0.0f, 1, 500, -500}},
                    Function{"log2", std::log2, 1e-3, 50, 3e-7, 2e-7, {INFINITY, NAN, 0, -1, 1, 1e-40f, 3e38f, 2}},
                    Function{"rcp", reciprocal, 0.01, 100, 3e-7, 0, {INFINITY, NAN, -4}},
                    Function{"rsqrt", reciprocal_root, 0.01, 100, 3e-7, 0, {INFINITY, NAN, -4, 1e-38f}},
                    Function{"sin", std::sin, -3000, 3000, 0, 4e-7, {INFINITY, NAN, 0, 1e4f, -9e4f}},
                    Function{"cos", std::cos, -3000, 3000, 0, 4e-7, {INFINITY, NAN, 0, 1e4f, -9e4f}}),
    [](const auto& named) { return std::string(named.param.name); });

}  // namespace
}  // namespace anymetal::test
