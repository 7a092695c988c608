#pragma once
/// \file
/// What generated code and the C++ side of the CPU back end share: structures whose layout both rely on.

#include <cstddef>
#include <cstdint>

namespace anymetal::device::cpu {

/// Lanes of a simdgroup, on every device.
inline constexpr unsigned kSimdWidth = 32;
/// Largest threadgroup.
inline constexpr unsigned kMaxThreads = 1024;
inline constexpr unsigned kMaxSimdgroups = kMaxThreads / kSimdWidth;
/// Alignment of every arena handed to generated code: wide enough for any vector type it may spill.
inline constexpr std::size_t kArenaAlignment = 256;

/// What a thread of a simdgroup waits at. Simdgroup operations count from 0 in execution order; threadgroup barriers
/// come after all of them, so that a plain minimum finds what has to run next.
using Site = std::uint32_t;
inline constexpr Site kFirstBarrier = 0x8000'0000u;
inline constexpr Site kDivergentBarrier = 0xffff'fffeu;  ///< some lanes wait at a barrier, others cannot reach it
inline constexpr Site kReturned = 0xffff'ffffu;

/// One worker's view of a dispatch, and of the threadgroup it runs now. Generated code reads it by offset
/// (group_context_ir.hpp), so the order of the members is part of the contract.
struct GroupContext {
  void* const* arguments = nullptr;         ///< one pointer per reflected argument
  std::byte* threadgroup_memory = nullptr;  ///< static threadgroup memory
  std::byte* frames = nullptr;              ///< coroutine frames
  std::byte* exchange = nullptr;            ///< operands and results of simdgroup operations
  Site* sites = nullptr;                    ///< what each thread (or unit of lanes) waits at
  std::uint32_t group[3] = {};
  std::uint32_t threads_per_threadgroup[3] = {};           ///< clipped at the edges of the grid
  std::uint32_t dispatch_threads_per_threadgroup[3] = {};  ///< as dispatched
  std::uint32_t groups_per_grid[3] = {};
  std::uint32_t threads_per_grid[3] = {};
  std::uint32_t is_alone = 0;  ///< 1 where no other thread runs threadgroups of this dispatch
};

/// Runs threadgroups `first` up to `last` (linear, x fastest): kernels without synchronisation.
using RunGroups = void (*)(GroupContext*, std::uint64_t first, std::uint64_t last);
/// Starts the first `lanes` threads of a simdgroup (on the lanes path all of a unit), each up to its first
/// synchronisation point.
using StartSimdgroup = void (*)(GroupContext*, std::uint32_t simdgroup, std::uint32_t lanes);
/// Resumes the lanes in `mask`, then goes on until all lanes have returned or wait at a threadgroup barrier.
/// Returns the lowest site then waited at.
using AdvanceSimdgroup = Site (*)(GroupContext*, std::uint32_t simdgroup, std::uint32_t mask);

/// The one symbol looked up in a kernel's object. Which functions are set says which path the kernel takes.
struct KernelTable {
  RunGroups run = nullptr;
  StartSimdgroup start = nullptr;
  AdvanceSimdgroup advance = nullptr;
  std::uint64_t frame_stride = 0;  ///< bytes of frame arena per suspended unit
  std::uint64_t exchange_bytes = 0;
  std::uint64_t static_threadgroup_bytes = 0;
  std::uint64_t lanes_per_unit = 1;  ///< threads that suspend together: 1, or the lanes of
                                     ///< a unit on the lanes path, whose last one of a row may be cut off
  std::uint64_t largest_buffer = 0;  ///< no buffer may have more bytes; 0 where any may be bound
  std::uint64_t folded = 0;          ///< 1 where units are the threadgroup's threads in order, not those of its rows
  std::uint64_t in_simdgroups = 0;   ///< 1 where threads do something together with others of their simdgroup
  std::uint64_t merged_rows = 1;     ///< rows of a threadgroup that run as one
  std::uint64_t along_x = 1;         ///< how many units beside each other, MergingLimits, another form may run as one
  std::uint64_t along_y = 1;         ///< the same of rows
  std::uint64_t merged_lanes = 0;    ///< how many lanes, over all of them
};
/// How many units a threadgroup of this size runs as.
[[nodiscard]] constexpr std::uint32_t units_of(const KernelTable& kernel, std::uint32_t x, std::uint32_t y,
                                               std::uint32_t z) {
  const auto lanes = static_cast<std::uint32_t>(kernel.lanes_per_unit);
  if (kernel.folded != 0) return (x * y * z + lanes - 1) / lanes;
  return (x + lanes - 1) / lanes * (y / static_cast<std::uint32_t>(kernel.merged_rows)) * z;
}
/// Whether it runs threadgroups as dispatched only, none that the grid cuts off.
[[nodiscard]] constexpr bool needs_whole_threadgroups(const KernelTable& kernel) {
  return kernel.folded != 0 || kernel.merged_rows > 1 || kernel.lanes_per_unit > kSimdWidth;
}
/// On the lanes path a widened 32-bit index is taken not to wrap around between two lanes of a simdgroup. Where it
/// does, they are 2^32 elements apart but for the lanes between: in no buffer of this size.
inline constexpr std::uint64_t kLargestLaneBuffer = (std::uint64_t{1} << 32) - (1u << 16);
/// The code of a dispatch.
struct DispatchCode {
  const KernelTable* whole = nullptr;  ///< for threadgroups whose rows are as long as dispatched
  const KernelTable* ends = nullptr;   ///< for those whose rows the grid cuts off; any cut ones where `whole` is folded
};
inline constexpr const char* kTableSymbol = "anymetal_kernel_table";

}  // namespace anymetal::device::cpu
