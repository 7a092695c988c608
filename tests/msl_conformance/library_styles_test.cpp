// Programs in the manner of inference and array libraries, run and compared with plain loops.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "styles.hpp"

namespace msl_conformance {
namespace {

struct RowArguments {
  std::int32_t columns, rows;
  std::uint64_t row_bytes;
  float bounds[2];
};

TEST_F(Styles, HostNameAliasesUnpackRows) {
  std::vector<RowArguments> arguments = {{64, 2, 36, {0, 0}}};
  std::vector<std::uint8_t> a(2 * 36), b(2 * 40);
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = static_cast<std::uint8_t>(i * 41 + 5);
  for (std::size_t i = 0; i < b.size(); ++i) b[i] = static_cast<std::uint8_t>(i * 23 + 9);
  for (std::size_t i = 0; i < a.size(); i += 18) a[i] = 0, a[i + 1] = 0xbc;  // half -1
  for (std::size_t i = 0; i < b.size(); i += 20) {
    b[i] = 0, b[i + 1] = 0x38;      // half 0.5
    b[i + 2] = 0, b[i + 3] = 0xc2;  // half -3
  }
  std::vector<float> out(2 * 64, -99);
  run("host_name_aliases", "unpack_rows_a", {2, 1, 1}, {3, 1, 1}, {}, arguments, a, out);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::size_t k = i % 32, at = i / 32 * 18 + 2;
    EXPECT_EQ(out[i], -static_cast<float>((k < 16 ? a[at + k] & 15 : a[at + k - 16] >> 4) - 8)) << i;
  }
  arguments[0].row_bytes = 40;
  run("host_name_aliases", "unpack_rows_b", {2, 1, 1}, {3, 1, 1}, {}, arguments, b, out);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::size_t k = i % 32, at = i / 32 * 20 + 4;
    EXPECT_EQ(out[i], 0.5f * static_cast<float>(k < 16 ? b[at + k] & 15 : b[at + k - 16] >> 4) - 3) << i;
  }
}

TEST_F(Styles, HostNameAliasesSort) {
  constexpr std::size_t kColumns = 13, kRows = 3;
  std::vector<std::int32_t> columns = {kColumns};
  std::vector<float> x(kColumns * kRows);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i * 17 % 41) - 20;
  for (const bool is_ascending : {true, false}) {
    std::vector<std::int32_t> order(x.size(), -1);
    run("host_name_aliases", is_ascending ? "argsort_asc" : "argsort_desc", {1, kRows, 1}, {16, 1, 1}, {}, columns, x,
        order);
    for (std::size_t r = 0; r < kRows; ++r) {
      std::vector<std::int32_t> expected(kColumns);
      std::iota(expected.begin(), expected.end(), 0);
      const auto value = [&](std::int32_t c) { return x[r * kColumns + static_cast<std::size_t>(c)]; };
      std::ranges::sort(expected,
                        [&](auto p, auto q) { return is_ascending ? value(p) < value(q) : value(q) < value(p); });
      const auto row = order.begin() + static_cast<std::ptrdiff_t>(r * kColumns);
      EXPECT_TRUE(std::equal(expected.begin(), expected.end(), row)) << r;
    }
  }
}

TEST_F(Styles, HostNameAliasesRotate) {
  std::vector<RowArguments> arguments = {{9, 6, 0, {0.75f, 0}}};
  std::vector<float> x(2 * 8), y(2 * 8, -99);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i) - 5;
  run("host_name_aliases", "kernel_rope_mini", {1, 1, 1}, {8, 1, 1}, {}, arguments, x, y);
  for (std::size_t i = 0; i < 8; ++i) {
    const double angle = 0.75 * static_cast<double>(i), re = x[2 * i], im = x[2 * i + 1];
    EXPECT_NEAR(static_cast<double>(y[2 * i]), i < 6 ? re * std::cos(angle) - im * std::sin(angle) : -99, 1e-5) << i;
    EXPECT_NEAR(static_cast<double>(y[2 * i + 1]), i < 6 ? re * std::sin(angle) + im * std::cos(angle) : -99, 1e-5)
        << i;
  }
}

class StridedOperators : public Styles {
 protected:
  static constexpr std::size_t kCount = 24;

  /// Where element i of a 2 x 3 x 4 array lies in the first operand, transposed, and in the second, broadcast.
  static std::size_t first(std::size_t i) { return i / 12 + i / 4 % 3 * 2 + i % 4 * 6; }
  static std::size_t second(std::size_t i) { return i / 4 % 3 + i % 4 * 3; }

  /// Both forms of the operator, with 64-bit and with 32-bit locations; they must agree.
  template <class T>
  std::vector<T> apply(const std::string& name, std::vector<T> a, std::vector<T> b) {
    std::vector<std::int32_t> shape = {2, 3, 4}, dimensions = {3};
    std::vector<std::int64_t> a_strides = {1, 2, 6}, b_strides = {0, 1, 3};
    std::vector<T> c(kCount), large(kCount);
    run("strided_operators", "g_" + name, {3, 1, 1}, {8, 1, 1}, {}, a, b, c, shape, a_strides, b_strides, dimensions);
    run("strided_operators", "g_large_" + name, {3, 1, 1}, {8, 1, 1}, {}, a, b, large, shape, a_strides, b_strides,
        dimensions);
    EXPECT_EQ(c, large);
    return c;
  }
};

TEST_F(StridedOperators, Numbers) {
  std::vector<float> a(kCount), b(12);
  for (std::size_t i = 0; i < kCount; ++i) a[i] = static_cast<float>(i * 7 % 24) - 12.5f;
  for (std::size_t i = 0; i < 12; ++i) b[i] = static_cast<float>(i * 5 % 12) - 6;
  const auto sum = apply("addfloat32", a, b);
  const std::vector<std::int32_t> p(a.begin(), a.end()), q(b.begin(), b.end());
  const auto largest = apply("maxint32", p, q);
  for (std::size_t i = 0; i < kCount; ++i) {
    EXPECT_EQ(sum[i], a[first(i)] + b[second(i)]) << i;
    EXPECT_EQ(largest[i], std::max(p[first(i)], q[second(i)])) << i;
  }
}

struct Complex {
  float real, imag;
  bool operator==(const Complex&) const = default;
};

TEST_F(StridedOperators, ComplexNumbers) {
  std::vector<Complex> a(kCount), b(12);
  for (std::size_t i = 0; i < kCount; ++i) a[i] = {static_cast<float>(i % 5) - 2, static_cast<float>(i % 7)};
  for (std::size_t i = 0; i < 12; ++i) b[i] = {static_cast<float>(i % 3) - 1, 0.5f * static_cast<float>(i)};
  const auto product = apply("mulcomplex64", a, b), largest = apply("maxcomplex64", a, b);
  for (std::size_t i = 0; i < kCount; ++i) {
    const Complex x = a[first(i)], y = b[second(i)];
    EXPECT_EQ(product[i], (Complex{x.real * y.real - x.imag * y.imag, x.real * y.imag + x.imag * y.real})) << i;
    EXPECT_EQ(largest[i], x.real >= y.real ? x : y) << i;
  }
}

TEST_F(StridedOperators, Bfloats) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity(), kNaN = std::numeric_limits<float>::quiet_NaN();
  std::vector<std::uint16_t> a(kCount), b(12);
  for (std::size_t i = 0; i < kCount; ++i) a[i] = bfloat_bits(0.25f * static_cast<float>(i) - 3);
  for (std::size_t i = 0; i < 12; ++i) b[i] = bfloat_bits(1.5f - 0.5f * static_cast<float>(i));
  a[2] = bfloat_bits(kInfinity), a[5] = bfloat_bits(kNaN), a[7] = bfloat_bits(-kInfinity),
  b[4] = bfloat_bits(-kInfinity);
  const auto largest = apply("maxbfloat16", a, b), sum = apply("lsebfloat16", a, b);
  for (std::size_t i = 0; i < kCount; ++i) {
    const float x = from_bfloat_bits(a[first(i)]), y = from_bfloat_bits(b[second(i)]);
    const float m = from_bfloat_bits(largest[i]), s = from_bfloat_bits(sum[i]);
    if (std::isnan(x)) {
      EXPECT_TRUE(std::isnan(m) && std::isnan(s)) << i;
      continue;
    }
    EXPECT_EQ(m, std::max(x, y)) << i;
    if (std::isinf(std::max(x, y)) || std::isinf(std::min(x, y))) {
      EXPECT_EQ(s, std::max(x, y)) << i;
    } else {
      const double exact = std::log(std::exp(static_cast<double>(x)) + std::exp(static_cast<double>(y)));
      // The result is rounded to 8 bits, as the difference of x and y is before.
      EXPECT_NEAR(static_cast<double>(s), exact, (std::abs(exact) + 0.5) * 0x1p-8) << i;
    }
  }
}

TEST_F(Styles, StridedOperatorsReduceRows) {
  constexpr std::size_t kWidth = 70, kRows = 3;
  std::vector<float> in(kWidth * kRows), out(kRows, -99);
  for (std::size_t i = 0; i < in.size(); ++i) in[i] = static_cast<float>(i * 31 % 97) - 100;
  in[kWidth + 69] = std::numeric_limits<float>::quiet_NaN();
  std::vector<std::uint16_t> bfloats(in.size()), largest_bfloat(kRows, 0);
  std::ranges::transform(in, bfloats.begin(), bfloat_bits);
  std::vector<std::int16_t> shorts(in.size()), largest_short(kRows, 99);
  for (std::size_t i = 0; i < in.size(); ++i)
    shorts[i] = static_cast<std::int16_t>(-300 * static_cast<int>(i * 31 % 97 + 1));
  run("strided_operators", "row_reduce_max_f32", {kRows, 1, 1}, {32, 1, 1}, {}, in, out);
  run("strided_operators", "row_reduce_max_bf16", {kRows, 1, 1}, {32, 1, 1}, {}, bfloats, largest_bfloat);
  run("strided_operators", "row_reduce_max_i16", {kRows, 1, 1}, {32, 1, 1}, {}, shorts, largest_short);
  for (std::size_t r = 0; r < kRows; ++r) {
    const auto row = static_cast<std::ptrdiff_t>(r * kWidth), end = row + static_cast<std::ptrdiff_t>(kWidth);
    EXPECT_EQ(largest_short[r], *std::max_element(shorts.begin() + row, shorts.begin() + end)) << r;
    if (r == 1) {
      EXPECT_TRUE(std::isnan(out[r]) && std::isnan(from_bfloat_bits(largest_bfloat[r])));
      continue;
    }
    const float largest = *std::max_element(in.begin() + row, in.begin() + end);
    EXPECT_EQ(out[r], largest) << r;
    EXPECT_EQ(from_bfloat_bits(largest_bfloat[r]), largest) << r;
  }
}

TEST_F(Styles, FragmentTiles) {
  struct Shape {
    const char* entry;
    std::size_t rows, columns;
    std::uint16_t (*bits)(float);
  };
  for (const Shape& shape :
       {Shape{"tile_gemm_f16_2x2", 16, 16, half_bits}, Shape{"tile_gemm_bf16_1x2", 8, 16, bfloat_bits}}) {
    constexpr std::size_t kDepth = 24;
    std::vector<std::int32_t> depth = {kDepth};
    std::vector<float> a(shape.rows * kDepth), b(kDepth * shape.columns), d(shape.rows * shape.columns, -99);
    for (std::size_t i = 0; i < a.size(); ++i) a[i] = static_cast<float>(i * 5 % 13) - 6;
    for (std::size_t i = 0; i < b.size(); ++i) b[i] = 0.5f * static_cast<float>(i * 3 % 11) - 2;
    std::vector<std::uint16_t> a_bits(a.size()), b_bits(b.size());
    std::ranges::transform(a, a_bits.begin(), shape.bits);
    std::ranges::transform(b, b_bits.begin(), shape.bits);
    run("fragment_tiles", shape.entry, {1, 1, 1}, {32, 1, 1}, {}, a_bits, b_bits, d, depth);
    for (std::size_t i = 0; i < d.size(); ++i) {
      const std::size_t row = i / shape.columns, column = i % shape.columns;
      float sum = 0;
      for (std::size_t k = 0; k < kDepth; ++k) sum += a[row * kDepth + k] * b[k * shape.columns + column];
      // A lane's first element in the first matrix lies in an even column.
      if (row < 8 && column < 8) sum = 2 * (sum + (column % 2 == 0 ? 1.0f : 0.0f));
      EXPECT_EQ(d[i], sum) << shape.entry << " " << i;
    }
  }
}

}  // namespace
}  // namespace msl_conformance
