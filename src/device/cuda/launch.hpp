#pragma once
/// \file
/// One dispatch as hardware launches: the kernel, its block of parameters, the geometry of each. Or a copy or a fill.

#include "device/backend.hpp"
#include "device/cuda/kernel.hpp"
#include "device/cuda/launch_pieces.hpp"
#include "device/cuda/memory.hpp"
#include "device/cuda/transfer.hpp"

#include <array>
#include <span>
#include <vector>

namespace anymetal::device::cuda {

/// All of a dispatch that decides what runs. Two equal launches do the same to the same memory.
struct Launch {
  const Kernel* kernel = nullptr;   ///< the form of it that takes the arguments as they are bound; none for a transfer
  unsigned shared_bytes = 0;        ///< dynamic shared memory
  std::vector<LaunchPiece> pieces;
  std::vector<std::byte> block;     ///< parameter space; each piece has a group offset of its own
  Transfer transfer;

  /// How many nodes of a graph it is.
  [[nodiscard]] std::size_t node_count() const { return kernel != nullptr ? pieces.size() : transfer.node_count(); }

  friend bool operator==(const Launch&, const Launch&) = default;
};

/// Fills `launch` for one dispatch of `list`. `bytes` is where the list's bytes are on the GPU, as far as a kernel takes
/// their address. May compile a kernel's other form.
Result<void> prepare_launch(const CommandList& list, const Dispatch& dispatch, CUdeviceptr bytes, Launch& launch);

/// Whether a kernel of the list takes the address of bytes given by `set_bytes`.
bool needs_bytes_on_device(const CommandList& list);

/// The parameters of one piece as the driver takes them. Valid until `at` is called again or the launch changes.
class LaunchArguments {
 public:
  KernelNodeParams at(const Launch& launch, std::size_t piece);

 private:
  static constexpr std::size_t kMost = 62 + kLaunchParameterCount;  // 31 buffers and 31 threadgroup slots
  std::array<void*, kMost> pointers_{};
  LaunchParameters parameters_{};
};

}  // namespace anymetal::device::cuda
