#include "device/cuda/launch_pieces.hpp"

#include <algorithm>

namespace anymetal::device::cuda {

namespace {

constexpr std::size_t kMaxGridX = 0x7fffffff;
constexpr std::size_t kMaxGridYZ = 65535;

/// Threadgroups along one axis that share a size.
struct Span {
  std::size_t first;
  std::size_t count;
  std::size_t size;
};

void append_spans(std::size_t threads, std::size_t size, bool clip_in_kernel, std::size_t limit, std::vector<Span>& spans) {
  const std::size_t full = clip_in_kernel ? (threads + size - 1) / size : threads / size;
  for (std::size_t first = 0; first < full; first += limit) spans.push_back({first, std::min(limit, full - first), size});
  if (!clip_in_kernel && threads % size != 0) spans.push_back({full, 1, threads % size});
}

/// What is left of the spans when only every step-th threadgroup is launched.
void keep_every(std::size_t step, std::vector<Span>& spans) {
  if (step == 1) return;
  for (auto& span : spans) {
    const std::size_t end = span.first + span.count;
    span.first = (span.first + step - 1) / step * step;
    span.count = span.first < end ? (end - span.first + step - 1) / step : 0;
  }
  std::erase_if(spans, [](const Span& span) { return span.count == 0; });
}

}  // namespace

void split_launch(Size threads, Size group, std::vector<LaunchPiece>& pieces, const ThreadgroupStep& step) {
  const bool one_dimensional = group.y == 1 && group.z == 1;
  thread_local std::vector<Span> x;
  thread_local std::vector<Span> y;
  thread_local std::vector<Span> z;
  x.clear();
  y.clear();
  z.clear();
  append_spans(threads.x, group.x, one_dimensional, kMaxGridX, x);
  append_spans(threads.y, group.y, false, kMaxGridYZ, y);
  append_spans(threads.z, group.z, false, kMaxGridYZ, z);
  keep_every(step[0], x);
  keep_every(step[1], y);
  keep_every(step[2], z);
  for (const auto& sz : z) {
    for (const auto& sy : y) {
      for (const auto& sx : x) {
        pieces.push_back({{sx.first, sy.first, sz.first}, {sx.count, sy.count, sz.count}, {sx.size, sy.size, sz.size}});
      }
    }
  }
}

}  // namespace anymetal::device::cuda
