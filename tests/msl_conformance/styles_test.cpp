// The programs in the manner of large kernel libraries (tests/msl_front_end/programs), run and compared with plain
// loops.
#include "styles.hpp"

#include <algorithm>
#include <cmath>

namespace msl_conformance {
namespace {

TEST_F(Styles, QuantisedRows) {
  struct Arguments {
    std::int32_t columns, rows;
    std::uint64_t row_bytes;
    float scale;
  };
  constexpr int kColumns = 64, kRows = 3, kBlock = 18;
  std::vector<Arguments> arguments = {{kColumns, kRows, kColumns / 32 * kBlock, 0.5f}};
  std::vector<std::uint8_t> weights(static_cast<std::size_t>(kRows * kColumns / 32 * kBlock));
  std::vector<float> x(kColumns), y(kRows, -1.0f);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 7) - 3;
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<std::uint8_t>(i * 37 + 11);
  for (std::size_t b = 0; b < weights.size(); b += kBlock) weights[b] = 0, weights[b + 1] = 0x3c;  // half 1.0
  run("quantised_rows", "kernel_mul_mv_q4_f32", {kRows, 1, 1}, {32, 1, 1}, {{100U, std::int16_t{1}}, {101U, true}},
      arguments, weights, x, y);
  for (std::size_t r = 0; r < kRows; ++r) {
    double sum = 0;
    for (std::size_t c = 0; c < kColumns; ++c) {
      const std::size_t block = (r * (kColumns / 32) + c / 32) * kBlock, k = c % 32;
      const int q = k < 16 ? weights[block + 2 + k] & 15 : weights[block + 2 + k - 16] >> 4;
      sum += (q - 8) * static_cast<double>(x[c]);
    }
    EXPECT_NEAR(static_cast<double>(y[r]), 0.5 * sum + 1, 1e-3) << r;
  }
}

TEST_F(Styles, TileLoaders) {
  struct Parameters {
    int m, n, k;
    std::int64_t batch;
  };
  std::vector<Parameters> parameters = {{8, 8, 16, 0}};
  std::vector<float> a(8 * 16), b(16 * 8), d(64, -1.0f);
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = static_cast<float>(i % 5) - 2, b[i] = static_cast<float>(i % 9) - 4;
  run("tile_loaders", "gemm_float32_bm8_bn8_bk8", {1, 1, 1}, {32, 1, 1}, {}, a, b, d, parameters);
  for (std::size_t i = 0; i < 64; ++i) {
    float sum = 0;
    for (std::size_t k = 0; k < 16; ++k) sum += 2 * a[i / 8 * 16 + k] * b[k * 8 + i % 8];
    EXPECT_EQ(d[i], sum) << i;
  }
}

TEST_F(Styles, ComplexReduction) {
  std::vector<float> in(2 * 40), out = {1, 2, 0, 0};
  for (std::size_t i = 0; i < in.size(); ++i) in[i] = static_cast<float>(i);
  std::vector<std::uint64_t> n = {40};
  run("tile_loaders", "sum_complex64", {1, 1, 1}, {32, 1, 1}, {}, in, out, n);
  EXPECT_EQ(out, (std::vector<float>{1561, 1602, 1561, 0}));
}

TEST_F(Styles, HashRounds) {
  struct Word {
    std::uint32_t i[16], length;
  };
  std::vector<Word> words(2);
  for (std::uint32_t w = 0; w < 2; ++w) {
    for (std::uint32_t k = 0; k < 16; ++k) words[w].i[k] = (k + 1) * 0x01234567U + w;
  }
  std::vector<std::uint32_t> out(2, 0);
  std::vector<std::uint64_t> count = {2};
  run("hash_rounds", "m01400_mxx", {1, 1, 1}, {2, 1, 1}, {}, words, out, count);
  const std::uint32_t table[8] = {0x428a2f98U, 0x71374491U, 0xb5c0fbcfU, 0xe9b5dba5U,
                                  0x3956c25bU, 0x59f111f1U, 0x923f82a4U, 0xab1c5ed5U};
  const std::uint64_t rounds[4] = {1, 0x8082, 0x800000000000808aULL, 0x8000000080008000ULL};
  for (std::size_t w = 0; w < 2; ++w) {
    std::uint32_t digest[8] = {};
    for (std::size_t i = 0; i < 8; ++i) {
      std::uint32_t& a = digest[i];
      a += (words[w].i[0] ^ table[i]) + (std::rotl(a, 25) ^ std::rotl(a, 14) ^ (a >> 3));
      a = std::rotl(a, 7);
    }
    for (std::size_t i = 0; i < 16; ++i) digest[i & 7] ^= std::byteswap(words[w].i[i]);
    std::uint64_t state[8];
    for (std::size_t i = 0; i < 8; ++i) state[i] = digest[i];
    for (const std::uint64_t round : rounds) {
      state[0] ^= std::rotl(state[1], 13) ^ round;
      state[1] = ~state[2] & state[0];
    }
    std::uint32_t mixed = 0;
    for (const std::uint32_t k : table) mixed = mixed * 31 + k;
    EXPECT_EQ(out[w], digest[0] ^ mixed ^ static_cast<std::uint32_t>(state[0] >> 32) ^
                          static_cast<std::uint32_t>(state[1] >> 8 & 0xff))
        << w;
  }
}

TEST_F(Styles, TensorOpsInNestedNamespaces) {
  std::vector<int> in = {0, 1, 2};
  std::vector<float> out(3, -1);
  run("tensor_ops_namespaces", "exp_dense_int", {3, 1, 1}, {1, 1, 1}, {}, out, in);
  EXPECT_NEAR(out[2], 7.389056f, 1e-5f);
  std::vector<std::uint16_t> sums(4, 0), values = {0x3f80, 0x4000, 0x4040};  // bfloat 1, 2, 3
  std::vector<std::int64_t> index = {1, 1, 2};
  run("tensor_ops_namespaces", "index_put_bfloat", {1, 1, 1}, {3, 1, 1}, {}, sums, values, index);
  EXPECT_EQ(sums, (std::vector<std::uint16_t>{0, 0x4040, 0x4040, 0}));
  std::vector<float> rows(2 * 64), totals(2, -1);
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<float>(i % 3);
  run("tensor_ops_namespaces", "sum_rows_float", {2, 1, 1}, {64, 1, 1}, {}, rows, totals);
  EXPECT_EQ(totals, (std::vector<float>{63, 64}));
}

TEST_F(Styles, FunctorReductions) {
  constexpr std::uint32_t kWidth = 203, kRows = 3;
  std::vector<float> in(kWidth * kRows), out(kRows, -1);
  for (std::size_t i = 0; i < in.size(); ++i) in[i] = static_cast<float>(i % 11) - 5;
  std::vector<std::uint32_t> width = {kWidth};
  run("functor_reductions", "reduce_sumsq_float", {kRows, 1, 1}, {32, 1, 1}, {}, in, out, width);
  std::vector<std::int32_t> numbers(in.begin(), in.end()), largest(kRows, 99);
  run("functor_reductions", "reduce_maxneg_int", {kRows, 1, 1}, {32, 1, 1}, {}, numbers, largest, width);
  for (std::size_t r = 0; r < kRows; ++r) {
    float squares = 0;
    std::int32_t most = -100;
    for (std::size_t c = 0; c < kWidth; ++c) {
      squares += in[r * kWidth + c] * in[r * kWidth + c];
      most = std::max(most, -numbers[r * kWidth + c]);
    }
    EXPECT_EQ(out[r], squares) << r;
    EXPECT_EQ(largest[r], most) << r;
  }
}

TEST_F(Styles, LanguageCorners) {
  std::vector<float> x = {0.5f, 1.25f, 2.75f, -1.5f}, out(x.size(), -1);
  run("language_corners", "odds", {1, 1, 1}, {4, 1, 1}, {}, x, out);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const float lo = x[i] - std::floor(x[i]);
    const int hi = static_cast<int>(std::floor(x[i]));
    float a = lo, b = static_cast<float>(hi);
    if (static_cast<unsigned>(hi) % 2 == 0)
      a += 1;
    else
      a += 2, b += 1;
    const float dot = (3 + lo) + 0.5f * static_cast<float>(hi * 2);
    EXPECT_EQ(out[i], a * 4 + (b + static_cast<float>(3 + hi)) + dot) << i;
  }
}

TEST_F(Styles, QuantBlocks) {
  constexpr std::size_t kBlock = 18;
  std::vector<std::uint8_t> blocks(6 * kBlock);  // 3 rows of 64 numbers
  for (std::size_t i = 0; i < blocks.size(); ++i) blocks[i] = static_cast<std::uint8_t>(i * 29 + 3);
  for (std::size_t b = 0; b < blocks.size(); b += kBlock) blocks[b] = 0, blocks[b + 1] = 0x38;  // half 0.5
  std::vector<std::int32_t> rows = {2, 0};
  std::vector<float> out(2 * 64, -1);
  std::vector<std::int64_t> columns = {64};
  std::vector<std::uint64_t> row_bytes = {2 * kBlock};
  run("quant_blocks", "get_rows_a", {2, 1, 1}, {2, 1, 1}, {}, blocks, rows, out, columns, row_bytes);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::size_t at = static_cast<std::size_t>(rows[i / 64]) * 2 * kBlock + i % 64 / 32 * kBlock, k = i % 32;
    const int q = k < 16 ? blocks[at + 2 + k] & 15 : blocks[at + 2 + k - 16] >> 4;
    EXPECT_EQ(out[i], 0.5f * static_cast<float>(q - 8)) << i;
  }
  std::vector<std::uint8_t> with_minimum(24);
  for (std::size_t i = 0; i < with_minimum.size(); ++i) with_minimum[i] = static_cast<std::uint8_t>(i * 53 + 7);
  with_minimum[0] = 0, with_minimum[1] = 0x3c, with_minimum[2] = 0, with_minimum[3] = 0x40;  // halves 1 and 2
  std::vector<float> vectors(4 * 4, -1);
  run("quant_blocks", "probe_b", {1, 1, 1}, {4, 1, 1}, {}, with_minimum, vectors);
  constexpr float kValues[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    const std::size_t k = i / 4 * 4 + (i % 4 == 0 ? 1 : i % 4 == 1 ? 0 : i % 4);  // x and y are swapped
    const float high = ((with_minimum[4 + k / 8] >> (k % 8)) & 1) != 0 ? 2.0f : 0.0f;
    EXPECT_EQ(vectors[i], kValues[with_minimum[8 + k] & 15] + high) << i;
  }
}

TEST_F(Styles, AttentionVariants) {
  for (const bool has_mask : {false, true}) {
    for (const int simdgroups : {1, 2, 4}) {
      std::vector<float> q(8 * 64), mask(8), out(8, -1);
      for (std::size_t i = 0; i < q.size(); ++i) q[i] = static_cast<float>(i % 9) - 4;
      for (std::size_t i = 0; i < mask.size(); ++i) mask[i] = static_cast<float>(i);
      run("attention_variants", "attn_f32_dk64", {1, 1, 1}, {static_cast<std::size_t>(32 * simdgroups), 1, 1},
          {{300U, has_mask}, {301U, true}, {302U, 0.5f}, {320U, std::int32_t{64}}, {321U, std::int32_t{simdgroups}}}, q,
          mask, out);
      for (std::size_t j = 0; j < 8; ++j) {
        float sum = 1;
        for (std::size_t i = 0; i < 64; ++i) sum += q[j * 64 + i];
        EXPECT_EQ(out[j], sum + (has_mask ? 0.5f * mask[j] : 0.0f)) << j << " of " << simdgroups;
      }
    }
  }
}

TEST_F(Styles, GramTiles) {
  std::vector<float> a(8 * 24), d(64, 3.0f);
  std::vector<std::int32_t> k = {24};
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = static_cast<float>(i * 7 % 10) - 4;
  run("gram_tiles", "gram_f32", {1, 1, 1}, {32, 1, 1}, {}, a, d, k);
  for (std::size_t i = 0; i < 64; ++i) {
    float sum = 0;
    for (std::size_t n = 0; n < 24; ++n) sum += a[i / 8 * 24 + n] * a[i % 8 * 24 + n];
    EXPECT_EQ(d[i], i % 2 == 0 ? 2 * sum + 0.5f * 3.0f : sum) << i;
  }
}

}  // namespace
}  // namespace msl_conformance
