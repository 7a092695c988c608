// Ops against float64: the choice of kernel and geometry, for shapes that lead to different kernels.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "cases/codec.hpp"
#include "cases/values.hpp"
#include "ops/attention.hpp"
#include "ops/kv_cache.hpp"
#include "ops/matmul.hpp"
#include "ops/norm.hpp"
#include "ops/ops_fixture.hpp"
#include "ops/rope.hpp"
#include "ops/routing.hpp"
#include "ops/sampling.hpp"

namespace {

using namespace anymetal;
using ops::DType;
using ops::Tensor;
using Values = std::vector<double>;

using test::Ops;

TEST_F(Ops, MatrixProductOfEverySize) {
  for (const DType type : {DType::Q5_0, DType::Q8_0, DType::Q4_K, DType::Q6_K}) {
    for (const std::size_t m : {1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u, 9u, 16u, 17u, 50u}) {
      const std::size_t n = 33, k = 512;
      Values w = random(n * k), x = random(m * k);
      const Buffer weight = upload(type, w), input = upload(DType::F32, x), out = *device_->make_buffer(m * n * 4);
      run([&](ops::Context& context) {
        return ops::mul_mat(context, Tensor::of(weight, type, {n, k}), Tensor::of(input, DType::F32, {m, k}),
                            Tensor::of(out, DType::F32, {m, n}));
      });
      const Values y = download(out);
      for (std::size_t i = 0; i < m * n; ++i) {
        double sum = 0, absolute = 0;
        for (std::size_t j = 0; j < k; ++j) {
          const double term = w[i % n * k + j] * x[i / n * k + j];
          sum += term;
          absolute += std::fabs(term);
        }
        ASSERT_NEAR(y[i], sum, absolute * 0x1p-10) << ops::name(type) << " M=" << m << " element " << i;
      }
    }
  }
}

TEST_F(Ops, BatchesThatShareMatrices) {
  const std::size_t n = 19, k = 64, batches = 6, sharing = 3;
  for (const std::size_t m : {1u, 5u, 20u}) {
    Values w = random(batches / sharing * n * k), x = random(batches * m * k);
    const Buffer weight = upload(DType::Q8_0, w), input = upload(DType::F32, x),
                 out = *device_->make_buffer(batches * m * n * 4);
    run([&](ops::Context& context) {
      return ops::mul_mat(context, Tensor::of(weight, DType::Q8_0, {batches / sharing, n, k}),
                          Tensor::of(input, DType::F32, {batches, m, k}), Tensor::of(out, DType::F32, {batches, m, n}));
    });
    const Values y = download(out);
    for (std::size_t i = 0; i < y.size(); ++i) {
      const std::size_t row = i / n;
      double sum = 0, absolute = 0;
      for (std::size_t j = 0; j < k; ++j) {
        const double term = w[(row / m / sharing * n + i % n) * k + j] * x[row * k + j];
        sum += term;
        absolute += std::fabs(term);
      }
      ASSERT_NEAR(y[i], sum, absolute * 0x1p-10) << "M=" << m << " element " << i;
    }
  }
}

TEST_F(Ops, RowsOfAStridedInput) {
  const std::size_t n = 8, k = 64;
  Values w = random(n * k), x = random(3 * k);
  const Buffer weight = upload(DType::Q8_0, w), input = upload(DType::F32, x), out = *device_->make_buffer(n * 4);
  run([&](ops::Context& context) {
    return ops::mul_mat(context, Tensor::of(weight, DType::Q8_0, {n, k}), Tensor::of(input, DType::F32, {3, k}).row(2),
                        Tensor::of(out, DType::F32, {1, n}));
  });
  const Values y = download(out);
  for (std::size_t i = 0; i < n; ++i) {
    double sum = 0;
    for (std::size_t j = 0; j < k; ++j) sum += w[i * k + j] * x[2 * k + j];
    EXPECT_NEAR(y[i], sum, 1e-3);
  }
}

/// Prompt in chunks, then single tokens, through the cache: every position must see what the formula says.
TEST_F(Ops, AttentionOverACacheInChunks) {
  const std::size_t heads = 4, dim = 256, total = 75, window = 20;
  for (const DType cache_type : {DType::F32, DType::F16}) {
    for (const std::size_t limit : {std::size_t{0}, window}) {
      Values q = random(total * heads * dim, 2), k = random(total * dim), v = random(total * dim);
      const Buffer query = upload(DType::F32, q), keys = upload(DType::F32, k), values = upload(DType::F32, v);
      const std::size_t element = ops::info(cache_type).block_bytes;
      const Buffer key_cache = *device_->make_buffer(80 * dim * element),
                   value_cache = *device_->make_buffer(80 * dim * element);
      const Buffer out = *device_->make_buffer(total * heads * dim * 4);
      const Tensor kc = Tensor::of(key_cache, cache_type, {1, 80, dim}),
                   vc = Tensor::of(value_cache, cache_type, {1, 80, dim});
      const Tensor all_q = Tensor::of(query, DType::F32, {total, heads, dim}),
                   all_out = Tensor::of(out, DType::F32, {total, heads, dim});
      const Tensor all_k = Tensor::of(keys, DType::F32, {total, 1, dim}),
                   all_v = Tensor::of(values, DType::F32, {total, 1, dim});
      std::size_t done = 0;
      for (const std::size_t count : {33u, 2u, 38u, 1u, 1u}) {
        run([&](ops::Context& context) -> Result<void> {
          if (auto r = ops::write_kv_cache(context, all_k.rows(done, count), all_v.rows(done, count), kc, vc, done); !r)
            return r;
          return ops::attention(context, all_q.rows(done, count), kc, vc, done + count,
                                {.scale = 1.0f / 16, .window = limit, .scratch = {}}, all_out.rows(done, count));
        });
        done += count;
      }
      ASSERT_EQ(done, total);
      const Values y = download(out);
      for (std::size_t t = 0; t < total; ++t) {
        for (std::size_t h = 0; h < heads; ++h) {
          const std::size_t first = limit > 0 && t + 1 > limit ? t + 1 - limit : 0;
          Values weights(t + 1), expected(dim);
          double top = -1e300, sum = 0;
          for (std::size_t j = first; j <= t; ++j) {
            for (std::size_t d = 0; d < dim; ++d) weights[j] += q[(t * heads + h) * dim + d] * k[j * dim + d] / 16;
            top = std::max(top, weights[j]);
          }
          for (std::size_t j = first; j <= t; ++j) sum += weights[j] = std::exp(weights[j] - top);
          for (std::size_t j = first; j <= t; ++j) {
            for (std::size_t d = 0; d < dim; ++d) expected[d] += weights[j] / sum * v[j * dim + d];
          }
          for (std::size_t d = 0; d < dim; ++d) {
            ASSERT_NEAR(y[(t * heads + h) * dim + d], expected[d], cache_type == DType::F16 ? 1e-2 : 2e-5)
                << "token " << t << " head " << h << " window " << limit;
          }
        }
      }
    }
  }
}

TEST_F(Ops, InPlaceNormalisation) {
  Values x = random(5 * 640), w = random(640), residual = random(5 * 640);
  const Buffer data = upload(DType::F32, x), weight = upload(DType::F32, w), sums = upload(DType::F32, residual);
  run([&](ops::Context& context) {
    const Tensor out = Tensor::of(sums, DType::F32, {5, 640});
    return ops::norm_add(context, out, Tensor::of(data, DType::F32, {5, 640}), Tensor::of(weight, DType::F32, {640}),
                         1e-6f, out);
  });
  const Values y = download(sums);
  for (std::size_t row = 0; row < 5; ++row) {
    double squares = 0;
    for (std::size_t i = 0; i < 640; ++i) squares += x[row * 640 + i] * x[row * 640 + i];
    const double r = 1 / std::sqrt(squares / 640 + 1e-6);
    for (std::size_t i = 0; i < 640; ++i) {
      ASSERT_NEAR(y[row * 640 + i], residual[row * 640 + i] + x[row * 640 + i] * r * w[i], 1e-5);
    }
  }
}

TEST_F(Ops, ArgmaxOfAVocabulary) {
  Values logits = random(262144);
  logits[200001] = 99;
  const Buffer data = upload(DType::F32, logits), index = *device_->make_buffer(4), value = *device_->make_buffer(4);
  run([&](ops::Context& context) {
    return ops::argmax(context, Tensor::of(data, DType::F32, {logits.size()}), Tensor::of(index, DType::U32, {1}),
                       Tensor::of(value, DType::F32, {1}));
  });
  EXPECT_EQ(download(index, DType::U32)[0], 200001);
  EXPECT_EQ(download(value)[0], 99);
}

TEST_F(Ops, RotaryEmbeddingOfEveryTypeInPlace) {
  const std::size_t tokens = 3, heads = 2, dim = 32, rotated = 20;
  for (const DType type : {DType::F32, DType::BF16}) {
    Values x = random(tokens * heads * dim), at = {5, 0, 300}, divisors(rotated / 2, 1.0);
    if (type == DType::F32) divisors = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    const Buffer data = upload(type, x), positions = upload(DType::U32, at), factors = upload(DType::F32, divisors);
    const Tensor head = Tensor::of(data, type, {tokens, heads, dim});
    run([&](ops::Context& context) {
      return ops::rope(context, head, Tensor::of(positions, DType::U32, {tokens}), {.theta = 500, .rope_dim = rotated},
                       head, type == DType::F32 ? Tensor::of(factors, DType::F32, {rotated / 2}) : Tensor{});
    });
    const Values y = download(data, type);
    for (std::size_t row = 0; row < tokens * heads; ++row) {
      for (std::size_t i = 0; i < dim / 2; ++i) {
        const double exponent = 2.0 * static_cast<double>(i) / static_cast<double>(dim);
        const double angle = i < rotated / 2 ? at[row / heads] / std::pow(500.0, exponent) / divisors[i] : 0.0;
        const double a = x[row * dim + i], b = x[row * dim + i + dim / 2], tolerance = type == DType::F32 ? 1e-3 : 3e-2;
        ASSERT_NEAR(y[row * dim + i], a * std::cos(angle) - b * std::sin(angle), tolerance) << row << ' ' << i;
        ASSERT_NEAR(y[row * dim + i + dim / 2], b * std::cos(angle) + a * std::sin(angle), tolerance)
            << row << ' ' << i;
      }
    }
  }
}

TEST_F(Ops, RotaryEmbeddingOfAdjacentPairs) {
  const std::size_t tokens = 3, dim = 24;
  for (const DType type : {DType::F32, DType::F16, DType::BF16}) {
    Values x = random(tokens * dim), at = {5, 0, 300};
    const Buffer data = upload(type, x), positions = upload(DType::U32, at);
    const Tensor rows = Tensor::of(data, type, {tokens, dim});
    run([&](ops::Context& context) {
      return ops::rope_adjacent(context, rows, Tensor::of(positions, DType::U32, {tokens}), 1e4f, rows);
    });
    const Values y = download(data, type);
    for (std::size_t i = 0; i < y.size(); i += 2) {
      const double angle = at[i / dim] / std::pow(1e4, static_cast<double>(i % dim) / static_cast<double>(dim));
      const double tolerance = type == DType::F32 ? 1e-3 : 3e-2;
      ASSERT_NEAR(y[i], x[i] * std::cos(angle) - x[i + 1] * std::sin(angle), tolerance) << i;
      ASSERT_NEAR(y[i + 1], x[i + 1] * std::cos(angle) + x[i] * std::sin(angle), tolerance) << i;
    }
  }
}

TEST_F(Ops, RotaryEmbeddingWithAPositionPerAxis) {
  const std::size_t tokens = 2, heads = 3, dim = 32;
  Values x = random(tokens * heads * dim), at = {3, 40, -5, 50, 7, 60, 0, 0};
  const Buffer data = upload(DType::F32, x), positions = upload(DType::I32, at);
  const Buffer result = *device_->make_buffer(x.size() * 4);
  run([&](ops::Context& context) {
    return ops::rope_multi(
        context, Tensor::of(data, DType::F32, {tokens, heads, dim}), Tensor::of(positions, DType::I32, {4, tokens}),
        {.theta = 1e4f, .rope_dim = 16, .sections = {3, 3, 2}}, Tensor::of(result, DType::F32, {tokens, heads, dim}));
  });
  const Values y = download(result);
  for (std::size_t row = 0; row < tokens * heads; ++row) {
    for (std::size_t i = 0; i < dim / 2; ++i) {
      const std::size_t axis = i < 3 ? 0 : i < 6 ? 1 : 2;
      const double position = i < 8 ? at[axis * tokens + row / heads] : 0;
      const double angle = position / std::pow(1e4, static_cast<double>(i) / 8);
      const double a = x[row * dim + i], b = x[row * dim + i + dim / 2];
      ASSERT_NEAR(y[row * dim + i], a * std::cos(angle) - b * std::sin(angle), 1e-3) << row << ' ' << i;
      ASSERT_NEAR(y[row * dim + i + dim / 2], b * std::cos(angle) + a * std::sin(angle), 1e-3) << row << ' ' << i;
    }
  }
}

TEST_F(Ops, TheLargestOfAVocabulary) {
  for (const std::size_t k : {1u, 20u, 40u, 100u}) {
    Values logits = random(50000);
    for (std::size_t j = 0; j < k; ++j) logits[(j * 7919 + 11) % logits.size()] = 1000.0 - static_cast<double>(j);
    const Buffer data = upload(DType::F32, logits), indices = *device_->make_buffer(k * 4),
                 values = *device_->make_buffer(k * 4);
    run([&](ops::Context& context) {
      return ops::top_k(context, Tensor::of(data, DType::F32, {logits.size()}), Tensor::of(indices, DType::U32, {k}),
                        Tensor::of(values, DType::F32, {k}));
    });
    const Values index = download(indices, DType::U32), value = download(values);
    for (std::size_t j = 0; j < k; ++j) {
      EXPECT_EQ(index[j], static_cast<double>((j * 7919 + 11) % logits.size()));
      EXPECT_EQ(value[j], 1000.0 - static_cast<double>(j));
    }
  }
}

TEST_F(Ops, DrawsFollowTheProbabilities) {
  const double ln2 = std::log(2.0);
  Values logits = {0, 2 * ln2, -1e30, 2 * ln2, 0};  // at temperature 2: 1/6, 2/6, 0, 2/6, 1/6
  const Buffer data = upload(DType::F32, logits), probabilities = *device_->make_buffer(20);
  const Buffer token = *device_->make_buffer(4), logprob = *device_->make_buffer(4);
  struct Expected {
    float u;
    double token, share;
  };
  for (const Expected& e :
       {Expected{0, 0, 1}, Expected{0.15f, 0, 1}, Expected{0.2f, 1, 2}, Expected{0.49f, 1, 2}, Expected{0.51f, 3, 2},
        Expected{0.8f, 3, 2}, Expected{0.9f, 4, 1}, Expected{0.999999f, 4, 1}}) {
    run([&](ops::Context& context) {
      return ops::softmax_sample(context, Tensor::of(data, DType::F32, {5}), 2, e.u,
                                 {Tensor::of(probabilities, DType::F32, {5}), Tensor::of(token, DType::U32, {1}),
                                  Tensor::of(logprob, DType::F32, {1})});
    });
    EXPECT_EQ(download(token, DType::U32)[0], e.token) << e.u;
    EXPECT_NEAR(download(logprob)[0], std::log(e.share / 6), 1e-5) << e.u;
    EXPECT_NEAR(download(probabilities)[1], 2.0 / 6, 1e-6);
  }
}

TEST_F(Ops, ExpertsWithAndWithoutScale) {
  const double ln2 = std::log(2.0);
  Values logits = {0, ln2, -1, 2 * ln2, 5, 5, 0, -1e30}, scales = {1, 2, 3, 4};
  const Buffer data = upload(DType::F32, logits), scale = upload(DType::F32, scales);
  const Buffer ids = *device_->make_buffer(16), weights = *device_->make_buffer(16);
  for (const bool scaled : {false, true}) {
    run([&](ops::Context& context) {
      return ops::route_experts(context, Tensor::of(data, DType::F32, {2, 4}), Tensor::of(ids, DType::U32, {2, 2}),
                                Tensor::of(weights, DType::F32, {2, 2}),
                                scaled ? Tensor::of(scale, DType::F32, {4}) : Tensor{});
    });
    EXPECT_EQ(download(ids, DType::U32), (Values{3, 1, 0, 1}));
    const Values w = download(weights);
    EXPECT_NEAR(w[0], (scaled ? 4 : 1) * 2.0 / 3, 1e-6);
    EXPECT_NEAR(w[1], (scaled ? 2 : 1) * 1.0 / 3, 1e-6);
    EXPECT_NEAR(w[2], 0.5, 1e-6);
    EXPECT_NEAR(w[3], scaled ? 1.0 : 0.5, 1e-6);
  }
}

TEST_F(Ops, AGateInFrontOfTheExperts) {
  // After the norm each row is 1, -1, 1, -1 times the norm's weight 0.5.
  Values x = {3, -3, 3, -3}, router = {1, 0, 0, 0, 0, 1, 0, 0, 1, -1, 1, 0}, norm(4, 0.5), scales = {2, 1, 4};
  const Buffer data = upload(DType::BF16, x), rows = upload(DType::F32, router), unit = upload(DType::F32, norm),
               scale = upload(DType::F32, scales), ids = *device_->make_buffer(8), weights = *device_->make_buffer(8);
  run([&](ops::Context& context) {
    return ops::moe_gate(
        context, Tensor::of(data, DType::BF16, {1, 4}),
        {Tensor::of(rows, DType::F32, {3, 4}), Tensor::of(unit, DType::F32, {4}), Tensor::of(scale, DType::F32, {3})},
        Tensor::of(ids, DType::U32, {1, 2}), Tensor::of(weights, DType::F32, {1, 2}));
  });
  EXPECT_EQ(download(ids, DType::U32), (Values{2, 0}));  // logits 0.5, -0.5, 1.5
  const double first = 4 * std::exp(1.5), second = 2 * std::exp(0.5);
  EXPECT_NEAR(download(weights)[0], first / (first + second), 1e-5);
  EXPECT_NEAR(download(weights)[1], second / (first + second), 1e-5);
}

}  // namespace
