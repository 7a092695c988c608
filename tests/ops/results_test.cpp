// Ops against float64: the choice of kernel and geometry, for shapes that lead to different kernels.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "cases/codec.hpp"
#include "cases/values.hpp"
#include "ops/attention.hpp"
#include "ops/matmul.hpp"
#include "ops/norm.hpp"
#include "ops/sampling.hpp"

namespace {

using namespace anymetal;
using ops::DType;
using ops::Tensor;
using Values = std::vector<double>;

class Ops : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(device_) << device_.error().message(); }

  /// A device buffer of these values; `values` becomes what it holds after rounding.
  Buffer upload(DType type, Values& values) {
    const auto bytes = cases::encode(type, values);
    values = cases::decode(type, bytes);
    Buffer buffer = *device_->make_buffer(bytes.size());
    EXPECT_TRUE(buffer.write(bytes));
    return buffer;
  }
  Values random(std::size_t n, double deviation = 1) {
    Values values(n);
    for (std::size_t i = 0; i < n; ++i) values[i] = cases::normal(0, deviation)(random_, i);
    return values;
  }
  Values download(const Buffer& buffer, DType type = DType::F32) {
    std::vector<std::byte> bytes(buffer.size());
    EXPECT_TRUE(buffer.read(bytes));
    return cases::decode(type, bytes);
  }
  /// Records with `op` and runs.
  template <class Op>
  void run(Op op) {
    auto encoder = device_->make_command_encoder();
    ASSERT_TRUE(encoder);
    ops::Context context{registry_, *device_, *encoder};
    const Result<void> recorded = op(context);
    ASSERT_TRUE(recorded) << recorded.error().message();
    const Result<void> done = encoder->commit_and_wait();
    ASSERT_TRUE(done) << done.error().message();
  }

  KernelRegistry registry_;
  Result<Device> device_ = Device::system_default();
  cases::Random random_{11};
};

TEST_F(Ops, MatrixProductOfEverySize) {
  for (const DType type : {DType::Q5_0, DType::Q8_0, DType::Q4_K, DType::Q6_K}) {
    for (const std::size_t m : {1u, 2u, 9u, 50u}) {
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

}  // namespace
