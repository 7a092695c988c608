// Training ops: results, and what they refuse. Their gradients are held against differences in composition_test.cpp.
#include "ops/training.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "ops/expert_sums.hpp"
#include "ops/mistakes.hpp"
#include "ops/ops_fixture.hpp"

namespace anymetal::test {
namespace {

/// (x - 5)^2 of many parameters, each from its own start, must come near its minimum.
TEST_F(Ops, AdamFindsAMinimum) {
  constexpr std::size_t kCount = 37, kSteps = 200;
  Values parameters = random(kCount), gradient(kCount), zero(kCount, 0.0), m(kCount, 0.0), v(kCount, 0.0);
  Values expected = parameters;
  const Buffer theta = upload(DType::F32, parameters), first = upload(DType::F32, zero),
               second = upload(DType::F32, zero);
  Buffer g = upload(DType::F32, zero);
  for (std::uint32_t step = 1; step <= kSteps; ++step) {
    const Values now = download(theta);
    for (std::size_t i = 0; i < kCount; ++i) {
      gradient[i] = 2 * (now[i] - 5);
      m[i] = 0.9 * m[i] + 0.1 * gradient[i];
      v[i] = 0.999 * v[i] + 0.001 * gradient[i] * gradient[i];
      expected[i] =
          now[i] - 0.1 * (m[i] / (1 - std::pow(0.9, step))) / (std::sqrt(v[i] / (1 - std::pow(0.999, step))) + 1e-8);
    }
    ASSERT_TRUE(g.write(cases::encode(DType::F32, gradient)));
    run([&](Context& c) {
      const auto all = [](const Buffer& b) { return Tensor::of(b, DType::F32, {kCount}); };
      return ops::adam_update(c, {.rate = 0.1f, .step = step}, all(theta), all(g), all(first), all(second));
    });
  }
  const Values found = download(theta);
  for (std::size_t i = 0; i < kCount; ++i) {
    EXPECT_NEAR(found[i], 5, 0.05);
    EXPECT_NEAR(found[i], expected[i], 1e-5) << "the last step";
  }
}

TEST_F(Ops, FakeQuantisationOfGroups) {
  constexpr std::size_t kGroups = 3, kSize = 32;
  Values w = random(kGroups * kSize);
  const Buffer weights = upload(DType::F32, w), scales = *device_->make_buffer(kGroups * 4),
               biases = *device_->make_buffer(kGroups * 4), codes = *device_->make_buffer(kGroups * kSize),
               back = *device_->make_buffer(kGroups * kSize * 4);
  const ops::AffineGroups groups = {Tensor::of(scales, DType::F32, {kGroups}),
                                    Tensor::of(biases, DType::F32, {kGroups}),
                                    Tensor::of(codes, DType::U8, {kGroups, kSize})};
  run([&](Context& c) -> Result<void> {
    if (auto done = ops::fit_affine(c, Tensor::of(weights, DType::F32, {kGroups, kSize}), 16, groups); !done)
      return done;
    return ops::affine_values(c, groups, Tensor::of(back, DType::F32, {kGroups, kSize}));
  });
  const Values y = download(back), steps = download(scales);
  for (std::size_t i = 0; i < y.size(); ++i) EXPECT_NEAR(y[i], w[i], 0.5001 * steps[i / kSize]);
}

const Mistake kMistakes[] = {
    {"adam_update: m is f32[5], parameters is f32[4]",
     [](Fixture& f) { return ops::adam_update(f.context, {}, f.f32({4}), f.f32({4}), f.f32({5}), f.f32({4})); }},
    {"adam_update: steps count from 1",
     [](Fixture& f) {
       return ops::adam_update(f.context, {.step = 0}, f.f32({4}), f.f32({4}), f.f32({4}), f.f32({4}));
     }},
    {"adam_update: betas 1 and 0.999 must be in [0, 1)",
     [](Fixture& f) {
       return ops::adam_update(f.context, {.beta1 = 1}, f.f32({4}), f.f32({4}), f.f32({4}), f.f32({4}));
     }},
    {"embedding_backward: ids has 3 elements, rows are 2",
     [](Fixture& f) {
       return ops::embedding_backward(f.context, f.f32({2, 4}), f.of(DType::U32, {3}), f.f32({9, 4}));
     }},
    {"embedding_backward: dtable is f32[9, 5], dy is f32[2, 4]",
     [](Fixture& f) {
       return ops::embedding_backward(f.context, f.f32({2, 4}), f.of(DType::U32, {2}), f.f32({9, 5}));
     }},
    {"take_along_axis_backward: index is u32[2, 3], must be [2, 4]",
     [](Fixture& f) {
       return ops::take_along_axis_backward(f.context, f.f32({2, 4}), f.of(DType::U32, {2, 3}), f.f32({2, 9}));
     }},
    {"causal_conv: y is f32[5, 4], must be [6, 4]",
     [](Fixture& f) {
       return ops::causal_conv(f.context, f.f32({6, 4}), f.f32({4, 3}), f.f32({5, 4}));
     }},
    {"causal_conv_backward_x: w is f32[5, 3], must be [4, 3]",
     [](Fixture& f) {
       return ops::causal_conv_backward_x(f.context, f.f32({6, 4}), f.f32({5, 3}), f.f32({6, 4}));
     }},
    {"causal_conv_backward_w: dy is f32[6, 5], must be [6, 4]",
     [](Fixture& f) {
       return ops::causal_conv_backward_w(f.context, f.f32({6, 4}), f.f32({6, 5}), f.f32({4, 3}));
     }},
    {"fit_affine: groups of 48, must be a power of two from 2 to 1024",
     [](Fixture& f) {
       return ops::fit_affine(f.context, f.f32({2, 48}), 16, {f.f32({2}), f.f32({2}), f.of(DType::U8, {2, 48})});
     }},
    {"fit_affine: 257 bins, must be 2 to 256",
     [](Fixture& f) {
       return ops::fit_affine(f.context, f.f32({2, 64}), 257, {f.f32({2}), f.f32({2}), f.of(DType::U8, {2, 64})});
     }},
    {"affine_values: codes is u8[2, 32], must be [2, 64]",
     [](Fixture& f) {
       return ops::affine_values(f.context, {f.f32({2}), f.f32({2}), f.of(DType::U8, {2, 32})}, f.f32({2, 64}));
     }},
    {"affine_backward_scales: dscales has 3 elements, groups are 2",
     [](Fixture& f) {
       return ops::affine_backward_scales(f.context, f.of(DType::U8, {2, 64}), f.f32({2, 64}), f.f32({3}));
     }},
    {"gelu_mul_halves_backward: gate_up is f32[2, 8], dy is f32[2, 5]",
     [](Fixture& f) {
       return ops::gelu_mul_halves_backward(f.context, f.f32({2, 8}), f.f32({2, 5}), f.f32({2, 8}));
     }},
    {"expert_sum_backward_x: weights is f32[2, 2], must be [2, 3]",
     [](Fixture& f) {
       return ops::expert_sum_backward_x(f.context, f.f32({2, 2}), f.f32({2, 4}), f.f32({2, 3, 4}));
     }},
    {"expert_sum_backward_weights: dy is f32[2, 5], must be [2, 4]",
     [](Fixture& f) {
       return ops::expert_sum_backward_weights(f.context, f.f32({2, 3, 4}), f.f32({2, 5}), f.f32({2, 3}));
     }},
};

class TrainingMistakes : public testing::TestWithParam<Mistake> {};
TEST_P(TrainingMistakes, IsAnErrorThatNamesIt) { test::expect_refusal(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Ops, TrainingMistakes, testing::ValuesIn(kMistakes));

}  // namespace
}  // namespace anymetal::test
