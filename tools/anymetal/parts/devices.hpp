#pragma once
/// \file
/// Which device a command means.

#include <anymetal/device.hpp>

#include <string>

namespace anymetal::cli {

/// The device named by `--device`, or the best one where the option was not given.
inline Result<Device> open_device(const std::string& id) {
  return id.empty() ? Device::system_default() : Device::open(id);
}

}  // namespace anymetal::cli
