#pragma once
/// \file
/// NVIDIA devices through the CUDA driver.

#include <anymetal/device.hpp>
#include <anymetal/error.hpp>

#include "device/backend.hpp"

#include <memory>
#include <string_view>
#include <vector>

namespace anymetal::device::cuda {

/// Every NVIDIA GPU of this machine, unusable ones with the reason; one unusable row where there is no driver.
std::vector<DeviceInfo> list_devices();

/// "cuda" or "cuda:N": the N-th GPU, kept open while the process lives. "cuda:sm_90": compiles for that architecture and
/// runs nothing. DeviceNotFound says what is missing and what to do.
Result<std::shared_ptr<Backend>> open_device(std::string_view id);

}  // namespace anymetal::device::cuda
