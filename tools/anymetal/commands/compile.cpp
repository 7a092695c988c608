#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "code/emit.hpp"
#include "commands/command.hpp"
#include "device/backend.hpp"
#include "msl/parsed_source.hpp"
#include "parts/file.hpp"
#include "parts/source_options.hpp"
#include "parts/timing.hpp"

namespace anymetal::cli {

namespace {

struct Options {
  std::string file;
  std::string entry;
  bool all = false;
  std::string device = "cpu";
  std::string emit;
  bool json = false;
  SourceArguments source;
};

/// What became of one entry.
struct Compiled {
  std::string name;
  double milliseconds = 0;
  Result<device::Artifact> artifact;
};

std::vector<std::string> wanted_entries(const msl::ParsedSource& source, const Options& options) {
  if (!options.entry.empty()) return {options.entry};
  return {source.entry_names().begin(), source.entry_names().end()};
}

Result<device::Artifact> compile_entry(const msl::ParsedSource& source, const std::string& name, const Device& device,
                                       std::span<const FunctionConstant> constants) {
  const auto entry = source.entry(name);
  if (!entry) return std::unexpected(entry.error());
  auto kernel = msl::specialise(**entry, constants);
  if (!kernel) return std::unexpected(kernel.error());
  return device.backend()->compile(std::move(*kernel), name);
}

std::vector<Compiled> compile_all(const msl::ParsedSource& source, const Options& options, const Device& device,
                                  std::span<const FunctionConstant> constants) {
  std::vector<Compiled> results;
  for (const std::string& name : wanted_entries(source, options)) {
    Compiled& result = results.emplace_back(name, 0.0, device::Artifact{});
    result.milliseconds = measure([&] { result.artifact = compile_entry(source, name, device, constants); });
  }
  return results;
}

void print_table(const std::vector<Compiled>& results) {
  for (const Compiled& r : results) {
    if (r.artifact) {
      fmt::print("{:<48} ok      {:>8.1f} ms {:>8} bytes  {}{}\n", r.name, r.milliseconds, r.artifact->code.size(),
                 r.artifact->execution_path,
                 r.artifact->path_reason.empty() ? "" : fmt::format(" ({})", r.artifact->path_reason));
    } else {
      fmt::print("{:<48} failed  {:>8.1f} ms\n", r.name, r.milliseconds);
      report(r.artifact.error());
    }
  }
  const auto failed = std::ranges::count_if(results, [](const Compiled& r) { return !r.artifact; });
  note(fmt::format("{} of {} entries compiled", results.size() - static_cast<std::size_t>(failed), results.size()));
}

nlohmann::ordered_json to_json(const Compiled& result) {
  nlohmann::ordered_json object{
      {"name", result.name}, {"ok", result.artifact.has_value()}, {"milliseconds", result.milliseconds}};
  if (!result.artifact) {
    object["message"] = result.artifact.error().message();
    return object;
  }
  object["execution_path"] = result.artifact->execution_path;
  if (!result.artifact->path_reason.empty()) object["path_reason"] = result.artifact->path_reason;
  object["code_bytes"] = result.artifact->code.size();
  object["static_threadgroup_memory"] = result.artifact->reflection.static_threadgroup_memory;
  auto arguments = nlohmann::ordered_json::array();
  for (const Argument& a : result.artifact->reflection.arguments) {
    arguments.push_back({{"name", a.name},
                         {"kind", a.kind == ArgumentKind::Buffer ? "buffer" : "threadgroup"},
                         {"index", a.index},
                         {"type", a.type},
                         {"access", a.access == Access::Read ? "read" : "read_write"}});
  }
  object["arguments"] = std::move(arguments);
  return object;
}

Exit finish_json(const std::vector<Compiled>& results, std::vector<Diagnostic> diagnostics) {
  auto entries = nlohmann::ordered_json::array();
  Exit exit = Exit::Done;
  for (const Compiled& r : results) {
    entries.push_back(to_json(r));
    if (r.artifact) continue;
    exit = Exit::InputAtFault;
    const auto& more = r.artifact.error().diagnostics();
    diagnostics.insert(diagnostics.end(), more.begin(), more.end());
  }
  print_json({{"entries", entries}, {"diagnostics", cli::to_json(diagnostics)}});
  return exit;
}

/// Text of one entry's code, or of each entry in turn.
Exit emit(const msl::ParsedSource& source, const Options& options, const Device& device,
          std::span<const FunctionConstant> constants) {
  for (const std::string& name : wanted_entries(source, options)) {
    const auto entry = source.entry(name);
    if (!entry) return report(entry.error());
    auto kernel = msl::specialise(**entry, constants);
    if (!kernel) return report(kernel.error());
    const auto text = options.emit == "ir" ? ir_text(*kernel) : code_text(std::move(*kernel), device, name);
    if (!text) return report(text.error());
    fmt::print("{}", *text);
  }
  return Exit::Done;
}

Exit compile(const Options& options) {
  const bool json = options.json || options.emit == "json";
  const auto device = Device::open(options.device);
  if (!device) return report(device.error(), json);
  if (options.emit == "ptx" && device->backend()->front_end_target() != msl::Target::Nvptx) {
    return report_option(Error(ErrorCode::InvalidArgument, "--emit ptx needs --device cuda or cuda:sm_90"));
  }
  const auto text = read_file(options.file);
  if (!text) return report(text.error(), json);
  auto source_opts = source_options(options.source);
  const auto constants = function_constants(options.source);
  if (!source_opts) return report_option(source_opts.error(), json);
  if (!constants) return report_option(constants.error(), json);

  const auto source =
      msl::ParsedSource::parse({options.file, *text, std::move(*source_opts), device->backend()->front_end_target()});
  if (!source) {
    if (!json) return report(source.error());
    note(source.error().message());
    return finish_json({}, source.error().diagnostics()), Exit::InputAtFault;
  }
  const std::vector<Diagnostic> warnings((*source)->warnings().begin(), (*source)->warnings().end());
  print_diagnostics(warnings);
  if (!options.emit.empty() && !json) return emit(**source, options, *device, *constants);

  const auto results = compile_all(**source, options, *device, *constants);
  if (json) return finish_json(results, warnings);
  print_table(results);
  return std::ranges::all_of(results, [](const Compiled& r) { return r.artifact.has_value(); }) ? Exit::Done
                                                                                                : Exit::InputAtFault;
}

void declare(CLI::App& command, Options& options) {
  command.add_option("file", options.file, "MSL source")->type_name("FILE.metal")->required();
  auto* const entry = command.add_option("--entry", options.entry, "Compile this kernel only")->type_name("NAME");
  command.add_flag("--all", options.all, "Compile every kernel and instantiation (what happens without --entry)")
      ->excludes(entry);
  command.add_option("--device", options.device, "cpu, cuda or cuda:sm_90 (no GPU needed)")->capture_default_str();
  command.add_option("--emit", options.emit, "Print code: ir, asm, ptx; or the result as json")
      ->check(CLI::IsMember({"ir", "asm", "ptx", "json"}));
  command.add_flag("--json", options.json, "The same as --emit json");
  add_source_options(command, options.source);
}

}  // namespace

void add_compile(CLI::App& app, Action& action) {
  add_command<Options>(app, action, "compile", "Compile the kernels of a file and say what came of it", declare,
                       compile);
}

}  // namespace anymetal::cli
