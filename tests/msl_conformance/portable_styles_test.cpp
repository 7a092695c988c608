// Programs in the manner of portable and header-only libraries, of geometry and of sparse algebra, run and compared
// with plain loops or published answers.
#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <limits>
#include <numbers>
#include <numeric>

#include "styles.hpp"

namespace msl_conformance {
namespace {

TEST_F(Styles, PortableMacrosAxpy) {
  std::vector<float> x = {1, -2, 3, 0.5f}, y = {10, 20, 30, 40}, a = {2.5f};
  run("portable_macros", "axpy_float", {1, 1, 1}, {4, 1, 1}, {}, x, y, a);
  EXPECT_EQ(y, (std::vector<float>{12.5f, 15, 37.5f, 41.25f}));
  std::vector<std::uint16_t> half_x, half_y, half_a = {half_bits(-2)};
  for (const float v : x) half_x.push_back(half_bits(v)), half_y.push_back(half_bits(10 * v));
  run("portable_macros", "axpy_half", {1, 1, 1}, {4, 1, 1}, {}, half_x, half_y, half_a);
  for (std::size_t i = 0; i < x.size(); ++i) EXPECT_EQ(from_half_bits(half_y[i]), 8 * x[i]) << i;
  std::vector<std::uint64_t> long_x = {1, 1ULL << 40, 3}, long_y = {7, 8, ~0ULL}, long_a = {1000003};
  run("portable_macros", "axpy_ulong", {1, 1, 1}, {3, 1, 1}, {}, long_x, long_y, long_a);
  EXPECT_EQ(long_y, (std::vector<std::uint64_t>{1000010, 8 + (1000003ULL << 40), 3000008}));
}

TEST_F(Styles, PortableMacrosRecords) {
  constexpr std::size_t kSize = 7, kCount = 6, kLists = 3;
  std::vector<std::uint8_t> records(kSize * kCount * kLists);
  for (std::size_t i = 0; i < records.size(); ++i) records[i] = static_cast<std::uint8_t>(i * 89 + 3);
  constexpr std::uint8_t kKinds[] = {1, 2, 8, 1, 77, 8};
  for (std::size_t r = 0; r < kCount * kLists; ++r) records[r * kSize] = kKinds[(r + r / kCount) % 6];
  std::vector<std::uint32_t> out(kLists, 0);
  std::vector<std::int32_t> n = {kCount};
  run("portable_macros", "fold_records", {1, 1, 1}, {kLists, 1, 1}, {}, records, out, n);
  for (std::size_t list = 0; list < kLists; ++list) {
    std::uint32_t expected = 0;
    for (std::size_t r = list * kCount; r < (list + 1) * kCount; ++r) {
      const std::uint8_t* b = &records[r * kSize];
      std::uint32_t value = 0;
      for (std::size_t k = 0; k < 4; ++k) value |= static_cast<std::uint32_t>(b[1 + k]) << (8 * k);
      const auto tail = static_cast<std::uint32_t>(b[5] | b[6] << 8);
      if (b[0] == 1) expected += value;
      if (b[0] == 2) expected ^= value;
      if (b[0] == 8) expected = std::max(expected, value + tail);
    }
    EXPECT_EQ(out[list], expected) << list;
  }
}

TEST_F(Styles, PortableMacrosBits) {
  std::vector<std::uint32_t> in = {0, 0xffffffff, 0x12345678, 0x89ab7fef};
  std::vector<std::int32_t> out(in.size(), 0);
  run("portable_macros", "bits", {1, 1, 1}, {in.size(), 1, 1}, {}, in, out);
  for (std::size_t i = 0; i < in.size(); ++i) {
    const std::uint32_t x = in[i];
    const auto bias = static_cast<std::int8_t>(x >> 8), next = static_cast<std::int8_t>((x >> 8) + 1);
    const auto swapped = static_cast<std::int32_t>((x >> 8 & 0xff) | (x >> 24) << 8);  // bytes 1 and 2 changed places
    const std::int32_t sum = static_cast<std::int32_t>((x & 7) + 10 * (x >> 3 & 31)) + 1000 * bias + swapped;
    EXPECT_EQ(out[i], (sum - static_cast<std::int32_t>(x & 0xff)) ^ next) << i;
  }
}

TEST_F(Styles, PortableMacrosGenerator) {
  using Counter = std::array<std::uint32_t, 4>;
  using Key = std::array<std::uint32_t, 2>;
  constexpr std::uint32_t kOnes = 0xffffffff;
  std::vector<Counter> counters = {
      {0, 0, 0, 0}, {kOnes, kOnes, kOnes, kOnes}, {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}};
  std::vector<Key> keys = {{0, 0}, {kOnes, kOnes}, {0xa4093822, 0x299f31d0}};
  // Philox 4x32-10's known answers (Salmon et al. 2011).
  const std::vector<Counter> answers = {{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
                                        {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
                                        {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}};
  std::vector<Counter> out(3);
  std::vector<std::array<float, 4>> uniform(3);
  run("portable_macros", "philox", {1, 1, 1}, {3, 1, 1}, {}, out, uniform, counters, keys);
  EXPECT_EQ(out, answers);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    Counter x = {};
    Key k = keys[i];
    for (int round = 0; round < 7; ++round, k[0] += 0x9e3779b9, k[1] += 0xbb67ae85) {
      const std::uint64_t p = 0xd2511f53ULL * x[0], q = 0xcd9e8d57ULL * x[2];
      x = {static_cast<std::uint32_t>(q >> 32) ^ x[1] ^ k[0], static_cast<std::uint32_t>(q),
           static_cast<std::uint32_t>(p >> 32) ^ x[3] ^ k[1], static_cast<std::uint32_t>(p)};
    }
    for (std::size_t c = 0; c < 4; ++c) EXPECT_EQ(uniform[i][c], static_cast<float>(x[c] >> 8) * 0x1p-24f) << i;
  }
}

TEST_F(Styles, ExpressionTemplates) {
  std::vector<float> a = {1, -2, 0.5f}, b = {3, 4, -6}, fused(3, -99);
  run("expression_templates", "fused", {1, 1, 1}, {3, 1, 1}, {}, a, b, fused);
  EXPECT_EQ(fused, (std::vector<float>{5, -12, -2}));
  std::vector<std::int32_t> tables(20, -1);
  run("expression_templates", "tables", {1, 1, 1}, {20, 1, 1}, {}, tables);
  for (int i = 0; i < 20; ++i) {
    const int square = (i & 15) * (i & 15), tuple = 2 * i + 3 + 7 + 3, list = 400 + 500 - 3 - 1 - 1;
    EXPECT_EQ(tables[static_cast<std::size_t>(i)], square + tuple + list + (3 + 1 + 4 + 1 + 5) + i + 700) << i;
  }
}

TEST_F(Styles, Rotations) {
  constexpr std::size_t kCount = 5;
  std::vector<float> points(3 * kCount), out(3 * kCount, -99), checks(2 * kCount, -99);
  for (std::size_t i = 0; i < points.size(); ++i) points[i] = 0.5f * static_cast<float>(i * 7 % 11) - 2;
  std::vector<float> view = {1, 0, 0, 0, 0, 2, 0, 0, 0.5f, 0, 1, 0.125f, 1, 2, 3, 4};  // column by column
  run("rotations_and_rays", "rotations", {1, 1, 1}, {kCount, 1, 1}, {}, points, view, out, checks);
  for (std::size_t i = 0; i < kCount; ++i) {
    const double a = 0.5 * static_cast<double>(i), b = 0.25;
    const double x = points[3 * i], y = points[3 * i + 1], z = points[3 * i + 2];
    const double about_x[3] = {x, y * std::cos(b) - z * std::sin(b), y * std::sin(b) + z * std::cos(b)};
    const double p[4] = {about_x[0] * std::cos(a) - about_x[1] * std::sin(a),
                         about_x[0] * std::sin(a) + about_x[1] * std::cos(a), about_x[2], 1};
    double h[4] = {};
    for (std::size_t c = 0; c < 4; ++c)
      for (std::size_t r = 0; r < 4; ++r) h[r] += static_cast<double>(view[4 * c + r]) * p[c];
    for (std::size_t r = 0; r < 3; ++r) EXPECT_NEAR(static_cast<double>(out[3 * i + r]), h[r] / h[3], 1e-5) << i;
    EXPECT_NEAR(checks[2 * i], 1, 1e-5f) << i;
    EXPECT_NEAR(checks[2 * i + 1], 1, 1e-5f) << i;
  }
}

TEST_F(Styles, Rays) {
  struct Node {
    float low[3];
    std::uint32_t left;
    float high[3];
    std::uint32_t count;
  };
  using Sphere = std::array<float, 4>;
  std::vector<Sphere> spheres = {{-3, 0, 5, 1}, {-1, 0.5f, 8, 1.5f}, {2, -1, 4, 0.75f}, {3, 1, 9, 2}};
  std::vector<Node> nodes = {
      {{-4, -2, 3}, 1, {5, 3, 11}, 0}, {{-4, -1, 4}, 0, {0.5f, 2, 9.5f}, 2}, {{1, -1.75f, 3}, 2, {5, 3, 11}, 2}};
  std::vector<Sphere> rays;  // origin and direction in turn
  for (int i = 0; i < 24; ++i) {
    const auto n = static_cast<float>(i);
    rays.push_back({0.125f, 0.25f, -1 + 0.01f * n, -99});
    rays.push_back({0.05f * n - 0.575f, 0.02f * static_cast<float>(i % 5) - 0.05f, 1, -99});
  }
  std::vector<std::array<float, 2>> hits(24, {-99, -99});
  run("rotations_and_rays", "traverse", {1, 1, 1}, {24, 1, 1}, {}, nodes, spheres, rays, hits);
  int found = 0;
  for (std::size_t i = 0; i < hits.size(); ++i) {
    const double length = std::hypot(rays[2 * i + 1][0], rays[2 * i + 1][1], rays[2 * i + 1][2]);
    double nearest = std::numeric_limits<double>::infinity();
    int best = -1;
    for (std::size_t s = 0; s < spheres.size(); ++s) {
      double b = 0, c = -static_cast<double>(spheres[s][3]) * static_cast<double>(spheres[s][3]);
      for (std::size_t k = 0; k < 3; ++k) {
        const double from = static_cast<double>(rays[2 * i][k]) - static_cast<double>(spheres[s][k]);
        b += from * static_cast<double>(rays[2 * i + 1][k]) / length, c += from * from;
      }
      if (b * b < c || -b - std::sqrt(b * b - c) >= nearest) continue;
      nearest = -b - std::sqrt(b * b - c), best = static_cast<int>(s);
    }
    EXPECT_EQ(hits[i][1], static_cast<float>(best)) << i;
    found += best >= 0 ? 1 : 0;
    if (best < 0) {
      EXPECT_EQ(hits[i][0], std::numeric_limits<float>::infinity()) << i;
    } else {
      EXPECT_NEAR(static_cast<double>(hits[i][0]), nearest, 1e-3) << i;
    }
  }
  EXPECT_TRUE(found > 8 && found < 24) << found;
}

TEST_F(Styles, SparseRows) {
  constexpr std::size_t kRows = 4, kColumns = 90;
  const std::size_t lengths[kRows] = {0, 3, 77, 32};
  std::vector<std::int32_t> rows = {0}, columns;
  std::vector<float> values, x(kColumns), y(kRows, -99), expected(kRows, 0);
  for (std::size_t i = 0; i < kColumns; ++i) x[i] = static_cast<float>(i % 5) - 2;
  for (std::size_t r = 0; r < kRows; ++r) {
    for (std::size_t k = 0; k < lengths[r]; ++k) {
      const std::size_t column = (k * 7 + r) % kColumns;
      columns.push_back(static_cast<std::int32_t>(column));
      values.push_back(0.5f * static_cast<float>((k + r) % 7) - 1);
      expected[r] += values.back() * x[column];
    }
    rows.push_back(static_cast<std::int32_t>(columns.size()));
  }
  run("sparse_and_spectra", "spmv_i32_f32", {kRows, 1, 1}, {32, 1, 1}, {}, rows, columns, values, x, y);
  EXPECT_EQ(y, expected);
  std::vector<std::uint64_t> long_rows(rows.begin(), rows.end()), long_columns(columns.begin(), columns.end());
  std::vector<std::uint16_t> half_values(values.size()), half_x(kColumns), half_y(kRows, 1);
  std::ranges::transform(values, half_values.begin(), half_bits);
  std::ranges::transform(x, half_x.begin(), half_bits);
  run("sparse_and_spectra", "spmv_u64_f16", {kRows, 1, 1}, {32, 1, 1}, {}, long_rows, long_columns, half_values, half_x,
      half_y);
  for (std::size_t r = 0; r < kRows; ++r) EXPECT_EQ(from_half_bits(half_y[r]), expected[r]) << r;
}

TEST_F(Styles, Spectra) {
  std::vector<std::complex<float>> in(32), out(32, {-99, -99});
  for (std::size_t i = 0; i < in.size(); ++i)
    in[i] = {static_cast<float>(i * 11 % 7) - 3, static_cast<float>(i * 5 % 9) - 4};
  run("sparse_and_spectra", "fft32", {1, 1, 1}, {16, 1, 1}, {}, in, out);
  for (std::size_t k = 0; k < out.size(); ++k) {
    std::complex<double> sum;
    for (std::size_t n = 0; n < in.size(); ++n)
      sum += std::complex<double>(in[n]) * std::polar(1.0, -2 * std::numbers::pi * static_cast<double>(k * n) / 32);
    EXPECT_NEAR(static_cast<double>(out[k].real()), sum.real(), 1e-4) << k;
    EXPECT_NEAR(static_cast<double>(out[k].imag()), sum.imag(), 1e-4) << k;
  }
}

TEST_F(Styles, SparseComponents) {
  using Edge = std::array<std::uint32_t, 2>;
  std::vector<std::uint32_t> parent(100);
  std::iota(parent.begin(), parent.end(), 0U);
  std::vector<Edge> edges;  // chains of the vertices with the same remainder by 7, from both ends
  for (std::uint32_t v = 7; v < 100; ++v) edges.push_back(v % 2 == 0 ? Edge{v, v - 7} : Edge{v - 7, v});
  edges.resize(96, Edge{50, 50});
  std::vector<float> weight = {0};
  run("sparse_and_spectra", "unite", {3, 1, 1}, {32, 1, 1}, {}, parent, edges, weight);
  for (std::uint32_t v = 0; v < 100; ++v) {
    std::uint32_t root = v;
    while (parent[root] != root) root = parent[root];
    EXPECT_EQ(root, v % 7) << v;
  }
  float sum = 0;
  for (const Edge& edge : edges) sum += 0.5f * static_cast<float>(edge[1]);
  EXPECT_EQ(weight[0], sum);
}

TEST_F(Styles, SparseLaneSort) {
  std::vector<float> x(64);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i * 37 % 64) - 20.5f;
  std::vector<float> expected = x;
  std::sort(expected.begin(), expected.begin() + 32);
  std::sort(expected.begin() + 32, expected.end());
  run("sparse_and_spectra", "lane_sort", {1, 1, 1}, {64, 1, 1}, {}, x);
  EXPECT_EQ(x, expected);
}

}  // namespace
}  // namespace msl_conformance
