#include "msl/other_languages.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "msl/suggestions.hpp"

namespace anymetal::msl {
namespace {

using Hint = std::pair<std::string_view, std::string_view>;

constexpr std::string_view kBarrier = "threadgroup_barrier(mem_flags::mem_threadgroup)";
constexpr std::string_view kGridPosition = "a parameter with [[thread_position_in_grid]]";
constexpr std::string_view kGroupPosition = "a parameter with [[threadgroup_position_in_grid]]";
constexpr std::string_view kLocalPosition = "a parameter with [[thread_position_in_threadgroup]]";
constexpr std::string_view kGroupSize = "a parameter with [[threads_per_threadgroup]]";
constexpr std::string_view kGroupCount = "a parameter with [[threadgroups_per_grid]]";
constexpr std::string_view kAtomicAdd = "atomic_fetch_add_explicit(p, value, memory_order_relaxed) on atomic types";

constexpr std::array kHints = std::to_array<Hint>({
    {"__constant", "constant"},
    {"__constant__", "constant"},
    {"__device__", "nothing: functions need no mark"},
    {"__global", "device"},
    {"__global__", "kernel"},
    {"__kernel", "kernel"},
    {"__local", "threadgroup"},
    {"__shared__", "threadgroup"},
    {"__shfl_down_sync", "simd_shuffle_down"},
    {"__shfl_sync", "simd_shuffle"},
    {"__shfl_up_sync", "simd_shuffle_up"},
    {"__shfl_xor_sync", "simd_shuffle_xor"},
    {"__syncthreads", kBarrier},
    {"__syncwarp", "simdgroup_barrier(mem_flags::mem_threadgroup)"},
    {"atomicAdd", kAtomicAdd},
    {"atomic_add", kAtomicAdd},
    {"atomic_fetch_add", kAtomicAdd},
    {"barrier", kBarrier},
    {"blockDim", kGroupSize},
    {"blockIdx", kGroupPosition},
    {"get_global_id", kGridPosition},
    {"get_group_id", kGroupPosition},
    {"get_local_id", kLocalPosition},
    {"get_local_size", kGroupSize},
    {"get_num_groups", kGroupCount},
    {"gl_GlobalInvocationID", kGridPosition},
    {"gl_LocalInvocationID", kLocalPosition},
    {"gl_WorkGroupID", kGroupPosition},
    {"gridDim", kGroupCount},
    {"int64", "long"},
    {"local", "threadgroup"},
    {"mem_device", "mem_flags::mem_device"},
    {"mem_none", "mem_flags::mem_none"},
    {"mem_threadgroup", "mem_flags::mem_threadgroup"},
    {"printf", "os_log_default.log() of <metal_logging>"},
    {"shared", "threadgroup"},
    {"threadIdx", kLocalPosition},
    {"warpSize", "a parameter with [[threads_per_simdgroup]]"},
});

/// What <metal_stdlib> does not bring.
constexpr std::array kOwnHeaders = std::to_array<Hint>({
    {"dextents", "metal_tensor"},
    {"dynamic_extent", "metal_tensor"},
    {"extents", "metal_tensor"},
    {"mpp", "MetalPerformancePrimitives/MetalPerformancePrimitives.h"},
    {"tensor_inline", "metal_tensor"},
});

constexpr std::array<std::string_view, 6> kKeywords = {"constant", "device",      "fragment",
                                                       "kernel",   "threadgroup", "vertex"};

}  // namespace

std::string hint_for(std::string_view word) {
  const auto* known = std::ranges::find(kHints, word, &Hint::first);
  if (known != kHints.end()) return fmt::format("; in Metal: {}", known->second);
  const auto* header = std::ranges::find(kOwnHeaders, word, &Hint::first);
  if (header != kOwnHeaders.end()) return fmt::format("; #include <{}>", header->second);
  constexpr std::size_t kMost = 2;  // wrong letters, or two that changed places
  const auto* meant =
      std::ranges::min_element(kKeywords, {}, [&](std::string_view keyword) { return edit_distance(word, keyword); });
  return word.size() > 4 && edit_distance(word, *meant) <= kMost ? fmt::format("; did you mean '{}'?", *meant)
                                                                 : std::string();
}

}  // namespace anymetal::msl
