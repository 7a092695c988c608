#pragma once
/// \file
/// Which device a command means.

#include <CLI/CLI.hpp>
#include <anymetal/device.hpp>
#include <cstddef>
#include <string>

namespace anymetal::cli {

struct DeviceArguments {
  std::string id;        ///< empty: the best there is
  unsigned threads = 0;  ///< of the CPU; 0: all this process may use
};

void add_device_option(CLI::App& command, DeviceArguments& arguments);
void add_threads_option(CLI::App& command, DeviceArguments& arguments);
/// `--batch`, of a command that runs a model.
void add_batch_option(CLI::App& command, std::size_t& batch);

/// DeviceNotFound says why it cannot be had and what to do.
Result<Device> open_device(const DeviceArguments& arguments);

}  // namespace anymetal::cli
