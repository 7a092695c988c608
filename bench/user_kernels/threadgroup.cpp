// What threads of a threadgroup do for each other: transposes, histograms, running sums.
#include "user_kernel.hpp"

namespace anymetal::bench {
namespace {

constexpr std::uint32_t kSide = 512, kCount = 1U << 18;

void transpose(const Buffers& b) {
  const auto* x = b.at<float>(0);
  auto* y = b.at<float>(1);
  for (std::uint32_t r = 0; r < kSide; ++r) {
    for (std::uint32_t c = 0; c < kSide; ++c) y[c * kSide + r] = x[r * kSide + c];
  }
}

UserKernel transpose_plain() {
  return {.name = "transpose_plain",
          .source = R"(
kernel void transpose_plain(device const float* x [[buffer(0)]], device float* y [[buffer(1)]],
                            constant uint& n [[buffer(2)]], uint2 p [[thread_position_in_grid]]) {
  y[p.x * n + p.y] = x[p.y * n + p.x];
})",
          .arrays = {input(random_floats(kSide * kSide)), output<float>(kSide * kSide), parameter(kSide)},
          .threads = {kSide, kSide},
          .group = {16, 16},
          .loop = transpose};
}

UserKernel transpose_tiled() {
  auto kernel = transpose_plain();
  kernel.name = "transpose_tiled";
  kernel.source = R"(
kernel void transpose_tiled(device const float* x [[buffer(0)]], device float* y [[buffer(1)]],
                            constant uint& n [[buffer(2)]], uint2 group [[threadgroup_position_in_grid]],
                            uint2 l [[thread_position_in_threadgroup]]) {
  threadgroup float tile[32][33];
  for (uint k = 0; k < 32; k += 8) tile[l.y + k][l.x] = x[(group.y * 32 + l.y + k) * n + group.x * 32 + l.x];
  threadgroup_barrier(mem_flags::mem_threadgroup);
  for (uint k = 0; k < 32; k += 8) y[(group.x * 32 + l.y + k) * n + group.y * 32 + l.x] = tile[l.x][l.y + k];
})";
  kernel.threads = {kSide, kSide / 4};
  kernel.group = {32, 8};
  return kernel;
}

UserKernel histogram() {
  return {.name = "histogram_shared",
          .source = R"(
kernel void histogram_shared(device const uchar* x [[buffer(0)]], device uint* parts [[buffer(1)]],
                             constant uint& per_group [[buffer(2)]], uint group [[threadgroup_position_in_grid]],
                             uint i [[thread_position_in_threadgroup]]) {
  threadgroup atomic_uint counts[256];
  atomic_store_explicit(&counts[i], 0, memory_order_relaxed);
  threadgroup_barrier(mem_flags::mem_threadgroup);
  for (uint k = i; k < per_group; k += 256)
    atomic_fetch_add_explicit(&counts[x[group * per_group + k]], 1, memory_order_relaxed);
  threadgroup_barrier(mem_flags::mem_threadgroup);
  parts[group * 256 + i] = atomic_load_explicit(&counts[i], memory_order_relaxed);
})",
          .arrays = {input(random_numbers<std::uint8_t>(kCount, 256)), output<std::uint32_t>(16 * 256),
                     parameter(kCount / 16)},
          .threads = {16 * 256},
          .group = {256},
          .loop = [](const Buffers& b) {
            const auto* x = b.at<std::uint8_t>(0);
            auto* parts = b.at<std::uint32_t>(1);
            for (std::uint32_t i = 0; i < 16 * 256; ++i) parts[i] = 0;
            for (std::uint32_t i = 0; i < kCount; ++i) ++parts[i / (kCount / 16) * 256 + x[i]];
          }};
}

/// Counts of a device's memory, a thread to an element.
UserKernel histogram_device() {
  return {.name = "histogram_device",
          .source = R"(
kernel void histogram_device(device const uchar* x [[buffer(0)]], device atomic_uint* counts [[buffer(1)]],
                             uint i [[thread_position_in_grid]]) {
  atomic_fetch_add_explicit(&counts[x[i]], 1, memory_order_relaxed);
})",
          .arrays = {input(random_numbers<std::uint8_t>(kCount, 256)), output<std::uint32_t>(256)},
          .threads = {kCount},
          .group = {256},
          .loop = [](const Buffers& b) {
            const auto* x = b.at<std::uint8_t>(0);
            for (std::uint32_t i = 0; i < kCount; ++i) ++b.at<std::uint32_t>(1)[x[i]];
          }};
}

void prefix_sums(const Buffers& b) {
  const auto* x = b.at<std::uint32_t>(0);
  auto* y = b.at<std::uint32_t>(1);
  for (std::uint32_t part = 0; part < kCount; part += 256) {
    std::uint32_t sum = 0;
    for (std::uint32_t i = part; i < part + 256; ++i) y[i] = sum += x[i];
  }
}

/// Hillis and Steele's scan of a part.
UserKernel scan_doubling() {
  return {.name = "scan_doubling",
          .source = R"(
kernel void scan_doubling(device const uint* x [[buffer(0)]], device uint* y [[buffer(1)]],
                          uint at [[thread_position_in_grid]], uint i [[thread_position_in_threadgroup]]) {
  threadgroup uint part[256];
  part[i] = x[at];
  threadgroup_barrier(mem_flags::mem_threadgroup);
  for (uint step = 1; step < 256; step *= 2) {
    const uint other = i >= step ? part[i - step] : 0;
    threadgroup_barrier(mem_flags::mem_threadgroup);
    part[i] += other;
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
  y[at] = part[i];
})",
          .arrays = {input(random_numbers(kCount, 1000)), output<std::uint32_t>(kCount)},
          .threads = {kCount},
          .group = {256},
          .loop = prefix_sums};
}

UserKernel scan_simd() {
  auto kernel = scan_doubling();
  kernel.name = "scan_simd";
  kernel.source = R"(
kernel void scan_simd(device const uint* x [[buffer(0)]], device uint* y [[buffer(1)]],
                      uint at [[thread_position_in_grid]], uint lane [[thread_index_in_simdgroup]],
                      uint simd [[simdgroup_index_in_threadgroup]]) {
  threadgroup uint sums[8];
  uint sum = simd_prefix_inclusive_sum(x[at]);
  if (lane == 31) sums[simd] = sum;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  for (uint k = 0; k < simd; ++k) sum += sums[k];
  y[at] = sum;
})";
  return kernel;
}

/// Numbers that pass a test, packed: places by a scan of the simdgroup and an atomic for its start.
UserKernel compact() {
  return {.name = "compact_in_threadgroup",
          .source = R"(
kernel void compact_in_threadgroup(device const uint* x [[buffer(0)]], device uint* y [[buffer(1)]],
                                   device uint* counts [[buffer(2)]], uint at [[thread_position_in_grid]],
                                   uint i [[thread_position_in_threadgroup]],
                                   uint group [[threadgroup_position_in_grid]],
                                   uint lane [[thread_index_in_simdgroup]],
                                   uint simd [[simdgroup_index_in_threadgroup]]) {
  threadgroup uint starts[8];
  const bool wanted = x[at] % 3 == 0;
  const uint before = simd_prefix_exclusive_sum(uint(wanted));
  if (lane == 31) starts[simd] = before + wanted;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  uint start = 0, all = 0;
  for (uint k = 0; k < 8; ++k) { start += k < simd ? starts[k] : 0; all += starts[k]; }
  if (wanted) y[group * 256 + start + before] = x[at];
  if (i == 0) counts[group] = all;
})",
          .arrays = {input(random_numbers(kCount, 1000)), output<std::uint32_t>(kCount),
                     output<std::uint32_t>(kCount / 256)},
          .threads = {kCount},
          .group = {256},
          .loop = [](const Buffers& b) {
            const auto* x = b.at<std::uint32_t>(0);
            for (std::uint32_t part = 0; part < kCount; part += 256) {
              std::uint32_t count = 0;
              for (std::uint32_t i = part; i < part + 256; ++i) {
                if (x[i] % 3 == 0) b.at<std::uint32_t>(1)[part + count++] = x[i];
              }
              b.at<std::uint32_t>(2)[part / 256] = count;
            }
          }};
}

}  // namespace

UserKernels threadgroup_kernels() {
  return {transpose_plain(), transpose_tiled(), histogram(), histogram_device(),
          scan_doubling(),   scan_simd(),       compact()};
}

}  // namespace anymetal::bench
