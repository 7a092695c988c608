// Programs in the manner of proof systems, hashing, simulation, rendering and image libraries, run with known answers.
#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>

#include "styles.hpp"

namespace msl_conformance {
namespace {

using Limbs = std::vector<std::uint32_t>;

Limbs product(const std::uint32_t* a, const std::uint32_t* b, std::size_t n) {
  Limbs out(2 * n, 0);
  for (std::size_t i = 0; i < n; ++i) {
    std::uint64_t carry = 0;
    for (std::size_t k = 0; k < n; ++k) {
      carry += static_cast<std::uint64_t>(a[i]) * b[k] + out[i + k];
      out[i + k] = static_cast<std::uint32_t>(carry);
      carry >>= 32;
    }
    out[i + n] = static_cast<std::uint32_t>(carry);
  }
  return out;
}

/// By shifting and subtracting, a bit at a time.
Limbs remainder(const Limbs& a, const Limbs& p) {
  Limbs rest(p.size() + 1, 0);
  for (std::size_t bit = 32 * a.size(); bit-- > 0;) {
    std::uint32_t carry = a[bit / 32] >> (bit % 32) & 1U;
    for (std::uint32_t& limb : rest) {
      const std::uint32_t top = limb >> 31;
      limb = limb << 1 | std::exchange(carry, top);
    }
    Limbs wide = p;
    wide.push_back(0);
    if (std::ranges::lexicographical_compare(rest.rbegin(), rest.rend(), wide.rbegin(), wide.rend())) continue;
    std::int64_t borrow = 0;
    for (std::size_t i = 0; i < rest.size(); ++i) {
      borrow += static_cast<std::int64_t>(rest[i]) - wide[i];
      rest[i] = static_cast<std::uint32_t>(borrow);
      borrow >>= 32;
    }
  }
  rest.pop_back();
  return rest;
}

TEST_F(Styles, LimbProducts) {
  constexpr std::size_t kNumbers = 37, kLimbs = 8;
  const Limbs prime = {~0U, ~0U, ~0U, 0, 0, 0, 1, ~0U};
  Limbs a(kNumbers * kLimbs), b(a.size()), wide(2 * a.size(), 7), out(a.size(), 7);
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = static_cast<std::uint32_t>(i * 2654435761U + 99), b[i] = ~a[i] * 40503U;
  for (std::size_t i = 0; i < kLimbs; ++i) a[i] = b[i] = ~0U, a[kLimbs + i] = prime[i] - (i == 0), b[kLimbs + i] = prime[i] - (i == 0), a[2 * kLimbs + i] = 0;
  run("limb_products", "products", {kNumbers, 1, 1}, {1, 1, 1}, {}, a, b, wide);
  for (std::size_t n = 0; n < kNumbers; ++n) {
    const Limbs expected = product(&a[n * kLimbs], &b[n * kLimbs], kLimbs);
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(), wide.begin() + static_cast<std::ptrdiff_t>(2 * n * kLimbs))) << n;
  }
  for (std::size_t i = 0; i < kLimbs; ++i) a[i] = b[i] = prime[i] / 3;
  for (std::size_t i = 7; i < a.size(); i += kLimbs) a[i] &= 0x7fffffffU, b[i] &= 0x7fffffffU;  // below the prime
  run("limb_products", "halved_products", {kNumbers, 1, 1}, {1, 1, 1}, {}, a, b, out);
  for (std::size_t n = 0; n < kNumbers; ++n) {
    Limbs raised(kLimbs, 0);
    raised.insert(raised.end(), out.begin() + static_cast<std::ptrdiff_t>(n * kLimbs), out.begin() + static_cast<std::ptrdiff_t>((n + 1) * kLimbs));
    EXPECT_EQ(remainder(raised, prime), remainder(product(&a[n * kLimbs], &b[n * kLimbs], kLimbs), prime)) << n;
  }
}

TEST_F(Styles, SpongeRounds) {  // the permutation of zeros, from the standard's own examples
  std::vector<std::uint64_t> states(3 * 25, 0);
  states[25] = 1;
  run("sponge_rounds", "sponge", {3, 1, 1}, {1, 1, 1}, {}, states);
  for (const std::size_t at : {0U, 50U}) {
    EXPECT_EQ(states[at], 0xF1258F7940E1DDE7U);
    EXPECT_EQ(states[at + 1], 0x84D5CCF933C0478AU);
    EXPECT_EQ(states[at + 24], 0xEAF1FF7B5CECA249U);
  }
  EXPECT_NE(states[25], states[0]);
}

TEST_F(Styles, LookBackScans) {
  constexpr std::size_t kTiles = 9, kThreads = 96;
  std::vector<std::uint32_t> in(kTiles * kThreads), out(in.size(), 0), status(kTiles, 0), ticket = {0};
  for (std::size_t i = 0; i < in.size(); ++i) in[i] = static_cast<std::uint32_t>(i * 37 % 101);
  run("parallel_primitives", "lookback", {kTiles, 1, 1}, {kThreads, 1, 1}, {}, in, out, status, ticket);
  std::vector<std::uint32_t> expected(in.size());
  std::inclusive_scan(in.begin(), in.end(), expected.begin());
  EXPECT_EQ(out, expected);
}

TEST_F(Styles, UnionsOfEdges) {
  constexpr std::uint32_t kNodes = 200;
  std::vector<std::uint32_t> parent(kNodes), label(kNodes, ~0U);
  std::iota(parent.begin(), parent.end(), 0U);
  std::vector<std::array<std::uint32_t, 2>> edges;  // seven rings
  for (std::uint32_t i = 0; i < kNodes; ++i) edges.push_back({i, i + 7 < kNodes ? i + 7 : i % 7});
  run("parallel_primitives", "unite", {5, 1, 1}, {40, 1, 1}, {}, parent, edges);
  run("parallel_primitives", "flatten", {25, 1, 1}, {8, 1, 1}, {}, parent, label);
  for (std::uint32_t i = 0; i < kNodes; ++i) EXPECT_EQ(label[i], i % 7) << i;
}

TEST_F(Styles, EstimatesByRandomNumbers) {
  std::vector<std::uint32_t> hits = {0};
  std::vector<std::uint64_t> seed = {42};
  run("parallel_primitives", "monte_carlo", {3, 1, 1}, {50, 1, 1}, {}, hits, seed);
  std::uint32_t expected = 0;
  for (std::uint64_t id = 0; id < 150; ++id) {
    std::uint64_t state = 0;
    const auto next = [&] {
      const std::uint64_t old = std::exchange(state, state * 0x5851f42d4c957f2dULL + (id << 1 | 1));
      return std::rotr(static_cast<std::uint32_t>((old >> 18 ^ old) >> 27), static_cast<int>(old >> 59));
    };
    next();
    state += 42;
    next();
    for (int i = 0; i < 64; ++i) {
      const double x = (next() >> 9) / 8388608.0, y = (next() >> 9) / 8388608.0;
      expected += x * x + y * y < 1 ? 1 : 0;
    }
  }
  EXPECT_EQ(hits[0], expected);
}

struct Box {
  std::array<float, 3> low;
  std::uint32_t left;
  std::array<float, 3> high;
  std::uint32_t count;
};
struct Ray {
  std::array<float, 4> origin;
  float least;
  std::array<float, 3> unused1;
  std::array<float, 4> direction;
  float most;
  std::array<float, 3> unused2;
};
struct Hit {
  float t;
  std::int32_t prim;
  std::array<float, 2> uv;
};

TEST_F(Styles, RaysThroughBoxes) {
  // Four squares' lower halves at z = 1 to 4, each x, y in 0 to 1 + z; two leaves.
  std::vector<std::array<float, 3>> corners;
  for (int k = 1; k <= 4; ++k) {
    const auto z = static_cast<float>(k);
    corners.insert(corners.end(), {{0, 0, z}, {1 + z, 0, z}, {0, 1 + z, z}});
  }
  std::vector<Box> boxes = {{{0, 0, 1}, 1, {5, 5, 4}, 0}, {{0, 0, 1}, 0, {3, 3, 2}, 2}, {{0, 0, 3}, 2, {5, 5, 4}, 2}};
  std::vector<Ray> rays;
  for (const float x : {0.25F, 1.25F, 1.75F, 2.25F, 3.0F})
    rays.push_back({{x, 0.5F, -1, 0}, 0, {}, {0.0078125F, 0.0078125F, 1, 0}, 100, {}});
  std::vector<Hit> hits(rays.size(), {-1, -7, {}});
  run("traversals", "trace", {rays.size(), 1, 1}, {1, 1, 1}, {}, boxes, corners, rays, hits);
  for (std::size_t i = 0; i < rays.size(); ++i) {
    std::int32_t nearest = -1;
    double at = INFINITY, u = 0, v = 0;
    for (std::int32_t k = 3; k >= 0; --k) {
      const double t = k + 2, x = rays[i].origin[0] + t / 128, y = 0.5 + t / 128, side = k + 2;
      if (x + y <= side) nearest = k, at = t, u = x / side, v = y / side;
    }
    EXPECT_EQ(hits[i].prim, nearest) << i;
    if (nearest < 0) continue;
    EXPECT_NEAR(hits[i].t, at, 1e-5) << i;
    EXPECT_NEAR(hits[i].uv[0], u, 1e-5) << i;
    EXPECT_NEAR(hits[i].uv[1], v, 1e-5) << i;
  }
}

TEST_F(Styles, SurfacesByTables) {
  // Above one half in one corner of the grid's first cell only: one triangle.
  std::vector<float> field(27, 0);
  field[0] = 1;
  std::vector<std::array<float, 3>> corners(16, {-1, -1, -1});
  std::vector<std::int32_t> count = {0};
  run("traversals", "cubes", {2, 2, 2}, {1, 1, 1}, {}, field, corners, count);
  ASSERT_EQ(count[0], 3);
  std::ranges::sort(corners);
  const std::vector<std::array<float, 3>> expected = {{0, 0, 0.5F}, {0, 0.5F, 0}, {0.5F, 0, 0}};
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t c = 0; c < 3; ++c) EXPECT_NEAR(corners[13 + i][c], expected[i][c], 1e-6) << i << ' ' << c;
}

using Pixel = std::array<std::uint8_t, 4>;

TEST_F(Styles, FiltersOfPixelBuffers) {
  constexpr int kWidth = 13, kHeight = 7;
  std::vector<Pixel> in(kWidth * kHeight), out(in.size(), {1, 2, 3, 4});
  for (std::size_t i = 0; i < in.size(); ++i)
    for (std::size_t c = 0; c < 4; ++c) in[i][c] = static_cast<std::uint8_t>(i * 53 + c * 91);
  std::vector<std::int32_t> size = {kWidth, kHeight};
  std::vector<std::uint8_t> taps = {1, 4, 6, 4, 1};
  run("pixel_buffers", "binomial", {4, 2, 1}, {4, 4, 1}, {}, in, out, size, taps);
  for (int y = 0; y < kHeight; ++y) {
    for (int x = 0; x < kWidth; ++x) {
      for (std::size_t c = 0; c < 4; ++c) {
        double sum = 0;
        for (int dy = -2; dy <= 2; ++dy)
          for (int dx = -2; dx <= 2; ++dx)
            sum += in[static_cast<std::size_t>(std::clamp(y + dy, 0, kHeight - 1) * kWidth + std::clamp(x + dx, 0, kWidth - 1))][c] * taps[static_cast<std::size_t>(dx + 2)] * taps[static_cast<std::size_t>(dy + 2)];
        EXPECT_EQ(out[static_cast<std::size_t>(y * kWidth + x)][c], std::nearbyint(sum / 256)) << x << ' ' << y;
      }
    }
  }
}

TEST_F(Styles, HuesOfPixelBuffers) {
  std::vector<std::array<std::uint8_t, 3>> in = {{255, 0, 0}, {0, 255, 0}, {0, 0, 255}, {9, 9, 9}, {10, 0, 5}, {200, 100, 50}, {0, 20, 10}};
  std::vector<std::array<std::uint16_t, 4>> out(in.size(), {9, 9, 9, 9});
  run("pixel_buffers", "hues", {in.size(), 1, 1}, {1, 1, 1}, {}, in, out);
  const std::vector<std::array<int, 3>> expected = {{0, 255, 255}, {512, 255, 255}, {1024, 255, 255}, {0, 9, 0}, {1536 - 128, 10, 10}, {85, 200, 150}, {640, 20, 20}};
  for (std::size_t i = 0; i < in.size(); ++i)
    for (std::size_t c = 0; c < 3; ++c) EXPECT_EQ(out[i][c], expected[i][c]) << i << ' ' << c;
}

}  // namespace
}  // namespace msl_conformance
