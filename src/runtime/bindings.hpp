#pragma once
/// \file
/// What is bound for the next dispatch, and the checks that make a dispatch safe to run.

#include "device/backend.hpp"
#include "runtime/pipeline_state.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace anymetal::detail {

/// Metal's argument tables have 31 entries for buffers and for threadgroup memory.
inline constexpr unsigned kArgumentTableSize = 31;
/// Most bytes `set_bytes` takes, as in Metal.
inline constexpr std::size_t kMaxInlineBytes = 4096;

/// One entry of the buffer argument table.
struct BufferSlot {
  enum class Kind : std::uint8_t { Empty, Buffer, Bytes };
  Kind kind = Kind::Empty;
  bool writable = false;
  const device::Backend* backend = nullptr;  ///< Buffer: the device it belongs to
  device::Memory* memory = nullptr;          ///< Buffer
  std::size_t offset = 0;                    ///< as in device::BoundArgument
  std::size_t size = 0;                      ///< Buffer: bytes of the whole buffer; Bytes: bytes copied
};

struct Bindings {
  std::array<BufferSlot, kArgumentTableSize> buffers;
  std::array<std::size_t, kArgumentTableSize> threadgroup_lengths{};
};

/// Appends the pipeline's arguments to `list`, in reflection order. InvalidBinding names the kernel and the argument;
/// InvalidDispatch where they need more threadgroup memory than the device has. On an error the list's tail is garbage.
Result<void> bind_arguments(const PipelineState& pipeline, const Bindings& bindings, device::CommandList& list);

/// InvalidDispatch where the group is empty or too large, or the grid passes the 32 bits of a thread position.
Result<void> check_geometry(const PipelineState& pipeline, Size threads, Size threads_per_threadgroup);

}  // namespace anymetal::detail
