// Programs in the manner of libraries' headers, of attention kernels and of field arithmetic, run and compared with
// plain loops or answers of whole numbers of any size.
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "styles.hpp"

namespace msl_conformance {
namespace {

TEST_F(Styles, LibraryHeadersCast) {
  std::vector<float> in = {0, -1.5f, 0.5f, 1.5f, 2.5f, 254.5f, 256, -3, 1e6f, 77.25f, -0.25f};
  std::vector<std::uint32_t> n = {static_cast<std::uint32_t>(in.size())};
  std::vector<float> floats(in.size(), -99);
  std::vector<std::uint8_t> bytes(in.size(), 9);
  std::vector<std::int32_t> integers(in.size(), -99);
  run("library_headers", "cast_f32", {1, 1, 1}, {4, 1, 1}, {}, in, floats, n);
  EXPECT_EQ(floats, in);
  run("library_headers", "cast_u8", {1, 1, 1}, {4, 1, 1}, {}, in, bytes, n);
  EXPECT_EQ(bytes, (std::vector<std::uint8_t>{0, 0, 0, 2, 2, 254, 255, 0, 255, 77, 0}));
  run("library_headers", "cast_i32", {1, 1, 1}, {4, 1, 1}, {}, in, integers, n);
  EXPECT_EQ(integers, (std::vector<std::int32_t>{0, -2, 0, 2, 2, 254, 256, -3, 1000000, 77, 0}));
  in[8] = 1024;  // a half too
  std::vector<std::uint16_t> halves(in.size(), 9);
  run("library_headers", "cast_f16", {1, 1, 1}, {4, 1, 1}, {}, in, halves, n);
  for (std::size_t i = 0; i < in.size(); ++i) EXPECT_EQ(from_half_bits(halves[i]), in[i]) << i;
}

TEST_F(Styles, LibraryHeadersVariance) {
  std::vector<float> in(500), out(4, -99);
  for (std::size_t i = 0; i < in.size(); ++i) in[i] = 0.25f * static_cast<float>(i * 29 % 83) + 100;
  std::vector<std::uint32_t> n = {500};
  run("library_headers", "variance", {1, 1, 1}, {96, 1, 1}, {}, in, out, n);
  double mean = 0, variance = 0;
  for (const float x : in) mean += static_cast<double>(x) / 500;
  for (const float x : in) variance += (static_cast<double>(x) - mean) * (static_cast<double>(x) - mean) / 500;
  EXPECT_NEAR(static_cast<double>(out[0]), mean, 1e-3);
  EXPECT_NEAR(static_cast<double>(out[1]), variance, 1e-2);
  EXPECT_EQ(out[2], 1);  // the second count of __COUNTER__
  EXPECT_EQ(out[3], -1);
}

TEST_F(Styles, AttentionRows) {
  constexpr std::size_t kQueries = 3, kKeys = 7, kSize = 64;
  struct Arguments {
    std::uint32_t queries, keys;
    std::uint64_t gap[3], strides[4];
  };
  std::vector<Arguments> arguments = {{kQueries, kKeys, {}, {kSize, kSize, kSize, kSize}}};
  std::vector<float> q(kQueries * kSize), k(kKeys * kSize), v(kKeys * kSize);
  for (std::size_t i = 0; i < q.size(); ++i) q[i] = 0.125f * static_cast<float>(i * 13 % 17) - 1;
  for (std::size_t i = 0; i < k.size(); ++i) k[i] = 0.125f * static_cast<float>(i * 7 % 19) - 1;
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = 0.5f * static_cast<float>(i * 11 % 23) - 5;
  std::vector<std::uint8_t> mask(kQueries * kKeys);
  for (std::size_t i = 0; i < kKeys; ++i)
    mask[kKeys + i] = i % 3 != 1, mask[2 * kKeys + i] = i < 4;  // the first row sees none
  const auto check = [&](const std::vector<float>& o, double scale, bool is_masked, double tolerance) {
    for (std::size_t row = 0; row < kQueries; ++row) {
      double weights[kKeys] = {}, total = 0;
      for (std::size_t j = 0; j < kKeys; ++j) {
        if (is_masked && mask[row * kKeys + j] == 0) continue;
        double score = 0;
        for (std::size_t d = 0; d < kSize; ++d) score += static_cast<double>(q[row * kSize + d] * k[j * kSize + d]);
        total += weights[j] = std::exp(score * scale);
      }
      for (std::size_t d = 0; d < kSize; ++d) {
        double expected = 0;
        for (std::size_t j = 0; j < kKeys; ++j)
          expected += total == 0 ? 0 : weights[j] / total * static_cast<double>(v[j * kSize + d]);
        EXPECT_NEAR(static_cast<double>(o[row * kSize + d]), expected, tolerance) << row << " " << d;
      }
    }
  };
  std::vector<float> o(kQueries * kSize, -99);
  run("attention_rows", "attention_f32", {2, 1, 1}, {64, 1, 1}, {{5U, std::int32_t{kSize}}, {6U, false}, {7U, 0.125f}},
      q, k, v, o, arguments);
  check(o, 0.125, false, 1e-5);
  run("attention_rows", "attention_f32", {2, 1, 1}, {64, 1, 1}, {{5U, std::int32_t{kSize}}, {6U, true}}, q, k, v, o,
      arguments, mask);
  check(o, 1, true, 1e-4);
  struct Format {
    const char* entry;
    std::uint16_t (*to_bits)(float);
    float (*from_bits)(std::uint16_t);
    double tolerance;
  };
  for (const Format& format : {Format{"attention_f16", half_bits, from_half_bits, 4e-3},
                               Format{"attention_bf16", bfloat_bits, from_bfloat_bits, 3e-2}}) {
    std::vector<std::uint16_t> q_bits(q.size()), k_bits(k.size()), v_bits(v.size()), o_bits(o.size(), 0);
    std::ranges::transform(q, q_bits.begin(), format.to_bits);
    std::ranges::transform(k, k_bits.begin(), format.to_bits);
    std::ranges::transform(v, v_bits.begin(), format.to_bits);
    run("attention_rows", format.entry, {3, 1, 1}, {32, 1, 1}, {{5U, std::int32_t{kSize}}, {6U, true}, {7U, 0.25f}},
        q_bits, k_bits, v_bits, o_bits, arguments, mask);
    std::ranges::transform(o_bits, o.begin(), format.from_bits);
    check(o, 0.25, true, format.tolerance);
  }
}

TEST_F(Styles, AttentionRowsActivations) {
  std::vector<std::uint16_t> halves, bfloats, half_out(32, 0), bfloat_out(32, 0);
  const auto value = [](int i) { return 0.25f * static_cast<float>(i) - 3.875f; };
  for (int i = 0; i < 32; ++i) halves.push_back(half_bits(value(i))), bfloats.push_back(bfloat_bits(value(i)));
  run("attention_rows", "gelu_f16", {1, 1, 1}, {8, 1, 1}, {}, halves, half_out);
  run("attention_rows", "gelu_bf16", {1, 1, 1}, {8, 1, 1}, {}, bfloats, bfloat_out);
  for (int i = 0; i < 32; ++i) {
    const auto x = static_cast<double>(value(i));
    const double exact = 0.5 * x * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
    EXPECT_NEAR(static_cast<double>(from_half_bits(half_out[static_cast<std::size_t>(i)])), exact,
                std::abs(exact) * 0x1p-11 + 2e-5)
        << i;
    EXPECT_NEAR(static_cast<double>(from_bfloat_bits(bfloat_out[static_cast<std::size_t>(i)])), exact,
                std::abs(exact) * 0x1p-8 + 2e-5)
        << i;
  }
}

TEST_F(Styles, FieldArithmetic) {
  using Number = std::array<std::uint32_t, 8>;  // least significant first, modulo 2^256 - 2^32 - 977
  constexpr std::uint32_t kOnes = 0xffffffff;
  std::vector<Number> a = {
      {0xfffffc2e, 0xfffffffe, kOnes, kOnes, kOnes, kOnes, kOnes, kOnes},
      {0xcafef00d, 0xdeadbeef, 0x55555555, 0xaaaaaaaa, 0x76543210, 0xfedcba98, 0x9abcdef0, 0x12345678},
      {}};
  std::vector<Number> b = {{0xfffffc2d, 0xfffffffe, kOnes, kOnes, kOnes, kOnes, kOnes, kOnes},
                           {0x00003039, 0, 0, 0, 0, 0, 0, 0x80000000},
                           {5}};
  std::vector<Number> out(9);
  run("field_arithmetic", "field", {1, 1, 1}, {3, 1, 1}, {}, a, b, out);
  // Sum, product, and fifth power or 7 where the sum is b; Python's (a + b) % p, a * b % p, pow(a, 5, p).
  const std::vector<Number> answers = {
      {0xfffffc2c, 0xfffffffe, kOnes, kOnes, kOnes, kOnes, kOnes, kOnes},
      {2},
      {0xfffffc2e, 0xfffffffe, kOnes, kOnes, kOnes, kOnes, kOnes, kOnes},
      {0xcaff2046, 0xdeadbeef, 0x55555555, 0xaaaaaaaa, 0x76543210, 0xfedcba98, 0x9abcdef0, 0x92345678},
      {0x982b8e28, 0x81a0f8fc, 0xc4ac4fb2, 0xd555449f, 0x432123d8, 0xb17e4b18, 0xa2b09b9c, 0x681b4e79},
      {0x183a03d1, 0x604c96cd, 0xbcf3f443, 0x520387d5, 0x77689fd9, 0x89a1ff88, 0x3b13ce19, 0x4f1c6e91},
      {5},
      {0},
      {7}};
  for (std::size_t i = 0; i < answers.size(); ++i) EXPECT_EQ(out[i], answers[i]) << i;
}

}  // namespace
}  // namespace msl_conformance
