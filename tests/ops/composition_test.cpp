// Forward and backward through chains of ops: the gradient of a loss by every input, from the device's own ops in f32,
// against central differences of the whole chain in float64, written from the formulas alone.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <memory>

#include "ops/elementwise.hpp"
#include "ops/embedding.hpp"
#include "ops/expert_sums.hpp"
#include "ops/gradients.hpp"
#include "ops/movement.hpp"
#include "ops/norm.hpp"
#include "ops/ops_fixture.hpp"
#include "ops/sampling.hpp"
#include "ops/training.hpp"

namespace {

using namespace anymetal;
using ops::Context;
using ops::DType;
using ops::Tensor;
using Values = std::vector<double>;

double logistic(double x) { return 1 / (1 + std::exp(-x)); }
double silu(double x) { return x * logistic(x); }
double gelu(double x) {
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x)));
}

class Compositions : public test::Ops {
 protected:
  Tensor input(Values& values, DType type, std::initializer_list<std::size_t> shape) {
    buffers_.push_back(std::make_unique<Buffer>(upload(type, values)));
    return Tensor::of(*buffers_.back(), type, shape);
  }
  /// f32, full of NaN: what no op writes makes the gradient NaN.
  Tensor temporary(std::initializer_list<std::size_t> shape) {
    Values poison(Tensor::of(Buffer(), DType::F32, shape).elements(), std::nan(""));
    return input(poison, DType::F32, shape);
  }

  using Loss = std::function<double()>;
  /// `gradient` against the central differences of `loss` by each element of `x`, relative to the largest of them.
  void expect_gradient(const char* name, const Tensor& gradient, Values& x, const Loss& loss) {
    const Values found = download(*gradient.buffer);
    ASSERT_EQ(found.size(), x.size()) << name;
    Values expected(x.size());
    double largest = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      constexpr double kStep = 1e-5;
      const double value = x[i];
      x[i] = value + kStep;
      const double above = loss();
      x[i] = value - kStep;
      const double below = loss();
      x[i] = value;
      expected[i] = (above - below) / (2 * kStep);
      largest = std::max(largest, std::fabs(expected[i]));
    }
    ASSERT_GT(largest, 1e-3) << name << " does not matter: the test shows nothing";
    for (std::size_t i = 0; i < x.size(); ++i) ASSERT_NEAR(found[i], expected[i], 2e-5 * largest) << name << ' ' << i;
  }

 private:
  std::vector<std::unique_ptr<Buffer>> buffers_;
};

/// Half the squared distance from `target`, whose gradient is y - target.
double half_squares(const Values& y, const Values& target) {
  double sum = 0;
  for (std::size_t i = 0; i < y.size(); ++i) sum += 0.5 * (y[i] - target[i]) * (y[i] - target[i]);
  return sum;
}

// loss(silu(rms_norm(x) * w), target): norm, activation, mean squares.
TEST_F(Compositions, NormThenActivationThenSquares) {
  constexpr std::size_t kRows = 3, kDim = 37;
  constexpr float kEps = 1e-5f;
  Values x = random(kRows * kDim), w = random(kDim), target = random(kRows * kDim), minus_one = {-1};
  const auto matrix = [&](Values& v) { return input(v, DType::F32, {kRows, kDim}); };
  const auto fresh = [&] { return temporary({kRows, kDim}); };
  const Tensor tx = matrix(x), tw = input(w, DType::F32, {kDim}), negative = fresh(), t_target = matrix(target);
  const Tensor inverse = temporary({kRows}), normed = fresh(), y = fresh(), dy = fresh(), dnormed = fresh(),
               dx = fresh(), dw = temporary({kDim});
  run([&](Context& c) -> Result<void> {
    if (auto done = ops::rms_norm(c, tx, tw, kEps, normed); !done) return done;
    if (auto done = ops::silu(c, normed, y); !done) return done;
    if (auto done = ops::scale(c, t_target, -1, negative); !done) return done;
    if (auto done = ops::add(c, y, negative, dy); !done) return done;
    if (auto done = ops::silu_backward(c, normed, dy, dnormed); !done) return done;
    if (auto done = ops::rms_norm_inverse(c, tx, kEps, inverse); !done) return done;
    if (auto done = ops::rms_norm_backward_weight(c, tx, dnormed, inverse, dw); !done) return done;
    return ops::rms_norm_backward_x(c, tx, tw, dnormed, inverse, dx);
  });
  const Loss loss = [&] {
    Values out(x.size());
    for (std::size_t row = 0; row < kRows; ++row) {
      double squares = 0;
      for (std::size_t i = 0; i < kDim; ++i) squares += x[row * kDim + i] * x[row * kDim + i];
      const double r = 1 / std::sqrt(squares / kDim + static_cast<double>(kEps));
      for (std::size_t i = 0; i < kDim; ++i) out[row * kDim + i] = silu(x[row * kDim + i] * r * w[i]);
    }
    return half_squares(out, target);
  };
  expect_gradient("x", dx, x, loss);
  expect_gradient("w", dw, w, loss);
}

// -sum over rows of log softmax(x)[label]: softmax, choice, logarithm and their gradients.
TEST_F(Compositions, SoftmaxCrossEntropy) {
  constexpr std::size_t kRows = 5, kClasses = 33;
  Values x = random(kRows * kClasses), labels = {0, 32, 7, 7, 31}, minus_ones(kRows, -1.0);
  const Tensor tx = input(x, DType::F32, {kRows, kClasses}), t_labels = input(labels, DType::U32, {kRows, 1}),
               dlog = input(minus_ones, DType::F32, {kRows, 1});
  const Tensor p = temporary({kRows, kClasses}), chosen = temporary({kRows, 1}), logs = temporary({kRows, 1}),
               dchosen = temporary({kRows, 1}), dp = temporary({kRows, kClasses}), dx = temporary({kRows, kClasses});
  run([&](Context& c) -> Result<void> {
    if (auto done = ops::softmax(c, tx, p); !done) return done;
    if (auto done = ops::take_along_axis(c, p, t_labels, chosen); !done) return done;
    if (auto done = ops::log(c, chosen, logs); !done) return done;
    if (auto done = ops::log_backward(c, chosen, dlog, dchosen); !done) return done;
    if (auto done = ops::take_along_axis_backward(c, dchosen, t_labels, dp); !done) return done;
    return ops::softmax_backward(c, p, dp, dx);
  });
  const Loss loss = [&] {
    double sum = 0;
    for (std::size_t row = 0; row < kRows; ++row) {
      double total = 0;
      for (std::size_t i = 0; i < kClasses; ++i) total += std::exp(x[row * kClasses + i]);
      sum += std::log(total) - x[row * kClasses + static_cast<std::size_t>(labels[row])];
    }
    return sum;
  };
  expect_gradient("x", dx, x, loss);
  double forward = 0;
  for (const double each : download(*logs.buffer)) forward -= each;
  EXPECT_NEAR(forward, loss(), 1e-4);
}

// Rows of a table, of which one is asked for twice and one never, through a causal convolution.
TEST_F(Compositions, EmbeddingThenConvolution) {
  constexpr std::size_t kVocabulary = 6, kDim = 19, kTokens = 5, kWidth = 3;
  Values table = random(kVocabulary * kDim), ids = {4, 0, 4, 2, 5}, w = random(kDim * kWidth),
         target = random(kTokens * kDim);
  const Tensor t_table = input(table, DType::F32, {kVocabulary, kDim}), t_ids = input(ids, DType::U32, {kTokens}),
               tw = input(w, DType::F32, {kDim, kWidth}), t_target = input(target, DType::F32, {kTokens, kDim});
  const Tensor rows = temporary({kTokens, kDim}), y = temporary({kTokens, kDim}), dy = temporary({kTokens, kDim}),
               drows = temporary({kTokens, kDim}), dw = temporary({kDim, kWidth}),
               dtable = temporary({kVocabulary, kDim}), negative = temporary({kTokens, kDim});
  run([&](Context& c) -> Result<void> {
    if (auto done = ops::embedding(c, t_table, t_ids, 1, rows); !done) return done;
    if (auto done = ops::causal_conv(c, rows, tw, y); !done) return done;
    if (auto done = ops::scale(c, t_target, -1, negative); !done) return done;
    if (auto done = ops::add(c, y, negative, dy); !done) return done;
    if (auto done = ops::causal_conv_backward_w(c, rows, dy, dw); !done) return done;
    if (auto done = ops::causal_conv_backward_x(c, dy, tw, drows); !done) return done;
    return ops::embedding_backward(c, drows, t_ids, dtable);
  });
  const Loss loss = [&] {
    Values out(kTokens * kDim, 0.0);
    for (std::size_t t = 0; t < kTokens; ++t) {
      for (std::size_t k = 0; k < kWidth; ++k) {
        if (t + k + 1 < kWidth) continue;
        const auto id = static_cast<std::size_t>(ids[t + k + 1 - kWidth]);
        for (std::size_t i = 0; i < kDim; ++i) out[t * kDim + i] += w[i * kWidth + k] * table[id * kDim + i];
      }
    }
    return half_squares(out, target);
  };
  expect_gradient("table", dtable, table, loss);
  expect_gradient("w", dw, w, loss);
}

// Weighted experts behind a gated activation.
TEST_F(Compositions, GatedExperts) {
  constexpr std::size_t kTokens = 2, kSlots = 3, kWidth = 21;
  Values x = random(kTokens * kSlots * 2 * kWidth), weights = random(kTokens * kSlots),
         target = random(kTokens * kWidth);
  const Tensor tx = input(x, DType::F32, {kTokens, kSlots, 2 * kWidth}),
               tw = input(weights, DType::F32, {kTokens, kSlots}),
               t_target = input(target, DType::F32, {kTokens, kWidth});
  const Tensor hidden = temporary({kTokens, kSlots, kWidth}), y = temporary({kTokens, kWidth}),
               dy = temporary({kTokens, kWidth}), dhidden = temporary({kTokens, kSlots, kWidth}),
               dweights = temporary({kTokens, kSlots}), dx = temporary({kTokens, kSlots, 2 * kWidth}),
               negative = temporary({kTokens, kWidth});
  run([&](Context& c) -> Result<void> {
    if (auto done = ops::gelu_mul_halves(c, tx, hidden); !done) return done;
    if (auto done = ops::expert_sum(c, hidden, tw, y); !done) return done;
    if (auto done = ops::scale(c, t_target, -1, negative); !done) return done;
    if (auto done = ops::add(c, y, negative, dy); !done) return done;
    if (auto done = ops::expert_sum_backward_weights(c, hidden, dy, dweights); !done) return done;
    if (auto done = ops::expert_sum_backward_x(c, tw, dy, dhidden); !done) return done;
    return ops::gelu_mul_halves_backward(c, tx, dhidden, dx);
  });
  const Loss loss = [&] {
    Values out(kTokens * kWidth, 0.0);
    for (std::size_t slot = 0; slot < kTokens * kSlots; ++slot) {
      const double* row = &x[slot * 2 * kWidth];
      for (std::size_t i = 0; i < kWidth; ++i)
        out[slot / kSlots * kWidth + i] += weights[slot] * gelu(row[i]) * row[kWidth + i];
    }
    return half_squares(out, target);
  };
  expect_gradient("x", dx, x, loss);
  expect_gradient("weights", dweights, weights, loss);
}

// Row sums of exp(a) / sqrt(b), times each other: the remaining element-wise gradients, a row sum and an outer product.
TEST_F(Compositions, QuotientsSumsAndOuterProducts) {
  constexpr std::size_t kRows = 7, kDim = 18;
  Values a = random(kRows * kDim, 0.5), b = random(kRows * kDim), right = random(4), target = random(kRows * 4);
  for (double& each : b) each = 0.5 + std::fabs(each);
  const auto fresh = [&] { return temporary({kRows, kDim}); };
  const Tensor ta = input(a, DType::F32, {kRows, kDim}), tb = input(b, DType::F32, {kRows, kDim}),
               t_right = input(right, DType::F32, {4}), t_target = input(target, DType::F32, {kRows, 4});
  const Tensor e = fresh(), root = fresh(), q = fresh(), dq = fresh(), de = fresh(), droot = fresh(), da = fresh(),
               db = fresh();
  const Tensor sums = temporary({kRows}), dsums = temporary({kRows}), dright = temporary({4});
  const Tensor y = temporary({kRows, 4}), dy = temporary({kRows, 4}), negative = temporary({kRows, 4});
  run([&](Context& c) -> Result<void> {
    if (auto done = ops::exp(c, ta, e); !done) return done;
    if (auto done = ops::sqrt(c, tb, root); !done) return done;
    if (auto done = ops::divide(c, e, root, q); !done) return done;
    if (auto done = ops::row_sum(c, q, sums); !done) return done;
    if (auto done = ops::outer_product(c, sums, t_right, y); !done) return done;
    if (auto done = ops::scale(c, t_target, -1, negative); !done) return done;
    if (auto done = ops::add(c, y, negative, dy); !done) return done;
    if (auto done = ops::outer_product_backward_a(c, dy, t_right, dsums); !done) return done;
    if (auto done = ops::outer_product_backward_b(c, dy, sums, dright); !done) return done;
    if (auto done = ops::row_sum_backward(c, dsums, dq); !done) return done;
    if (auto done = ops::divide_backward(c, root, q, dq, de, droot); !done) return done;
    if (auto done = ops::exp_backward(c, e, de, da); !done) return done;
    return ops::sqrt_backward(c, root, droot, db);
  });
  const Loss loss = [&] {
    Values out(kRows * 4);
    for (std::size_t row = 0; row < kRows; ++row) {
      double sum = 0;
      for (std::size_t i = row * kDim; i < (row + 1) * kDim; ++i) sum += std::exp(a[i]) / std::sqrt(b[i]);
      for (std::size_t j = 0; j < 4; ++j) out[row * 4 + j] = sum * right[j];
    }
    return half_squares(out, target);
  };
  expect_gradient("a", da, a, loss);
  expect_gradient("b", db, b, loss);
  expect_gradient("right", dright, right, loss);
}

// Fake quantisation: gradients by scales and biases through the values, codes being constants; the straight-through
// estimator passes dy on to the weights as it is.
TEST_F(Compositions, FakeQuantisation) {
  constexpr std::size_t kGroups = 3, kSize = 32;
  Values w = random(kGroups * kSize), target = random(kGroups * kSize);
  Values zero_codes(kGroups * kSize, 0.0);
  const Tensor tw = input(w, DType::F32, {kGroups, kSize}), t_target = input(target, DType::F32, {kGroups, kSize});
  const ops::AffineGroups groups = {temporary({kGroups}), temporary({kGroups}),
                                    input(zero_codes, DType::U8, {kGroups, kSize})};
  const Tensor y = temporary({kGroups, kSize}), dy = temporary({kGroups, kSize}),
               negative = temporary({kGroups, kSize}), dscales = temporary({kGroups}), dbiases = temporary({kGroups});
  run([&](Context& c) -> Result<void> {
    if (auto done = ops::fit_affine(c, tw, 16, groups); !done) return done;
    if (auto done = ops::affine_values(c, groups, y); !done) return done;
    if (auto done = ops::scale(c, t_target, -1, negative); !done) return done;
    if (auto done = ops::add(c, y, negative, dy); !done) return done;
    if (auto done = ops::affine_backward_scales(c, groups.codes, dy, dscales); !done) return done;
    return ops::affine_backward_biases(c, dy, dbiases);
  });
  const Values codes = download(*groups.codes.buffer, DType::U8);
  Values scales = download(*groups.scales.buffer), biases = download(*groups.biases.buffer);
  const Loss loss = [&] {
    Values out(kGroups * kSize);
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = scales[i / kSize] * codes[i] + biases[i / kSize];
    return half_squares(out, target);
  };
  expect_gradient("scales", dscales, scales, loss);
  expect_gradient("biases", dbiases, biases, loss);
}

}  // namespace
