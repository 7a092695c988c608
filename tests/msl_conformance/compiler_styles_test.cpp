// Programs in the manner of compilers of tensor programs and of libraries of compile-time layouts, on every path,
// compared with plain loops.
#include <cmath>

#include "every_path.hpp"

namespace msl_conformance {
namespace {

class CompilerStyles : public EveryPath {};
INSTANTIATE_TEST_SUITE_P(Paths, CompilerStyles, testing::Values(Path::Vectors, Path::Threads), path_name);

TEST_P(CompilerStyles, ScheduledLoopsBlur) {
  struct Arguments {
    std::int32_t in_min, in_stride, out_extent;
    float gain;
    bool clip;
    std::uint8_t bias;
  };
  constexpr std::size_t kStride = 80, kExtent = 61, kRows = 2;
  std::vector<std::uint16_t> in(kStride * kRows);
  for (std::size_t i = 0; i < in.size(); ++i) in[i] = static_cast<std::uint16_t>(i * 37 % 700);
  for (const bool clip : {false, true}) {
    std::vector<Arguments> arguments = {{-2, kStride, kExtent, 0.25f, clip, 9}};
    std::vector<std::uint8_t> out(kExtent * kRows, 0);
    run("scheduled_loops", "_kernel_blur_s0_y__block_id_y", {2, kRows, 1}, {8, 1, 1}, {}, arguments, in, out);
    const auto value = [&](std::size_t x, std::size_t y) {
      const float sum = static_cast<float>(in[y * kStride + x + 2] + in[y * kStride + x + 3]) * 0.25f;
      return static_cast<std::uint8_t>(
          static_cast<int>(std::min(std::floor(clip ? std::min(sum, 200.0f) : sum), 255.0f)) + 9);
    };
    for (std::size_t y = 0; y < kRows; ++y) {
      for (std::size_t x = 0; x < kExtent; ++x) {
        const std::size_t block = x / 32 * 32, thread = x % 32 / 4, v = x % 4;
        const int both = value(block + (7 - thread) * 4 + v, y) + value(block + thread * 4 + 3 - v, y);
        EXPECT_EQ(out[y * kExtent + x], both >> 1) << x << ' ' << y;
      }
    }
  }
}

TEST_P(CompilerStyles, ScheduledLoopsNorm) {
  std::vector<float> epsilon = {0.5f}, x(32);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = i % 11 == 3 ? NAN : static_cast<float>(i) - 16;
  double sum = 0.5;
  std::vector<double> expected(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    expected[i] = std::isnan(x[i]) ? 1 : static_cast<double>(x[i]);
    sum += expected[i] * expected[i];
  }
  run("scheduled_loops", "_kernel_norm_s1_r", {1, 1, 1}, {8, 1, 1}, {}, epsilon, x);
  for (std::size_t i = 0; i < x.size(); ++i)
    EXPECT_NEAR(static_cast<double>(x[i]), expected[i] / std::sqrt(sum), 1e-6) << i;
}

TEST_P(CompilerStyles, PackedArgumentsMultiply) {
  struct Arguments {
    std::int32_t m, n[2];
    float slope;
  };
  std::vector<Arguments> arguments = {{7, {30, 0}, 0.5f}};
  std::vector<std::uint16_t> a(8 * 32), b(32 * 32), c(8 * 32, half_bits(77));
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = half_bits(static_cast<float>(i * 7 % 9) - 4);
  for (std::size_t i = 0; i < b.size(); ++i) b[i] = half_bits(static_cast<float>(i * 11 % 7) - 3);
  run("packed_arguments", "fused_matmul_relu_kernel", {2, 2, 1}, {4, 4, 1}, {}, a, b, c, arguments);
  for (std::size_t i = 0; i < c.size(); ++i) {
    float sum = 0;
    for (std::size_t k = 0; k < 32; ++k) sum += from_half_bits(a[i / 32 * 32 + k]) * from_half_bits(b[k * 32 + i % 32]);
    EXPECT_EQ(from_half_bits(c[i]), i / 32 < 7 && i % 32 < 30 ? (sum > 0 ? sum : sum * 0.5f) : 77.0f) << i;
  }
}

TEST_P(CompilerStyles, PackedArgumentsSoftmax) {
  std::vector<std::uint32_t> words(64);
  std::vector<std::uint16_t> scales(16);
  std::vector<float> out(512, -1);
  std::vector<std::int32_t> arguments = {300, 0, 0};
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = static_cast<std::uint32_t>(i * 2654435769U);
  for (std::size_t i = 0; i < scales.size(); ++i) scales[i] = half_bits(0.125f * static_cast<float>(i + 1));
  run("packed_arguments", "dequantize_softmax_kernel", {1, 1, 1}, {64, 1, 1}, {}, words, scales, out, arguments);
  std::vector<double> expected(512, 0);
  double sum = 0;
  for (std::size_t i = 0; i < 300; ++i) {
    const auto code = static_cast<int>(words[i / 8] >> (i % 8 * 4) & 15U) - 7;
    expected[i] = std::exp(code * static_cast<double>(from_half_bits(scales[i / 32])));
    sum += expected[i];
  }
  for (std::size_t i = 0; i < out.size(); ++i)
    EXPECT_NEAR(static_cast<double>(out[i]), expected[i] / sum, 1e-6 + 1e-5 * expected[i] / sum) << i;
}

/// The product of `a`, [m, k], and `b`, [n, k].
template <class T, class Read>
int product(const std::vector<T>& a, const std::vector<T>& b, std::size_t row, std::size_t column, std::size_t k,
            Read read) {
  int sum = 0;
  for (std::size_t i = 0; i < k; ++i) sum += read(a[row * k + i]) * read(b[column * k + i]);
  return sum;
}

TEST_P(CompilerStyles, StaticLayouts) {
  std::vector<std::int32_t> extents = {16, 8, 24}, a(16 * 24), b(8 * 24), out(16 * 8, -1);
  std::vector<float> fa(a.size()), fb(b.size()), fout(out.size(), -1);
  for (std::size_t i = 0; i < a.size(); ++i) fa[i] = static_cast<float>(a[i] = static_cast<int>(i * 5 % 13) - 6);
  for (std::size_t i = 0; i < b.size(); ++i) fb[i] = static_cast<float>(b[i] = static_cast<int>(i * 3 % 11) - 5);
  run("static_layouts", "tiled_int_8_affine", {1, 2, 1}, {64, 1, 1}, {}, a, b, out, extents);
  run("static_layouts", "tiled_float_8_relu", {1, 2, 1}, {64, 1, 1}, {}, fa, fb, fout, extents);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int sum = product(a, b, i / 8, i % 8, 24, [](int x) { return x; });
    EXPECT_EQ(out[i], 1 - sum) << i;
    EXPECT_EQ(fout[i], static_cast<float>(std::max(sum, 0))) << i;
  }
  extents = {8, 12, 8};
  std::vector<std::uint16_t> ha(8 * 8), hb(12 * 8), hout(8 * 12, half_bits(-1));
  for (std::size_t i = 0; i < ha.size(); ++i) ha[i] = half_bits(static_cast<float>(i % 5) - 2);
  for (std::size_t i = 0; i < hb.size(); ++i) hb[i] = half_bits(static_cast<float>(i % 7) - 3);
  run("static_layouts", "tiled_half_4_chain", {3, 2, 1}, {16, 1, 1}, {}, ha, hb, hout, extents);
  for (std::size_t i = 0; i < hout.size(); ++i) {
    const int sum = product(ha, hb, i / 12, i % 12, 8, [](auto x) { return static_cast<int>(from_half_bits(x)); });
    EXPECT_EQ(from_half_bits(hout[i]), static_cast<float>(3 * std::max(2 * sum + 1, 0) + 1)) << i;
  }
}

}  // namespace
}  // namespace msl_conformance
