#pragma once
/// \file
/// The CUDA driver library, found and loaded at run time.

#include <anymetal/error.hpp>

#include "device/cuda/driver_api.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace anymetal::device::cuda {

/// Entry points of `libcuda.so.1`. Thread contract: immutable after load(); every call is safe from any thread.
class Driver {
 public:
  /// The process-wide driver: loaded and initialised once, kept until exit. DeviceNotFound says what is missing.
  /// `ANYMETAL_CUDA_DRIVER` names another library file.
  static Result<const Driver*> load();

#define ANYMETAL_CUDA_MEMBER(member, symbol, parameters) CUresult(*member) parameters = nullptr;
  ANYMETAL_CUDA_FUNCTIONS(ANYMETAL_CUDA_MEMBER)
  ANYMETAL_CUDA_NEWER_FUNCTIONS(ANYMETAL_CUDA_MEMBER)
#undef ANYMETAL_CUDA_MEMBER

  /// CUDA version the driver supports, e.g. 13000 for 13.0.
  [[nodiscard]] int version() const { return version_; }
  /// "CUDA_ERROR_ILLEGAL_ADDRESS (an illegal memory access was encountered)".
  [[nodiscard]] std::string describe(CUresult result) const;
  /// The Error for a failed call: OutOfMemory, DeviceLost for sticky faults, InternalError for the rest.
  [[nodiscard]] std::unexpected<Error> failure(CUresult result, std::string_view doing) const;

 private:
  static Result<const Driver*> open_library();
  int version_ = 0;
};

/// Turns the result of a driver call into a value and takes note of faults that end the device.
using CheckResult = std::function<Result<void>(CUresult, const char* doing)>;

/// Whether the fault leaves the context unusable (CUDA Driver API reference, CUresult).
bool is_sticky(CUresult result) noexcept;

}  // namespace anymetal::device::cuda
