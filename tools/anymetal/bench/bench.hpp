#pragma once
/// \file
/// The parts of `anymetal bench`.

#include <anymetal/device.hpp>
#include <nlohmann/json_fwd.hpp>

#include "ceilings/ceilings.hpp"
#include "commands/command.hpp"
#include "commands/device_option.hpp"

namespace anymetal::cli {

void add_bench_model(CLI::App& bench, Action& action);
void add_bench_kernel(CLI::App& bench, Action& action);
void add_bench_dispatch(CLI::App& bench, Action& action);
void add_bench_ceilings(CLI::App& bench, Action& action);

/// `--repeat`: how often something is measured.
void add_repeat_option(CLI::App& command, unsigned& repeat);
/// `--device`, `--threads` and `--json`.
void add_run_options(CLI::App& command, DeviceArguments& device, bool& json);

nlohmann::ordered_json to_json(const anymetal::bench::Ceilings& ceilings);
/// One line for a person.
void print_ceilings(const anymetal::bench::Ceilings& ceilings);

}  // namespace anymetal::cli
