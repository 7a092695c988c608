#pragma once
/// \file
/// Code of one kernel: the compiler of a device, present or not, and readable forms of what it made.

#include "device/backend.hpp"
#include "msl/parsed_source.hpp"

#include <anymetal/device.hpp>
#include <anymetal/error.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace anymetal::cli {

/// Compiles for a device of this machine ("cpu", "cuda:0") or for an NVIDIA architecture without one ("cuda:sm_90").
class Compiler {
 public:
  /// DeviceNotFound where there is neither such a device nor such an architecture.
  static Result<Compiler> for_device(std::string_view device);

  [[nodiscard]] msl::Target target() const;
  [[nodiscard]] bool is_cuda() const { return target() == msl::Target::Nvptx; }
  [[nodiscard]] Result<device::Artifact> compile(msl::SpecialisedKernel kernel, std::string_view label) const;
  /// Assembly on the CPU, PTX on NVIDIA.
  [[nodiscard]] Result<std::string> code_text(msl::SpecialisedKernel kernel, std::string_view label) const;

 private:
  std::optional<Device> device_;
  std::string architecture_;  ///< "sm_90" where there is no device
};

/// The specialised module as LLVM IR text.
Result<std::string> ir_text(const msl::SpecialisedKernel& kernel);

}  // namespace anymetal::cli
