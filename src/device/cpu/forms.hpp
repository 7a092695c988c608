#pragma once
/// \file
/// The forms in which a kernel whose threads meet is compiled, and which of them a dispatch needs.

#include <array>
#include <cstdint>
#include <optional>
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
///
/// In all others several such groups of lanes run as one (lane_merging.hpp): those of a whole threadgroup of that size
/// (`Group...`), or some beside each other in a row, or several rows, of threadgroups that are multiples of that.
enum class Form : std::uint8_t {
  Rows32,
  Rows16,
  Rows8,
  Ends32,
  Ends16,
  Ends8,
  Folded,
  FoldedEnds,
  Large32,
  General,
  Group256,
  Group128,
  Group64,
  Group32x8,
  Group32x4,
  Group16x16,
  Group16x8,
  Group8x8,
  Parts256,
  Parts128,
  Parts32x8,
  Parts32x4,
  Parts16x8,
  Parts16x4,
};
inline constexpr std::size_t kFormCount = 24;

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

/// The form that runs several groups of lanes of a whole threadgroup of `x` by `y` by `z` threads as one, if there is
/// one within what the kernel allows.
[[nodiscard]] std::optional<Form> merged_form_for(const std::array<std::size_t, 3>& size, const KernelTable& kernel);
/// The form that takes the same threadgroups one group of lanes after the other.
[[nodiscard]] Form unmerged(Form form);

}  // namespace anymetal::device::cpu
