#pragma once
/// \file
/// Runs command lists on a GPU's stream.

#include "device/backend.hpp"
#include "device/cuda/context.hpp"
#include "device/cuda/memory.hpp"
#include "device/cuda/launch_pieces.hpp"

#include <memory>
#include <vector>

namespace anymetal::device::cuda {

/// Thread contract: safe from any thread; lists run one after another.
class Executor {
 public:
  explicit Executor(std::shared_ptr<Context> context);
  Result<void> run(const CommandList& list);

 private:
  Result<void> upload_bytes(const CommandList& list);
  Result<void> launch(const CommandList& list, const Dispatch& dispatch);

  std::shared_ptr<Context> context_;
  PinnedBuffer staging_;
  std::shared_ptr<DeviceMemory> bytes_;  ///< `set_bytes` data of the running list
  std::vector<LaunchPiece> pieces_;
};

}  // namespace anymetal::device::cuda
