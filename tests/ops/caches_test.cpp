// Caches of keys and values, TurboQuant's among them, by their ops: what each refuses, and what they hold.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <vector>

#include "cases/turboquant.hpp"
#include "ops/attention_fixture.hpp"
#include "ops/kv_cache.hpp"
#include "ops/mistakes.hpp"
#include "ops/turboquant.hpp"

namespace {

using namespace anymetal;
using ops::DType;
using ops::Tensor;
using test::Attended;
using test::Fixture;
using test::Mistake;
using Values = std::vector<double>;

ops::TurboCache turbo(const Fixture& f, std::size_t heads, std::size_t capacity, std::size_t dim, std::size_t bits) {
  return {f.of(DType::U8, {heads, capacity, bits == 4 ? dim / 2 : dim}), f.f32({heads, capacity, dim / 256}), bits, 1};
}

const Mistake kCacheMistakes[] = {
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

class CacheMistakes : public testing::TestWithParam<Mistake> {};
TEST_P(CacheMistakes, IsAnErrorThatNamesIt) { test::expect_refusal(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Ops, CacheMistakes, testing::ValuesIn(kCacheMistakes));

class CacheOps : public test::AttentionOps {};

TEST_F(CacheOps, RowsMoveWithinACache) {
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

TEST_F(CacheOps, TokensGoRoundARing) {
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

TEST_F(CacheOps, TurboQuantCachesOfEveryWidth) {
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

TEST_F(CacheOps, ARotationComesBack) {
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
