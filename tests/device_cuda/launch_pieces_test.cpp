// A dispatch split into launches covers every thread once, with the clipped groups Metal has.

#include "device/cuda/launch_pieces.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <tuple>

namespace anymetal::test {
namespace {

struct Grid {
  Size threads;
  Size group;
  std::size_t pieces;
};

class LaunchPieces : public testing::TestWithParam<Grid> {};

TEST_P(LaunchPieces, CoverEveryThreadOnce) {
  const auto& [threads, group, expected] = GetParam();
  std::vector<device::cuda::LaunchPiece> pieces;
  device::cuda::split_launch(threads, group, pieces);
  EXPECT_EQ(pieces.size(), expected);
  std::map<std::tuple<std::size_t, std::size_t, std::size_t>, int> seen;
  for (const auto& piece : pieces) {
    for (std::size_t gz = 0; gz < piece.grid.z; ++gz)
      for (std::size_t gy = 0; gy < piece.grid.y; ++gy)
        for (std::size_t gx = 0; gx < piece.grid.x; ++gx)
          for (std::size_t z = 0; z < piece.block.z; ++z)
            for (std::size_t y = 0; y < piece.block.y; ++y)
              for (std::size_t x = 0; x < piece.block.x; ++x) {
                const std::size_t px = (piece.offset.x + gx) * group.x + x;
                if (px >= threads.x) continue;  // ended by the kernel's own guard
                ++seen[{px, (piece.offset.y + gy) * group.y + y, (piece.offset.z + gz) * group.z + z}];
              }
  }
  EXPECT_EQ(seen.size(), threads.x * threads.y * threads.z);
  for (const auto& [position, count] : seen) EXPECT_EQ(count, 1);
}

INSTANTIATE_TEST_SUITE_P(Grids, LaunchPieces,
                         testing::Values(Grid{{1, 1, 1}, {1, 1, 1}, 1}, Grid{{1000, 1, 1}, {256, 1, 1}, 1},
                                         Grid{{64, 3, 1}, {32, 1, 1}, 1}, Grid{{17, 9, 1}, {8, 4, 1}, 4},
                                         Grid{{16, 9, 1}, {8, 4, 1}, 2}, Grid{{5, 7, 11}, {4, 4, 4}, 8},
                                         Grid{{3, 2, 1}, {8, 4, 1}, 1}, Grid{{100, 1, 5}, {32, 1, 2}, 4}));

// With a step every threadgroup at a multiple of it is launched once, with its own size, and no other.
TEST(LaunchPiecesSteps, LaunchMultiplesOnly) {
  using Step = device::cuda::ThreadgroupStep;
  for (const auto& [threads, group, step] : {std::tuple{Size{1000, 1, 1}, Size{256, 1, 1}, Step{4, 1, 1}}, {{1025, 1, 1}, {256, 1, 1}, {4, 1, 1}},
                                             {{70, 9, 3}, {8, 4, 2}, {4, 1, 1}}, {{64, 9, 1}, {8, 4, 1}, {8, 1, 1}}, {{1, 1, 1}, {1, 1, 1}, {8, 1, 1}},
                                             {{64, 200000, 1}, {64, 1, 1}, {1, 4, 1}}, {{70, 9, 3}, {8, 4, 2}, {1, 2, 2}}, {{5, 7, 11}, {4, 4, 4}, {2, 3, 8}}}) {
    std::vector<device::cuda::LaunchPiece> all, some;
    device::cuda::split_launch(threads, group, all);
    device::cuda::split_launch(threads, group, some, step);
    using Position = std::tuple<std::size_t, std::size_t, std::size_t, std::size_t>;
    const auto groups = [](const std::vector<device::cuda::LaunchPiece>& pieces, const Step& by, const Step& only) {
      std::vector<Position> found;
      for (const auto& piece : pieces)
        for (std::size_t z = 0; z < piece.grid.z; ++z)
          for (std::size_t y = 0; y < piece.grid.y; ++y)
            for (std::size_t x = 0; x < piece.grid.x; ++x)
              if (const Size at = {piece.offset.x + by[0] * x, piece.offset.y + by[1] * y, piece.offset.z + by[2] * z};
                  at.x % only[0] == 0 && at.y % only[1] == 0 && at.z % only[2] == 0)
                found.emplace_back(at.x, at.y, at.z, piece.block.x * piece.block.y * piece.block.z);
      std::ranges::sort(found);
      return found;
    };
    EXPECT_EQ(groups(some, step, device::cuda::kEveryThreadgroup), groups(all, device::cuda::kEveryThreadgroup, step));
    EXPECT_FALSE(some.empty());
  }
}

// Of every rectangle of threadgroups the first is launched, once, with more threads; whatever is clipped, small or too wide stays apart.
TEST(LaunchPiecesMerged, AreRectanglesOfCompleteThreadgroups) {
  using device::cuda::LaunchPiece;
  const device::cuda::LaunchedThreadgroups asked{device::cuda::kEveryThreadgroup, 8, 2, 2, 6};
  const auto merged = [&](Size threads, Size group, std::size_t most = 256) {
    std::vector<LaunchPiece> pieces;
    const bool done = device::cuda::merge_launch(threads, group, pieces, asked, most);
    EXPECT_EQ(done, !pieces.empty());
    return pieces;
  };
  EXPECT_EQ(merged({16 * 128, 6, 1}, {128, 1, 1}), (std::vector{LaunchPiece{{0, 0, 0}, {2, 3, 1}, {256, 1, 1}}}));
  EXPECT_EQ(merged({17 * 128, 3, 2}, {128, 1, 1}), (std::vector{LaunchPiece{{0, 0, 0}, {3, 2, 2}, {256, 1, 1}}}));
  EXPECT_EQ(merged({128, 1, 6}, {128, 1, 1}), (std::vector{LaunchPiece{{0, 0, 0}, {1, 1, 6}, {256, 1, 1}}}));
  EXPECT_TRUE(merged({8 * 128, 10, 1}, {128, 1, 1}).empty()) << "five rectangles";
  EXPECT_TRUE(merged({16 * 128 - 1, 6, 1}, {128, 1, 1}).empty()) << "one is clipped";
  EXPECT_TRUE(merged({16 * 128, 6, 1}, {64, 2, 1}).empty()) << "threadgroups of two dimensions";
  EXPECT_TRUE(merged({16 * 128, 6, 1}, {128, 1, 1}, 255).empty()) << "too many threads";
  // Over the limit of a grid in y, pieces begin at whole rectangles.
  const auto tall = merged({128, 65535 + 4, 1}, {128, 1, 1});
  EXPECT_EQ(tall, (std::vector{LaunchPiece{{0, 0, 0}, {1, 32768, 1}, {256, 1, 1}}, {{0, 65536, 0}, {1, 2, 1}, {256, 1, 1}}}));
}

TEST(LaunchPiecesLimits, TallGridsAreCut) {
  std::vector<device::cuda::LaunchPiece> pieces;
  device::cuda::split_launch({1, 200000, 1}, {1, 1, 1}, pieces);
  ASSERT_EQ(pieces.size(), 4U);
  std::size_t covered = 0;
  for (const auto& piece : pieces) {
    EXPECT_LE(piece.grid.y, 65535U);
    EXPECT_EQ(piece.offset.y, covered);
    covered += piece.grid.y;
  }
  EXPECT_EQ(covered, 200000U);
}

}  // namespace
}  // namespace anymetal::test
