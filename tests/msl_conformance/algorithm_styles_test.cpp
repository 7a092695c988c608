// Programs in the manner of libraries of parallel algorithms and of interpreters, on every path, compared with plain loops.
#include <array>
#include <cmath>
#include <complex>
#include <map>
#include <numbers>
#include <numeric>

#include "every_path.hpp"

namespace msl_conformance {
namespace {

class AlgorithmStyles : public EveryPath {};
INSTANTIATE_TEST_SUITE_P(Paths, AlgorithmStyles, testing::Values(Path::Vectors, Path::Threads), path_name);

std::uint32_t scramble(std::uint32_t i) {
  i *= 0x9e3779b1U;
  i ^= i >> 15;
  return i * 0x85ebca77U ^ i >> 13;
}

/// Sorts 1,024 items by blocks of 128 in threadgroup memory, then by merges across dispatches.
template <class T, class Run>
void sort_with(const std::string& label, std::vector<T>& items, const Run& run) {
  struct Arguments {
    std::uint32_t count, block, distance;
  };
  const auto count = static_cast<std::uint32_t>(items.size());
  std::vector<Arguments> args = {{count, 0, 0}};
  run("sort_block_" + label, anymetal::Size{count / 128, 1, 1}, items, args);
  for (std::uint32_t block = 256; block <= count; block *= 2) {
    for (std::uint32_t distance = block / 2; distance > 0; distance /= 2) {
      args[0] = {count, block, distance};
      run("merge_step_" + label, anymetal::Size{count / 128, 1, 1}, items, args);
    }
  }
}

TEST_P(AlgorithmStyles, BitonicSorts) {
  const auto steps = [this](const std::string& entry, anymetal::Size groups, auto& items, auto& args) {
    run("bitonic_sorts", entry, groups, {64, 1, 1}, {}, items, args);
  };
  struct Item {
    float key;
    std::uint32_t value;
    bool operator==(const Item&) const = default;
  };
  constexpr std::uint32_t kCount = 512;
  std::vector<float> floats(kCount);
  std::vector<Item> pairs(kCount);
  std::vector<std::uint8_t> bytes(256);
  std::vector<std::int64_t> longs(kCount);
  for (std::uint32_t i = 0; i < kCount; ++i) {
    floats[i] = static_cast<float>(scramble(i) % 1000) - 500;
    pairs[i] = {static_cast<float>(scramble(i)), i};
    longs[i] = static_cast<std::int64_t>(std::uint64_t{scramble(i)} << 32 | scramble(i + 999));
  }
  for (std::uint32_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(scramble(i));
  auto sorted_floats = floats;
  auto sorted_pairs = pairs;
  auto sorted_bytes = bytes;
  auto sorted_longs = longs;
  std::ranges::sort(sorted_floats);
  std::ranges::sort(sorted_pairs, [](const Item& a, const Item& b) { return a.key > b.key; });
  std::ranges::sort(sorted_bytes);
  std::ranges::sort(sorted_longs, std::greater<>());
  sort_with("f32_up", floats, steps);
  sort_with("f32_index_down", pairs, steps);
  sort_with("u8_up", bytes, steps);
  sort_with("i64_down", longs, steps);
  EXPECT_EQ(floats, sorted_floats);
  EXPECT_EQ(pairs, sorted_pairs);
  EXPECT_EQ(bytes, sorted_bytes);
  EXPECT_EQ(longs, sorted_longs);
}

TEST_P(AlgorithmStyles, FourierTables) {
  using Complex = std::complex<float>;
  constexpr std::size_t kPoints = 256;
  std::vector<Complex> in(2 * kPoints), out(in.size(), {NAN, NAN}), back(in.size(), {NAN, NAN});
  for (std::uint32_t i = 0; i < in.size(); ++i) {
    in[i] = {static_cast<float>(scramble(2 * i) % 256) / 128 - 1, static_cast<float>(scramble(2 * i + 1) % 256) / 128 - 1};
  }
  run("fourier_tables", "fft256_forward", {2, 1, 1}, {64, 1, 1}, {}, in, out);
  run("fourier_tables", "fft256_backward", {2, 1, 1}, {64, 1, 1}, {}, out, back);
  std::vector<Complex> eighths(16, {NAN, NAN}), few(in.begin(), in.begin() + 16);
  run("fourier_tables", "dft8", {1, 1, 1}, {2, 1, 1}, {}, few, eighths);
  const auto transform = [](const std::vector<Complex>& x, std::size_t begin, std::size_t n, std::size_t k) {
    std::complex<double> sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += std::complex<double>(x[begin + i]) * std::polar(1.0, -2 * std::numbers::pi * static_cast<double>(i * k % n) / static_cast<double>(n));
    return sum;
  };
  for (std::size_t i = 0; i < in.size(); ++i) {
    EXPECT_LT(std::abs(transform(in, i / kPoints * kPoints, kPoints, i % kPoints) - std::complex<double>(out[i])), 2e-4) << i;
    EXPECT_LT(std::abs(back[i] - in[i]), 2e-6F) << i;
  }
  for (std::size_t i = 0; i < eighths.size(); ++i) EXPECT_LT(std::abs(transform(few, i / 8 * 8, 8, i % 8) - std::complex<double>(eighths[i])), 2e-6) << i;
}

TEST_P(AlgorithmStyles, HashTables) {
  constexpr std::uint32_t kItems = 3000, kCapacity = 1024;
  std::vector<std::uint32_t> items(kItems), n = {kItems};
  std::map<std::uint32_t, std::pair<std::int32_t, std::uint64_t>> wanted;
  for (std::uint32_t i = 0; i < kItems; ++i) {
    items[i] = scramble(scramble(i) % 700) | 1U << 31U;
    const auto [known, is_new] = wanted.try_emplace(items[i], 0, std::uint64_t{items[i]} << 32U | i);
    ++known->second.first;
  }
  for (const char* entry : {"tally_words", "tally_ids"}) {
    std::vector<std::uint32_t> keys(kCapacity, ~0U);
    std::vector<std::int32_t> counts(kCapacity, 0);
    std::vector<std::uint64_t> first(kCapacity, ~std::uint64_t{0});
    run_threads("hash_tables", entry, {kItems + 5, 1, 1}, {96, 1, 1}, {}, keys, counts, first, items, n);
    std::map<std::uint32_t, std::pair<std::int32_t, std::uint64_t>> found;
    for (std::size_t i = 0; i < kCapacity; ++i) {
      if (keys[i] == ~0U) EXPECT_EQ(counts[i], 0) << i;
      else EXPECT_TRUE(found.try_emplace(keys[i], counts[i], first[i]).second) << "twice: " << keys[i];
    }
    EXPECT_EQ(found, wanted) << entry;
    if (entry != std::string("tally_words")) continue;
    std::vector<std::uint32_t> asked(items.begin(), items.begin() + 100);
    for (std::uint32_t i = 0; i < 50; ++i) asked[2 * i] = i;
    std::vector<std::int32_t> answers(100, 99);
    run("hash_tables", "look_up", {1, 1, 1}, {100, 1, 1}, {}, keys, counts, asked, answers);
    for (std::size_t i = 0; i < asked.size(); ++i) EXPECT_EQ(answers[i], i % 2 == 0 ? -1 : wanted.at(asked[i]).first) << i;
  }
  std::vector<std::uint32_t> bits(128, 0), out = {99};
  std::vector<std::uint32_t> few(items.begin(), items.begin() + 64);
  run("hash_tables", "bloom_add", {2, 1, 1}, {32, 1, 1}, {}, bits, few);
  run("hash_tables", "bloom_count", {1, 1, 1}, {64, 1, 1}, {}, bits, out);
  int set = 0;
  for (const std::uint32_t word : bits) set += std::popcount(word);
  EXPECT_EQ(out[0], static_cast<std::uint32_t>(set));
  EXPECT_TRUE(set > 64 && set <= 192) << set;
}

TEST_P(AlgorithmStyles, ScanLibrary) {
  constexpr std::uint32_t kRow = 75;
  std::vector<std::uint32_t> n = {kRow};
  std::vector<std::int32_t> ints(2 * kRow), int_out(ints.size(), -1);
  std::vector<float> floats(ints.size()), float_out(ints.size(), NAN);
  std::vector<std::uint16_t> halves(ints.size()), half_out(ints.size(), 0xffff);
  std::vector<std::array<float, 2>> maps(ints.size()), map_out(ints.size(), {NAN, NAN});
  for (std::uint32_t i = 0; i < ints.size(); ++i) {
    ints[i] = static_cast<std::int32_t>(scramble(i) % 100) - 50;
    floats[i] = static_cast<float>(ints[i]);
    halves[i] = half_bits(floats[i] / 8);
    maps[i] = {i % 3 == 0 ? 0.5F : 1.5F, floats[i]};
  }
  run("scan_library", "scan_inclusive_sum_int", {2, 1, 1}, {64, 1, 1}, {}, ints, int_out, n);
  run("scan_library", "scan_exclusive_sum_float", {2, 1, 1}, {32, 1, 1}, {}, floats, float_out, n);
  run("scan_library", "scan_inclusive_max_half", {2, 1, 1}, {96, 1, 1}, {}, halves, half_out, n);
  run("scan_library", "scan_inclusive_compose", {2, 1, 1}, {64, 1, 1}, {}, maps, map_out, n);
  for (std::size_t row = 0; row < 2; ++row) {
    std::int32_t sum = 0;
    float before = 0, most = -1e9F;
    double scale = 1, shift = 0;
    for (std::size_t k = row * kRow; k < (row + 1) * kRow; ++k) {
      sum += ints[k] * ints[k] + 1;
      most = std::max(most, floats[k] / 8);
      scale *= maps[k][0];
      shift = shift * maps[k][0] + maps[k][1];
      EXPECT_EQ(int_out[k], sum) << k;
      EXPECT_EQ(float_out[k], before) << k;
      EXPECT_EQ(from_half_bits(half_out[k]), most) << k;
      EXPECT_NEAR(map_out[k][0], scale, 1e-5 * scale) << k;
      EXPECT_NEAR(map_out[k][1], shift, 1e-4 * (1 + std::abs(shift)) * scale + 1e-2) << k;
      before += floats[k];
    }
  }
  std::vector<std::uint32_t> values(100), kept(100, 99), count = {0}, many = {100}, wanted;
  for (std::uint32_t i = 0; i < values.size(); ++i) {
    values[i] = scramble(i);
    if (values[i] % 2 == 1) wanted.push_back(values[i]);
  }
  run("scan_library", "keep_odd", {2, 1, 1}, {64, 1, 1}, {}, values, kept, count, many);
  ASSERT_EQ(count[0], wanted.size());
  kept.resize(count[0]);
  std::ranges::sort(kept);
  std::ranges::sort(wanted);
  EXPECT_EQ(kept, wanted);
}

TEST_P(AlgorithmStyles, ByteMachinesRunCode) {
  enum : std::int16_t { Halt, Push, Dup, Swap, Drop, Over, Add, Sub, Mul, Div, Mod, Neg, And, Or, Xor, Not, Shl, Shr, Lt, Eq, Jump, JumpIfZero, Load, Store, Call, Return, Input, Min, Max, PopCount };
  // gcd(a, b) in a subroutine at 8, then (gcd << 4 | popcount a) ^ min(a, b).
  std::vector<std::int16_t> code = {Input, 0, Store, 0, Input, 1, Call, 20, Push, 4, Shl, Input, 0, PopCount, Or, Input, 0, Jump, 38, Halt,
                                    Dup, JumpIfZero, 34, Dup, Load, 0, Swap, Mod, Swap, Store, 0, Jump, 20, Halt, Drop, Load, 0, Return,
                                    Input, 1, Min, Xor, Halt};
  std::vector<std::uint32_t> length = {static_cast<std::uint32_t>(code.size())};
  std::vector<std::array<std::int32_t, 2>> in(40), out(40, {99, 99}), small(40, {99, 99});
  for (std::uint32_t i = 0; i < in.size(); ++i) in[i] = {static_cast<std::int32_t>(1 + scramble(i) % 500), static_cast<std::int32_t>(1 + scramble(i + 77) % 500)};
  run("byte_machines", "run_code_16", {2, 1, 1}, {20, 1, 1}, {}, code, in, out, length);
  for (std::size_t i = 0; i < in.size(); ++i) {
    const auto [a, b] = in[i];
    const std::int32_t wanted = (std::gcd(a, b) << 4 | std::popcount(static_cast<std::uint32_t>(a))) ^ std::min(a, b);
    EXPECT_EQ(out[i][0], wanted) << a << ' ' << b;
    EXPECT_GT(out[i][1], 0);
  }
  const auto fault_of = [&](std::vector<std::int16_t> words) {
    std::vector<std::uint32_t> size = {static_cast<std::uint32_t>(words.size())};
    run("byte_machines", "run_code_4", {1, 1, 1}, {40, 1, 1}, {}, words, in, small, size);
    return small[17][0];
  };
  EXPECT_EQ(fault_of({Push, 1, Push, 2, Push, 3, Push, 4, Push, 5, Halt}), -1);
  EXPECT_EQ(fault_of({Push, 1, Add, Halt}), -2);
  EXPECT_EQ(fault_of({77}), -3);
  EXPECT_EQ(fault_of({Jump, 0}), -4);
  EXPECT_EQ(fault_of({Push, 1, Push, 0, Div, Halt}), -5);
  EXPECT_EQ(fault_of({Push, 7, Push, -3, Mod, Neg, Not, Halt}), 0);
}

TEST_P(AlgorithmStyles, ByteMachinesRunWords) {
  const auto word = [](std::uint32_t op, std::uint32_t to, std::uint32_t a, std::uint32_t b, std::int32_t value = 0) {
    return op | to << 4 | a << 7 | b << 10 | static_cast<std::uint32_t>(value) << 13;
  };
  // r1 = -2.5; r2 = r0 * r1; r3 = 16; while r4 < r3 { r2 += r0 * r5; r4 += r5 } ...
  std::vector<std::uint32_t> code = {word(1, 1, 0, 0, -40), word(3, 2, 0, 1), word(1, 3, 0, 0, 16 * 4), word(1, 5, 0, 0, 16), word(4, 2, 0, 5), word(2, 4, 4, 5),
                                     word(7, 0, 4, 3, -3), word(5, 6, 2, 1), word(6, 7, 6, 1), word(8, 6, 2, 0), word(2, 7, 7, 6), word(0, 0, 7, 0)};
  std::vector<float> out(48, NAN);
  run("byte_machines", "run_words", {1, 1, 1}, {48, 1, 1}, {}, code, out);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const float x = static_cast<float>(i), r2 = x * -2.5F + 4 * x;
    EXPECT_NEAR(out[i], std::max(std::min(r2, -2.5F), -2.5F) + std::sqrt(std::abs(r2)), 1e-4F) << i;
  }
}

struct ImageGeometry {
  std::array<std::uint16_t, 2> size;
  std::uint32_t pitch, offset, padding = 0;
};

TEST_P(AlgorithmStyles, PackedFilters) {
  constexpr int kWidth = 13, kHeight = 9, kPitch = 67, kOffset = 5, kRadius = 2;
  std::vector<ImageGeometry> geometry(1);
  geometry[0] = {{kWidth, kHeight}, kPitch, kOffset};
  std::vector<float> taps = {0.5F, 0.125F, 0.125F};
  std::vector<std::uint8_t> in(kOffset + kPitch * kHeight);
  for (std::uint32_t i = 0; i < in.size(); ++i) in[i] = static_cast<std::uint8_t>(scramble(i));
  const auto border = [](int p, int n, int mode) {
    if (mode == 1) return p < 0 ? -1 - p : (p >= n ? 2 * n - 1 - p : p);
    return mode == 2 ? (p + n) % n : std::clamp(p, 0, n - 1);
  };
  for (const std::int16_t mode : {std::int16_t{0}, std::int16_t{1}, std::int16_t{2}}) {
    for (const std::uint8_t vertical : {std::uint8_t{0}, std::uint8_t{1}}) {
      std::vector<std::uint8_t> out(in.size(), 0xee), direction = {vertical};
      run_threads("packed_filters", "blur_packed_uchar3_2", {kWidth + 1, kHeight + 2, 1}, {8, 4, 1}, {{100U, mode}}, in, out, geometry, taps, direction);
      const auto at = [](int x, int y, int c) { return static_cast<std::size_t>(kOffset + y * kPitch + 3 * x + c); };
      for (int y = 0; y < kHeight; ++y) {
        for (int x = 0; x < kWidth; ++x) {
          for (int c = 0; c < 3; ++c) {
            double sum = taps[0] * in[at(x, y, c)];
            for (int k = 1; k <= kRadius; ++k) {
              for (const int d : {k, -k}) sum += 0.125 * in[vertical != 0 ? at(x, border(y + d, kHeight, mode), c) : at(border(x + d, kWidth, mode), y, c)];
            }
            EXPECT_NEAR(out[at(x, y, c)], sum, 0.5001) << x << ' ' << y << ' ' << c << " border " << mode;
          }
        }
        EXPECT_EQ(out[at(kWidth, y, 0)], 0xee) << "beyond a row";
      }
    }
  }
}

TEST_P(AlgorithmStyles, PackedFiltersOfFloats) {
  constexpr std::size_t kWidth = 11, kHeight = 3;
  std::vector<ImageGeometry> geometry(1);
  geometry[0] = {{kWidth, kHeight}, kWidth * 12, 0};
  std::vector<float> taps = {0.4F, 0.1F, 0.1F, 0.1F}, in(3 * kWidth * kHeight), out(in.size(), NAN);
  for (std::uint32_t i = 0; i < in.size(); ++i) in[i] = static_cast<float>(scramble(i) % 300) / 256;
  std::vector<std::uint8_t> horizontal = {0};
  run("packed_filters", "blur_packed_float3_3", {2, 1, 1}, {8, 4, 1}, {{100U, std::int16_t{0}}}, in, out, geometry, taps, horizontal);
  for (int i = 0; i < static_cast<int>(in.size()); ++i) {
    const int x = i / 3 % static_cast<int>(kWidth);
    double sum = 0.4 * in[static_cast<std::size_t>(i)];
    for (const int d : {-3, -2, -1, 1, 2, 3}) sum += 0.1 * in[static_cast<std::size_t>(i + 3 * (std::clamp(x + d, 0, static_cast<int>(kWidth) - 1) - x))];
    EXPECT_NEAR(out[static_cast<std::size_t>(i)], std::clamp(sum, 0.0, 1.0), 1e-6) << i;
  }
}

TEST_P(AlgorithmStyles, PackedColours) {
  constexpr std::uint32_t kPixels = 70;
  std::vector<std::array<std::uint8_t, 3>> rgb(kPixels);
  std::vector<std::array<std::int8_t, 3>> yuv(kPixels, {99, 99, 99});
  std::vector<std::array<std::uint8_t, 4>> rgba(kPixels);
  for (std::uint32_t i = 0; i < kPixels; ++i) {
    const std::uint32_t x = scramble(i);
    rgba[i] = std::bit_cast<std::array<std::uint8_t, 4>>(x);
    rgb[i] = {rgba[i][0], rgba[i][1], rgba[i][2]};
  }
  run("packed_filters", "to_yuv", {1, 1, 1}, {kPixels, 1, 1}, {}, rgb, yuv);
  for (std::size_t i = 0; i < kPixels; ++i) {
    const double r = rgb[i][0], g = rgb[i][1], b = rgb[i][2];
    EXPECT_NEAR(yuv[i][0], 0.299 * r + 0.587 * g + 0.114 * b - 128, 0.51) << i;
    EXPECT_NEAR(yuv[i][1], -0.168736 * r - 0.331264 * g + 0.5 * b, 0.51) << i;
    EXPECT_NEAR(yuv[i][2], std::max(0.5 * r - 0.418688 * g - 0.081312 * b, -127.0), 0.51) << i;
  }
  std::vector<std::uint32_t> bins(64, 1), wanted(64, 1), n = {kPixels};
  for (const auto& pixel : rgba) {
    for (std::size_t c = 0; c < 4; ++c) ++wanted[4 * (pixel[c] >> 4U) + c];
  }
  run("packed_filters", "histogram", {3, 1, 1}, {32, 1, 1}, {}, rgba, bins, n);
  EXPECT_EQ(bins, wanted);

  std::vector<std::array<std::uint8_t, 3>> out(kPixels, {1, 1, 1});
  std::vector<std::array<std::int16_t, 2>> size = {{10, 7}};
  run("packed_filters", "median", {2, 1, 1}, {8, 8, 1}, {}, rgb, out, size);
  for (int i = 0; i < static_cast<int>(kPixels); ++i) {
    for (std::size_t c = 0; c < 3; ++c) {
      std::vector<std::uint8_t> v;
      for (const int dy : {-1, 0, 1}) {
        for (const int dx : {-1, 0, 1}) v.push_back(rgb[static_cast<std::size_t>(std::clamp(i / 10 + dy, 0, 6) * 10 + std::clamp(i % 10 + dx, 0, 9))][c]);
      }
      std::ranges::nth_element(v, v.begin() + 4);
      EXPECT_EQ(out[static_cast<std::size_t>(i)][c], v[4]) << i;
    }
  }
}

}  // namespace
}  // namespace msl_conformance
