// Sums, maxima and what is made of them, row by row: a threadgroup or a simdgroup to a row.
#include <algorithm>
#include <cmath>

#include "user_kernel.hpp"

namespace anymetal::bench {
namespace {

constexpr std::uint32_t kRows = 256, kWidth = 1024;

void softmax(const float* x, float* y) {
  float largest = -INFINITY, sum = 0;
  for (std::uint32_t i = 0; i < kWidth; ++i) largest = std::max(largest, x[i]);
  for (std::uint32_t i = 0; i < kWidth; ++i) sum += y[i] = std::exp(x[i] - largest);
  for (std::uint32_t i = 0; i < kWidth; ++i) y[i] /= sum;
}

UserKernel softmax_tree() {
  return {.name = "softmax_tree",
          .source = R"(
kernel void softmax_tree(device const float* x [[buffer(0)]], device float* y [[buffer(1)]],
                         constant uint& width [[buffer(2)]], uint row [[threadgroup_position_in_grid]],
                         uint i [[thread_position_in_threadgroup]], uint size [[threads_per_threadgroup]]) {
  threadgroup float part[256];
  x += row * width;
  y += row * width;
  float largest = -INFINITY;
  for (uint k = i; k < width; k += size) largest = max(largest, x[k]);
  part[i] = largest;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  for (uint s = size / 2; s > 0; s /= 2) {
    if (i < s) part[i] = max(part[i], part[i + s]);
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
  largest = part[0];
  threadgroup_barrier(mem_flags::mem_threadgroup);
  float sum = 0;
  for (uint k = i; k < width; k += size) { y[k] = exp(x[k] - largest); sum += y[k]; }
  part[i] = sum;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  for (uint s = size / 2; s > 0; s /= 2) {
    if (i < s) part[i] += part[i + s];
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
  const float scale = 1 / part[0];
  for (uint k = i; k < width; k += size) y[k] *= scale;
})",
          .arrays = {input(random_floats(std::size_t{kRows} * kWidth)), output<float>(std::size_t{kRows} * kWidth),
                     parameter(kWidth)},
          .threads = {kRows * 256},
          .group = {256},
          .loop = [](const Buffers& b) {
            for (std::size_t row = 0; row < kRows; ++row)
              softmax(b.at<float>(0) + row * kWidth, b.at<float>(1) + row * kWidth);
          }};
}

UserKernel layer_norm() {
  return {.name = "layer_norm_simd",
          .source = R"(
kernel void layer_norm_simd(device const float* x [[buffer(0)]], device float* y [[buffer(1)]],
                            constant uint& width [[buffer(2)]], uint row [[threadgroup_position_in_grid]],
                            uint i [[thread_position_in_threadgroup]], uint size [[threads_per_threadgroup]],
                            uint lane [[thread_index_in_simdgroup]], uint simd [[simdgroup_index_in_threadgroup]]) {
  threadgroup float2 parts[32];
  x += row * width;
  y += row * width;
  float2 sums = 0;
  for (uint k = i; k < width; k += size) sums += float2(x[k], x[k] * x[k]);
  sums = float2(simd_sum(sums.x), simd_sum(sums.y));
  if (lane == 0) parts[simd] = sums;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  sums = lane < size / 32 ? parts[lane] : float2(0);
  sums = float2(simd_sum(sums.x), simd_sum(sums.y)) / float(width);
  const float scale = rsqrt(sums.y - sums.x * sums.x + 1e-5f);
  for (uint k = i; k < width; k += size) y[k] = (x[k] - sums.x) * scale;
})",
          .arrays = {input(random_floats(std::size_t{kRows} * kWidth)), output<float>(std::size_t{kRows} * kWidth),
                     parameter(kWidth)},
          .threads = {kRows * 256},
          .group = {256},
          .loop = [](const Buffers& b) {
            for (std::size_t row = 0; row < kRows; ++row) {
              const auto* x = b.at<float>(0) + row * kWidth;
              auto* y = b.at<float>(1) + row * kWidth;
              float sum = 0, squares = 0;
              for (std::uint32_t i = 0; i < kWidth; ++i) {
                sum += x[i];
                squares += x[i] * x[i];
              }
              const float mean = sum / kWidth, scale = 1 / std::sqrt(squares / kWidth - mean * mean + 1e-5F);
              for (std::uint32_t i = 0; i < kWidth; ++i) y[i] = (x[i] - mean) * scale;
            }
          }};
}

/// The place of the largest number of a row, through shuffles.
UserKernel argmax() {
  return {
      .name = "argmax_shuffle",
      .source = R"(
kernel void argmax_shuffle(device const float* x [[buffer(0)]], device uint* places [[buffer(1)]],
                           constant uint& width [[buffer(2)]], uint at [[thread_position_in_grid]],
                           uint lane [[thread_index_in_simdgroup]]) {
  const uint row = at / 32;
  float best = -INFINITY;
  uint place = 0;
  for (uint k = lane; k < width; k += 32) {
    const float value = x[row * width + k];
    if (value > best) { best = value; place = k; }
  }
  for (ushort step = 16; step > 0; step /= 2) {
    const float other = simd_shuffle_xor(best, step);
    const uint other_place = simd_shuffle_xor(place, step);
    if (other > best || (other == best && other_place < place)) { best = other; place = other_place; }
  }
  if (lane == 0) places[row] = place;
})",
      .arrays = {input(random_floats(std::size_t{kRows} * kWidth)), output<std::uint32_t>(kRows), parameter(kWidth)},
      .threads = {kRows * 32},
      .group = {128},
      .loop = [](const Buffers& b) {
        for (std::size_t row = 0; row < kRows; ++row) {
          const auto* x = b.at<float>(0) + row * kWidth;
          std::uint32_t place = 0;
          for (std::uint32_t i = 1; i < kWidth; ++i) {
            if (x[i] > x[place]) place = i;
          }
          b.at<std::uint32_t>(1)[row] = place;
        }
      }};
}

/// One sum of everything: partial sums, a tree in threadgroup memory, one number a threadgroup.
UserKernel dot_product() {
  constexpr std::uint32_t kCount = 1U << 18, kGroups = 64;
  return {.name = "dot_product_tree",
          .source = R"(
kernel void dot_product_tree(device const float* x [[buffer(0)]], device const float* y [[buffer(1)]],
                             device float* sums [[buffer(2)]], constant uint& n [[buffer(3)]],
                             uint at [[thread_position_in_grid]], uint total [[threads_per_grid]],
                             uint i [[thread_position_in_threadgroup]], uint group [[threadgroup_position_in_grid]]) {
  threadgroup float part[256];
  float sum = 0;
  for (uint k = at; k < n; k += total) sum += x[k] * y[k];
  part[i] = sum;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  for (uint s = 128; s > 0; s >>= 1) {
    if (i < s) part[i] += part[i + s];
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
  if (i == 0) sums[group] = part[0];
})",
          .arrays = {input(random_floats(kCount)), input(random_floats(kCount, -1, 1, 2)), output<float>(kGroups),
                     parameter(kCount)},
          .threads = {kGroups * 256},
          .group = {256},
          .loop =
              [](const Buffers& b) {
                const auto *x = b.at<float>(0), *y = b.at<float>(1);
                constexpr std::uint32_t kThreads = kGroups * 256;
                for (std::uint32_t group = 0; group < kGroups; ++group) {
                  float sum = 0;
                  for (std::uint32_t first = group * 256; first < kCount; first += kThreads) {
                    for (std::uint32_t k = first; k < first + 256; ++k) sum += x[k] * y[k];
                  }
                  b.at<float>(2)[group] = sum;
                }
              },
          .tolerance = 1e-4};
}

/// A thread to a row, as beginners write it.
UserKernel row_per_thread() {
  return {.name = "softmax_row_a_thread",
          .source = R"(
kernel void softmax_row_a_thread(device const float* x [[buffer(0)]], device float* y [[buffer(1)]],
                                 constant uint& width [[buffer(2)]], uint row [[thread_position_in_grid]]) {
  x += row * width;
  y += row * width;
  float largest = -INFINITY, sum = 0;
  for (uint k = 0; k < width; ++k) largest = max(largest, x[k]);
  for (uint k = 0; k < width; ++k) { y[k] = exp(x[k] - largest); sum += y[k]; }
  for (uint k = 0; k < width; ++k) y[k] /= sum;
})",
          .arrays = {input(random_floats(std::size_t{kRows} * kWidth)), output<float>(std::size_t{kRows} * kWidth),
                     parameter(kWidth)},
          .threads = {kRows},
          .group = {64},
          .loop = [](const Buffers& b) {
            for (std::size_t row = 0; row < kRows; ++row)
              softmax(b.at<float>(0) + row * kWidth, b.at<float>(1) + row * kWidth);
          }};
}

}  // namespace

UserKernels reduction_kernels() { return {softmax_tree(), layer_norm(), argmax(), dot_product(), row_per_thread()}; }

}  // namespace anymetal::bench
