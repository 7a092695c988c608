// Memory that is reached through indices: sparse matrices, graphs, tables.
#include <algorithm>

#include "user_kernel.hpp"

namespace anymetal::bench {
namespace {

constexpr std::uint32_t kRows = 8192;

/// Starts of rows of 1 to 32 entries, then the entry's columns.
std::pair<std::vector<std::uint32_t>, std::vector<std::uint32_t>> sparse_rows() {
  std::vector<std::uint32_t> starts{0};
  for (auto length : random_numbers(kRows, 32, 4)) starts.push_back(starts.back() + length + 1);
  return {starts, random_numbers(starts.back(), kRows, 5)};
}

void sparse_multiply(const Buffers& b) {
  const auto *starts = b.at<std::uint32_t>(0), *columns = b.at<std::uint32_t>(1);
  const auto *values = b.at<float>(2), *x = b.at<float>(3);
  for (std::uint32_t row = 0; row < kRows; ++row) {
    float sum = 0;
    for (std::uint32_t k = starts[row]; k < starts[row + 1]; ++k) sum += values[k] * x[columns[k]];
    b.at<float>(4)[row] = sum;
  }
}

UserKernel spmv_thread() {
  const auto [starts, columns] = sparse_rows();
  return {.name = "spmv_row_a_thread",
          .source = R"(
kernel void spmv_row_a_thread(device const uint* starts [[buffer(0)]], device const uint* columns [[buffer(1)]],
                              device const float* values [[buffer(2)]], device const float* x [[buffer(3)]],
                              device float* y [[buffer(4)]], uint row [[thread_position_in_grid]]) {
  float sum = 0;
  for (uint k = starts[row]; k < starts[row + 1]; ++k) sum += values[k] * x[columns[k]];
  y[row] = sum;
})",
          .arrays = {input(starts), input(columns), input(random_floats(columns.size())), input(random_floats(kRows)),
                     output<float>(kRows)},
          .threads = {kRows},
          .group = {256},
          .loop = sparse_multiply};
}

UserKernel spmv_simd() {
  auto kernel = spmv_thread();
  kernel.name = "spmv_row_a_simdgroup";
  kernel.source = R"(
kernel void spmv_row_a_simdgroup(device const uint* starts [[buffer(0)]], device const uint* columns [[buffer(1)]],
                                 device const float* values [[buffer(2)]], device const float* x [[buffer(3)]],
                                 device float* y [[buffer(4)]], uint at [[thread_position_in_grid]],
                                 uint lane [[thread_index_in_simdgroup]]) {
  const uint row = at / 32;
  float sum = 0;
  for (uint k = starts[row] + lane; k < starts[row + 1]; k += 32) sum += values[k] * x[columns[k]];
  sum = simd_sum(sum);
  if (lane == 0) y[row] = sum;
})";
  kernel.threads = {kRows * 32};
  return kernel;
}

/// One step of a search in breadth: unseen neighbours of the last level get the next one.
UserKernel bfs_step() {
  const auto rows = sparse_rows();
  std::vector<std::int32_t> seen(kRows, -1);
  for (std::uint32_t i = 0; i < kRows; i += 5) seen[i] = 3;
  return {.name = "bfs_step",
          .source = R"(
kernel void bfs_step(device const uint* starts [[buffer(0)]], device const uint* neighbours [[buffer(1)]],
                     device const int* levels [[buffer(2)]], device int* next [[buffer(3)]],
                     constant int& level [[buffer(4)]], uint i [[thread_position_in_grid]]) {
  if (levels[i] != level) return;
  for (uint k = starts[i]; k < starts[i + 1]; ++k)
    if (levels[neighbours[k]] < 0) next[neighbours[k]] = level + 1;
})",
          .arrays = {input(rows.first), input(rows.second), input(seen), output<std::int32_t>(kRows), parameter(3)},
          .threads = {kRows},
          .group = {256},
          .loop = [](const Buffers& b) {
            const auto *starts = b.at<std::uint32_t>(0), *neighbours = b.at<std::uint32_t>(1);
            const auto* levels = b.at<std::int32_t>(2);
            for (std::uint32_t i = 0; i < kRows; ++i) {
              if (levels[i] != 3) continue;
              for (std::uint32_t k = starts[i]; k < starts[i + 1]; ++k) {
                if (levels[neighbours[k]] < 0) b.at<std::int32_t>(3)[neighbours[k]] = 4;
              }
            }
          }};
}

UserKernel gather() {
  constexpr std::uint32_t kCount = 1U << 17;
  return {.name = "gather",
          .source = R"(
kernel void gather(device const float* x [[buffer(0)]], device const uint* places [[buffer(1)]],
                   device float* y [[buffer(2)]], uint i [[thread_position_in_grid]]) { y[i] = x[places[i]]; })",
          .arrays = {input(random_floats(kCount)), input(random_numbers(kCount, kCount)), output<float>(kCount)},
          .threads = {kCount},
          .group = {256},
          .loop = [](const Buffers& b) {
            for (std::uint32_t i = 0; i < kCount; ++i) b.at<float>(2)[i] = b.at<float>(0)[b.at<std::uint32_t>(1)[i]];
          }};
}

UserKernel scatter() {
  constexpr std::uint32_t kCount = 1U << 17;
  std::vector<std::uint32_t> places(kCount);
  for (std::uint32_t i = 0; i < kCount; ++i) places[i] = i * 40503U % kCount;
  return {.name = "scatter",
          .source = R"(
kernel void scatter(device const float* x [[buffer(0)]], device const uint* places [[buffer(1)]],
                    device float* y [[buffer(2)]], uint i [[thread_position_in_grid]]) { y[places[i]] = x[i]; })",
          .arrays = {input(random_floats(kCount)), input(places), output<float>(kCount)},
          .threads = {kCount},
          .group = {256},
          .loop = [](const Buffers& b) {
            for (std::uint32_t i = 0; i < kCount; ++i) b.at<float>(2)[b.at<std::uint32_t>(1)[i]] = b.at<float>(0)[i];
          }};
}

/// Rows of a table, four numbers a thread.
UserKernel embedding() {
  constexpr std::uint32_t kTokens = 512, kDim = 256, kTable = 2048;
  return {.name = "embedding_rows",
          .source = R"(
kernel void embedding_rows(device const float4* table [[buffer(0)]], device const int* tokens [[buffer(1)]],
                           device float4* y [[buffer(2)]], constant uint& width [[buffer(3)]],
                           uint2 p [[thread_position_in_grid]]) {
  y[p.y * width + p.x] = table[tokens[p.y] * width + p.x];
})",
          .arrays = {input(random_floats(kTable * kDim)), input(random_numbers(kTokens, kTable)),
                     output<float>(kTokens * kDim), parameter(kDim / 4)},
          .threads = {kDim / 4, kTokens},
          .group = {64, 4},
          .loop = [](const Buffers& b) {
            for (std::uint32_t t = 0; t < kTokens; ++t) {
              const auto* row = b.at<float>(0) + std::size_t{b.at<std::uint32_t>(1)[t]} * kDim;
              std::copy(row, row + kDim, b.at<float>(2) + std::size_t{t} * kDim);
            }
          }};
}

}  // namespace

UserKernels sparse_kernels() { return {spmv_thread(), spmv_simd(), bfs_step(), gather(), scatter(), embedding()}; }

}  // namespace anymetal::bench
