// Programs in the manner of tensor libraries' atomics, translators' tessellation kernels and sources for several GPU languages.
#include <array>
#include <bit>
#include <cmath>

#include "every_path.hpp"

namespace msl_conformance {
namespace {

class BorrowedStyles : public EveryPath {};
INSTANTIATE_TEST_SUITE_P(Paths, BorrowedStyles, testing::Values(Path::Vectors, Path::Threads), path_name);

constexpr std::size_t kValues = 96, kPlaces = 7;

/// What mode 0, 1 or 2 leaves of one place.
int folded(std::uint32_t mode, std::span<const int> values, std::span<const int> places, std::size_t at, int start) {
  int result = start;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (static_cast<std::size_t>(places[i]) != at) continue;
    result = mode == 0 ? result + values[i] : mode == 1 ? result * values[i] : std::max(result, values[i]);
  }
  return result;
}

TEST_P(BorrowedStyles, FoldedAtomics) {
  for (std::uint32_t mode = 0; mode < 3; ++mode) {
    std::vector<int> places(kValues), numbers(kValues);
    for (std::size_t i = 0; i < kValues; ++i) {
      places[i] = static_cast<int>(i * i % kPlaces);
      numbers[i] = mode == 1 ? (i % 16 < 2 ? 2 : i % 3 == 0 ? -1 : 1) : static_cast<int>(i * 37 % 61) - 30;
    }
    const int start = mode == 1 ? 1 : -3;
    std::vector<float> values(numbers.begin(), numbers.end()), out(kPlaces, static_cast<float>(start));
    std::vector<std::uint16_t> halves(kValues), half_out(kPlaces + 1, half_bits(static_cast<float>(start)));
    std::vector<std::int16_t> shorts(numbers.begin(), numbers.end()), short_out(kPlaces + 1, static_cast<std::int16_t>(start));
    for (std::size_t i = 0; i < kValues; ++i) halves[i] = half_bits(values[i]);
    std::vector<std::uint32_t> modes = {mode};
    run("folded_atomics", "scatter_float", {3, 1, 1}, {32, 1, 1}, {}, out, values, places, modes);
    run("folded_atomics", "scatter_half", {3, 1, 1}, {32, 1, 1}, {}, half_out, halves, places, modes);
    run("folded_atomics", "scatter_short", {3, 1, 1}, {32, 1, 1}, {}, short_out, shorts, places, modes);
    for (std::size_t at = 0; at < kPlaces; ++at) {
      const int wanted = folded(mode, numbers, places, at, start);
      EXPECT_EQ(out[at], static_cast<float>(wanted)) << mode << ' ' << at;
      EXPECT_EQ(from_half_bits(half_out[at]), static_cast<float>(wanted)) << mode << ' ' << at;
      EXPECT_EQ(short_out[at], wanted) << mode << ' ' << at;
    }
    EXPECT_EQ(short_out[kPlaces], start) << "the other half of the last word";
  }
}

TEST_P(BorrowedStyles, EndingRecursion) {
  std::vector<float> in = {0, 0.125F, -0.125F, 2, -2, 5, -5, 11.5F, -11.5F, 12, -12, 40, -40, INFINITY, -INFINITY, NAN};
  std::vector<std::array<float, 4>> out(in.size());
  run("ending_recursion", "recursive", {1, 1, 1}, {static_cast<unsigned>(in.size()), 1, 1}, {}, out, in);
  const auto odd = [](float x) { return std::copysign(std::abs(x) > 4 ? 4 - 1 / std::abs(x) : x * x, x); };
  const auto sum = [](float x) {  // 1 + x (1 + 2 + ...), for |x| < 12
    const auto n = static_cast<float>(static_cast<int>(x));
    return n < 2 ? 1.0F : 1 + x * n * (n - 1) / 2;
  };
  for (std::size_t i = 0; i < in.size(); ++i) {
    const float x = in[i], size = std::abs(x);
    const float log_power = x == 0 ? INFINITY : size < 12 ? 0.5F * std::abs(size < 0.25F ? 8 * size : sum(size)) : size / 4;
    const float wanted[] = {odd(x), odd(x), x < 0.25F ? 8 * x : x >= 12 ? x / 4 + 100 : sum(x), x >= 0 ? log_power : 3 - log_power};
    for (std::size_t k = 0; k < 4; ++k) {
      if (std::isnan(x)) {
        EXPECT_TRUE(k >= 2 || std::isnan(out[i][k])) << k;
      } else if (std::isinf(wanted[k])) {
        EXPECT_EQ(out[i][k], wanted[k]) << x << ' ' << k;
      } else {
        EXPECT_NEAR(out[i][k], wanted[k], 1e-4F * std::max(1.0F, std::abs(wanted[k]))) << x << ' ' << k;
      }
    }
  }
}

TEST_P(BorrowedStyles, PatchFactors) {
  constexpr std::size_t kPatches = 3;
  std::vector<std::array<float, 4>> first(5), second(4);
  for (std::size_t i = 0; i < first.size(); ++i) first[i] = {static_cast<float>(i), 0, 0, 1};
  for (std::size_t i = 0; i < second.size(); ++i) second[i] = {static_cast<float>(i), static_cast<float>(3 * i), static_cast<float>(4 * i), 1};
  std::vector<std::uint32_t> counts = {5, 4};
  std::vector<float> turn = {1, 0.5F, -1, 2};
  std::vector<std::array<std::uint16_t, 6>> factors(kPatches, {0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff});
  run("patch_factors", "main0", {kPatches, 1, 1}, {4, 1, 1}, {}, factors, first, second, counts, turn);
  for (std::size_t patch = 0; patch < kPatches; ++patch) {
    std::array<double, 4> far{};
    for (std::size_t i = 0; i < 4; ++i) {
      const std::size_t at = patch * 4 + i;
      far[i] = std::hypot(static_cast<double>(at % 5) - static_cast<double>(at % 4), 5.0 * static_cast<double>(at % 4));
      EXPECT_NEAR(from_half_bits(factors[patch][i]), far[i], far[i] * 1e-3) << patch << ' ' << i;
    }
    const double x = far[0] + far[2], y = far[1] + far[3];
    EXPECT_NEAR(from_half_bits(factors[patch][4]), x - y, 0.02) << patch;
    EXPECT_NEAR(from_half_bits(factors[patch][5]), 0.5 * x + 2 * y, 0.04) << patch;
  }
}

TEST_P(BorrowedStyles, BorrowedWords) {
  constexpr std::array<std::uint32_t, 16> kBox = {8, 1, 7, 13, 6, 15, 3, 2, 0, 11, 5, 9, 14, 12, 10, 4};
  constexpr std::size_t kStates = 64;
  std::vector<std::uint32_t> words = {0x01234567, 0x89abcdef}, rounds = {19}, unused = {0};
  std::vector<std::uint32_t> states(2 * kStates);
  for (std::size_t i = 0; i < states.size(); ++i) states[i] = static_cast<std::uint32_t>(i * 2654435761U);
  std::vector<std::uint32_t> wanted = states;
  for (std::size_t i = 0; i < kStates; ++i) {
    std::uint32_t &x = wanted[2 * i], &y = wanted[2 * i + 1];
    for (std::uint32_t round = 0; round < rounds[0]; ++round) {
      const std::uint32_t in = y + round;
      std::uint32_t spread = 0;
      for (unsigned n = 0; n < 8; ++n) spread |= kBox[(in >> (n * 4)) & 15] << (n * 4);
      const std::uint32_t next = x ^ std::rotl(spread ^ ((in & 1) != 0 ? words[0] : 0x9e3779b9U), 7);
      x = y + words[1];
      y = next;
    }
  }
  run("borrowed_words", "mix_all", {2, 1, 1}, {32, 1, 1}, {}, words, states, rounds, unused);
  EXPECT_EQ(states, wanted);
}

}  // namespace
}  // namespace msl_conformance
