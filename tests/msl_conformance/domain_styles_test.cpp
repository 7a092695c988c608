// Programs in the manner of simulations, cryptography, sorting, image filters and graphs, run and compared with plain
// loops or published answers.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numeric>

#include "styles.hpp"

namespace msl_conformance {
namespace {

struct Body {
  float position[3], mass, velocity[3];
  std::uint8_t tag[4];
};

TEST_F(Styles, BodyTilesStep) {
  if (!anymetal::test::shares_host_addresses()) GTEST_SKIP() << "its structure holds addresses of the host";
  struct World {
    std::uint64_t bodies, radii;
    std::uint32_t count;
    float softening;
  };
  constexpr std::size_t kCount = 21;  // two threadgroups of 16, the second in part
  std::vector<Body> bodies(kCount);
  for (std::size_t i = 0; i < kCount; ++i) {
    const auto n = static_cast<float>(i);
    bodies[i] = {{std::sin(n), std::cos(2 * n), 0.25f * n}, 1 + 0.125f * n, {n, -n, 0.5f}, {9, 8, 2, 3}};
    bodies[i].tag[0] = static_cast<std::uint8_t>(i + 40);
  }
  const std::vector<Body> before = bodies;
  std::vector<float> radii(kCount, 1), dt = {0.01f};
  // A device address is the host's on the CPU.
  std::vector<World> world = {
      {std::bit_cast<std::uintptr_t>(bodies.data()), std::bit_cast<std::uintptr_t>(radii.data()), kCount, 0.5f}};
  run("body_tiles", "step_bodies", {2, 1, 1}, {16, 1, 1}, {}, world, dt);
  for (std::size_t i = 0; i < kCount; ++i) {
    double force[3] = {};
    for (const Body& other : before) {
      double d[3], squares = 0.25;
      for (std::size_t c = 0; c < 3; ++c) {
        d[c] = static_cast<double>(other.position[c]) - static_cast<double>(before[i].position[c]);
        squares += d[c] * d[c];
      }
      for (std::size_t c = 0; c < 3; ++c)
        force[c] += d[c] * static_cast<double>(other.mass) / (squares * std::sqrt(squares));
    }
    for (std::size_t c = 0; c < 3; ++c) {
      const double expected = static_cast<double>(before[i].velocity[c]) + 6.5 * 0.01 * force[c];
      EXPECT_NEAR(static_cast<double>(bodies[i].velocity[c]), expected, 1e-5) << i;
      EXPECT_EQ(bodies[i].position[c], before[i].position[c]) << i;
    }
    EXPECT_EQ(bodies[i].mass, before[i].mass) << i;
    EXPECT_EQ(std::to_array(bodies[i].tag), (std::array<std::uint8_t, 4>{before[i].tag[0], 8, 7, before[i].tag[0]}))
        << i;
  }
}

TEST_F(Styles, BodyTilesCount) {
  std::vector<float> points(3 * 40), box = {-1, -2, -3, -99, 2, 1, 2.5f, -99};
  for (std::size_t i = 0; i < points.size(); ++i) points[i] = 0.25f * static_cast<float>(i * 19 % 29) - 3.25f;
  std::vector<std::uint32_t> counts = {0, 0};
  std::uint32_t inside = 0, last = 0;
  for (std::size_t i = 0; i < 40; ++i) {
    bool is_in = true, is_near = true;
    for (std::size_t c = 0; c < 3; ++c) {
      const float p = points[3 * i + c];
      is_in = is_in && p >= box[c] && p <= box[4 + c];
      is_near = is_near && p >= box[c] - 0.5f && p <= box[4 + c] + 0.5f;
    }
    inside += is_near ? 1 : 0;
    if (is_in) last = static_cast<std::uint32_t>(i);
  }
  ASSERT_GT(last, 0U);
  run("body_tiles", "count_inside", {5, 1, 1}, {8, 1, 1}, {}, points, box, counts);
  EXPECT_EQ(counts, (std::vector{inside, last}));
}

TEST_F(Styles, MessageDigests) {
  struct Message {
    std::string text;
    std::vector<std::uint32_t> digest;
  };
  std::string counted(55, '\0');  // the longest of one block
  std::iota(counted.begin(), counted.end(), '\0');
  // FIPS 180-4's example, and two by Python's hashlib.
  const Message messages[] = {
      {"abc", {0xba7816bf, 0x8f01cfea, 0x414140de, 0x5dae2223, 0xb00361a3, 0x96177a9c, 0xb410ff61, 0xf20015ad}},
      {"", {0xe3b0c442, 0x98fc1c14, 0x9afbf4c8, 0x996fb924, 0x27ae41e4, 0x649b934c, 0xa495991b, 0x7852b855}},
      {counted, {0x463eb28e, 0x72f82e0a, 0x96c0a4cc, 0x53690c57, 0x1281131f, 0x672aa229, 0xe0d45ae5, 0x9b598b59}}};
  for (const Message& message : messages) {
    std::vector<std::uint8_t> text(message.text.begin(), message.text.end());
    text.push_back(0xff);
    std::vector<std::uint32_t> length = {static_cast<std::uint32_t>(message.text.size())}, digest(8, 0);
    run("message_digests", "sha256", {1, 1, 1}, {1, 1, 1}, {}, text, length, digest);
    EXPECT_EQ(digest, message.digest) << message.text.size();
  }
}

TEST_F(Styles, MessageDigestsMix) {
  __extension__ using Wide = unsigned __int128;
  std::vector<std::uint64_t> in = {0, 1, 0xdeadbeefcafef00dULL, ~0ULL}, out(4, 0);
  run("message_digests", "mix64", {1, 1, 1}, {4, 1, 1}, {}, in, out);
  for (std::size_t i = 0; i < in.size(); ++i) {
    std::uint64_t x = in[i] + 0x9e3779b97f4a7c15ULL;
    const Wide product = static_cast<Wide>(x) * 0xd6e8feb86659fd93ULL;
    x = static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
    x ^= x >> 32;
    const auto low = static_cast<std::uint32_t>(x);
    std::uint32_t reversed = 0;
    for (unsigned bit = 0; bit < 32; ++bit) reversed |= (low >> bit & 1) << (31 - bit);
    std::uint32_t first = static_cast<std::uint32_t>(x >> 32) ^ reversed;
    first += static_cast<std::uint32_t>(std::popcount(low) + std::countl_zero(first | 1) + std::countr_zero(low | 1));
    EXPECT_EQ(out[i], (static_cast<std::uint64_t>(low) << 32 | first) + (in[i] >> 4 & 0xff) + (5 << 8)) << i;
  }
}

TEST_F(Styles, RadixSortPass) {
  constexpr std::size_t kThreads = 64, kCount = 50;
  std::vector<std::uint32_t> keys(kThreads), sorted(kThreads, 7), totals(16, 1), shift = {4}, n = {kCount};
  for (std::size_t i = 0; i < kThreads; ++i) keys[i] = static_cast<std::uint32_t>(i * 0x9e3779b1U);
  run("radix_sort", "radix_pass", {1, 1, 1}, {kThreads, 1, 1}, {}, keys, sorted, totals, shift, n);
  const auto digit = [](std::uint32_t key) { return key >> 4 & 15; };
  std::vector<std::uint32_t> expected(keys.begin(), keys.begin() + kCount), counts(16, 1);
  std::ranges::stable_sort(expected, {}, digit);
  for (const std::uint32_t key : expected) ++counts[digit(key)];
  expected.resize(kThreads, 7);
  EXPECT_EQ(sorted, expected);
  EXPECT_EQ(totals, counts);
}

TEST_F(Styles, RadixSortVotes) {
  std::vector<std::int32_t> x(64);
  for (std::size_t i = 0; i < 32; ++i) x[i] = static_cast<std::int32_t>(i * 11 % 7) - 3;
  for (std::size_t i = 32; i < 64; ++i) x[i] = static_cast<std::int32_t>(i * i % 5) + 1;
  std::vector<std::uint32_t> out(64, 0);
  run("radix_sort", "votes", {1, 1, 1}, {64, 1, 1}, {}, x, out);
  for (std::size_t i = 0; i < 64; ++i) {
    std::uint32_t before = 0, quad = 0;
    for (std::size_t j = i / 32 * 32; j < i; ++j) before += x[j] > 0 ? 1 : 0;
    for (std::size_t q = 0; q < 4; ++q) quad |= static_cast<std::uint32_t>(x[i / 4 * 4 + q] & 1) << q;
    const auto third = static_cast<std::uint32_t>(2 + i % 32 / 4 * 4 + 2);
    EXPECT_EQ(out[i], before + (i < 32 ? 100 : 1100) + quad * 10000 + third * 1000000) << i;
  }
}

TEST_F(Styles, ImageFiltersBlur) {
  constexpr int kWidth = 7, kHeight = 5, kStride = 9;
  struct Image {
    std::uint32_t width, height, stride;
  };
  using Pixel = std::array<std::uint8_t, 4>;
  std::vector<Image> image = {{kWidth, kHeight, kStride}};
  std::vector<Pixel> in(kStride * kHeight);
  for (std::size_t i = 0; i < in.size(); ++i)
    for (std::size_t c = 0; c < 4; ++c) in[i][c] = static_cast<std::uint8_t>(i * 67 + c * 101);
  constexpr int kWeights[5] = {1, 4, 6, 4, 1};
  for (const bool is_vertical : {false, true}) {
    std::vector<Pixel> out(in.size(), Pixel{1, 2, 3, 4});
    run("image_filters", is_vertical ? "blur_v_mirror" : "blur_h_clamp", {2, 2, 1}, {4, 4, 1}, {}, in, out, image);
    for (int y = 0; y < kHeight; ++y) {
      for (int x = 0; x < kStride; ++x) {
        const Pixel& got = out[static_cast<std::size_t>(y * kStride + x)];
        if (x >= kWidth) {
          EXPECT_EQ(got, (Pixel{1, 2, 3, 4}));
          continue;
        }
        for (std::size_t c = 0; c < 4; ++c) {
          int sum = 0;
          for (int k = -2; k <= 2; ++k) {
            const int mirrored = std::abs(y + k) < kHeight ? std::abs(y + k) : 2 * kHeight - 2 - std::abs(y + k);
            const int at = is_vertical ? mirrored * kStride + x : y * kStride + std::clamp(x + k, 0, kWidth - 1);
            sum += kWeights[k + 2] * in[static_cast<std::size_t>(at)][c];
          }
          // The nearest whole number; where two are as near, either.
          EXPECT_LE(std::abs(16 * got[c] - sum), 8) << x << " " << y << " " << c;
        }
      }
    }
  }
}

TEST_F(Styles, ImageFiltersGrade) {
  std::vector<std::uint32_t> pixels = {0x00000000, 0xffffffff, 0x80ff4000, 0x01020304, 0x7f0a0b64};
  const float kColumns[3][3] = {{0.5f, 0.25f, 0.125f}, {0.25f, 0.5f, 0.0625f}, {0.125f, 0.25f, 0.75f}};
  std::vector<float> matrix;
  for (const auto& column : kColumns) matrix.insert(matrix.end(), {column[0], column[1], column[2], -99});
  std::vector<std::uint16_t> out(4 * pixels.size(), 0);
  run("image_filters", "grade", {1, 1, 1}, {pixels.size(), 1, 1}, {}, pixels, out, matrix);
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    double linear[3], graded[3] = {};
    for (std::size_t c = 0; c < 3; ++c) {
      const double value = (pixels[i] >> (8 * c) & 0xff) / 255.0;
      linear[c] = value > 0.04045 ? std::pow((value + 0.055) / 1.055, 2.4) : value / 12.92;
    }
    for (std::size_t c = 0; c < 3; ++c)
      for (std::size_t r = 0; r < 3; ++r) graded[r] += static_cast<double>(kColumns[c][r]) * linear[c];
    const double expected[4] = {graded[2] + 1, graded[1], graded[0], (pixels[i] >> 24) / 255.0 + 2};
    for (std::size_t c = 0; c < 4; ++c)
      EXPECT_NEAR(static_cast<double>(from_half_bits(out[4 * i + c])), expected[c], 2e-3) << i << " " << c;
  }
}

TEST_F(Styles, ImageFiltersPack) {
  std::vector<std::array<float, 4>> in = {{0, 1, 0.5f, -2}, {0.25f, -0.75f, 1.5f, 3}, {-1, 0.1f, 0, 0.625f}};
  std::vector<std::uint32_t> out(9, 0);
  run("image_filters", "pack", {1, 1, 1}, {3, 1, 1}, {}, in, out);
  for (std::size_t i = 0; i < in.size(); ++i) {
    for (std::size_t c = 0; c < 4; ++c) {
      const float scaled = std::clamp(in[i][c], 0.0f, 1.0f) * 255;
      EXPECT_LE(std::abs(static_cast<float>(out[3 * i] >> (8 * c) & 0xff) - scaled), 0.5f) << i << " " << c;
    }
    for (std::size_t c = 0; c < 2; ++c) {
      const auto packed = static_cast<std::int16_t>(out[3 * i + 1] >> (16 * c));
      EXPECT_LE(std::abs(static_cast<float>(packed) - std::clamp(in[i][c], -1.0f, 1.0f) * 32767), 0.5f)
          << i << " " << c;
    }
    EXPECT_EQ(out[3 * i + 2], half_bits(in[i][2]) | static_cast<std::uint32_t>(half_bits(in[i][3])) << 16) << i;
  }
}

TEST_F(Styles, GraphNodesRun) {
  struct Node {
    std::uint32_t operation;
    std::int32_t shape[4];
    std::uint32_t extra;
  };
  std::vector<float> a(8), b(8);
  for (std::size_t i = 0; i < 8; ++i) a[i] = 0.5f * static_cast<float>(i) - 2, b[i] = 1.5f - static_cast<float>(i);
  for (std::uint32_t operation = 0; operation < 6; ++operation) {
    for (const int relu : {-1, 0, 1}) {  // -1: not given
      std::vector<Node> node = {{operation, {8, 2, 3, 1}, operation == 1 ? std::bit_cast<std::uint32_t>(0.5f) : 3U}};
      std::vector<float> out(8, -99);
      std::vector<anymetal::FunctionConstant> constants;
      if (relu >= 0) constants.push_back({0U, relu == 1});
      run("graph_nodes", "run_node", {1, 1, 1}, {8, 1, 1}, constants, a, b, out, node);
      for (std::size_t i = 0; i < 8; ++i) {
        const float results[6] = {a[i] + b[i], a[i] * b[i] * 0.5f, std::tanh(a[i]), -1, i == 3 ? a[i] : b[i], -2};
        const float expected = relu == 1 ? std::max(results[operation], 0.0f) : results[operation];
        EXPECT_NEAR(out[i], expected + 3, operation == 2 ? 1e-6f : 0.0f) << operation << " " << relu << " " << i;
      }
    }
  }
}

TEST_F(Styles, GraphNodesLastBlock) {
  constexpr std::size_t kGroups = 20;
  std::vector<float> in(32 * kGroups), partial(kGroups, -99), out = {-99};
  std::vector<std::uint32_t> ticket = {0};
  for (std::size_t i = 0; i < in.size(); ++i) in[i] = static_cast<float>(i * 13 % 37) - 11;
  run("graph_nodes", "last_block", {kGroups, 1, 1}, {32, 1, 1}, {}, in, partial, ticket, out);
  EXPECT_EQ(out[0], std::accumulate(in.begin(), in.end(), 0.0f));
  EXPECT_EQ(ticket[0], kGroups);
}

}  // namespace
}  // namespace msl_conformance
