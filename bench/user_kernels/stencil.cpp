// Neighbourhoods on grids of one, two and three dimensions.
#include <algorithm>

#include "user_kernel.hpp"

namespace anymetal::bench {
namespace {

constexpr std::uint32_t kSide = 512;

UserKernel jacobi() {
  return {.name = "jacobi_2d",
          .source = R"(
kernel void jacobi_2d(device const float* x [[buffer(0)]], device float* y [[buffer(1)]], constant uint& n [[buffer(2)]],
                      uint2 p [[thread_position_in_grid]]) {
  if (p.x == 0 || p.y == 0 || p.x >= n - 1 || p.y >= n - 1) return;
  const uint at = p.y * n + p.x;
  y[at] = 0.25f * (x[at - 1] + x[at + 1] + x[at - n] + x[at + n]);
})",
          .arrays = {input(random_floats(kSide * kSide)), output<float>(kSide * kSide), parameter(kSide)},
          .threads = {kSide, kSide},
          .group = {16, 16},
          .loop = [](const Buffers& b) {
            const auto* x = b.at<float>(0);
            auto* y = b.at<float>(1);
            for (std::uint32_t r = 1; r + 1 < kSide; ++r) {
              for (std::uint32_t c = 1; c + 1 < kSide; ++c) {
                const std::uint32_t at = r * kSide + c;
                y[at] = 0.25F * (x[at - 1] + x[at + 1] + x[at - kSide] + x[at + kSide]);
              }
            }
          }};
}

/// The same with a tile and its rim in threadgroup memory, as one does on a GPU.
UserKernel jacobi_tiled() {
  auto kernel = jacobi();
  kernel.name = "jacobi_2d_tiled";
  kernel.source = R"(
kernel void jacobi_2d_tiled(device const float* x [[buffer(0)]], device float* y [[buffer(1)]],
                            constant uint& n [[buffer(2)]], uint2 p [[thread_position_in_grid]],
                            uint2 l [[thread_position_in_threadgroup]]) {
  threadgroup float tile[18][18];
  const int last = int(n) - 1;
  tile[l.y + 1][l.x + 1] = x[p.y * n + p.x];
  if (l.x == 0) tile[l.y + 1][0] = x[p.y * n + max(int(p.x) - 1, 0)];
  if (l.x == 15) tile[l.y + 1][17] = x[p.y * n + min(int(p.x) + 1, last)];
  if (l.y == 0) tile[0][l.x + 1] = x[max(int(p.y) - 1, 0) * int(n) + int(p.x)];
  if (l.y == 15) tile[17][l.x + 1] = x[min(int(p.y) + 1, last) * int(n) + int(p.x)];
  threadgroup_barrier(mem_flags::mem_threadgroup);
  if (p.x == 0 || p.y == 0 || p.x >= n - 1 || p.y >= n - 1) return;
  y[p.y * n + p.x] = 0.25f * (tile[l.y + 1][l.x] + tile[l.y + 1][l.x + 2] + tile[l.y][l.x + 1] + tile[l.y + 2][l.x + 1]);
})";
  return kernel;
}

UserKernel stencil_3d() {
  constexpr std::uint32_t kEdge = 64;
  return {
      .name = "stencil_3d",
      .source = R"(
kernel void stencil_3d(device const float* x [[buffer(0)]], device float* y [[buffer(1)]], constant uint& n [[buffer(2)]],
                       uint3 p [[thread_position_in_grid]]) {
  if (any(p == 0) || any(p >= n - 1)) return;
  const uint at = (p.z * n + p.y) * n + p.x;
  y[at] = x[at] * 0.4f + 0.1f * (x[at - 1] + x[at + 1] + x[at - n] + x[at + n] + x[at - n * n] + x[at + n * n]);
})",
      .arrays = {input(random_floats(kEdge * kEdge * kEdge)), output<float>(kEdge * kEdge * kEdge), parameter(kEdge)},
      .threads = {kEdge, kEdge, kEdge},
      .group = {8, 8, 4},
      .loop = [](const Buffers& b) {
        const auto* x = b.at<float>(0);
        auto* y = b.at<float>(1);
        constexpr std::uint32_t n = kEdge;
        for (std::uint32_t pz = 1; pz + 1 < n; ++pz) {
          for (std::uint32_t py = 1; py + 1 < n; ++py) {
            for (std::uint32_t px = 1; px + 1 < n; ++px) {
              const std::uint32_t at = (pz * n + py) * n + px;
              y[at] =
                  x[at] * 0.4F + 0.1F * (x[at - 1] + x[at + 1] + x[at - n] + x[at + n] + x[at - n * n] + x[at + n * n]);
            }
          }
        }
      }};
}

/// A blur of 11 taps along a row, a segment with its rims in threadgroup memory.
UserKernel blur() {
  constexpr std::uint32_t kCount = 1U << 18;
  return {
      .name = "gaussian_blur_rows",
      .source = R"(
constant float taps[11] = {0.01f, 0.03f, 0.07f, 0.12f, 0.17f, 0.2f, 0.17f, 0.12f, 0.07f, 0.03f, 0.01f};
kernel void gaussian_blur_rows(device const float* x [[buffer(0)]], device float* y [[buffer(1)]],
                               constant uint& n [[buffer(2)]], uint i [[thread_position_in_grid]],
                               uint l [[thread_position_in_threadgroup]]) {
  threadgroup float part[256 + 10];
  part[l] = i >= 5 ? x[i - 5] : 0;
  if (l < 10) part[l + 256] = i + 251 < n ? x[i + 251] : 0;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  float sum = 0;
  for (uint k = 0; k < 11; ++k) sum += taps[k] * part[l + k];
  y[i] = sum;
})",
      .arrays = {input(random_floats(kCount)), output<float>(kCount), parameter(kCount)},
      .threads = {kCount},
      .group = {256},
      .loop = [](const Buffers& b) {
        static constexpr float kTaps[] = {0.01F, 0.03F, 0.07F, 0.12F, 0.17F, 0.2F, 0.17F, 0.12F, 0.07F, 0.03F, 0.01F};
        const auto* x = b.at<float>(0);
        auto* y = b.at<float>(1);
        for (std::int64_t i = 0; i < kCount; ++i) {
          float sum = 0;
          for (std::int64_t k = std::max<std::int64_t>(0, 5 - i); k < std::min<std::int64_t>(11, kCount - i + 5); ++k)
            sum += kTaps[k] * x[i + k - 5];
          y[i] = sum;
        }
      }};
}

UserKernel life() {
  return {.name = "game_of_life",
          .source = R"(
kernel void game_of_life(device const uchar* x [[buffer(0)]], device uchar* y [[buffer(1)]], constant uint& n [[buffer(2)]],
                         uint2 p [[thread_position_in_grid]]) {
  uint alive = 0;
  for (int dy = -1; dy <= 1; ++dy)
    for (int dx = -1; dx <= 1; ++dx)
      if (dx != 0 || dy != 0) alive += x[((p.y + dy) & (n - 1)) * n + ((p.x + dx) & (n - 1))];
  y[p.y * n + p.x] = alive == 3 || (alive == 2 && x[p.y * n + p.x] != 0);
})",
          .arrays = {input(random_numbers<std::uint8_t>(kSide * kSide, 2)), output<std::uint8_t>(kSide * kSide),
                     parameter(kSide)},
          .threads = {kSide, kSide},
          .group = {32, 8},
          .loop = [](const Buffers& b) {
            const auto* x = b.at<std::uint8_t>(0);
            auto* y = b.at<std::uint8_t>(1);
            for (std::uint32_t r = 0; r < kSide; ++r) {
              for (std::uint32_t c = 0; c < kSide; ++c) {
                unsigned alive = 0;
                for (int dy = -1; dy <= 1; ++dy) {
                  for (int dx = -1; dx <= 1; ++dx) {
                    if (dx != 0 || dy != 0)
                      alive += x[((r + unsigned(dy)) % kSide) * kSide + (c + unsigned(dx)) % kSide];
                  }
                }
                y[r * kSide + c] = alive == 3 || (alive == 2 && x[r * kSide + c] != 0);
              }
            }
          }};
}

UserKernel median() {
  return {.name = "median_3x3",
          .source = R"(
kernel void median_3x3(device const float* x [[buffer(0)]], device float* y [[buffer(1)]], constant uint& n [[buffer(2)]],
                       uint2 p [[thread_position_in_grid]]) {
  if (p.x == 0 || p.y == 0 || p.x >= n - 1 || p.y >= n - 1) return;
  float v[9];
  for (uint k = 0; k < 9; ++k) v[k] = x[(p.y + k / 3 - 1) * n + p.x + k % 3 - 1];
  for (uint a = 0; a < 5; ++a)
    for (uint b = a + 1; b < 9; ++b) {
      const float low = min(v[a], v[b]), high = max(v[a], v[b]);
      v[a] = low;
      v[b] = high;
    }
  y[p.y * n + p.x] = v[4];
})",
          .arrays = {input(random_floats(kSide * kSide)), output<float>(kSide * kSide), parameter(kSide)},
          .threads = {kSide, kSide},
          .group = {16, 16},
          .loop = [](const Buffers& b) {
            const auto* x = b.at<float>(0);
            auto* y = b.at<float>(1);
            for (std::uint32_t r = 1; r + 1 < kSide; ++r) {
              for (std::uint32_t c = 1; c + 1 < kSide; ++c) {
                float v[9];
                for (unsigned k = 0; k < 9; ++k) v[k] = x[(r + k / 3 - 1) * kSide + c + k % 3 - 1];
                for (unsigned i = 0; i < 5; ++i) {
                  for (unsigned j = i + 1; j < 9; ++j) {
                    const float low = std::min(v[i], v[j]), high = std::max(v[i], v[j]);
                    v[i] = low;
                    v[j] = high;
                  }
                }
                y[r * kSide + c] = v[4];
              }
            }
          }};
}

}  // namespace

UserKernels stencil_kernels() { return {jacobi(), jacobi_tiled(), stencil_3d(), blur(), life(), median()}; }

}  // namespace anymetal::bench
