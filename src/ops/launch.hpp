#pragma once
/// \file
/// The last step of every op: pipeline, bindings, geometry.

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "ops/context.hpp"
#include "ops/tensor.hpp"

namespace anymetal::ops {

[[nodiscard]] constexpr std::size_t divide_up(std::size_t value, std::size_t by) { return (value + by - 1) / by; }

/// Sizes as the kernels take them; that they fit was checked before.
[[nodiscard]] constexpr std::uint32_t u32(std::size_t value) { return static_cast<std::uint32_t>(value); }
[[nodiscard]] constexpr std::int32_t i32(std::size_t value) { return static_cast<std::int32_t>(value); }
[[nodiscard]] constexpr std::int64_t i64(std::size_t value) { return static_cast<std::int64_t>(value); }

/// Binds arguments in index order: tensors as buffers, everything else as bytes. May compile the kernel.
template <class... Arguments>
Result<void> bind_kernel(Context& context, Result<PipelinePtr> pipeline, const Arguments&... arguments) {
  if (!pipeline) return std::unexpected(pipeline.error());
  context.encoder.set_pipeline(*std::move(pipeline));
  unsigned index = 0;
  const auto set = [&]<class T>(const T& argument) {
    if constexpr (std::same_as<T, Tensor>) {
      context.encoder.set_buffer(index++, *argument.buffer, argument.offset);
    } else {
      context.encoder.set_value(index++, argument);
    }
  };
  (set(arguments), ...);
  return {};
}

template <class... Arguments>
Result<void> bind_kernel(Context& context, std::string_view kernel, const Arguments&... arguments) {
  return bind_kernel(context, context.pipeline(kernel), arguments...);
}

/// Records one thread per element of an n-element op.
inline void dispatch_flat(Context& context, std::size_t n) {
  context.encoder.dispatch_threads({n}, {std::min<std::size_t>(n, context.wide_threads() ? 1024 : 256)});
}

/// Records one threadgroup per row with room for one float per simdgroup. A wide thread waits for its neighbours at a
/// cost, so there one simdgroup takes the row.
inline void dispatch_rows(Context& context, std::size_t rows, std::size_t columns) {
  const std::size_t threads = context.wide_threads() ? 32 : std::clamp<std::size_t>(std::bit_ceil(columns), 32, 256);
  context.encoder.set_threadgroup_memory_length(0, std::max<std::size_t>(16, threads / 32 * sizeof(float)));
  context.encoder.dispatch_threadgroups({rows}, {threads});
}

}  // namespace anymetal::ops
