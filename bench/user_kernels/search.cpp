// Loops that end at a place only the data knows: look-ups in sorted tables, hash tables, text.
#include <algorithm>
#include <numeric>

#include "user_kernel.hpp"

namespace anymetal::bench {
namespace {

constexpr std::uint32_t kQueries = 1U << 16;

std::vector<float> sorted_floats(std::size_t count) {
  auto values = random_floats(count, 0, 1000, 5);
  std::ranges::sort(values);
  return values;
}

UserKernel lower_bound_kernel(std::uint32_t size) {
  return {.name = "lower_bound_" + std::to_string(size),
          .source = "kernel void lower_bound_" + std::to_string(size) + R"((
    device const float* table [[buffer(0)]], device const float* queries [[buffer(1)]],
    device uint* found [[buffer(2)]], constant uint& n [[buffer(3)]], uint i [[thread_position_in_grid]]) {
  const float wanted = queries[i];
  uint low = 0, high = n;
  while (low < high) {
    const uint middle = (low + high) / 2;
    if (table[middle] < wanted) low = middle + 1; else high = middle;
  }
  found[i] = low;
})",
          .arrays = {input(sorted_floats(size)), input(random_floats(kQueries, 0, 1000)),
                     output<std::uint32_t>(kQueries), parameter(size)},
          .threads = {kQueries},
          .group = {256},
          .loop = [](const Buffers& b) {
            const auto *table = b.at<float>(0), *queries = b.at<float>(1);
            auto* found = b.at<std::uint32_t>(2);
            const auto n = b.value<std::uint32_t>(3);
            for (std::uint32_t i = 0; i < kQueries; ++i) {
              std::uint32_t low = 0, high = n;
              while (low < high) {
                const std::uint32_t middle = (low + high) / 2;
                if (table[middle] < queries[i])
                  low = middle + 1;
                else
                  high = middle;
              }
              found[i] = low;
            }
          }};
}

/// The codebook search of a quantiser: the first bound above the value, of a small constant table.
UserKernel codebook() {
  return {.name = "codebook_search",
          .source = R"(
constant float bounds[15] = {-2.4f, -1.84f, -1.44f, -1.1f, -0.8f, -0.52f, -0.26f, 0, 0.26f, 0.52f, 0.8f, 1.1f, 1.44f, 1.84f, 2.4f};
kernel void codebook_search(device const float* x [[buffer(0)]], device uchar* codes [[buffer(1)]],
                            uint i [[thread_position_in_grid]]) {
  uint code = 0;
  while (code < 15 && x[i] >= bounds[code]) ++code;
  codes[i] = uchar(code);
})",
          .arrays = {input(random_floats(kQueries, -3, 3)), output<std::uint8_t>(kQueries)},
          .threads = {kQueries},
          .group = {256},
          .loop = [](const Buffers& b) {
            static constexpr float kBounds[] = {-2.4F, -1.84F, -1.44F, -1.1F, -0.8F, -0.52F, -0.26F, 0,
                                                0.26F, 0.52F,  0.8F,   1.1F,  1.44F, 1.84F,  2.4F};
            const auto* x = b.at<float>(0);
            auto* codes = b.at<std::uint8_t>(1);
            for (std::uint32_t i = 0; i < kQueries; ++i) {
              unsigned code = 0;
              while (code < 15 && x[i] >= kBounds[code]) ++code;
              codes[i] = static_cast<std::uint8_t>(code);
            }
          }};
}

constexpr std::uint32_t kSlots = 1U << 15, kKeys = 20000;

std::uint32_t slot_of(std::uint32_t key) { return (key * 2654435761U) >> 17; }

/// Open addressing, linear probing: keys and values of every slot, 0 for an empty one.
std::vector<std::uint32_t> hash_table() {
  std::vector<std::uint32_t> slots(2 * kSlots);
  for (std::uint32_t key : random_numbers(kKeys, 1U << 20, 3)) {
    if (key == 0) continue;
    std::uint32_t at = slot_of(key);
    while (slots[2 * at] != 0 && slots[2 * at] != key) at = (at + 1) % kSlots;
    slots[2 * at] = key;
    slots[2 * at + 1] = key ^ 77;
  }
  return slots;
}

UserKernel probing() {
  return {.name = "hash_probe",
          .source = R"(
struct Slot { uint key, value; };
kernel void hash_probe(device const Slot* slots [[buffer(0)]], device const uint* keys [[buffer(1)]],
                       device uint* values [[buffer(2)]], constant uint& mask [[buffer(3)]],
                       uint i [[thread_position_in_grid]]) {
  const uint key = keys[i];
  uint at = (key * 2654435761u) >> 17, value = 0xffffffff;
  while (slots[at].key != 0) {
    if (slots[at].key == key) { value = slots[at].value; break; }
    at = (at + 1) & mask;
  }
  values[i] = value;
})",
          .arrays = {input(hash_table()), input(random_numbers(kQueries, 1U << 20, 3)), output<std::uint32_t>(kQueries),
                     parameter(kSlots - 1)},
          .threads = {kQueries},
          .group = {256},
          .loop = [](const Buffers& b) {
            const auto *slots = b.at<std::uint32_t>(0), *keys = b.at<std::uint32_t>(1);
            auto* values = b.at<std::uint32_t>(2);
            const auto mask = b.value<std::uint32_t>(3);
            for (std::uint32_t i = 0; i < kQueries; ++i) {
              std::uint32_t at = slot_of(keys[i]), value = 0xffffffff;
              while (slots[2 * at] != 0) {
                if (slots[2 * at] == keys[i]) {
                  value = slots[2 * at + 1];
                  break;
                }
                at = (at + 1) & mask;
              }
              values[i] = value;
            }
          }};
}

UserKernel union_find() {
  std::vector<std::uint32_t> trees(kQueries);
  std::mt19937 random(9);
  for (std::uint32_t i = 0; i < kQueries; ++i) trees[i] = i < 64 ? i : i - 1 - std::uint32_t(random()) % (i / 2);
  return {.name = "union_find_roots",
          .source = R"(
kernel void union_find_roots(device const uint* parents [[buffer(0)]], device uint* roots [[buffer(1)]],
                             uint i [[thread_position_in_grid]]) {
  uint at = i;
  while (parents[at] != at) at = parents[at];
  roots[i] = at;
})",
          .arrays = {input(trees), output<std::uint32_t>(kQueries)},
          .threads = {kQueries},
          .group = {256},
          .loop = [](const Buffers& b) {
            const auto* parents = b.at<std::uint32_t>(0);
            auto* roots = b.at<std::uint32_t>(1);
            for (std::uint32_t i = 0; i < kQueries; ++i) {
              std::uint32_t at = i;
              while (parents[at] != at) at = parents[at];
              roots[i] = at;
            }
          }};
}

UserKernel string_match() {
  constexpr std::uint32_t kText = 1U << 18, kPattern = 8;
  auto letters = random_numbers<std::uint8_t>(kText + kPattern, 4);
  return {.name = "string_match",
          .source = R"(
kernel void string_match(device const uchar* text [[buffer(0)]], constant uchar* pattern [[buffer(1)]],
                         device uchar* matches [[buffer(2)]], constant uint& length [[buffer(3)]],
                         uint i [[thread_position_in_grid]]) {
  uint k = 0;
  while (k < length && text[i + k] == pattern[k]) ++k;
  matches[i] = k == length;
})",
          .arrays = {input(letters), input(std::vector<std::uint8_t>{1, 2, 3, 0, 1, 1, 2, 0}),
                     output<std::uint8_t>(kText), parameter(kPattern)},
          .threads = {kText},
          .group = {256},
          .loop = [](const Buffers& b) {
            const auto *text = b.at<std::uint8_t>(0), *pattern = b.at<std::uint8_t>(1);
            auto* matches = b.at<std::uint8_t>(2);
            const auto length = b.value<std::uint32_t>(3);
            for (std::uint32_t i = 0; i < kText; ++i) {
              std::uint32_t k = 0;
              while (k < length && text[i + k] == pattern[k]) ++k;
              matches[i] = k == length;
            }
          }};
}

/// Sampling from many distributions: the first place where a running sum passes a number.
UserKernel sampling() {
  constexpr std::uint32_t kRows = 2048, kWidth = 256;
  return {.name = "sample_by_sum",
          .source = R"(
kernel void sample_by_sum(device const float* weights [[buffer(0)]], device const float* numbers [[buffer(1)]],
                          device uint* chosen [[buffer(2)]], constant uint& width [[buffer(3)]],
                          uint row [[thread_position_in_grid]]) {
  device const float* w = weights + ulong(row) * width;
  float left = numbers[row];
  uint at = 0;
  for (; at < width; ++at) {
    left -= w[at];
    if (left < 0) break;
  }
  chosen[row] = at;
})",
          .arrays = {input(random_floats(std::size_t{kRows} * kWidth, 0, 1)), input(random_floats(kRows, 0, 100, 2)),
                     output<std::uint32_t>(kRows), parameter(kWidth)},
          .threads = {kRows},
          .group = {64},
          .loop = [](const Buffers& b) {
            const auto *weights = b.at<float>(0), *numbers = b.at<float>(1);
            auto* chosen = b.at<std::uint32_t>(2);
            const auto width = b.value<std::uint32_t>(3);
            for (std::uint32_t row = 0; row < kRows; ++row) {
              float left = numbers[row];
              std::uint32_t at = 0;
              for (; at < width; ++at) {
                left -= weights[std::size_t{row} * width + at];
                if (left < 0) break;
              }
              chosen[row] = at;
            }
          }};
}

}  // namespace

UserKernels search_kernels() {
  return {lower_bound_kernel(4096),
          lower_bound_kernel(1U << 20),
          codebook(),
          probing(),
          union_find(),
          string_match(),
          sampling()};
}

}  // namespace anymetal::bench
