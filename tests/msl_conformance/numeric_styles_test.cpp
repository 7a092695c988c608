// Programs in the manner of generators of random numbers, transforms, convolutions and trainers, on every path,
// compared with plain loops or published answers.
#include <array>
#include <cmath>
#include <complex>
#include <numbers>

#include "every_path.hpp"

namespace msl_conformance {
namespace {

class NumericStyles : public EveryPath {};
INSTANTIATE_TEST_SUITE_P(Paths, NumericStyles, testing::Values(Path::Vectors, Path::Threads), path_name);

using Words4 = std::array<std::uint32_t, 4>;

Words4 philox(Words4 c, std::uint32_t k0, std::uint32_t k1) {
  for (int r = 0; r < 10; ++r, k0 += 0x9E3779B9U, k1 += 0xBB67AE85U) {
    const std::uint64_t p = std::uint64_t{0xD2511F53U} * c[0], q = std::uint64_t{0xCD9E8D57U} * c[2];
    c = {static_cast<std::uint32_t>(q >> 32) ^ c[1] ^ k0, static_cast<std::uint32_t>(q),
         static_cast<std::uint32_t>(p >> 32) ^ c[3] ^ k1, static_cast<std::uint32_t>(p)};
  }
  return c;
}

// The first three blocks are the known answers that the generators' authors publish.
TEST_P(NumericStyles, CounterGeneratorsBlocks) {
  constexpr std::uint32_t kAll = 0xffffffffU;
  std::vector<Words4> counters = {
      {0, 0, 0, 0}, {kAll, kAll, kAll, kAll}, {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}};
  std::vector<Words4> keys = {{0, 0, 0, 0}, {kAll, kAll, kAll, kAll}, {0xa4093822, 0x299f31d0, 0x13198a2e, 0x03707344}};
  std::vector<Words4> out(6);
  run("counter_generators", "blocks", {3, 1, 1}, {1, 1, 1}, {}, counters, keys, out);
  EXPECT_EQ(out[0], (Words4{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(out[1], (Words4{0x6b200159, 0x99ba4efe, 0x6b200159, 0x99ba4efe}));
  EXPECT_EQ(out[2], (Words4{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(out[3], (Words4{0x1cb996fc, 0xbb002be7, 0x1cb996fc, 0xbb002be7}));
  EXPECT_EQ(out[4], (Words4{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
  EXPECT_EQ(out[5][0], 0xc4923a9cU);
  EXPECT_EQ(out[5][1], 0x483df7a0U);
}

TEST_P(NumericStyles, CounterGeneratorsDraw) {
  constexpr std::size_t kCount = 500, kThreads = 48;
  std::vector<std::uint32_t> seed = {11, 22}, count = {kCount}, bits(kCount, 0);
  std::vector<float> floats(kCount, -1);
  std::vector<std::uint16_t> halves(kCount, 1);
  run_threads("counter_generators", "draw_bits", {kThreads, 1, 1}, {32, 1, 1}, {}, bits, seed, count);
  run_threads("counter_generators", "draw_uniform_float", {kThreads, 1, 1}, {32, 1, 1}, {}, floats, seed, count);
  run_threads("counter_generators", "draw_uniform_half", {kThreads, 1, 1}, {32, 1, 1}, {}, halves, seed, count);
  for (std::size_t k = 0; k < kCount; ++k) {
    const auto thread = static_cast<std::uint32_t>(k % kThreads), drawn = static_cast<std::uint32_t>(k / kThreads);
    const std::uint32_t x = philox({drawn / 4, thread, 0, 0}, 11, 22)[drawn % 4];
    EXPECT_EQ(bits[k], x) << k;
    EXPECT_EQ(floats[k], std::bit_cast<float>(x >> 9 | 0x3f800000U) - 1) << k;
    EXPECT_EQ(from_half_bits(halves[k]), static_cast<float>(x >> 22) / 1024) << k;
  }
}

TEST_P(NumericStyles, CounterGeneratorsNormals) {
  std::vector<float> out(128, 99);
  std::vector<std::uint32_t> seed = {5};
  run("counter_generators", "normals", {1, 1, 1}, {64, 1, 1}, {}, out, seed);
  double sum = 0, squares = 0;
  std::vector<double> z(128);
  for (std::uint32_t i = 0; i < 64; ++i) {
    std::uint32_t c[2] = {i + 5, 5};
    const std::uint32_t keys[3] = {5, 5, 0x1BD11BDAU};
    const int turns[8] = {13, 15, 26, 6, 17, 29, 16, 24};
    for (std::uint32_t r = 0; r < 20; ++r) {
      c[0] += c[1];
      c[1] = std::rotl(c[1], turns[r % 8]) ^ c[0];
      const std::uint32_t n = r / 4 + 1;
      if (r % 4 == 3) c[0] += keys[n % 3], c[1] += keys[(n + 1) % 3] + n;
    }
    const double r = std::sqrt(-2 * std::log((c[0] + 1.0) * 0x1p-32)), angle = 2 * std::numbers::pi * c[1] * 0x1p-32;
    z[2 * i] = r * std::cos(angle), z[2 * i + 1] = r * std::sin(angle);
    (i < 32 ? squares : sum) += i < 32 ? r * r : z[2 * i] + z[2 * i + 1];
  }
  z[1] = sum, z[3] = squares;
  for (std::size_t i = 0; i < z.size(); ++i)
    EXPECT_NEAR(static_cast<double>(out[i]), z[i], 2e-5 * (i < 4 ? 32 : 1)) << i;
}

using Complex = std::complex<double>;

std::vector<Complex> transformed(std::span<const float> x, bool inverse) {
  const std::size_t n = x.size() / 2;
  std::vector<Complex> sums(n);
  for (std::size_t k = 0; k < n; ++k) {
    for (std::size_t i = 0; i < n; ++i) {
      const double angle =
          (inverse ? 2 : -2) * std::numbers::pi * static_cast<double>(i * k % n) / static_cast<double>(n);
      sums[k] += Complex(static_cast<double>(x[2 * i]), static_cast<double>(x[2 * i + 1])) * std::polar(1.0, angle);
    }
  }
  return sums;
}

TEST_P(NumericStyles, RadixTransforms) {
  struct Form {
    std::size_t length;
    bool inverse;
  };
  for (const auto& [length, inverse] : {Form{64, false}, {128, true}, {8, false}, {4, true}, {256, false}}) {
    std::vector<float> in(2 * 2 * length), out(in.size(), 77);
    for (std::size_t i = 0; i < in.size(); ++i) in[i] = static_cast<float>(i * 37 % 29) / 8 - 1.75f;
    const std::vector<anymetal::FunctionConstant> constants = {{330U, static_cast<std::uint32_t>(length)},
                                                               {331U, inverse}};
    run("radix_transforms", "transform", {2, 1, 1}, {48, 1, 1}, constants, in, out);
    for (std::size_t row = 0; row < 2; ++row) {
      const auto sums = transformed(std::span(in).subspan(row * 2 * length, 2 * length), inverse);
      const double scale = inverse ? 1 / static_cast<double>(length) : 1;
      for (std::size_t i = 0; i < length; ++i) {
        const std::size_t at = 2 * (row * length + i);
        EXPECT_NEAR(static_cast<double>(out[at]), sums[i].real() * scale, 5e-5) << length << ' ' << i;
        EXPECT_NEAR(static_cast<double>(out[at + 1]), sums[i].imag() * scale, 5e-5) << length << ' ' << i;
      }
    }
  }
}

TEST_P(NumericStyles, RadixTransformsOfAThread) {
  for (const std::size_t radix : {3U, 4U, 7U}) {
    constexpr std::size_t kThreads = 37;
    std::vector<float> x(2 * radix * kThreads);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i * 11 % 17) - 8;
    const std::vector<float> before = x;
    run("radix_transforms", "transform_each_" + std::to_string(radix), {1, 1, 1}, {kThreads, 1, 1}, {{331U, false}}, x);
    for (std::size_t t = 0; t < kThreads; ++t) {
      const auto sums = transformed(std::span(before).subspan(t * 2 * radix, 2 * radix), false);
      for (std::size_t k = 0; k < radix; ++k) {
        EXPECT_NEAR(static_cast<double>(x[2 * (t * radix + k)]), sums[k].real(), 2e-5) << radix << ' ' << t;
        EXPECT_NEAR(static_cast<double>(x[2 * (t * radix + k) + 1]), sums[k].imag(), 2e-5) << radix << ' ' << t;
      }
    }
  }
}

TEST_P(NumericStyles, TransformedTiles) {
  constexpr int kChannels = 5, kHeight = 7, kWidth = 6, kFilters = 2;
  std::vector<std::int32_t> shape = {kChannels, kHeight, kWidth, kFilters, kWidth, kWidth * kHeight};
  std::vector<float> in(kChannels * kHeight * kWidth), weights(kFilters * kChannels * 9),
      out(kFilters * kHeight * kWidth, 99);
  std::vector<std::uint16_t> half_in(in.size()), half_weights(weights.size()), half_out(out.size(), half_bits(99));
  for (std::size_t i = 0; i < in.size(); ++i) half_in[i] = half_bits(in[i] = static_cast<float>(i * 7 % 11) - 5);
  for (std::size_t i = 0; i < weights.size(); ++i)
    half_weights[i] = half_bits(weights[i] = static_cast<float>(i * 5 % 7) - 3);
  run("transformed_tiles", "convolve_float_float", {1, 1, kFilters}, {3, 4, 1}, {}, in, weights, out, shape);
  run("transformed_tiles", "convolve_half_float", {1, 1, kFilters}, {3, 4, 1}, {}, half_in, half_weights, half_out,
      shape);
  for (int i = 0; i < kFilters * kHeight * kWidth; ++i) {
    const int x = i % kWidth, y = i / kWidth % kHeight, f = i / (kWidth * kHeight);
    float sum = 0;
    for (int c = 0; c < kChannels; ++c) {
      for (int k = 0; k < 9; ++k) {
        const int px = x + k % 3 - 1, py = y + k / 3 - 1;
        if (px < 0 || py < 0 || px >= kWidth || py >= kHeight) continue;
        sum += in[static_cast<std::size_t>((c * kHeight + py) * kWidth + px)] *
               weights[static_cast<std::size_t>((f * kChannels + c) * 9 + k)];
      }
    }
    EXPECT_EQ(out[static_cast<std::size_t>(i)], sum) << i;
    EXPECT_EQ(from_half_bits(half_out[static_cast<std::size_t>(i)]), sum) << i;
  }
}

TEST_P(NumericStyles, TrainingStepsNormalise) {
  constexpr std::size_t kRows = 3, kColumns = 320;
  std::vector<std::uint16_t> out(kRows * kColumns, 0xffff), in(out.size()), weight(kColumns);
  std::vector<float> mean(kRows, -9), rstd(kRows, -9);
  std::vector<std::int32_t> columns = {kColumns};
  for (std::size_t i = 0; i < in.size(); ++i) in[i] = bfloat_bits(static_cast<float>(i * 13 % 31) / 4 - 3);
  for (std::size_t i = 0; i < kColumns; ++i) weight[i] = bfloat_bits(0.5f + static_cast<float>(i % 8) / 8);
  run("training_steps", "layernorm_gelu", {kRows, 1, 1}, {64, 1, 1}, {}, out, mean, rstd, in, weight, columns);
  for (std::size_t r = 0; r < kRows; ++r) {
    double sum = 0, squares = 0;
    for (std::size_t c = 0; c < kColumns; ++c) sum += static_cast<double>(from_bfloat_bits(in[r * kColumns + c]));
    const double m = sum / kColumns;
    for (std::size_t c = 0; c < kColumns; ++c)
      squares += std::pow(static_cast<double>(from_bfloat_bits(in[r * kColumns + c])) - m, 2);
    const double s = 1 / std::sqrt(squares / kColumns + 1e-5);
    EXPECT_NEAR(static_cast<double>(mean[r]), m, 1e-6);
    EXPECT_NEAR(static_cast<double>(rstd[r]), s, 1e-6);
    for (std::size_t c = 0; c < kColumns; ++c) {
      const double n = s * (static_cast<double>(from_bfloat_bits(in[r * kColumns + c])) - m) *
                       static_cast<double>(from_bfloat_bits(weight[c]));
      const double gelu = 0.5 * n * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (n + 0.044715 * n * n * n)));
      EXPECT_NEAR(static_cast<double>(from_bfloat_bits(out[r * kColumns + c])), gelu, std::abs(gelu) * 0x1p-8 + 1e-6)
          << r << ' ' << c;
    }
  }
}

TEST_P(NumericStyles, TrainingStepsLose) {
  constexpr std::size_t kRows = 2, kWords = 37, kPadded = 40;
  std::vector<float> losses(kRows, -1), gradients(kRows * kPadded, -1), logits(gradients.size());
  std::vector<std::int32_t> targets = {30, 4}, words = {kWords}, padded = {kPadded};
  for (std::size_t i = 0; i < logits.size(); ++i) logits[i] = static_cast<float>(i * 7 % 23) / 4;
  run("training_steps", "cross_entropy", {kRows, 1, 1}, {64, 1, 1}, {}, losses, gradients, logits, targets, words,
      padded);
  for (std::size_t r = 0; r < kRows; ++r) {
    double sum = 0;
    for (std::size_t i = 0; i < kWords; ++i) sum += std::exp(static_cast<double>(logits[r * kPadded + i]));
    const auto target = static_cast<std::size_t>(targets[r]);
    EXPECT_NEAR(static_cast<double>(losses[r]), std::log(sum) - static_cast<double>(logits[r * kPadded + target]),
                1e-5);
    for (std::size_t i = 0; i < kPadded; ++i) {
      const double p =
          i < kWords ? std::exp(static_cast<double>(logits[r * kPadded + i])) / sum - (i == target ? 1 : 0) : 0;
      EXPECT_NEAR(static_cast<double>(gradients[r * kPadded + i]), p, 1e-6) << r << ' ' << i;
    }
  }
}

std::uint32_t noise(std::uint32_t position, std::uint32_t seed) {
  std::uint32_t bits = position * 0xd2a80a3fU + seed;
  bits ^= bits >> 9, bits += 0xa884f197U, bits ^= bits >> 11, bits *= 0x6C736F4BU;
  return bits ^ bits >> 13;
}

TEST_P(NumericStyles, TrainingStepsUpdate) {
  struct Arguments {
    float rate, beta1, beta2, correction1, correction2, epsilon, decay;
    std::uint32_t seed;
  };
  constexpr std::size_t kCount = 75;
  std::vector<Arguments> arguments = {{0.01f, 0.9f, 0.99f, 0.19f, 0.0199f, 1e-8f, 0.1f, 77}};
  std::vector<std::uint16_t> parameters(kCount + 5, 0x1234), gradients(kCount + 5);
  std::vector<float> master(kCount + 5), m(kCount + 5), v(kCount + 5);
  std::vector<std::uint64_t> count = {kCount};
  for (std::size_t i = 0; i < master.size(); ++i) {
    master[i] = static_cast<float>(i) / 7 - 4, m[i] = 0.01f * static_cast<float>(i % 5),
    v[i] = 0.001f * static_cast<float>(i % 7 + 1);
    gradients[i] = bfloat_bits(static_cast<float>(i % 9) / 8 - 0.5f);
  }
  const std::vector<float> old = master, old_m = m, old_v = v;
  run_threads("training_steps", "adamw_bfloat", {kCount + 5, 1, 1}, {32, 1, 1}, {}, parameters, master, gradients, m, v,
              arguments, count);
  for (std::size_t i = 0; i < master.size(); ++i) {
    const double g = static_cast<double>(from_bfloat_bits(gradients[i])), p = static_cast<double>(old[i]);
    const double m1 = 0.9 * static_cast<double>(old_m[i]) + 0.1 * g,
                 v1 = 0.99 * static_cast<double>(old_v[i]) + 0.01 * g * g;
    if (i >= kCount) {
      EXPECT_EQ(master[i], old[i]);
      EXPECT_EQ(parameters[i], 0x1234);
      continue;
    }
    EXPECT_NEAR(static_cast<double>(m[i]), m1, 1e-6) << i;
    EXPECT_NEAR(static_cast<double>(v[i]), v1, 1e-7) << i;
    EXPECT_NEAR(static_cast<double>(master[i]), p - 0.01 * (m1 / 0.19 / (std::sqrt(v1 / 0.0199) + 1e-8) + 0.1 * p),
                2e-6)
        << i;
    const auto bits = std::bit_cast<std::uint32_t>(master[i]);
    const bool up = (bits & 0xffff) > (noise(static_cast<std::uint32_t>(i), 77) & 0xffff);
    EXPECT_EQ(parameters[i], (bits >> 16) + (up ? 1 : 0)) << i;
  }
}

TEST_P(NumericStyles, TrainingStepsScatter) {
  constexpr std::size_t kTokens = 12, kColumns = 7;
  std::vector<float> gradient(5 * kColumns, 1), out(kTokens * kColumns);
  std::vector<std::int32_t> tokens(kTokens);
  std::vector<std::uint32_t> extents = {4, 3, kColumns, 0};
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(i % 5);
  for (std::size_t i = 0; i < kTokens; ++i) tokens[i] = static_cast<std::int32_t>(i * i % 5);
  run("training_steps", "encoder_backward", {2, 1, 1}, {64, 1, 1}, {}, gradient, out, tokens, extents);
  std::vector<float> expected(gradient.size(), 1);
  for (std::size_t i = 0; i < out.size(); ++i)
    expected[static_cast<std::size_t>(tokens[i / kColumns]) * kColumns + i % kColumns] += out[i];
  EXPECT_EQ(gradient, expected);
}

}  // namespace
}  // namespace msl_conformance
