#pragma once
/// \file
/// The options that say how an MSL source is compiled, shared by `compile` and `run`.

#include <CLI/CLI.hpp>
#include <anymetal/error.hpp>
#include <anymetal/source_options.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "parts/constant_spec.hpp"

namespace anymetal::cli {

/// Raw texts as the parse of the command line leaves them.
struct SourceArguments {
  std::vector<std::string> include_directories;
  std::vector<std::string> defines;
  std::vector<std::string> constants;
  std::string standard = "metal4.0";
  std::string math_mode = "fast";
  std::vector<std::string> limits;
};

void add_source_options(CLI::App& command, SourceArguments& arguments);

/// For a source that is in `file`, beside which it finds what it includes; empty for none. Also sets the limits of every
/// compilation of this process.
Result<SourceOptions> source_options(const SourceArguments& arguments, const std::filesystem::path& file);
/// What `--constant` was given, each constant once.
Result<std::vector<ConstantSpec>> constant_specs(const SourceArguments& arguments);

}  // namespace anymetal::cli
