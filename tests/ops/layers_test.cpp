// Norms of rows, movement, sums over experts and recurrent layers: results of the ops.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "cases/delta_net_reference.hpp"
#include "ops/expert_sums.hpp"
#include "ops/movement.hpp"
#include "ops/norm.hpp"
#include "ops/ops_fixture.hpp"
#include "ops/recurrent.hpp"
#include "ops/row_norms.hpp"
#include "ops/sampling.hpp"

namespace {

using namespace anymetal;
using ops::Context;
using ops::DType;
using ops::Tensor;
using test::Ops;
using Values = std::vector<double>;

constexpr float kEps = 1e-5f;
double logistic(double x) { return 1 / (1 + std::exp(-x)); }

Values normed(const Values& x, std::size_t dim, bool mean = true) {
  Values y(x.size());
  for (std::size_t base = 0; base < x.size(); base += dim) {
    double squares = 0;
    for (std::size_t i = 0; i < dim; ++i) squares += x[base + i] * x[base + i];
    const double r = 1 / std::sqrt(squares / (mean ? static_cast<double>(dim) : 1.0) + static_cast<double>(kEps));
    for (std::size_t i = 0; i < dim; ++i) y[base + i] = x[base + i] * r;
  }
  return y;
}
/// Element-wise over rows; b may be one row or one number.
Values with(Values a, const Values& b, double (*f)(double, double)) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = f(a[i], b[i % b.size()]);
  return a;
}
double plus(double a, double b) { return a + b; }
double times(double a, double b) { return a * b; }

/// Buffers of an op's inputs and output on the device.
class Layers : public Ops {
 protected:
  Tensor input(Values& values, DType type, std::initializer_list<std::size_t> shape) {
    buffers_.push_back(std::make_unique<Buffer>(upload(type, values)));
    return Tensor::of(*buffers_.back(), type, shape);
  }
  Tensor output(DType type, std::initializer_list<std::size_t> shape) {
    Tensor t = Tensor::of(Buffer(), type, shape);
    Values poison(t.elements(), type == DType::U32 ? 77 : std::nan(""));
    return input(poison, type, shape);
  }
  Values values(const Tensor& t) {
    Values all = download(*t.buffer, t.dtype);
    const std::size_t first = t.offset / ops::info(t.dtype).block_bytes;
    return {all.begin() + static_cast<std::ptrdiff_t>(first),
            all.begin() + static_cast<std::ptrdiff_t>(first + t.elements())};
  }
  void expect_near(const Tensor& out, const Values& expected, double tolerance = 1e-5) {
    const Values y = values(out);
    ASSERT_EQ(y.size(), expected.size());
    for (std::size_t i = 0; i < y.size(); ++i)
      ASSERT_NEAR(y[i], expected[i], tolerance * (1 + std::fabs(expected[i]))) << i;
  }

 private:
  std::vector<std::unique_ptr<Buffer>> buffers_;
};

TEST_F(Layers, NormsOfEveryType) {
  constexpr std::size_t kRows = 5, kDim = 68;
  for (const DType type : {DType::F32, DType::F16, DType::BF16}) {
    const DType weight_type = type == DType::F16 ? DType::F32 : type;
    const double tolerance = type == DType::F32 ? 1e-5 : type == DType::F16 ? 1e-3 : 8e-3;
    Values x = random(kRows * kDim), w = random(kDim), s = random(kRows * kDim);
    const Tensor tx = input(x, type, {kRows, kDim}), tw = input(w, weight_type, {kDim}),
                 ts = input(s, type, {kRows, kDim});
    const Tensor out = output(type, {kRows, kDim}), product = output(type, {kRows, kDim}),
                 l2 = output(type, {kRows, kDim});
    run([&](Context& c) -> Result<void> {
      if (auto done = ops::rms_norm(c, tx, tw, kEps, out); !done) return done;
      if (auto done = ops::rms_norm_mul(c, tx, tw, ts, kEps, product); !done) return done;
      return ops::l2_norm(c, tx, kEps, l2);
    });
    const Values weighted = with(normed(x, kDim), w, times);
    expect_near(out, weighted, tolerance);
    expect_near(product, with(weighted, s, times), tolerance);
    expect_near(l2, normed(x, kDim, false), tolerance);
    if (type == DType::F16) continue;
    const Tensor plain = output(type, {kRows, kDim}), added = output(type, {kRows, kDim});
    run([&](Context& c) -> Result<void> {
      if (auto done = ops::rms_norm_unweighted(c, tx, kEps, plain); !done) return done;
      return ops::norm_add(c, ts, tx, tw, kEps, added);
    });
    expect_near(plain, normed(x, kDim), tolerance);
    expect_near(added, with(weighted, s, plus), tolerance);
  }
}

TEST_F(Layers, NormsWithSeveralOutputs) {
  constexpr std::size_t kRows = 6, kDim = 40;
  Values x = random(kRows * kDim), h = random(kRows * kDim), residual = random(kRows * kDim), w = random(kDim),
         wide = random(kDim), one = random(1);
  std::array<Values, 3> weights = {random(kDim), random(kDim), random(kDim)};
  const Tensor tx = input(x, DType::F32, {kRows, kDim}), th = input(h, DType::F32, {kRows, kDim}),
               tr = input(residual, DType::F32, {kRows, kDim}), tw = input(w, DType::F32, {kDim}),
               t_wide = input(wide, DType::F32, {kDim}), t_one = input(one, DType::F32, {1});
  const std::array<Tensor, 3> tws = {input(weights[0], DType::F32, {kDim}), input(weights[1], DType::F32, {kDim}),
                                     input(weights[2], DType::F32, {kDim})};
  const auto out = [&] { return output(DType::F32, {kRows, kDim}); };
  const std::array<Tensor, 3> triple = {out(), out(), out()}, after = {out(), out(), out()};
  const Tensor sum = out(), scaled = out(), inner = out(), outer = out(), residual_scaled = out();
  const Tensor plain = output(DType::F32, {3, 2, kDim}), copy = output(DType::BF16, {2, 3, kDim});
  run([&](Context& c) -> Result<void> {
    if (auto done = ops::rms_norm_triple(c, tx, tws, kEps, triple); !done) return done;
    if (auto done = ops::post_attention_norms(c, th, tx, tw, tws, kEps, sum, after); !done) return done;
    if (auto done = ops::norm_add_scaled(c, tr, tx, tw, t_wide, kEps, scaled); !done) return done;
    if (auto done = ops::residual_norm_scaled(c, tr, tx, tw, t_one, kEps, residual_scaled); !done) return done;
    if (auto done = ops::end_of_layer(c, th, tx, tr, {tw, tws[0], t_one, kEps}, inner, outer); !done) return done;
    return ops::rms_norm_with_copy(c, tx.reshaped({3, 2, kDim}), kEps, plain, copy, true);
  });
  const Values after_attention = with(with(normed(x, kDim), w, times), h, plus);
  expect_near(sum, after_attention);
  for (std::size_t i = 0; i < 3; ++i) {
    expect_near(triple[i], with(normed(x, kDim), weights[i], times));
    expect_near(after[i], with(normed(after_attention, kDim), weights[i], times));
  }
  expect_near(scaled, with(with(with(normed(x, kDim), w, times), residual, plus), wide, times));
  expect_near(residual_scaled, with(with(normed(with(x, residual, plus), kDim), w, times), one, times));
  expect_near(inner, after_attention);
  expect_near(outer, with(with(with(normed(after_attention, kDim), weights[0], times), residual, plus), one, times));
  const Values natural = normed(x, kDim);
  expect_near(plain, natural);
  Values head_major(natural.size());
  for (std::size_t i = 0; i < natural.size(); ++i) {
    const std::size_t token = i / kDim / 2, head = i / kDim % 2;
    head_major[(head * 3 + token) * kDim + i % kDim] = natural[i];
  }
  expect_near(copy, head_major, 8e-3);
}

TEST_F(Layers, ElementsMove) {
  Values x = random(4 * 3 * 5), index = {2, 0, 9, 3};
  const Tensor cube = input(x, DType::F32, {4, 3, 5}), ids = input(index, DType::U32, {4});
  const Tensor swapped = output(DType::F32, {3, 4, 5}), turned = output(DType::F32, {15, 4}),
               gathered = output(DType::F32, {4, 15}), slice = output(DType::F32, {4, 6}),
               wide = output(DType::F32, {4, 20}), rows = output(DType::F32, {3, 15}),
               taken = output(DType::F32, {4, 1}), repeated = output(DType::F32, {4, 7, 5}),
               q = output(DType::F32, {4, 8}), k = output(DType::F32, {4, 4}), v = output(DType::F32, {4, 3});
  const Tensor matrix = cube.reshaped({4, 15});
  run([&](Context& c) -> Result<void> {
    if (auto done = ops::swap_first_axes(c, cube, swapped); !done) return done;
    if (auto done = ops::transpose(c, matrix, turned); !done) return done;
    if (auto done = ops::gather_rows(c, matrix, ids, gathered); !done) return done;
    if (auto done = ops::slice_columns(c, matrix, 7, slice); !done) return done;
    if (auto done = ops::fill_zero(c, wide); !done) return done;
    if (auto done = ops::copy_into_columns(c, matrix, wide, 5); !done) return done;
    if (auto done = ops::copy_rows(c, matrix.rows(1, 3), rows); !done) return done;
    if (auto done = ops::take_along_axis(c, matrix, ids.reshaped({4, 1}), taken); !done) return done;
    if (auto done = ops::repeat_heads(c, cube, repeated); !done) return done;
    return ops::split_qkv(c, matrix, q, k, v);
  });
  const auto expect = [&](const Tensor& out, std::size_t n, auto source) {
    const Values y = values(out);
    ASSERT_EQ(y.size(), n);
    for (std::size_t i = 0; i < n; ++i) ASSERT_EQ(y[i], source(i)) << out.text() << " element " << i;
  };
  expect(swapped, 60, [&](std::size_t i) { return x[(i / 5 % 4 * 3 + i / 20) * 5 + i % 5]; });
  expect(turned, 60, [&](std::size_t i) { return x[i % 4 * 15 + i / 4]; });
  expect(gathered, 60, [&](std::size_t i) {
    return x[std::min<std::size_t>(3, static_cast<std::size_t>(index[i / 15])) * 15 + i % 15];
  });
  expect(slice, 24, [&](std::size_t i) { return x[i / 6 * 15 + 7 + i % 6]; });
  expect(wide, 80, [&](std::size_t i) { return i % 20 < 5 ? 0.0 : x[i / 20 * 15 + i % 20 - 5]; });
  expect(rows, 45, [&](std::size_t i) { return x[15 + i]; });
  expect(taken, 4, [&](std::size_t i) { return x[i * 15 + static_cast<std::size_t>(index[i])]; });
  expect(repeated, 140, [&](std::size_t i) { return x[(i / 35 * 3 + i / 5 % 7 % 3) * 5 + i % 5]; });
  expect(q, 32, [&](std::size_t i) { return x[i / 8 * 15 + i % 8]; });
  expect(k, 16, [&](std::size_t i) { return x[i / 4 * 15 + 8 + i % 4]; });
  expect(v, 12, [&](std::size_t i) { return x[i / 3 * 15 + 12 + i % 3]; });
}

TEST_F(Layers, SumsOverExperts) {
  constexpr std::size_t kTokens = 3, kSlots = 4, kWidth = 37;
  Values x = random(kTokens * kSlots * kWidth), w = random(kTokens * kSlots), shared = random(kTokens * kWidth),
         gate = random(kTokens), residual = random(kTokens * kWidth), norm = random(kWidth), norm2 = random(kWidth);
  const Tensor tx = input(x, DType::F32, {kTokens, kSlots, kWidth}), tw = input(w, DType::F32, {kTokens, kSlots}),
               ts = input(shared, DType::F32, {kTokens, kWidth}), tg = input(gate, DType::F32, {kTokens}),
               tr = input(residual, DType::F32, {kTokens, kWidth}), tn = input(norm, DType::F32, {kWidth}),
               tn2 = input(norm2, DType::F32, {kWidth});
  const auto out = [&] { return output(DType::F32, {kTokens, kWidth}); };
  const Tensor sum = out(), with_shared = out(), with_residual = out(), added = out(), both = out();
  run([&](Context& c) -> Result<void> {
    if (auto done = ops::expert_sum(c, tx, tw, sum); !done) return done;
    if (auto done = ops::expert_sum_with_shared(c, tx, tw, ts, tg, with_shared); !done) return done;
    if (auto done = ops::expert_sum_with_shared(c, tx, tw, ts, tg, with_residual, tr); !done) return done;
    if (auto done = ops::expert_sum_norm_add(c, tx, tw, tr, tn, kEps, added); !done) return done;
    return ops::expert_sum_norm_add(c, tx, tw, tr, tn, kEps, both, tn2);
  });
  Values expected(kTokens * kWidth, 0.0), gated(expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const std::size_t t = i / kWidth;
    for (std::size_t s = 0; s < kSlots; ++s)
      expected[i] += w[t * kSlots + s] * x[(t * kSlots + s) * kWidth + i % kWidth];
    gated[i] = expected[i] + shared[i] * logistic(gate[t]);
  }
  expect_near(sum, expected);
  expect_near(with_shared, gated);
  expect_near(with_residual, with(gated, residual, plus));
  const Values weighted = with(normed(expected, kWidth), norm, times);
  expect_near(added, with(weighted, residual, plus), 3e-5);
  expect_near(both, with(weighted, with(normed(residual, kWidth), norm2, times), plus), 3e-5);

  Values probabilities = {0.1, 0.4, 0.2, 0.3}, scale = {1, 2, 3, 4};
  const Tensor tp = input(probabilities, DType::F32, {1, 4}), order = output(DType::U32, {1, 4}),
               t_scale = input(scale, DType::F32, {4}), ids = output(DType::U32, {2}), chosen = output(DType::F32, {2});
  run([&](Context& c) -> Result<void> {
    if (auto done = ops::argsort(c, tp, order); !done) return done;
    return ops::chosen_weights(c, tp, order, t_scale, ids, chosen);
  });
  EXPECT_EQ(values(order), (Values{1, 3, 2, 0}));
  EXPECT_EQ(values(ids), (Values{1, 3}));
  expect_near(chosen, {0.4 / 0.7 * 2, 0.3 / 0.7 * 4});
}

TEST_F(Layers, GatesSumsConvolutionsAndSolves) {
  Values alpha = random(6), b = random(6), bias = random(2), a = {-1, -2};
  const Tensor g = output(DType::F32, {3, 2}), beta = output(DType::F32, {3, 2});
  Values x = random(3 * 50), z = random(3 * 50), w = random(50);
  const Tensor gated = output(DType::F32, {3, 50}), sums = output(DType::F32, {3, 50});
  // A sequence of nine tokens in one piece, and in pieces of which one is shorter than the state.
  Values tokens = random(9 * 5), taps = random(5 * 4), start = random(5 * 3);
  const Tensor t_tokens = input(tokens, DType::F32, {1, 9, 5}), t_taps = input(taps, DType::F32, {5, 4}),
               state = input(start, DType::F32, {1, 5, 3}), y = output(DType::F32, {1, 9, 5}),
               pieces = output(DType::F32, {1, 9, 5}), end = output(DType::F32, {1, 5, 3}),
               middle = output(DType::F32, {1, 5, 3}), last = output(DType::F32, {1, 5, 3});
  const auto piece = [](const Tensor& all, std::size_t first, std::size_t count) {
    return Tensor::of(*all.buffer, DType::F32, {1, count, 5}, first * 5 * sizeof(float));
  };
  Values l = random(16), right = random(8);
  const Tensor solved = output(DType::F32, {1, 4, 2});
  const Tensor tx = input(x, DType::F32, {3, 50});
  run([&](Context& c) -> Result<void> {
    if (auto done = ops::delta_gates(c, input(alpha, DType::F32, {3, 2}), input(b, DType::F32, {3, 2}),
                                     input(bias, DType::F32, {2}), input(a, DType::F32, {2}), g, beta);
        !done) {
      return done;
    }
    if (auto done = ops::norm_gate(c, tx, input(w, DType::F32, {50}), input(z, DType::F32, {3, 50}), kEps, gated);
        !done)
      return done;
    if (auto done = ops::cumsum(c, tx, sums); !done) return done;
    if (auto done = ops::short_conv(c, t_tokens, t_taps, state, y, end); !done) return done;
    if (auto done = ops::short_conv(c, piece(t_tokens, 0, 7), t_taps, state, piece(pieces, 0, 7), middle); !done)
      return done;
    if (auto done = ops::short_conv(c, piece(t_tokens, 7, 2), t_taps, middle, piece(pieces, 7, 2), last); !done)
      return done;
    return ops::solve_lower_unit(c, input(l, DType::F32, {1, 4, 4}), input(right, DType::F32, {1, 4, 2}), solved);
  });
  Values expected_g(6), expected_beta(6);
  for (std::size_t i = 0; i < 6; ++i) {
    expected_g[i] = std::log1p(std::exp(alpha[i] + bias[i % 2])) * -a[i % 2];
    expected_beta[i] = logistic(b[i]);
  }
  expect_near(g, expected_g);
  expect_near(beta, expected_beta);
  expect_near(gated, with(with(normed(x, 50), w, times), with(z, z, [](double p, double q) { return p * logistic(q); }),
                          times));
  Values running = x;
  for (std::size_t i = 0; i < running.size(); ++i) running[i] += i % 50 == 0 ? 0 : running[i - 1];
  expect_near(sums, running);
  Values conv(45);
  for (std::size_t i = 0; i < 45; ++i) {
    const std::size_t t = i / 5, channel = i % 5;
    double sum = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      sum += taps[channel * 4 + k] * (t + k < 3 ? start[channel * 3 + t + k] : tokens[(t + k - 3) * 5 + channel]);
    }
    conv[i] = sum * logistic(sum);
  }
  expect_near(y, conv);
  expect_near(pieces, conv);
  Values tail(15);
  for (std::size_t i = 0; i < 15; ++i) tail[i] = tokens[(6 + i % 3) * 5 + i / 3];
  EXPECT_EQ(values(end), tail);
  EXPECT_EQ(values(last), tail);
  Values answer = right;
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      for (std::size_t m = 0; m < 2; ++m) answer[i * 2 + m] -= l[i * 4 + j] * answer[j * 2 + m];
    }
  }
  expect_near(solved, answer, 1e-4);
}

TEST_F(Layers, TheDeltaRuleTokenByTokenAndByChunks) {
  // Key heads of one for each value head, so that both ops read the same ones.
  const cases::DeltaShape s = {2, 100, 2, 2, 64, 32};
  const std::initializer_list<std::size_t> keys = {2, 100, 2, 64}, rows = {2, 100, 2, 32}, gates = {2, 100, 2},
                                           states = {2, 2, 32, 64};
  cases::DeltaInputs in;
  in.q = cases::unit_rows(random_, s.keys(), s.key_dim);
  in.k = cases::unit_rows(random_, s.keys(), s.key_dim);
  in.v = random(s.values());
  in.state = random(s.states(), 0.1);
  Values decay(s.gates());
  for (double& each : decay) each = 0.01 + random_.unit();
  in.beta = Values(s.gates(), 0.5);
  const Tensor q16 = input(in.q, DType::BF16, keys), k16 = input(in.k, DType::BF16, keys),
               v16 = input(in.v, DType::BF16, rows);
  const Tensor q = input(in.q, DType::F32, keys), k = input(in.k, DType::F32, keys), v = input(in.v, DType::F32, rows),
               beta = input(in.beta, DType::F32, gates), gate = input(decay, DType::F32, gates),
               state = input(in.state, DType::F32, states), out = output(DType::F32, rows),
               next = output(DType::F32, states), out16 = output(DType::BF16, rows),
               next16 = output(DType::F32, states);
  for (const double each : decay) in.log_decay.push_back(-each);
  const Tensor log_decay = input(in.log_decay, DType::F32, gates);
  const ops::DeltaScratch scratch = {output(DType::F32, gates), output(DType::F32, {2, 100, 2, 64}),
                                     output(DType::BF16, keys), output(DType::BF16, rows),
                                     output(DType::BF16, {4, 2, 32, 64})};
  run([&](Context& c) -> Result<void> {
    if (auto done = ops::gated_delta_rule(c, {q, k, v, gate, beta}, state, out, next); !done) return done;
    return ops::gated_delta_rule_chunks(c, {q16, k16, v16, log_decay, beta}, 1, state, out16, next16, scratch);
  });
  const cases::DeltaOutputs expected = gated_delta_rule(s, in, cases::KeyHeads::Tiled);
  expect_near(out, expected.out, 1e-5);
  expect_near(next, expected.state, 1e-5);
  expect_near(out16, expected.out, 1.5e-2);
  expect_near(next16, expected.state, 1.5e-2);
}

}  // namespace
