// Sorting and choosing, in a thread's registers and private arrays and in threadgroup memory.
#include <algorithm>

#include "user_kernel.hpp"

namespace anymetal::bench {
namespace {

constexpr std::uint32_t kRows = 8192;

/// Batcher's network for eight numbers of a thread's own.
UserKernel network() {
  return {.name = "sort_network_8",
          .source = R"(
kernel void sort_network_8(device const float* x [[buffer(0)]], device float* y [[buffer(1)]],
                           uint i [[thread_position_in_grid]]) {
  constexpr uchar2 steps[19] = {{0, 1}, {2, 3}, {4, 5}, {6, 7}, {0, 2}, {1, 3}, {4, 6}, {5, 7}, {1, 2}, {5, 6},
                                {0, 4}, {3, 7}, {1, 5}, {2, 6}, {1, 4}, {3, 6}, {2, 4}, {3, 5}, {3, 4}};
  float v[8];
  for (uint k = 0; k < 8; ++k) v[k] = x[i * 8 + k];
  for (uint s = 0; s < 19; ++s) {
    const float a = v[steps[s].x], b = v[steps[s].y];
    v[steps[s].x] = min(a, b);
    v[steps[s].y] = max(a, b);
  }
  for (uint k = 0; k < 8; ++k) y[i * 8 + k] = v[k];
})",
          .arrays = {input(random_floats(kRows * 8)), output<float>(kRows * 8)},
          .threads = {kRows},
          .group = {256},
          .loop = [](const Buffers& b) {
            static constexpr std::uint8_t kSteps[19][2] = {{0, 1}, {2, 3}, {4, 5}, {6, 7}, {0, 2}, {1, 3}, {4, 6},
                                                           {5, 7}, {1, 2}, {5, 6}, {0, 4}, {3, 7}, {1, 5}, {2, 6},
                                                           {1, 4}, {3, 6}, {2, 4}, {3, 5}, {3, 4}};
            const auto* x = b.at<float>(0);
            auto* y = b.at<float>(1);
            for (std::uint32_t i = 0; i < kRows; ++i) {
              float v[8];
              for (unsigned k = 0; k < 8; ++k) v[k] = x[i * 8 + k];
              for (const auto& step : kSteps) {
                const float low = std::min(v[step[0]], v[step[1]]), high = std::max(v[step[0]], v[step[1]]);
                v[step[0]] = low;
                v[step[1]] = high;
              }
              for (unsigned k = 0; k < 8; ++k) y[i * 8 + k] = v[k];
            }
          }};
}

/// The eight largest of a row, kept sorted by insertion.
UserKernel insertion() {
  constexpr std::uint32_t kFew = 1024, kWidth = 128;
  return {.name = "top_8_by_insertion",
          .source = R"(
kernel void top_8_by_insertion(device const float* x [[buffer(0)]], device float* best [[buffer(1)]],
                               constant uint& width [[buffer(2)]], uint row [[thread_position_in_grid]]) {
  float top[8];
  for (uint k = 0; k < 8; ++k) top[k] = -INFINITY;
  for (uint n = 0; n < width; ++n) {
    const float value = x[row * width + n];
    if (value <= top[7]) continue;
    int at = 7;
    while (at > 0 && top[at - 1] < value) { top[at] = top[at - 1]; --at; }
    top[at] = value;
  }
  for (uint k = 0; k < 8; ++k) best[row * 8 + k] = top[k];
})",
          .arrays = {input(random_floats(kFew * kWidth)), output<float>(kFew * 8), parameter(kWidth)},
          .threads = {kFew},
          .group = {128},
          .loop = [](const Buffers& b) {
            const auto* x = b.at<float>(0);
            auto* best = b.at<float>(1);
            const auto width = b.value<std::uint32_t>(2);
            for (std::uint32_t row = 0; row < kFew; ++row) {
              float top[8];
              for (float& t : top) t = -INFINITY;
              for (std::uint32_t n = 0; n < width; ++n) {
                const float value = x[row * width + n];
                if (value <= top[7]) continue;
                int at = 7;
                while (at > 0 && top[at - 1] < value) {
                  top[at] = top[at - 1];
                  --at;
                }
                top[at] = value;
              }
              for (unsigned k = 0; k < 8; ++k) best[row * 8 + k] = top[k];
            }
          }};
}

UserKernel bitonic() {
  constexpr std::uint32_t kCount = 1U << 16, kPart = 512;
  return {.name = "bitonic_sort_512",
          .source = R"(
kernel void bitonic_sort_512(device const uint* x [[buffer(0)]], device uint* y [[buffer(1)]],
                             uint i [[thread_position_in_threadgroup]], uint group [[threadgroup_position_in_grid]]) {
  threadgroup uint part[512];
  part[i] = x[group * 512 + i];
  part[i + 256] = x[group * 512 + i + 256];
  for (uint size = 2; size <= 512; size *= 2) {
    for (uint stride = size / 2; stride > 0; stride /= 2) {
      threadgroup_barrier(mem_flags::mem_threadgroup);
      const uint at = 2 * i - (i & (stride - 1));
      const uint a = part[at], b = part[at + stride];
      const bool rising = (at & size) == 0;
      if ((a > b) == rising) { part[at] = b; part[at + stride] = a; }
    }
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);
  y[group * 512 + i] = part[i];
  y[group * 512 + i + 256] = part[i + 256];
})",
          .arrays = {input(random_numbers(kCount, 1U << 30)), output<std::uint32_t>(kCount)},
          .threads = {kCount / 2},
          .group = {kPart / 2},
          .loop = [](const Buffers& b) {
            const auto* x = b.at<std::uint32_t>(0);
            auto* y = b.at<std::uint32_t>(1);
            std::copy(x, x + kCount, y);
            for (std::uint32_t part = 0; part < kCount; part += kPart) std::sort(y + part, y + part + kPart);
          }};
}

/// The place of every number among the others of its part: as many comparisons as pairs.
UserKernel ranks() {
  constexpr std::uint32_t kCount = 1U << 14, kPart = 256;
  return {.name = "rank_in_threadgroup",
          .source = R"(
kernel void rank_in_threadgroup(device const float* x [[buffer(0)]], device uint* rank [[buffer(1)]],
                                uint i [[thread_position_in_threadgroup]], uint at [[thread_position_in_grid]]) {
  threadgroup float part[256];
  part[i] = x[at];
  threadgroup_barrier(mem_flags::mem_threadgroup);
  uint smaller = 0;
  for (uint k = 0; k < 256; ++k) smaller += part[k] < part[i] || (part[k] == part[i] && k < i);
  rank[at] = smaller;
})",
          .arrays = {input(random_floats(kCount)), output<std::uint32_t>(kCount)},
          .threads = {kCount},
          .group = {kPart},
          .loop = [](const Buffers& b) {
            const auto* x = b.at<float>(0);
            auto* rank = b.at<std::uint32_t>(1);
            for (std::uint32_t part = 0; part < kCount; part += kPart) {
              for (std::uint32_t i = part; i < part + kPart; ++i) {
                std::uint32_t smaller = 0;
                for (std::uint32_t k = part; k < part + kPart; ++k) smaller += x[k] < x[i] || (x[k] == x[i] && k < i);
                rank[i] = smaller;
              }
            }
          }};
}

}  // namespace

UserKernels sort_kernels() { return {network(), insertion(), bitonic(), ranks()}; }

}  // namespace anymetal::bench
