#pragma once
/// \file
/// The parts of `anymetal bench`.

#include <anymetal/device.hpp>
#include <nlohmann/json_fwd.hpp>

#include "ceilings/ceilings.hpp"
#include "commands/command.hpp"

namespace anymetal::cli {

void add_bench_model(CLI::App& bench, Action& action);
void add_bench_kernel(CLI::App& bench, Action& action);
void add_bench_dispatch(CLI::App& bench, Action& action);
void add_bench_ceilings(CLI::App& bench, Action& action);

nlohmann::ordered_json to_json(const anymetal::bench::Ceilings& ceilings);
/// One line for a person.
void print_ceilings(const anymetal::bench::Ceilings& ceilings);

}  // namespace anymetal::cli
