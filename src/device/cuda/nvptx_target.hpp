#pragma once
/// \file
/// Which NVIDIA architecture code is generated for, and LLVM's target machine for it.

#include <anymetal/error.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace llvm {
class TargetMachine;
}

namespace anymetal::device::cuda {

/// A compute capability and the PTX version used for it.
struct Architecture {
  unsigned capability = 80;  ///< e.g. 90 for sm_90
  std::string name;          ///< "sm_90": the newest one LLVM 19 knows that the device can run
  std::string ptx_feature;   ///< "+ptx80"
  std::size_t shared_bytes = 0;  ///< the most shared memory that a threadgroup can ask for
  /// Whether kernels can be started before those they follow are complete; they wait at their beginning then.
  [[nodiscard]] bool has_early_starts() const { return capability >= 90; }
  bool has_warpgroup_products = false;  ///< "sm_90a": wgmma, which GPUs of this very compute capability have

  /// The best code for a device of this compute capability; newer GPUs take older PTX (it is forward compatible).
  /// `driver_version`: 12000 is CUDA 12.0, the oldest driver that takes PTX for sm_90a.
  static Result<Architecture> for_capability(unsigned major, unsigned minor, int driver_version);
  /// Parses "sm_90" or "sm_90a"; DeviceNotFound lists what is known.
  static Result<Architecture> parse(std::string_view text);
};

/// A target machine for `nvptx64-nvidia-cuda`. One per compile: target machines are not thread-safe.
Result<std::unique_ptr<llvm::TargetMachine>> make_target_machine(const Architecture& architecture);

}  // namespace anymetal::device::cuda
