// Programs in the manner of translators from other shading languages and of tensor libraries with types and registries of
// their own, run and compared with plain loops.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "styles.hpp"

namespace msl_conformance {
namespace {

using Complex = std::array<float, 2>;

/// Offsets of two arrays, and the position in a dense one, over a shape of three dimensions.
struct Walk {
  std::vector<std::int32_t> shape = {2, 3, 5};
  std::vector<std::int64_t> a = {32, 1, 4}, b = {0, 7, 1};  // a transposed with gaps; b repeated
  std::vector<std::int32_t> dims = {3};

  template <class F>
  void each(F f) const {
    std::size_t out = 0;
    for (std::int64_t z = 0; z < 2; ++z)
      for (std::int64_t y = 0; y < 3; ++y)
        for (std::int64_t x = 0; x < 5; ++x) f(out++, static_cast<std::size_t>(32 * z + y + 4 * x), static_cast<std::size_t>(7 * y + x));
  }
};

TEST_F(Styles, ComplexOperatorsWalks) {
  Walk walk;
  std::vector<Complex> a(64), b(32), c(30, {NAN, NAN});
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = {static_cast<float>(i * 7 % 11), static_cast<float>(i)};
  for (std::size_t i = 0; i < b.size(); ++i) b[i] = {static_cast<float>(i % 5) * 2, -static_cast<float>(i)};
  auto sums = c;
  run("complex_operators", "walk_Add_cplx", {2, 3, 2}, {1, 1, 1}, {}, a, b, sums, walk.shape, walk.a, walk.b, walk.dims);
  run("complex_operators", "walk_Larger_cplx", {2, 3, 2}, {1, 1, 1}, {}, a, b, c, walk.shape, walk.a, walk.b, walk.dims);
  walk.each([&](std::size_t out, std::size_t i, std::size_t k) {
    EXPECT_EQ(sums[out], (Complex{a[i][0] + b[k][0], a[i][1] + b[k][1]})) << out;
    EXPECT_EQ(c[out], std::max(a[i], b[k])) << out;
  });
}

TEST_F(Styles, ComplexOperatorsWalksOfOtherTypes) {
  Walk walk;
  std::vector<std::int32_t> a(64), b(32), c(30, -1);
  std::vector<std::uint16_t> small_a(64), small_b(32), small_c(30, 0xffff);
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = static_cast<std::int32_t>(i * 37 % 101), small_a[i] = bfloat_bits(static_cast<float>(a[i]));
  for (std::size_t i = 0; i < b.size(); ++i) b[i] = static_cast<std::int32_t>(i * 29 % 97), small_b[i] = bfloat_bits(static_cast<float>(b[i]));
  run("complex_operators", "walk_Add_int", {5, 3, 2}, {1, 1, 1}, {}, a, b, c, walk.shape, walk.a, walk.b, walk.dims);
  run("complex_operators", "walk_Larger_bfloat", {3, 3, 2}, {1, 1, 1}, {}, small_a, small_b, small_c, walk.shape, walk.a, walk.b, walk.dims);
  walk.each([&](std::size_t out, std::size_t i, std::size_t k) {
    EXPECT_EQ(c[out], a[i] + b[k]) << out;
    EXPECT_EQ(from_bfloat_bits(small_c[out]), static_cast<float>(std::max(a[i], b[k]))) << out;
  });
}

TEST_F(Styles, ComplexOperatorsChangeComponents) {
  for (const bool is_half : {false, true}) {
    std::vector<std::array<float, 4>> v = {{1, 2, 3, 4}};
    std::vector<Complex> n = {{3, 1}};
    std::vector<float> step = {2};
    std::vector<std::uint16_t> half_step = {half_bits(2)};
    if (is_half) run("complex_operators", "changes_half", {1, 1, 1}, {1, 1, 1}, {}, v, n, half_step);
    else run("complex_operators", "changes_float", {1, 1, 1}, {1, 1, 1}, {}, v, n, step);
    EXPECT_EQ(v[0], (std::array<float, 4>{3, 3, 6, 2}));
    EXPECT_EQ(n[0], (Complex{13, 14}));
  }
}

struct TranslatedParticle {
  std::array<float, 3> position;
  float mass;
  std::array<std::array<float, 4>, 4> transform;
};

TEST_F(Styles, UnsafeArrays) {
  constexpr std::size_t kThreads = 32;
  std::vector<TranslatedParticle> particles(kThreads);
  for (std::size_t i = 0; i < kThreads; ++i) particles[i] = {{static_cast<float>(i), 8, static_cast<float>(i % 3)}, 10, {}};
  const auto before = particles;
  std::vector<float> uniforms(36, 0);
  uniforms[3] = 1.5f;                  // a.w
  uniforms[4 + 4 + 1] = 100;           // arr[1].y
  const float columns[3][3] = {{2, 0, 0}, {1, 4, 0}, {0, 0, 0.5f}};
  for (std::size_t c = 0; c < 3; ++c) std::copy(columns[c], columns[c] + 3, &uniforms[20 + 4 * c]);
  std::vector<std::uint32_t> counters(4 + kThreads, 0);
  run("unsafe_arrays", "main0", {1, 1, 1}, {kThreads, 1, 1}, {}, particles, uniforms, counters);
  std::uint32_t sum = 0;
  for (std::uint32_t i = 0; i < kThreads; ++i) {
    EXPECT_EQ(counters[4 + i], (31 - i) * 4 + 10 + 100 + (2 + i % 3 + 1) + 3) << i;
    // Of the transpose's inverse, the vector on the left; what `mod` gives in turn.
    const auto [x, y, z] = before[i].position;
    const std::array<float, 3> expected = {0.5f * x - 0.125f * y + 0.5f, 0.25f * y + 0.5f + (i % 2 == 0 ? 1.5f : 0.5f), 2 * z + 0.5f};
    EXPECT_EQ(particles[i].position, expected) << i;
    EXPECT_EQ(particles[i].transform[3], (std::array<float, 4>{expected[2], expected[1], expected[0], 1})) << i;
    EXPECT_EQ(particles[i].transform[1][1], 1) << i;
    if (i > 0) sum += static_cast<std::uint32_t>(std::countr_zero(i)) + static_cast<std::uint32_t>(std::bit_width(i)) - 1 + 2;
  }
  EXPECT_EQ(counters[0], 32U);
  EXPECT_EQ(counters[1], sum);
  EXPECT_EQ(counters[2], 0xffffU);
  EXPECT_EQ(counters[3], 31U);
}

struct CheckedParticle {
  std::array<std::array<float, 4>, 3> m;
  std::array<float, 3> v;
  float f;
};

TEST_F(Styles, BoundsChecked) {
  constexpr std::uint32_t kThreads = 12;
  std::vector<CheckedParticle> particles(kThreads, CheckedParticle{});
  std::vector<std::uint32_t> counters(11, 0), sizes = {kThreads * 64, 0};
  std::vector<std::array<float, 2>> u = {{4, 5}, {6, 7}, {8, 9}};
  run("bounds_checked", "main_", {1, 1, 1}, {kThreads, 1, 1}, {}, particles, counters, u, sizes);
  EXPECT_EQ(particles[7].m[2][0], 1);
  EXPECT_EQ(particles[7].m[2][1], 7);
  for (std::uint32_t i = 0; i < kThreads; ++i) {
    const float x = i < 3 ? u[i][0] : 0;
    const float row = 2 * (1 + 2 * x + 3 * 0.5f + 4);
    const float q = row > 30 ? -1 : row / 2;
    const float fraction = q + 0.25f - std::trunc(q + 0.25f);
    EXPECT_EQ(particles[i].v[0], static_cast<float>((i < 5 ? i + 1 : 0) + 3) + fraction) << i;
    EXPECT_EQ(particles[i].v[1], -std::trunc(q) + 100) << i;
    const std::uint32_t remainder = (i == 0 ? 0 : 17 % i) + i % 4;
    EXPECT_EQ(particles[i].v[2], static_cast<float>(remainder + 2 * static_cast<std::uint32_t>(std::max(q, 0.0f))) + 0.75f) << i;
    EXPECT_EQ(particles[i].f, 3 + 1 + 3) << i;
  }
  for (std::size_t i = 0; i < 9; ++i) EXPECT_EQ(counters[i], 8U) << i;
  EXPECT_EQ(counters[9], 3 * 8U);
}

TEST_F(Styles, FunctorRegistryStrided) {
  std::vector<std::int64_t> sizes = {3, 2}, in = {8, 24}, out = {4, 12};
  std::vector<std::uint32_t> dims = {2};
  std::vector<std::int16_t> shorts(24);
  for (std::size_t i = 0; i < shorts.size(); ++i) shorts[i] = static_cast<std::int16_t>(i * 11 - 99);
  std::vector<float> squares(6, NAN);
  run("functor_registry", "square_strided_float_short", {1, 1, 1}, {6, 1, 1}, {}, squares, shorts, sizes, in, out, dims);
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(squares[i], static_cast<float>(shorts[4 * i] * shorts[4 * i])) << i;
  std::vector<Complex> numbers = {{1, 2}, {-3, 0.5f}, {0, 1}, {4, 4}, {2, -1}, {7, 0}}, powers(6);
  std::vector<std::int64_t> wide = {8, 24};
  run("functor_registry", "square_strided_float2_float2", {1, 1, 1}, {6, 1, 1}, {}, powers, numbers, sizes, wide, wide, dims);
  for (std::size_t i = 0; i < 6; ++i) {
    const auto [re, im] = numbers[i];
    EXPECT_EQ(powers[i], (Complex{re * re - im * im, 2 * re * im})) << i;
  }
  std::vector<std::uint8_t> flags = {1, 0, 0, 1, 1, 0}, flipped(6, 9);
  std::vector<std::int64_t> bytes = {1, 3};
  run("functor_registry", "bitwise_not_strided_bool_bool", {1, 1, 1}, {6, 1, 1}, {}, flipped, flags, sizes, bytes, bytes, dims);
  EXPECT_EQ(flipped, (std::vector<std::uint8_t>{0, 1, 1, 0, 0, 1}));
}

struct ReportedError {
  char function[16];
  char text[32];
  std::uint32_t line;
  std::int32_t values[2];
};
struct ErrorList {
  std::uint32_t count = 0;
  ReportedError list[2] = {};
};

TEST_F(Styles, FunctorRegistryScatters) {
  std::vector<std::int64_t> indices = {0, 3, -1, 4, 3, 3, -5, 1}, limits = {4, 0};
  std::vector<ErrorList> errors(1);
  std::vector<std::uint16_t> halves(4, 0), values;
  for (const int v : {1, 2, 4, 64, 8, 16, 32, 8}) values.push_back(half_bits(static_cast<float>(v)));
  run("functor_registry", "scatter_add_half", {1, 1, 1}, {8, 1, 1}, {}, halves, values, indices, limits, errors);
  EXPECT_EQ(from_half_bits(halves[0]), 1);
  EXPECT_EQ(from_half_bits(halves[1]), 8);
  EXPECT_EQ(from_half_bits(halves[2]), 0);
  EXPECT_EQ(from_half_bits(halves[3]), 2 + 4 + 8 + 16);
  ASSERT_EQ(errors[0].count, 2U);
  std::array<int, 2> wrong = {errors[0].list[0].values[0], errors[0].list[1].values[0]};
  std::ranges::sort(wrong);
  EXPECT_EQ(wrong, (std::array<int, 2>{-5, 4}));
  for (const ReportedError& e : errors[0].list) {
    EXPECT_STREQ(e.function, "scatter_add");
    EXPECT_STREQ(e.text, "index % out of range");
    EXPECT_EQ(e.line, 86U);
    EXPECT_EQ(e.values[1], 4);
  }
  std::vector<std::uint8_t> bytes(4, 250), small = {1, 2, 4, 64, 8, 16, 32, 8};
  errors.assign(1, {});
  run("functor_registry", "scatter_add_uchar", {1, 1, 1}, {8, 1, 1}, {}, bytes, small, indices, limits, errors);
  EXPECT_EQ(bytes, (std::vector<std::uint8_t>{251, 2, 250, 24}));  // modulo 256, the neighbours untouched
}

TEST_F(Styles, FunctorRegistryKinds) {
  std::vector<std::uint8_t> data(24, 0);
  const auto put = [&](std::size_t at, auto value) { std::memcpy(&data[at], &value, sizeof value); };
  put(0, std::uint8_t{200});
  put(2, std::int16_t{-300});
  put(4, half_bits(1.5f));
  put(6, bfloat_bits(-2.5f));
  put(8, std::int64_t{-123456});
  put(16, 0.125f);
  std::vector<std::int8_t> kinds = {0, 2, 5, 15, 4, 6};
  std::vector<std::int64_t> offsets = {0, 2, 4, 6, 8, 16};
  std::vector<float> out(6, NAN);
  run("functor_registry", "any_kind", {1, 1, 1}, {6, 1, 1}, {}, out, data, kinds, offsets);
  const std::array<float, 6> values = {200, -300, 1.5f, -2.5f, -123456, 0.125f};
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(out[i], values[i] + std::max(static_cast<float>(i), 2.0f) + 3 + 1) << i;
}

}  // namespace
}  // namespace msl_conformance
