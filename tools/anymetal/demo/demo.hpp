#pragma once
/// \file
/// The demonstration: a handful of kernels compiled from MSL, run, checked against the host and timed.

#include <anymetal/device.hpp>

#include "parts/output.hpp"

namespace anymetal::cli {

/// Runs every case on `device` and prints a table (or one JSON object). InputAtFault where a result is wrong.
Exit run_demo(Device device, bool json);

}  // namespace anymetal::cli
