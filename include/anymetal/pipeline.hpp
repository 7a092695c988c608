#pragma once
/// \file
/// A compiled kernel, ready to dispatch, and what reflection knows about it.

#include <anymetal/error.hpp>
#include <anymetal/size.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace anymetal {

/// What an argument of a kernel binds to.
enum class ArgumentKind : std::uint8_t { Buffer, Threadgroup };
/// How a kernel may use an argument's memory.
enum class Access : std::uint8_t { Read, ReadWrite };

/// One bindable argument of a kernel, as declared in its source.
struct Argument {
  std::string name;
  ArgumentKind kind = ArgumentKind::Buffer;
  unsigned index = 0;                ///< `[[buffer(index)]]` or `[[threadgroup(index)]]`
  std::string type;                  ///< pointee in MSL spelling, e.g. "float4" or "Params"
  Access access = Access::Read;
  std::size_t element_size = 0;      ///< sizeof the pointee, bytes; 0 for void
  std::size_t element_alignment = 1; ///< alignof the pointee, bytes
  bool is_reference = false;         ///< `constant T&`: at least element_size bytes are read
  bool is_constant = false;          ///< declared in the `constant` address space
  bool active = true;                ///< false where a `function_constant` guard is off or the specialised kernel never looks at it: needs no binding
};

class Device;
namespace detail {
struct PipelineState;
}

/// Thread contract: immutable after construction, safe from any thread. Stays valid after the registry drops it.
class ComputePipeline {
 public:
  explicit ComputePipeline(std::shared_ptr<const detail::PipelineState> state);
  ~ComputePipeline();
  ComputePipeline(const ComputePipeline&) = delete;
  ComputePipeline& operator=(const ComputePipeline&) = delete;

  /// The registry's cache key: the kernel name, then its function constants (`flash|200:b1|300:i4`).
  [[nodiscard]] std::string_view label() const;
  /// Lanes of a simdgroup: 32 on every device.
  [[nodiscard]] std::size_t thread_execution_width() const;
  /// Largest threadgroup this kernel may be dispatched with, in threads.
  [[nodiscard]] std::size_t max_total_threads_per_threadgroup() const;
  /// The only threadgroup this kernel may be dispatched with, in threads: what `[[required_threads_per_threadgroup]]`
  /// (Metal 4) says. Zeros where the source names none.
  [[nodiscard]] Size required_threads_per_threadgroup() const;
  /// Bytes of threadgroup memory the kernel declares itself.
  [[nodiscard]] std::size_t static_threadgroup_memory_length() const;
  /// Bindable arguments, in declaration order.
  [[nodiscard]] std::span<const Argument> arguments() const;
  /// Compiler warnings of the source this kernel came from.
  [[nodiscard]] std::span<const Diagnostic> diagnostics() const;
  /// How the device runs it: "loop", "threads as vectors", "lanes" or "coroutines" on the CPU, "ptx" on NVIDIA.
  [[nodiscard]] std::string_view execution_path() const;

  [[nodiscard]] const detail::PipelineState& state() const { return *state_; }  ///< library internals

 private:
  std::shared_ptr<const detail::PipelineState> state_;
};

using PipelinePtr = std::shared_ptr<const ComputePipeline>;

}  // namespace anymetal
