// Attention by its ops: what each refuses, and results against float64 for every cache type and option.
#include "ops/attention.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <optional>
#include <vector>

#include "ops/attention_fixture.hpp"
#include "ops/kv_cache.hpp"
#include "ops/mistakes.hpp"
#include "ops/sdpa.hpp"

namespace {

using namespace anymetal;
using ops::DType;
using ops::Tensor;
using test::Attended;
using test::AttentionOps;
using test::Fixture;
using test::Mistake;
using Values = std::vector<double>;

const Mistake kAttentionMistakes[] = {
    {"attention: length 2 must be at least the 3 queries and at most the cache's 8",
     [](Fixture& f) {
       return ops::attention(f.context, f.f32({3, 1, 256}), f.f32({1, 8, 256}), f.f32({1, 8, 256}), 2, {},
                             f.f32({3, 1, 256}));
     }},
    {"attention: 3 heads cannot share 2 key heads",
     [](Fixture& f) {
       return ops::attention(f.context, f.f32({1, 3, 256}), f.f32({2, 8, 256}), f.f32({2, 8, 256}), 4, {},
                             f.f32({1, 3, 256}));
     }},
    {"attention: no kernel for heads of 68 elements",
     [](Fixture& f) {
       return ops::attention(f.context, f.f32({1, 1, 68}), f.f32({1, 8, 68}), f.f32({1, 8, 68}), 4, {},
                             f.f32({1, 1, 68}));
     }},
    {"attention: mask is f32[2, 5], must be [2, 4] or one for each of 3 heads",
     [](Fixture& f) {
       return ops::attention(f.context, f.f32({2, 3, 64}), f.f32({1, 8, 64}), f.f32({1, 8, 64}), 4,
                             {.mask = f.f32({2, 5})}, f.f32({2, 3, 64}));
     }},
    {"attention: 2 sinks for 3 heads",
     [](Fixture& f) {
       return ops::attention(f.context, f.f32({2, 3, 64}), f.f32({1, 8, 64}), f.f32({1, 8, 64}), 4,
                             {.sinks = f.f32({2})}, f.f32({2, 3, 64}));
     }},
    {"attention: ring starts at 8 of a cache of 8",
     [](Fixture& f) {
       return ops::attention(f.context, f.f32({2, 3, 64}), f.f32({1, 8, 64}), f.f32({1, 8, 64}), 4, {.ring_start = 8},
                             f.f32({2, 3, 64}));
     }},
    {"attention: softcap is -1, must not be negative",
     [](Fixture& f) {
       return ops::attention(f.context, f.f32({2, 3, 64}), f.f32({1, 8, 64}), f.f32({1, 8, 64}), 4, {.softcap = -1},
                             f.f32({2, 3, 64}));
     }},
    {"sdpa: no kernel for f16",
     [](Fixture& f) {
       const Tensor x = f.of(DType::F16, {1, 2, 3, 64});
       return ops::sdpa(f.context, x, x, x, 3, {}, x);
     }},
    {"sdpa: 3 queries are more than the 2 keys",
     [](Fixture& f) {
       return ops::sdpa(f.context, f.f32({1, 2, 3, 64}), f.f32({1, 1, 8, 64}), f.f32({1, 1, 8, 64}), 2, {},
                        f.f32({1, 2, 3, 64}));
     }},
    {"sdpa: a query must see a key before its own",
     [](Fixture& f) {
       return ops::sdpa(f.context, f.f32({1, 2, 3, 64}), f.f32({1, 1, 8, 64}), f.f32({1, 1, 8, 64}), 4,
                        {.keys_back = 0}, f.f32({1, 2, 3, 64}));
     }},
    {"sdpa: query is f32[1, 2, 3, 64], keys are f32[2, 1, 8, 64], must be [batch, heads, length, head size]",
     [](Fixture& f) {
       return ops::sdpa(f.context, f.f32({1, 2, 3, 64}), f.f32({2, 1, 8, 64}), f.f32({2, 1, 8, 64}), 4, {},
                        f.f32({1, 2, 3, 64}));
     }},
    {"sdpa_decode: no kernel for heads of 48 elements",
     [](Fixture& f) {
       return ops::sdpa_decode(f.context, f.f32({2, 48}), f.f32({1, 8, 48}), f.f32({1, 8, 48}), 4, 1, f.f32({2, 48}));
     }},
    {"sdpa_decode: length 9 must be positive and at most the 8 rows of keys",
     [](Fixture& f) {
       return ops::sdpa_decode(f.context, f.f32({2, 64}), f.f32({1, 8, 64}), f.f32({1, 8, 64}), 9, 1, f.f32({2, 64}));
     }},
    {"masked_softmax: scores are f32[2, 3, 9], mask is bf16[3, 8], must be [heads, queries, keys] and [queries, keys]",
     [](Fixture& f) {
       return ops::masked_softmax(f.context, f.f32({2, 3, 9}), f.of(DType::BF16, {3, 8}), 1, f.f32({2, 3, 9}));
     }},
};

class AttentionMistakes : public testing::TestWithParam<Mistake> {};
TEST_P(AttentionMistakes, IsAnErrorThatNamesIt) { test::expect_refusal(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Ops, AttentionMistakes, testing::ValuesIn(kAttentionMistakes));

TEST_F(AttentionOps, EveryCacheTypeAndOption) {
  const Attended setups[] = {
      {2, 1, 64, 5, 20, 24},
      {4, 2, 128, 1, 33, 40, 30},
      {2, 2, 96, 7, 40, 40, 0, 9},
      {2, 1, 64, 6, 12, 12, 0, 0, false},
      {2, 1, 256, 3, 40, 48, 0, 0, true, 2.5},
      {2, 1, 256, 1, 40, 48, 0, 8, true, 0, true, true},
      {2, 1, 512, 2, 9, 12},
  };
  for (const DType type : {DType::F32, DType::F16, DType::BF16, DType::Q8_0}) {
    for (const Attended& s : setups) {
      Values q = random(s.queries * s.heads * s.dim, 2), k = random(s.keys * s.kv_heads * s.dim),
             v = random(s.keys * s.kv_heads * s.dim), mask = random(s.queries * s.keys), sinks = random(s.heads);
      mask[s.keys - 2] = -cases::kInfinity;
      const Buffer query = upload(DType::F32, q), keys = upload(DType::F32, k), values = upload(DType::F32, v),
                   bias = upload(DType::F32, mask), sink = upload(DType::F32, sinks);
      const std::size_t bytes = ops::bytes_of(type, s.kv_heads * s.capacity * s.dim);
      const Buffer key_cache = *device_->make_buffer(bytes), value_cache = *device_->make_buffer(bytes),
                   out = *device_->make_buffer(q.size() * 4);
      const Tensor kc = Tensor::of(key_cache, type, {s.kv_heads, s.capacity, s.dim}),
                   vc = Tensor::of(value_cache, type, {s.kv_heads, s.capacity, s.dim});
      const float scale = 1 / std::sqrt(static_cast<float>(s.dim));
      run([&](ops::Context& context) -> Result<void> {
        const auto rows = [&](const Buffer& b) { return Tensor::of(b, DType::F32, {s.keys, s.kv_heads, s.dim}); };
        if (auto r = ops::write_kv_cache(context, rows(keys), rows(values), kc, vc, s.ring_start); !r) return r;
        ops::AttentionOptions options = {.scale = scale, .window = s.window, .causal = s.causal};
        options.softcap = static_cast<float>(s.softcap);
        options.ring_start = s.ring_start;
        if (s.mask) options.mask = Tensor::of(bias, DType::F32, {s.queries, s.keys});
        if (s.sinks) options.sinks = Tensor::of(sink, DType::F32, {s.heads});
        return ops::attention(context, Tensor::of(query, DType::F32, {s.queries, s.heads, s.dim}), kc, vc, s.keys,
                              options, Tensor::of(out, DType::F32, {s.queries, s.heads, s.dim}));
      });
      // What the caches hold, first the keys' codec against the originals.
      const Values held_k = download(key_cache, type), held_v = download(value_cache, type);
      const auto row = [&](const Values& held) {
        return [&](std::size_t head, std::size_t j) {
          return &held[(head * s.capacity + (s.ring_start + j) % s.capacity) * s.dim];
        };
      };
      for (std::size_t i = 0; i < k.size(); ++i) {
        const std::size_t d = i % s.dim, head = i / s.dim % s.kv_heads, j = i / s.dim / s.kv_heads;
        ASSERT_NEAR(row(held_k)(head, j)[d], k[i], 0.02) << ops::name(type);
      }
      expect_near(download(out),
                  reference(s, static_cast<double>(scale), q, row(held_k), row(held_v), s.mask ? mask : Values{},
                            s.sinks ? sinks : Values{}),
                  3e-5, std::string(ops::name(type)));
    }
  }
}

TEST_F(AttentionOps, ScaledDotProducts) {
  const Attended s = {4, 2, 64, 10, 40, 44};
  for (const DType type : {DType::F32, DType::BF16}) {
    for (const std::optional<std::size_t> back : {std::optional<std::size_t>(), std::optional<std::size_t>(5)}) {
      Values q = random(s.heads * s.queries * s.dim), k = random(s.kv_heads * s.capacity * s.dim),
             v = random(s.kv_heads * s.capacity * s.dim);
      const Buffer query = upload(type, q), keys = upload(type, k), values = upload(type, v),
                   out = *device_->make_buffer(ops::bytes_of(type, q.size()));
      run([&](ops::Context& context) {
        const Tensor rows = Tensor::of(keys, type, {1, s.kv_heads, s.capacity, s.dim});
        return ops::sdpa(context, Tensor::of(query, type, {1, s.heads, s.queries, s.dim}), rows,
                         Tensor::of(values, type, {1, s.kv_heads, s.capacity, s.dim}), s.keys,
                         {.scale = 0.125f, .keys_back = back}, Tensor::of(out, type, {1, s.heads, s.queries, s.dim}));
      });
      Values by_query(q.size());  // the reference has queries before heads
      const auto swapped = [&](std::size_t i) {
        const std::size_t d = i % s.dim, head = i / s.dim % s.heads, query_at = i / s.dim / s.heads;
        return (head * s.queries + query_at) * s.dim + d;
      };
      for (std::size_t i = 0; i < q.size(); ++i) by_query[i] = q[swapped(i)];
      Attended window = s;
      window.window = back ? *back + 1 : 0;
      const auto row = [&](const Values& x) {
        return [&](std::size_t head, std::size_t j) { return &x[(head * s.capacity + j) * s.dim]; };
      };
      const Values expected = reference(window, 0.125, by_query, row(k), row(v)), actual = download(out, type);
      for (std::size_t i = 0; i < q.size(); ++i) {
        ASSERT_NEAR(actual[swapped(i)], expected[i], type == DType::F32 ? 1e-5 : 1e-2) << i;
      }
    }
  }
}

TEST_F(AttentionOps, OneQueryBySimdgroups) {
  for (const std::size_t keys_count : {1u, 40u, 200u}) {
    const Attended s = {4, 2, 64, 1, keys_count, keys_count + 3};
    Values q = random(s.heads * s.dim), k = random(s.kv_heads * s.capacity * s.dim), v = random(k.size());
    const Buffer query = upload(DType::F32, q), keys = upload(DType::F32, k), values = upload(DType::F32, v),
                 out = *device_->make_buffer(q.size() * 4);
    run([&](ops::Context& context) {
      return ops::sdpa_decode(context, Tensor::of(query, DType::F32, {s.heads, s.dim}),
                              Tensor::of(keys, DType::F32, {s.kv_heads, s.capacity, s.dim}),
                              Tensor::of(values, DType::F32, {s.kv_heads, s.capacity, s.dim}), s.keys, 0.125f,
                              Tensor::of(out, DType::F32, {s.heads, s.dim}));
    });
    const auto row = [&](const Values& x) {
      return [&](std::size_t head, std::size_t j) { return &x[(head * s.capacity + j) * s.dim]; };
    };
    expect_near(download(out), reference(s, 0.125, q, row(k), row(v)), 1e-5, "sdpa_decode");
  }
}

TEST_F(AttentionOps, SoftmaxOfMaskedScores) {
  Values x = random(2 * 3 * 33, 4), mask(3 * 33);
  for (std::size_t i = 0; i < mask.size(); ++i) mask[i] = i / 33 == 1 || i % 4 == 0 ? -cases::kInfinity : 0.5;
  const Buffer scores = upload(DType::F32, x), bias = upload(DType::BF16, mask);
  run([&](ops::Context& context) {
    const Tensor in_place = Tensor::of(scores, DType::F32, {2, 3, 33});
    return ops::masked_softmax(context, in_place, Tensor::of(bias, DType::BF16, {3, 33}), 0.5f, in_place);
  });
  const Values y = download(scores);
  for (std::size_t row = 0; row < 6; ++row) {
    double sum = 0;
    for (std::size_t i = 0; i < 33; ++i) {
      sum += mask[row % 3 * 33 + i] == 0.5 ? std::exp(x[row * 33 + i] * 0.5) : 0;
    }
    for (std::size_t i = 0; i < 33; ++i) {
      const bool seen = mask[row % 3 * 33 + i] == 0.5;
      ASSERT_NEAR(y[row * 33 + i], seen ? std::exp(x[row * 33 + i] * 0.5) / sum : 0, 1e-6) << row << ' ' << i;
    }
  }
}

}  // namespace
