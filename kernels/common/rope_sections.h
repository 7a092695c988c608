// Rotary position embedding with a position per axis: which axis a pair takes.
#pragma once
#include <metal_stdlib>

namespace anymetal {

// Modes, numbered as in ggml; any other number means kSections.
constant constexpr uint kSections = 8, kVision = 24, kInterleaved = 40;

struct MultiRopeParams {
  uint heads;
  uint mode;
  uint tokens;
  uint pad;
};
static_assert(sizeof(MultiRopeParams) == 16, "the layout is part of the kernel's contract");

// The axis that pair p takes its position from, and its place in the series of frequencies.
struct Section {
  uint axis;
  uint place;
};

inline Section section_of(uint p, uint mode, metal::uint4 s) {
  if (mode == kVision) {
    const uint at = p % metal::max(1u, s.x + s.y);
    return at < s.x ? Section{0, at} : Section{1, at - s.x};
  }
  const uint at = p % metal::max(1u, s.x + s.y + s.z + s.w);
  if (mode == kInterleaved) {
    const uint axis = at % 3;
    const uint length = axis == 0 ? s.x : axis == 1 ? s.y : s.z;
    return {at < 3 * length ? axis : 3, p};
  }
  return {at < s.x ? 0u : at < s.x + s.y ? 1u : at < s.x + s.y + s.z ? 2u : 3u, p};
}

}  // namespace anymetal
