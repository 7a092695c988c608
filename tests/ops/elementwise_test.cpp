// Element-wise functions, their gradients, and the norms of rows: results of the ops for every type there is a kernel
// of, and what they refuse.
#include "ops/elementwise.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "ops/gradients.hpp"
#include "ops/mistakes.hpp"
#include "ops/ops_fixture.hpp"
#include "ops/sampling.hpp"

namespace anymetal::test {
namespace {

double logistic(double x) { return 1 / (1 + std::exp(-x)); }
double gelu(double x) {
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x)));
}

/// An op of one or two inputs; `formula` gives what must come out of each pair of elements.
struct Elementwise {
  const char* name;
  std::vector<DType> types;
  std::function<Result<void>(Context&, const Tensor& a, const Tensor& b, const Tensor& out)> op;
  double (*formula)(double a, double b);
};

const std::vector<DType> kF32 = {DType::F32}, kTwo = {DType::F32, DType::BF16},
                         kAll = {DType::F32, DType::F16, DType::BF16};

const Elementwise kOps[] = {
    {"add", kAll,
     [](Context& c, const Tensor& a, const Tensor& b, const Tensor& out) { return ops::add(c, a, b, out); },
     [](double a, double b) { return a + b; }},
    {"mul", kAll,
     [](Context& c, const Tensor& a, const Tensor& b, const Tensor& out) { return ops::mul(c, a, b, out); },
     [](double a, double b) { return a * b; }},
    {"scale", kTwo,
     [](Context& c, const Tensor& a, const Tensor&, const Tensor& out) { return ops::scale(c, a, -1.5f, out); },
     [](double a, double) { return -1.5 * a; }},
    {"gelu", kAll, [](Context& c, const Tensor& a, const Tensor&, const Tensor& out) { return ops::gelu(c, a, out); },
     [](double a, double) { return gelu(a); }},
    {"gelu_mul", kTwo,
     [](Context& c, const Tensor& a, const Tensor& b, const Tensor& out) { return ops::gelu_mul(c, a, b, out); },
     [](double a, double b) { return gelu(a) * b; }},
    {"silu_mul", kF32,
     [](Context& c, const Tensor& a, const Tensor& b, const Tensor& out) { return ops::silu_mul(c, a, b, out); },
     [](double a, double b) { return a * logistic(a) * b; }},
    {"sigmoid_mul", kTwo,
     [](Context& c, const Tensor& a, const Tensor& b, const Tensor& out) { return ops::sigmoid_mul(c, a, b, out); },
     [](double a, double b) { return a * logistic(b); }},
    {"softcap", kAll,
     [](Context& c, const Tensor& a, const Tensor&, const Tensor& out) { return ops::softcap(c, a, 2, out); },
     [](double a, double) { return 2 * std::tanh(a / 2); }},
    {"exp", kF32, [](Context& c, const Tensor& a, const Tensor&, const Tensor& out) { return ops::exp(c, a, out); },
     [](double a, double) { return std::exp(a); }},
    {"silu", kF32, [](Context& c, const Tensor& a, const Tensor&, const Tensor& out) { return ops::silu(c, a, out); },
     [](double a, double) { return a * logistic(a); }},
    {"divide", kF32,
     [](Context& c, const Tensor& a, const Tensor& b, const Tensor& out) { return ops::divide(c, a, b, out); },
     [](double a, double b) { return a / b; }},
    {"sqrt", kF32, [](Context& c, const Tensor& a, const Tensor&, const Tensor& out) { return ops::sqrt(c, a, out); },
     [](double a, double) { return std::sqrt(a); }},
    {"log", kF32, [](Context& c, const Tensor& a, const Tensor&, const Tensor& out) { return ops::log(c, a, out); },
     [](double a, double) { return std::log(a); }},
    {"exp_backward", kF32,
     [](Context& c, const Tensor& a, const Tensor& b, const Tensor& out) { return ops::exp_backward(c, a, b, out); },
     [](double y, double dy) { return y * dy; }},
    {"sqrt_backward", kF32,
     [](Context& c, const Tensor& a, const Tensor& b, const Tensor& out) { return ops::sqrt_backward(c, a, b, out); },
     [](double y, double dy) { return dy / (2 * y); }},
    {"log_backward", kF32,
     [](Context& c, const Tensor& a, const Tensor& b, const Tensor& out) { return ops::log_backward(c, a, b, out); },
     [](double x, double dy) { return dy / x; }},
    {"silu_backward", kF32,
     [](Context& c, const Tensor& a, const Tensor& b, const Tensor& out) { return ops::silu_backward(c, a, b, out); },
     [](double x, double dy) { return dy * logistic(x) * (1 + x * (1 - logistic(x))); }},
};

TEST_F(Ops, ElementwiseFunctionsOfEveryType) {
  for (const Elementwise& each : kOps) {
    for (const DType type : each.types) {
      const std::size_t n = 3 * 171;
      Values a = random(n), b = random(n);
      if (std::isnan(each.formula(-1, 1))) {
        for (double& value : a) value = std::fabs(value) + 0.1;
      }
      const Buffer left = upload(type, a), right = upload(type, b), out = *device_->make_buffer(ops::bytes_of(type, n));
      run([&](Context& context) {
        return each.op(context, Tensor::of(left, type, {3, 171}), Tensor::of(right, type, {3, 171}),
                       Tensor::of(out, type, {3, 171}));
      });
      const Values y = download(out, type);
      const double relative = type == DType::F32 ? 4e-6 : type == DType::F16 ? 1e-3 : 8e-3;
      for (std::size_t i = 0; i < n; ++i) {
        const double expected = each.formula(a[i], b[i]);
        ASSERT_NEAR(y[i], expected, relative * std::fabs(expected) + relative / 10)
            << each.name << ' ' << ops::name(type) << " element " << i;
      }
    }
  }
}

TEST_F(Ops, CastsBothWays) {
  for (const DType narrow : {DType::F16, DType::BF16}) {
    Values x = random(333);
    const Buffer wide = upload(DType::F32, x), half = *device_->make_buffer(666), back = *device_->make_buffer(333 * 4);
    run([&](Context& context) -> Result<void> {
      if (auto done = ops::cast(context, Tensor::of(wide, DType::F32, {333}), Tensor::of(half, narrow, {333})); !done)
        return done;
      return ops::cast(context, Tensor::of(half, narrow, {333}), Tensor::of(back, DType::F32, {333}));
    });
    EXPECT_EQ(download(back), cases::decode(narrow, cases::encode(narrow, x)));
  }
}

TEST_F(Ops, AccumulationAndHalves) {
  Values sum = random(100), x = random(100), gate_up = random(6 * 34);
  const Values before = sum;
  const Buffer to = upload(DType::F32, sum), from = upload(DType::F32, x), halves = upload(DType::F32, gate_up),
               out = *device_->make_buffer(6 * 17 * 4);
  run([&](Context& context) -> Result<void> {
    if (auto done =
            ops::accumulate(context, Tensor::of(from, DType::F32, {100}), 0.25f, Tensor::of(to, DType::F32, {100}));
        !done) {
      return done;
    }
    return ops::gelu_mul_halves(context, Tensor::of(halves, DType::F32, {2, 3, 34}),
                                Tensor::of(out, DType::F32, {2, 3, 17}));
  });
  const Values added = download(to), y = download(out);
  for (std::size_t i = 0; i < 100; ++i) EXPECT_NEAR(added[i], sum[i] + 0.25 * x[i], 1e-6);
  for (std::size_t i = 0; i < y.size(); ++i) {
    const std::size_t row = i / 17, column = i % 17;
    EXPECT_NEAR(y[i], gelu(gate_up[row * 34 + column]) * gate_up[row * 34 + 17 + column], 1e-5);
  }
}

const Mistake kMistakes[] = {
    {"add: no kernel for u32",
     [](Fixture& f) {
       return ops::add(f.context, f.of(DType::U32, {4}), f.of(DType::U32, {4}), f.of(DType::U32, {4}));
     }},
    {"mul: second operand is f16, must be f32",
     [](Fixture& f) { return ops::mul(f.context, f.f32({4}), f.of(DType::F16, {4}), f.f32({4})); }},
    {"silu_mul: no kernel for bf16",
     [](Fixture& f) {
       const Tensor x = f.of(DType::BF16, {4});
       return ops::silu_mul(f.context, x, x, x);
     }},
    {"sigmoid_mul: operands are f32[4] and f32[2, 2], out is f32[5]",
     [](Fixture& f) {
       return ops::sigmoid_mul(f.context, f.f32({4}), f.f32({2, 2}), f.f32({5}));
     }},
    {"gelu: out is f32[3], x is f32[4]", [](Fixture& f) { return ops::gelu(f.context, f.f32({4}), f.f32({3})); }},
    {"scale: no kernel for f16",
     [](Fixture& f) { return ops::scale(f.context, f.of(DType::F16, {4}), 2, f.of(DType::F16, {4})); }},
    {"cast: no kernel from f16 to bf16",
     [](Fixture& f) { return ops::cast(f.context, f.of(DType::F16, {4}), f.of(DType::BF16, {4})); }},
    {"cast: x is f32[4], out is f16[5]",
     [](Fixture& f) { return ops::cast(f.context, f.f32({4}), f.of(DType::F16, {5})); }},
    {"accumulate: sum is f32[5], x is f32[4]",
     [](Fixture& f) { return ops::accumulate(f.context, f.f32({4}), 1, f.f32({5})); }},
    {"gelu_mul_halves: gate_up is f32[3, 7], out is f32[3, 4]",
     [](Fixture& f) {
       return ops::gelu_mul_halves(f.context, f.f32({3, 7}), f.f32({3, 4}));
     }},
    {"exp: x is f16, must be f32",
     [](Fixture& f) { return ops::exp(f.context, f.of(DType::F16, {4}), f.of(DType::F16, {4})); }},
    {"log_backward: dy is f32[3], x is f32[4]",
     [](Fixture& f) { return ops::log_backward(f.context, f.f32({4}), f.f32({3}), f.f32({4})); }},
    {"divide_backward: db is f32[2], b is f32[4]",
     [](Fixture& f) {
       return ops::divide_backward(f.context, f.f32({4}), f.f32({4}), f.f32({4}), f.f32({4}), f.f32({2}));
     }},
    {"softmax_backward: dy is f32[2, 4], y is f32[4, 2]",
     [](Fixture& f) {
       return ops::softmax_backward(f.context, f.f32({4, 2}), f.f32({2, 4}), f.f32({4, 2}));
     }},
    {"row_sum: out has 3 elements, rows are 4",
     [](Fixture& f) {
       return ops::row_sum(f.context, f.f32({4, 2}), f.f32({3}));
     }},
    {"row_sum_backward: dy has 2 elements, rows are 4",
     [](Fixture& f) {
       return ops::row_sum_backward(f.context, f.f32({2}), f.f32({4, 2}));
     }},
    {"rms_norm_backward_x: weight has 3 elements, row has 2",
     [](Fixture& f) {
       return ops::rms_norm_backward_x(f.context, f.f32({4, 2}), f.f32({3}), f.f32({4, 2}), f.f32({4}), f.f32({4, 2}));
     }},
    {"rms_norm_backward_weight: dweight has 4 elements, row has 2",
     [](Fixture& f) {
       return ops::rms_norm_backward_weight(f.context, f.f32({4, 2}), f.f32({4, 2}), f.f32({4}), f.f32({4}));
     }},
    {"outer_product: out is f32[3, 2], must be [2, 3]",
     [](Fixture& f) {
       return ops::outer_product(f.context, f.f32({2}), f.f32({3}), f.f32({3, 2}));
     }},
    {"outer_product_backward_b: a has 3 elements, rows are 2",
     [](Fixture& f) {
       return ops::outer_product_backward_b(f.context, f.f32({2, 3}), f.f32({3}), f.f32({3}));
     }},
    {"argsort: rows of 257 elements, at most 256",
     [](Fixture& f) {
       return ops::argsort(f.context, f.f32({2, 257}), f.of(DType::U32, {2, 257}));
     }},
    {"softmax: no kernel for i32",
     [](Fixture& f) { return ops::softmax(f.context, f.of(DType::I32, {4}), f.of(DType::I32, {4})); }},
};

class ElementwiseMistakes : public testing::TestWithParam<Mistake> {};
TEST_P(ElementwiseMistakes, IsAnErrorThatNamesIt) { test::expect_refusal(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Ops, ElementwiseMistakes, testing::ValuesIn(kMistakes));

}  // namespace
}  // namespace anymetal::test
