#pragma once
/// \file
/// Which device a command means.

#include <CLI/CLI.hpp>
#include <anymetal/device.hpp>
#include <cstddef>
#include <string>

#include "model/gemma3.hpp"

namespace anymetal::cli {

struct DeviceArguments {
  std::string id;        ///< empty: the best there is
  unsigned threads = 0;  ///< of the CPU; 0: all this process may use
};

void add_device_option(CLI::App& command, DeviceArguments& arguments);
void add_threads_option(CLI::App& command, DeviceArguments& arguments);
/// `--batch` and `--cache`, of a command that runs a model.
void add_model_options(CLI::App& command, model::Gemma3Options& options);

/// DeviceNotFound says why it cannot be had and what to do.
Result<Device> open_device(const DeviceArguments& arguments);

}  // namespace anymetal::cli
