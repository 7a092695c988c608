// Programs in the manner of rendering engines, generated attention kernels and translators from SPIR-V, with known answers.
#include <algorithm>
#include <array>
#include <cmath>

#include "styles.hpp"

namespace msl_conformance {
namespace {

float padded(std::size_t x, std::size_t y, bool to_edge) {
  if (!to_edge && (x >= 7 || y >= 5)) return 0;
  return static_cast<float>(std::min<std::size_t>(y, 4) * 20 + std::min<std::size_t>(x, 6));
}

TEST_F(Styles, AsyncCopiesPadTiles) {
  std::vector<float> a(100), out(96, NAN);
  std::vector<std::uint16_t> small(100), small_out(96, 0xffff);
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = static_cast<float>(i), small[i] = half_bits(a[i]);
  run("async_copies", "pad_float_zero", {1, 1, 1}, {64, 1, 1}, {}, a, out);
  run("async_copies", "pad_half_edge", {1, 1, 1}, {41, 1, 1}, {}, small, small_out);
  for (std::size_t y = 0; y < 6; ++y) {
    for (std::size_t x = 0; x < 16; ++x) {
      const std::size_t i = y * 16 + x;
      if (x >= 10) {
        EXPECT_TRUE(std::isnan(out[i]) && small_out[i] == 0xffff) << x << ' ' << y;
      } else {
        EXPECT_EQ(out[i], padded(x, y, false)) << x << ' ' << y;
        EXPECT_EQ(from_half_bits(small_out[i]), padded(x, y, true)) << x << ' ' << y;
      }
    }
  }
}

TEST_F(Styles, AsyncCopiesMoveElementsOfAnySize) {
  constexpr std::size_t kElements = 57;
  std::vector<std::array<std::uint8_t, 3>> a(kElements), out(kElements, {0xee, 0xee, 0xee});
  for (std::size_t i = 0; i < kElements; ++i) a[i] = {static_cast<std::uint8_t>(i), static_cast<std::uint8_t>(3 * i), static_cast<std::uint8_t>(7 * i)};
  run("async_copies", "turn", {1, 1, 1}, {kElements, 1, 1}, {}, a, out);
  for (std::size_t i = 0; i < kElements; ++i) EXPECT_EQ(out[i], a[kElements - 1 - i]) << i;
}

TEST_F(Styles, AsyncCopiesFromAnOffset) {
  std::vector<std::uint16_t> a(4 * 9);
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = static_cast<std::uint16_t>(i + 100);
  for (const bool to_edge : {false, true}) {
    for (const auto& [dx, dy] : {std::pair{2, 1}, {-3, -2}, {0, 3}, {5, -1}, {9, 0}}) {
      std::vector<std::uint16_t> out(30, 7);
      std::vector<std::int64_t> by = {dx, dy};
      run("async_copies", to_edge ? "shifted_to_edge" : "shifted_to_zero", {1, 1, 1}, {32, 1, 1}, {}, a, out, by);
      for (int i = 0; i < 30; ++i) {
        const int x = i % 6 + dx, y = i / 6 + dy, near_x = std::clamp(x, 0, 6), near_y = std::clamp(y, 0, 3);
        const int there = near_y * 9 + near_x + 100;
        const int wanted = to_edge || (x == near_x && y == near_y) ? there : 0;
        EXPECT_EQ(out[static_cast<std::size_t>(i)], wanted) << i << " by " << dx << ' ' << dy;
      }
    }
  }
}

TEST_F(Styles, OutOfLineMethodsOfKernelObjects) {
  std::vector<std::int32_t> out(5, -1), c = {21}, p = {9, 4}, a = {3};
  run("out_of_line_methods", "cells", {1, 1, 1}, {1, 1, 1}, {}, a, c, p, out);
  EXPECT_EQ(out, (std::vector<std::int32_t>{3, 105, 42, 7, 13005}));
}

TEST_F(Styles, OutOfLineMethodsRunKernelObjects) {
  std::vector<std::int32_t> object = {30, -2}, launch = {3, 10}, out(40, -99);
  run("out_of_line_methods", "launch_scaled", {1, 1, 1}, {40, 1, 1}, {}, object, launch, out);
  for (int i = 0; i < 40; ++i) EXPECT_EQ(out[static_cast<std::size_t>(i)], i < 30 ? (i - 2) * 3 + 10 + i % 2 : -99) << i;
}

TEST_F(Styles, ArgminBlocks) {
  std::vector<std::uint32_t> n = {75};
  std::vector<float> a(3 * 75);
  std::vector<std::int16_t> small(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) small[i] = static_cast<std::int16_t>(i * 89 % 41 - 20), a[i] = small[i];
  for (const std::size_t threads : {32U, 64U, 128U}) {
    std::vector<std::uint32_t> out(3, ~0U), small_out(3, ~0U);
    run("argmin_blocks", "argmin_float", {3, 1, 1}, {threads, 1, 1}, {}, n, a, out);
    run("argmin_blocks", "argmin_short", {3, 1, 1}, {threads, 1, 1}, {}, n, small, small_out);
    for (std::size_t row = 0; row < 3; ++row) {
      const auto begin = a.begin() + static_cast<std::ptrdiff_t>(row * 75);
      EXPECT_EQ(out[row], std::min_element(begin, begin + 75) - begin) << row;
      EXPECT_EQ(small_out[row], out[row]) << row;
    }
  }
}

TEST_F(Styles, DerivedSizesFollowTheConstantOrItsDefault) {
  for (const std::uint32_t width : {0U, 4U}) {
    std::vector<anymetal::FunctionConstant> constants;
    if (width != 0) constants.push_back({0U, width});
    std::vector<float> out(32, NAN);
    run("derived_sizes", "main0", {1, 1, 1}, {32, 1, 1}, constants, out);
    const auto x = static_cast<float>(width == 0 ? 16 : width);
    for (std::size_t i = 0; i < out.size(); ++i) EXPECT_EQ(out[i], static_cast<float>(i % static_cast<std::size_t>(x)) + x * 50 + 1) << i;
  }
}

TEST_F(Styles, DerivedSizesHashText) {
  std::vector<std::uint32_t> out(4, 0);
  run("derived_sizes", "hashes", {1, 1, 1}, {1, 1, 1}, {}, out);
  std::uint32_t hash = 2166136261U;
  for (const char c : std::string("silu")) hash = (hash ^ static_cast<std::uint32_t>(c)) * 16777619U;
  EXPECT_EQ(out, (std::vector<std::uint32_t>{hash, 4, 'e' + 3, 'z'}));
}

}  // namespace
}  // namespace msl_conformance
