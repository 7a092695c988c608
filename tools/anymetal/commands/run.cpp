#include <fmt/format.h>

#include <anymetal/anymetal.hpp>
#include <chrono>
#include <nlohmann/json.hpp>
#include <set>

#include "code/declared_constants.hpp"
#include "code/parsed_once.hpp"
#include "commands/command.hpp"
#include "commands/device_option.hpp"
#include "device/backend.hpp"
#include "parts/file.hpp"
#include "parts/number_option.hpp"
#include "parts/source_options.hpp"
#include "parts/statistics.hpp"
#include "registry/default_store.hpp"
#include "run/run_request.hpp"

namespace anymetal::cli {

namespace {

struct Options {
  std::string file;
  std::string entry;
  std::string kernel;
  DeviceArguments device;
  std::vector<std::string> buffers;
  std::vector<std::string> bytes;
  std::vector<std::string> threadgroup_memory;
  std::vector<std::string> dumps;
  std::string grid;
  std::string threads;
  std::string group = "1";
  unsigned repeat = 0;
  unsigned timeout = 0;
  bool json = false;
  SourceArguments source;
};

/// Parses each text and appends the value; the first that does not parse ends it.
template <class T>
Result<void> parse_all(const std::vector<std::string>& texts, Result<T> (*parse)(std::string_view),
                       std::vector<T>& out) {
  for (const std::string& text : texts) {
    auto value = parse(text);
    if (!value) return std::unexpected(value.error());
    out.push_back(std::move(*value));
  }
  return {};
}

/// Every argument is given once: of two buffers the kernel would see one and --dump might take the other.
Result<void> check_indices(const RunRequest& request) {
  std::set<unsigned> given;
  const auto insert = [&](const char* option, unsigned index) -> Result<void> {
    if (given.insert(index).second) return {};
    return fail(ErrorCode::InvalidArgument, fmt::format("{} {}: the argument is given twice", option, index));
  };
  Result<void> done;
  for (const BufferSpec& buffer : request.buffers) {
    if (done) done = insert("--buffer", buffer.index);
  }
  for (const BytesSpec& bytes : request.bytes) {
    if (done) done = insert("--bytes", bytes.index);
  }
  given.clear();  // threadgroup memory has a table of its own
  for (const ThreadgroupMemorySpec& memory : request.threadgroup_memory) {
    if (done) done = insert("--threadgroup-memory", memory.index);
  }
  return done;
}

Result<RunRequest> request_from(const Options& options) {
  RunRequest request;
  request.repeat = options.repeat;
  request.timeout = std::chrono::seconds(options.timeout);
  request.json = options.json;
  const auto set_size = [](const std::string& text, Size& out) -> Result<void> {
    auto size = parse_size(text);
    if (!size) return std::unexpected(size.error());
    out = *size;
    return {};
  };
  const Result<void> parts[] = {
      set_size(options.group, request.group),
      options.grid.empty() ? Result<void>{} : set_size(options.grid, request.grid.emplace()),
      options.threads.empty() ? Result<void>{} : set_size(options.threads, request.threads.emplace()),
      parse_all(options.buffers, parse_buffer, request.buffers),
      parse_all(options.bytes, parse_bytes, request.bytes),
      parse_all(options.threadgroup_memory, parse_threadgroup_memory, request.threadgroup_memory),
      parse_all(options.dumps, parse_dump, request.dumps),
  };
  for (const Result<void>& part : parts) {
    if (!part) return std::unexpected(part.error());
  }
  if (!request.grid && !request.threads)
    return fail(ErrorCode::InvalidArgument, "--grid and --threads: expected X, XxY or XxYxZ, e.g. 4x1x1");
  if (auto consistent = check_indices(request); !consistent) return std::unexpected(consistent.error());
  return request;
}

/// Constants without a type have that which the file declares.
Result<std::vector<FunctionConstant>> constants_for(std::span<const ConstantSpec> specs, const Options& options,
                                                    const SourceOptions& source, const Device& device,
                                                    const registry::Compiler& compiler) {
  if (!lacks_a_type(specs)) return function_constants(specs, {});
  if (options.file.empty()) {
    return fail(ErrorCode::InvalidArgument, "--constant of a built-in kernel: expected INDEX=TYPE:VALUE or NAME=TYPE:VALUE, e.g. 100=int:4");
  }
  const auto text = read_file(options.file);
  if (!text) return std::unexpected(text.error());
  const auto parsed = compiler.parse({options.file, *text, source, device.backend()->front_end_target()});
  if (!parsed) return std::unexpected(parsed.error());
  return function_constants(specs, (*parsed)->constants());
}

/// The pipeline of a built-in kernel, or of an entry of the user's file.
Result<PipelinePtr> pipeline_for(KernelRegistry& registry, const Options& options, const SourceOptions& source,
                                 std::span<const FunctionConstant> constants, const Device& device) {
  if (options.file.empty()) return registry.get_pipeline_with_constants(options.kernel, device, constants);
  const auto text = read_file(options.file);
  if (!text) return std::unexpected(text.error());
  registry.register_source(options.entry, *text, source);
  return registry.get_pipeline_with_constants(options.entry, device, constants);
}

void print_result(const Options& options, const Device& device, const KernelRegistry& registry,
                  const ComputePipeline& pipeline, double compile, const RunOutcome& outcome) {
  if (!options.json) {
    note(fmt::format("{} on {}: compiled in {:.1f} ms, ran in {:.3f} ms", pipeline.label(), device.name(), compile,
                     outcome.first_milliseconds));
    if (outcome.repeated) {
      const Timing& t = *outcome.repeated;
      fmt::print("{} runs: median {:.4f} ms, spread {:.4f}, minimum {:.4f}, maximum {:.4f}\n", options.repeat, t.median,
                 t.spread, t.minimum, t.maximum);
    }
    return;
  }
  nlohmann::ordered_json object{{"label", pipeline.label()},
                                {"device", device.info().id},
                                {"execution_path", pipeline.execution_path()},
                                {"compile_milliseconds", compile},
                                {"first_run_milliseconds", outcome.first_milliseconds},
                                {"repeat", options.repeat},
                                {"dumps", options.dumps},
                                {"statistics", to_json(registry.statistics())}};
  if (outcome.repeated) object["milliseconds"] = to_json(*outcome.repeated);
  if (!pipeline.diagnostics().empty()) {
    object["diagnostics"] = to_json(std::vector(pipeline.diagnostics().begin(), pipeline.diagnostics().end()));
  }
  print_json(object);
}

Exit run_kernel(const Options& options) {
  const auto request = request_from(options);
  if (!request) return report_option(request.error(), options.json);
  auto source = source_options(options.source, options.file);
  if (!source) return report_option(source.error(), options.json);
  source->file_name = options.file;
  const auto specs = constant_specs(options.source);
  if (!specs) return report_option(specs.error(), options.json);
  auto device = open_device(options.device);
  if (!device) return report(device.error(), options.json);
  const auto compiler = std::make_shared<const ParsedOnce>(registry::make_clang_compiler());
  const auto constants = constants_for(*specs, options, *source, *device, *compiler);
  if (!constants) return report_option(constants.error(), options.json);

  KernelRegistry registry(compiler, registry::open_store({}));
  Result<PipelinePtr> pipeline{nullptr};
  const double compile = measure([&] { pipeline = pipeline_for(registry, options, *source, *constants, *device); });
  if (!pipeline) return report_option(pipeline.error(), options.json);
  print_diagnostics({(*pipeline)->diagnostics().begin(), (*pipeline)->diagnostics().end()});

  const auto outcome = execute(*device, *pipeline, *request);
  if (!outcome) return report(outcome.error(), options.json);
  print_result(options, *device, registry, **pipeline, compile, *outcome);
  return Exit::Done;
}

void declare(CLI::App& command, Options& options) {
  const auto list = [&](const char* name, std::vector<std::string>& values, const char* help, const char* form) {
    return command.add_option(name, values, help)->type_name(form)->allow_extra_args(false);
  };
  CLI::App& source = *command.add_option_group("Kernel", "One of");
  auto* const file = source.add_option("file", options.file, "MSL source, with --entry")->type_name("FILE.metal");
  source.add_option("--kernel", options.kernel, "Built-in kernel")->type_name("NAME");
  source.require_option(1);
  auto* const entry = command.add_option("--entry", options.entry, "Kernel of the file")->type_name("NAME");
  file->needs(entry);
  entry->needs(file);
  add_device_option(command, options.device);
  list("--buffer", options.buffers,
       "Content of [[buffer(IDX)]]: x.npy, zeros:f32:1024 or random:f32:1024, each with +OFFSET in bytes if wanted",
       "IDX=SOURCE");
  list("--bytes", options.bytes, "Small constant argument: 3=u32:7, 3=f32:1,2,3 or 4=@params.bin", "IDX=VALUE");
  list("--threadgroup-memory", options.threadgroup_memory, "Length of [[threadgroup(IDX)]]", "IDX=BYTES");
  CLI::App& extent = *command.add_option_group("Extent", "One of");
  extent.add_option("--grid", options.grid, "Threadgroups to run, e.g. 4x1x1")->type_name("XxYxZ");
  extent.add_option("--threads", options.threads, "Threads to run; edge threadgroups are clipped")->type_name("XxYxZ");
  extent.require_option(1);
  command.add_option("--group", options.group, "Threads in a threadgroup")->type_name("XxYxZ")->capture_default_str();
  list("--dump", options.dumps, "Where a buffer goes after the first run", "IDX=FILE.npy");
  add_number_option(command, "--repeat", options.repeat, "Run that many more times and say how long one run takes", 0U,
                    1'000'000U);
  add_number_option(command, "--timeout", options.timeout,
                    "Seconds after which a kernel that still runs is an error; 0 for no limit", 0U, 1'000'000U);
  command.add_flag("--json", options.json, "Print one JSON object");
  add_source_options(command, options.source);
}

}  // namespace

void add_run(CLI::App& app, Action& action) {
  CLI::App& command =
      add_command<Options>(app, action, "run", "Run one kernel once, with arrays from .npy files", declare, run_kernel);
  command.footer(
      "Example: anymetal run add.metal --entry add --buffer 0=a.npy --buffer 1=b.npy --buffer 2=zeros:f32:1000\n"
      "           --threads 1000 --group 256 --dump 2=sum.npy\n"
      "bfloat16 travels as u16 bits. What the kernel accesses outside its buffers is an error: on the CPU device every\n"
      "access from the end on, rounded up to 16 bytes, elsewhere what it writes within 256 bytes of a buffer.");
}

}  // namespace anymetal::cli
