#pragma once
/// \file
/// Where each argument lies in a kernel's parameter space: shared by code generation and launch.

#include "device/cuda/launch_parameters.hpp"
#include "msl/parsed_source.hpp"

#include <cstddef>
#include <vector>

namespace anymetal::device::cuda {

/// How a kernel takes `constant T&` arguments. By value they are read from constant memory without a register for the
/// address; by address any buffer can stand there.
enum class ConstantPassing : std::uint8_t { ByValue, ByAddress };

/// One argument in parameter space.
struct ParameterSlot {
  enum class Kind : std::uint8_t { Address, Value, SharedOffset };
  Kind kind = Kind::Address;
  std::size_t offset = 0;     ///< bytes from the start of parameter space
  std::size_t size = 0;       ///< bytes
  std::size_t alignment = 1;  ///< bytes
};

/// The layout of one kernel's parameters; after them come the LaunchParameters. Thread contract: immutable.
class ParameterLayout {
 public:
  ParameterLayout() = default;
  ParameterLayout(const msl::EntryReflection& reflection, ConstantPassing passing);

  /// One per reflected argument, in their order.
  [[nodiscard]] const std::vector<ParameterSlot>& slots() const { return slots_; }
  [[nodiscard]] std::size_t launch_offset() const { return launch_offset_; }
  /// Bytes of the whole block.
  [[nodiscard]] std::size_t size() const { return launch_offset_ + sizeof(LaunchParameters); }
  [[nodiscard]] bool has_values() const { return has_values_; }
  /// Bytes at the start of dynamic shared memory that the kernel's own threadgroup variables take: all of them where they are
  /// more than the 48 KB that a kernel has without asking, else none. A multiple of 16.
  [[nodiscard]] std::size_t own_shared_bytes() const { return own_shared_bytes_; }

 private:
  std::vector<ParameterSlot> slots_;
  std::size_t launch_offset_ = 0;
  std::size_t own_shared_bytes_ = 0;
  bool has_values_ = false;
};

}  // namespace anymetal::device::cuda
