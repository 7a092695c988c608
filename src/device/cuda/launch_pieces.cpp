#include "device/cuda/launch_pieces.hpp"

#include <algorithm>

#include "observe/environment.hpp"

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

/// By the spans along each axis.
struct Axes {
  std::vector<Span> x, y, z;

  void append_pieces(std::vector<LaunchPiece>& pieces) const {
    for (const auto& sz : z) {
      for (const auto& sy : y) {
        for (const auto& sx : x) {
          pieces.push_back({{sx.first, sy.first, sz.first}, {sx.count, sy.count, sz.count}, {sx.size, sy.size, sz.size}});
        }
      }
    }
  }
};

/// Empty ones whose memory is used again.
Axes& scratch_axes() {
  thread_local Axes axes;
  axes.x.clear();
  axes.y.clear();
  axes.z.clear();
  return axes;
}

/// Whether `ANYMETAL_CUDA_MERGE=1` asks to merge threadgroups however few there are.
bool merges_always() {
  static const bool always = environment::is_on("ANYMETAL_CUDA_MERGE", false);
  return always;
}

}  // namespace

void split_launch(Size threads, Size group, std::vector<LaunchPiece>& pieces, const ThreadgroupStep& step) {
  const bool one_dimensional = group.y == 1 && group.z == 1;
  Axes& axes = scratch_axes();
  append_spans(threads.x, group.x, one_dimensional, kMaxGridX, axes.x);
  append_spans(threads.y, group.y, false, kMaxGridYZ, axes.y);
  append_spans(threads.z, group.z, false, kMaxGridYZ, axes.z);
  keep_every(step[0], axes.x);
  keep_every(step[1], axes.y);
  keep_every(step[2], axes.z);
  axes.append_pieces(pieces);
}

bool merge_launch(Size threads, Size group, std::vector<LaunchPiece>& pieces, const LaunchedThreadgroups& asked, std::size_t most_threads) {
  if (asked.wider == 1 || group.y != 1 || group.z != 1 || threads.x % group.x != 0 || group.x * asked.wider > most_threads) return false;
  const auto rectangles = [](std::size_t count, std::size_t by) { return (count + by - 1) / by; };
  const std::size_t count = rectangles(threads.x / group.x, asked.across) * rectangles(threads.y, asked.down) * threads.z;
  if (count < asked.least && !merges_always()) return false;
  Axes& axes = scratch_axes();
  append_spans(threads.x, group.x, false, kMaxGridX, axes.x);
  append_spans(threads.y, 1, false, kMaxGridYZ, axes.y);
  append_spans(threads.z, 1, false, kMaxGridYZ, axes.z);
  keep_every(asked.across, axes.x);
  keep_every(asked.down, axes.y);
  for (auto& span : axes.x) span.size *= asked.wider;
  axes.append_pieces(pieces);
  return true;
}

}  // namespace anymetal::device::cuda
