#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <nlohmann/json.hpp>
#include <thread>

#include "code/compile_entries.hpp"
#include "code/declared_constants.hpp"
#include "code/emit.hpp"
#include "commands/command.hpp"
#include "device/backend.hpp"
#include "msl/constant_values.hpp"
#include "msl/parsed_source.hpp"
#include "parts/file.hpp"
#include "parts/number_option.hpp"
#include "parts/sarif.hpp"
#include "parts/source_options.hpp"
#include "parts/timing.hpp"

namespace anymetal::cli {

namespace {

struct Options {
  std::string file;
  std::vector<std::string> entries;
  bool all = false;
  std::string device = "cpu";
  std::string emit;
  bool json = false;
  std::string sarif;
  unsigned jobs = std::max(1U, std::thread::hardware_concurrency());
  SourceArguments source;
};

bool same(const std::vector<Diagnostic>& a, const std::vector<Diagnostic>& b) {
  return std::ranges::equal(a, b, [](const Diagnostic& x, const Diagnostic& y) {
    return x.file == y.file && x.line == y.line && x.column == y.column && x.message == y.message;
  });
}

std::vector<std::string> wanted_entries(const msl::ParsedSource& source, const Options& options) {
  if (!options.entries.empty()) return options.entries;
  return {source.entry_names().begin(), source.entry_names().end()};
}

/// Lines on standard error for work over a second: one that moves on a terminal, else one now and then.
class ProgressLine {
 public:
  explicit ProgressLine(std::size_t total) : total_(total), is_terminal_(::isatty(STDERR_FILENO) == 1) {}
  ~ProgressLine() {
    if (is_shown_ && is_terminal_) show("\r\x1b[K");
  }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void operator()(std::size_t done, std::size_t failed, const std::string& name) {
    const auto now = std::chrono::steady_clock::now();
    if (now - last_ < (is_terminal_ ? std::chrono::milliseconds(200) : std::chrono::seconds(5))) return;
    last_ = now;
    is_shown_ = true;
    const std::string line = fmt::format("{} of {} entries, {} failed: {}", done, total_, failed, name.substr(0, 60));
    show(is_terminal_ ? "\r\x1b[K" + line : line + '\n');
  }

 private:
  static void show(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); }

  std::size_t total_;
  bool is_terminal_;
  bool is_shown_ = false;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

std::vector<CompiledEntry> compile_all(const msl::ParsedSource& source, const Options& options, const Device& device,
                                       std::span<const FunctionConstant> constants) {
  const auto names = wanted_entries(source, options);
  ProgressLine line(names.size());
  const auto unset = options.entries.empty() ? UnsetConstants::AreAssumed : UnsetConstants::AreErrors;
  return compile_entries(source, names, device, constants, unset, options.jobs, std::ref(line));
}

/// Threads of a processor share its registers one after the other; those of a GPU have theirs each.
void print_table(const std::vector<CompiledEntry>& results, bool has_registers) {
  std::size_t width = 5;
  for (const CompiledEntry& r : results) width = std::max(width, std::min<std::size_t>(r.name.size(), 72));
  fmt::print("{:<{}}  {:<6} {:>10} {:>10} {}{:>8}  {}\n", "entry", width, "result", "ms", "code",
             has_registers ? "registers " : "", "stack", "runs as");
  for (const CompiledEntry& r : results) {
    if (!r.artifact) {
      fmt::print("{:<{}}  {:<6} {:>10.1f}\n", r.name, width, "failed", r.milliseconds());
      continue;
    }
    const std::string registers = r.resources.registers ? fmt::format("{}", *r.resources.registers) : "—";
    fmt::print("{:<{}}  {:<6} {:>10.1f} {:>10} {}{:>8}  {}{}\n", r.name, width, "ok", r.milliseconds(), r.code_bytes,
               has_registers ? fmt::format("{:>9} ", registers) : "", r.resources.stack_bytes,
               r.artifact->execution_path,
               (r.artifact->path_reason.empty() ? "" : fmt::format(" ({})", r.artifact->path_reason)) +
                   (r.assumed.value_or(1) == 1 ? "" : fmt::format("; unset constants are {}", *r.assumed)));
  }
  flush_output();
}

/// What a person wants to know at the end; the errors stand here, one place each.
void print_summary(const std::vector<CompiledEntry>& results, double milliseconds) {
  std::vector<Diagnostic> seen;
  std::size_t failed = 0;
  std::size_t assuming = 0;
  double entry = 0;
  double specialise = 0;
  double device = 0;
  for (const CompiledEntry& r : results) {
    entry += r.entry_milliseconds;
    specialise += r.specialise_milliseconds;
    device += r.device_milliseconds;
    if (r.assumed) ++assuming;
    if (r.artifact) continue;
    ++failed;
    const auto& diagnostics = r.artifact.error().diagnostics();
    if (diagnostics.empty() || !same(diagnostics, seen)) report(r.artifact.error());
    seen = diagnostics;
  }
  note(fmt::format(
      "{} of {} entries compiled in {:.1f} s (of all threads: entries {:.1f} s, specialising {:.1f} s, optimising and "
      "code {:.1f} s)",
      results.size() - failed, results.size(), milliseconds / 1000, entry / 1000, specialise / 1000, device / 1000));
  if (assuming != 0) {
    note(fmt::format("{} of them without values for function constants they read: these are 1 where the table says nothing else "
                     "(--constant NAME=VALUE gives one)",
                     assuming));
  }
}

nlohmann::ordered_json to_json(const CompiledEntry& result) {
  nlohmann::ordered_json object{
      {"name", result.name}, {"ok", result.artifact.has_value()}, {"milliseconds", result.milliseconds()}};
  object["stages"] = {{"entry", result.entry_milliseconds},
                      {"specialise", result.specialise_milliseconds},
                      {"device", result.device_milliseconds}};
  if (!result.artifact) {
    object["message"] = result.artifact.error().message();
    return object;
  }
  if (result.assumed) object["unset_constants_assumed"] = *result.assumed;
  object["execution_path"] = result.artifact->execution_path;
  if (!result.artifact->path_reason.empty()) object["path_reason"] = result.artifact->path_reason;
  object["code_bytes"] = result.code_bytes;
  object["stack_bytes"] = result.resources.stack_bytes;
  if (result.resources.registers) object["registers"] = *result.resources.registers;
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

/// Warnings of the source, then the errors of its entries.
std::vector<Diagnostic> all_diagnostics(const std::vector<CompiledEntry>& results,
                                        std::vector<Diagnostic> diagnostics) {
  for (const CompiledEntry& r : results) {
    if (r.artifact) continue;
    const Error& error = r.artifact.error();
    diagnostics.insert(diagnostics.end(), error.diagnostics().begin(), error.diagnostics().end());
    if (error.diagnostics().empty()) diagnostics.push_back({Severity::Error, {}, 0, 0, error.message(), {}});
  }
  return diagnostics;
}

void print_results(const std::vector<CompiledEntry>& results, const std::vector<Diagnostic>& diagnostics) {
  auto entries = nlohmann::ordered_json::array();
  for (const CompiledEntry& r : results) entries.push_back(to_json(r));
  print_json({{"entries", entries}, {"diagnostics", cli::to_json(diagnostics)}});
}

/// Puts the messages where the options want them; the exit code is `exit` unless that fails.
Exit write_sarif(const Options& options, const std::vector<Diagnostic>& diagnostics, Exit exit) {
  if (options.sarif.empty()) return exit;
  const std::string text =
      to_sarif(diagnostics).dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
  auto file = FileWriter::create(options.sarif);
  if (!file) return report(file.error());
  auto written = file->append(std::as_bytes(std::span(text)));
  if (written) written = file->finish();
  return written ? exit : report(written.error());
}

Result<std::string> emitted(const msl::ParsedSource& source, const std::string& name, const Options& options, const Device& device,
                            std::span<const FunctionConstant> constants) {
  const auto entry = source.entry(name, constants);
  if (!entry) return std::unexpected(entry.error());
  auto kernel = msl::specialise(**entry, constants);
  if (!kernel) return std::unexpected(kernel.error());
  return options.emit == "ir" ? ir_text(*kernel) : code_text(std::move(*kernel), device, name);
}

/// Text of one entry's code, or of each entry in turn: then function constants without a value are assumed as where nothing is printed.
Exit emit(const msl::ParsedSource& source, const Options& options, const Device& device,
          std::span<const FunctionConstant> constants) {
  for (const std::string& name : wanted_entries(source, options)) {
    auto text = emitted(source, name, options, device, constants);
    if (options.entries.empty() && !text && text.error().code() == ErrorCode::FunctionConstantError) {
      for (const std::uint8_t number : msl::kAssumedConstants) {
        text = emitted(source, name, options, device, msl::with_others(source.constants(), constants, number));
        if (!text) continue;
        note(fmt::format("{}: function constants without a value are {}", name, number));
        break;
      }
    }
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
  auto source_opts = source_options(options.source, options.file);
  const auto specs = constant_specs(options.source);
  if (!source_opts) return report_option(source_opts.error(), json);
  if (!specs) return report_option(specs.error(), json);

  const auto source =
      msl::ParsedSource::parse({options.file, *text, std::move(*source_opts), device->backend()->front_end_target()});
  if (!source) {
    const Exit exit = report_option(source.error());
    if (json) print_results({}, source.error().diagnostics());
    return write_sarif(options, source.error().diagnostics(), exit);
  }
  const auto constants = function_constants(*specs, (*source)->constants());
  if (!constants) return report_option(constants.error(), json);
  const std::vector<Diagnostic> warnings((*source)->warnings().begin(), (*source)->warnings().end());
  print_diagnostics(warnings);
  if (!options.emit.empty() && !json)
    return write_sarif(options, warnings, emit(**source, options, *device, *constants));

  if (wanted_entries(**source, options).empty()) note(fmt::format("{} declares no kernel", options.file));
  std::vector<CompiledEntry> results;
  const double milliseconds = measure([&] { results = compile_all(**source, options, *device, *constants); });
  const auto diagnostics = all_diagnostics(results, warnings);
  if (json)
    print_results(results, diagnostics);
  else
    print_table(results, device->backend()->front_end_target() == msl::Target::Nvptx);
  print_summary(results, milliseconds);
  const bool is_done = std::ranges::all_of(results, [](const CompiledEntry& r) { return r.artifact.has_value(); });
  return write_sarif(options, diagnostics, is_done ? Exit::Done : Exit::InputAtFault);
}

void declare(CLI::App& command, Options& options) {
  command.add_option("file", options.file, "MSL source")->type_name("FILE.metal")->required();
  auto* const entry =
      command.add_option("--entry", options.entries, "Compile this kernel only (may be repeated)")->type_name("NAME");
  command
      .add_flag("--all", options.all,
                "Compile every kernel and instantiation (what happens without --entry); function constants without a "
                "value are 1, or 4, 32 or 128 where a kernel does not compile with that")
      ->excludes(entry);
  command.add_option("--device", options.device, "cpu, cuda or cuda:sm_90 (no GPU needed)")->capture_default_str();
  command.add_option("--emit", options.emit, "Print code: ir, asm, ptx; or the result as json")
      ->check(CLI::IsMember({"ir", "asm", "ptx", "json"}));
  command.add_flag("--json", options.json, "The same as --emit json");
  command.add_option("--sarif", options.sarif, "Write the messages to this file as SARIF 2.1.0")->type_name("FILE");
  add_number_option(command, "--jobs", options.jobs, "Entries compiled at once", 1U, 1024U);
  add_source_options(command, options.source);
}

}  // namespace

void add_compile(CLI::App& app, Action& action) {
  add_command<Options>(app, action, "compile", "Compile the kernels of a file and say what came of it", declare,
                       compile);
}

}  // namespace anymetal::cli
