#pragma once
/// \file
/// The forms in which a kernel whose threads meet is compiled, and which of them a dispatch needs.

#include <array>
#include <cstdint>
#include <string_view>

#include "device/cpu/kernel_abi.hpp"
#include "device/cpu/lane_shapes.hpp"

namespace anymetal::device::cpu {

/// Threads run together as lanes of vectors, 32, 16 or 8 neighbours of a row of the threadgroup: where rows are
/// multiples of that long (`Rows`), or any (`Ends`: lanes past the end of a row are missing). Or they are 32 threads in
/// the order of their indices, from several rows (`Folded`: the threadgroup is a multiple of that; `FoldedEnds`: of any
/// size). Or each is a coroutine of its own (`General`), which takes every threadgroup and buffer. `Large32` is
/// `Rows32` for buffers of any size, where a kernel can be made so without progressions of addresses that might wrap
/// around; else it is as `General`.
enum class Form : std::uint8_t { Rows32, Rows16, Rows8, Ends32, Ends16, Ends8, Folded, FoldedEnds, Large32, General };
inline constexpr std::size_t kFormCount = 10;

/// Identifies a form in a store.
[[nodiscard]] std::string_view name_of(Form form);
/// Of any form but General.
[[nodiscard]] LaneRows rows_of(Form form);

/// What a threadgroup looks like to a kernel that was made for rows of a multiple of 32 threads.
struct GroupShape {
  std::size_t row = 0;         ///< threads of a row
  std::size_t dispatched = 0;  ///< the same where the grid does not cut it off
  bool is_one_row = false;
  std::size_t threads = 0;  ///< of all its rows; 0 where the grid cuts it off
};
/// The form that takes the same threadgroups with buffers of any size.
[[nodiscard]] constexpr Form for_any_buffer(Form form) { return form == Form::Rows32 ? Form::Large32 : Form::General; }
/// The form for threadgroups of this shape. `in_simdgroups`: threads do something as simdgroups, which must be whole.
[[nodiscard]] Form form_for(const GroupShape& shape, bool in_simdgroups);

}  // namespace anymetal::device::cpu
