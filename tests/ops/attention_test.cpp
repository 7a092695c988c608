// Attention, caches and TurboQuant by their ops: what each refuses, and results against float64 for every cache type
// and option.
#include "ops/attention.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "cases/attention_reference.hpp"
#include "cases/turboquant.hpp"
#include "ops/kv_cache.hpp"
#include "ops/mistakes.hpp"
#include "ops/ops_fixture.hpp"
#include "ops/sdpa.hpp"
#include "ops/turboquant.hpp"

namespace {

using namespace anymetal;
using ops::DType;
using ops::Tensor;
using test::Fixture;
using test::Mistake;
using Values = std::vector<double>;

ops::TurboCache turbo(const Fixture& f, std::size_t heads, std::size_t capacity, std::size_t dim, std::size_t bits) {
  return {f.of(DType::U8, {heads, capacity, bits == 4 ? dim / 2 : dim}), f.f32({heads, capacity, dim / 256}), bits, 1};
}

const Mistake kAttentionMistakes[] = {
    {"write_kv_cache: 9 tokens do not fit a cache of 8",
     [](Fixture& f) {
       return ops::write_kv_cache(f.context, f.f32({9, 1, 64}), f.f32({9, 1, 64}), f.f32({1, 8, 64}), f.f32({1, 8, 64}),
                                  0);
     }},
    {"write_kv_cache: head size 48 is no multiple of the 32-element blocks of q8_0",
     [](Fixture& f) {
       const Tensor cache = f.of(DType::Q8_0, {2, 8, 48});
       return ops::write_kv_cache(f.context, f.f32({1, 2, 48}), f.f32({1, 2, 48}), cache, cache, 0);
     }},
    {"write_kv_cache: cache is q4_0, must be f32, f16, bf16 or q8_0",
     [](Fixture& f) {
       const Tensor cache = f.of(DType::Q4_0, {1, 8, 64});
       return ops::write_kv_cache(f.context, f.f32({1, 1, 64}), f.f32({1, 1, 64}), cache, cache, 0);
     }},
    {"write_token_cache: rows are f32[2, 60], must be [tokens, row size] for the cache f32[8, 64]",
     [](Fixture& f) {
       return ops::write_token_cache(f.context, f.f32({2, 60}), f.f32({8, 64}), 0);
     }},
    {"move_kv_cache: cannot move 5 positions from 4 to 0 in a cache of 8",
     [](Fixture& f) {
       return ops::move_kv_cache(f.context, f.f32({1, 8, 64}), 4, 0, 5);
     }},
    {"move_kv_cache: rows of 17 bytes are no whole 16-bit units",
     [](Fixture& f) {
       return ops::move_kv_cache(f.context, f.of(DType::MXFP4, {1, 8, 32}), 4, 0, 4);
     }},
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
    {"turbo_rotate: no kernel for heads of 128 elements",
     [](Fixture& f) {
       return ops::turbo_rotate(f.context, f.f32({2, 128}), ops::Rotation::Forward);
     }},
    {"turbo_write: no codes of 7 bits",
     [](Fixture& f) {
       const auto cache = turbo(f, 1, 8, 256, 7);
       return ops::turbo_write(f.context, f.f32({1, 1, 256}), f.f32({1, 1, 256}), cache, cache, 0, false);
     }},
    {"turbo_write: 3 tokens from 6 on do not fit a cache of 8",
     [](Fixture& f) {
       const auto cache = turbo(f, 1, 8, 256, 5);
       return ops::turbo_write(f.context, f.f32({3, 1, 256}), f.f32({3, 1, 256}), cache, cache, 6, false);
     }},
    {"turbo_read: a cache of 8 has no 3 positions from 6 on",
     [](Fixture& f) {
       return ops::turbo_read(f.context, turbo(f, 1, 8, 256, 5), 6, f.f32({1, 3, 256}));
     }},
    {"turbo_read: 4-bit positions are read one at a time",
     [](Fixture& f) {
       return ops::turbo_read(f.context, turbo(f, 1, 8, 256, 4), 0, f.f32({1, 2, 256}));
     }},
    {"turbo_attention: no kernel for 4-bit caches",
     [](Fixture& f) {
       const auto cache = turbo(f, 1, 8, 256, 4);
       return ops::turbo_attention(f.context, f.f32({2, 256}), cache, cache, 4, {}, f.f32({2, 256}));
     }},
    {"turbo_attention: keys have 5 bits and scale 1, values 6 and 1",
     [](Fixture& f) {
       return ops::turbo_attention(f.context, f.f32({2, 256}), turbo(f, 1, 8, 256, 5), turbo(f, 1, 8, 256, 6), 4, {},
                                   f.f32({2, 256}));
     }},
    {"turbo_attention: length 0 must be positive and at most the cache's 8",
     [](Fixture& f) {
       const auto cache = turbo(f, 1, 8, 256, 5);
       return ops::turbo_attention(f.context, f.f32({2, 256}), cache, cache, 0, {}, f.f32({2, 256}));
     }},
};

class AttentionMistakes : public testing::TestWithParam<Mistake> {};
TEST_P(AttentionMistakes, IsAnErrorThatNamesIt) { test::expect_refusal(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Ops, AttentionMistakes, testing::ValuesIn(kAttentionMistakes));

struct Attended {
  std::size_t heads, kv_heads, dim, queries, keys, capacity;
  std::size_t ring_start = 0, window = 0;
  bool causal = true;
  double softcap = 0;
  bool mask = false, sinks = false;
};

class AttentionOps : public test::Ops {
 protected:
  /// Attention in float64. Rows of q: [query, head]; key(kv head, j) and value point to row j in the order of time.
  template <class Key, class Value>
  static Values reference(const Attended& s, double scale, const Values& q, Key key, Value value,
                          const Values& mask = {}, const Values& sinks = {}) {
    Values out(q.size());
    const Values nothing(s.dim);
    for (std::size_t row = 0; row < s.queries * s.heads; ++row) {
      const std::size_t query = row / s.heads, head = row % s.heads, kv = head / (s.heads / s.kv_heads);
      Values scores(s.keys + 1, -cases::kInfinity);
      if (!sinks.empty()) scores[s.keys] = sinks[head];
      for (std::size_t j = 0; j < s.keys; ++j) {
        const std::size_t position = s.keys - s.queries + query;
        if ((s.causal && j > position) || (s.window > 0 && j + s.window <= position)) continue;
        const double product = cases::dot(&q[row * s.dim], key(kv, j), s.dim);
        scores[j] = cases::soft_capped(product * scale, s.softcap) + (mask.empty() ? 0 : mask[query * s.keys + j]);
      }
      cases::attend(
          scores, [&](std::size_t j) { return j == s.keys ? nothing.data() : value(kv, j); }, s.dim, &out[row * s.dim]);
    }
    return out;
  }
  static void expect_near(const Values& actual, const Values& expected, double tolerance, const std::string& what) {
    ASSERT_EQ(actual.size(), expected.size());
    for (std::size_t i = 0; i < actual.size(); ++i) ASSERT_NEAR(actual[i], expected[i], tolerance) << what << ' ' << i;
  }
};

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

TEST_F(AttentionOps, RowsMoveWithinACache) {
  for (const DType type : {DType::F32, DType::F16, DType::Q8_0}) {
    Values rows = random(2 * 10 * 64);
    const Buffer cache = upload(type, rows);
    run([&](ops::Context& context) {
      return ops::move_kv_cache(context, Tensor::of(cache, type, {2, 10, 64}), 3, 0, 7);
    });
    const Values moved = download(cache, type);
    for (std::size_t i = 0; i < moved.size(); ++i) {
      const std::size_t position = i / 64 % 10;
      ASSERT_EQ(moved[i], rows[position < 7 ? i + std::size_t{3} * 64 : i]) << ops::name(type) << ' ' << i;
    }
  }
}

TEST_F(AttentionOps, TokensGoRoundARing) {
  Values rows = random(3 * 20), cache(7 * 20);
  const Buffer from = upload(DType::BF16, rows), to = upload(DType::BF16, cache);
  run([&](ops::Context& context) {
    return ops::write_token_cache(context, Tensor::of(from, DType::BF16, {3, 20}), Tensor::of(to, DType::BF16, {7, 20}),
                                  12);
  });
  const Values written = download(to, DType::BF16);
  for (std::size_t t = 0; t < 3; ++t) {
    for (std::size_t e = 0; e < 20; ++e) ASSERT_EQ(written[(12 + t) % 7 * 20 + e], rows[t * 20 + e]);
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

TEST_F(AttentionOps, TurboQuantCachesOfEveryWidth) {
  for (const std::size_t dim : {256u, 512u}) {
    for (const std::size_t bits : {4u, 5u, 6u, 8u}) {
      const Attended s = {4, 2, dim, 1, 40, 48};
      Values q = random(s.heads * dim), k = random(s.keys * s.kv_heads * dim), v = random(k.size());
      const Buffer query = upload(DType::F32, q), keys = upload(DType::F32, k), values = upload(DType::F32, v);
      const std::size_t rows = s.kv_heads * s.capacity, row_bytes = bits == 4 ? dim / 2 : dim;
      const auto buffer = [&](std::size_t bytes) { return *device_->make_buffer(bytes); };
      const std::array codes = {buffer(rows * row_bytes), buffer(rows * row_bytes)};
      const std::array norms = {buffer(rows * dim / 256 * 4), buffer(rows * dim / 256 * 4)};
      std::array<ops::TurboCache, 2> cache;
      for (std::size_t i = 0; i < 2; ++i) {
        cache[i] = {Tensor::of(codes[i], DType::U8, {s.kv_heads, s.capacity, row_bytes}),
                    Tensor::of(norms[i], DType::F32, {s.kv_heads, s.capacity, dim / 256}), bits, 1};
      }
      const std::size_t parts = 2, read_tokens = bits == 4 ? 1 : s.keys;
      const Buffer out = buffer(q.size() * 4), scratch = buffer(s.heads * parts * (dim + 2) * 4),
                   decoded = buffer(s.kv_heads * read_tokens * dim * 4);
      const Tensor result = Tensor::of(out, DType::F32, {s.heads, dim});
      run([&](ops::Context& context) -> Result<void> {
        const auto tokens = [&](const Buffer& b) { return Tensor::of(b, DType::F32, {s.keys, s.kv_heads, dim}); };
        if (auto r = ops::turbo_write(context, tokens(keys), tokens(values), cache[0], cache[1], 0, false); !r)
          return r;
        if (auto r =
                ops::turbo_read(context, cache[0], 0, Tensor::of(decoded, DType::F32, {s.kv_heads, read_tokens, dim}));
            !r) {
          return r;
        }
        if (bits == 4) return {};
        const Tensor shared = Tensor::of(scratch, DType::F32, {s.heads * parts * (dim + 2)});
        return ops::turbo_attention(context, Tensor::of(query, DType::F32, {s.heads, dim}), cache[0], cache[1], s.keys,
                                    {.scale = 1.0f / 16, .scratch = shared}, result);
      });
      const Values rotated = download(decoded);
      const double codec = bits == 4 ? 0.11 : bits == 5 ? 0.056 : bits == 6 ? 0.029 : 0.0095;
      double squares = 0, whole = 0;
      for (std::size_t row = 0; row < s.kv_heads * read_tokens; ++row) {
        const std::size_t head = row / read_tokens, t = row % read_tokens;
        const Values x = cases::turbo_unrotate(std::span(rotated).subspan(row * dim, dim));
        for (std::size_t d = 0; d < dim; ++d) {
          const double original = k[(t * s.kv_heads + head) * dim + d];
          squares += (x[d] - original) * (x[d] - original);
          whole += original * original;
        }
      }
      EXPECT_LT(std::sqrt(squares / whole), 1.3 * codec) << dim << ' ' << bits << " bits";
      if (bits == 4) continue;
      const auto row = [&](const Values& x) {
        return [&](std::size_t head, std::size_t j) { return &x[(j * s.kv_heads + head) * dim]; };
      };
      expect_near(download(out), reference(s, 1.0 / 16, q, row(k), row(v)), 6 * codec, std::to_string(bits) + " bits");
    }
  }
}

TEST_F(AttentionOps, ARotationComesBack) {
  Values x = random(3 * 512);
  const Buffer data = upload(DType::F32, x);
  const Tensor heads = Tensor::of(data, DType::F32, {3, 512});
  for (const auto& [there, back] : {std::pair{ops::Rotation::Forward, ops::Rotation::Inverse},
                                    std::pair{ops::Rotation::Hadamard, ops::Rotation::Hadamard}}) {
    run([&, first = there](ops::Context& context) { return ops::turbo_rotate(context, heads, first); });
    EXPECT_GT(std::fabs(download(data)[0] - x[0]), 1e-3);
    run([&, second = back](ops::Context& context) { return ops::turbo_rotate(context, heads, second); });
    const Values y = download(data);
    for (std::size_t i = 0; i < x.size(); ++i) ASSERT_NEAR(y[i], x[i], 1e-5);
  }
}

}  // namespace
