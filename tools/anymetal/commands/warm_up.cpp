#include <fmt/format.h>

#include <anymetal/warm_up.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "commands/command.hpp"
#include "commands/device_option.hpp"
#include "model/gemma3.hpp"
#include "model/shipped_manifest.hpp"
#include "parts/interrupt.hpp"
#include "parts/statistics.hpp"
#include "run/wild_access.hpp"

namespace anymetal::cli {

namespace {

struct Options {
  std::vector<std::string> keys;
  std::string manifest;
  std::string model;
  DeviceArguments device;
  bool json = false;
};

class Shown final : public WarmUpProgress {
 public:
  bool on_pipeline(std::size_t done, std::size_t total, std::string_view key, const Error* error) override {
    note(fmt::format("[{}/{}] {}{}", done, total, key, error != nullptr ? ": " + error->message() : ""));
    return !interrupt_flag().load();
  }
};

Result<model::Gemma3> open_model(const std::string& path, KernelRegistry& registry, const Device& device) {
  const auto file = model::Gguf::open(path);
  if (!file) return std::unexpected(file.error());
  auto network = model::Gemma3::load(*file, registry, device);
  if (!network) return std::unexpected(network.error().with_context(fmt::format("'{}'", path)));
  return network;
}

Exit run(const Options& options) {
  if (options.keys.empty() && options.manifest.empty() && options.model.empty()) {
    return report_option(Error(ErrorCode::InvalidArgument, "nothing to compile: give keys, --manifest or --model"), options.json);
  }
  auto keys = options.keys;
  if (!options.manifest.empty()) {
    auto read = read_manifest(options.manifest);
    if (!read) return report(read.error(), options.json);
    keys.insert(keys.end(), read->begin(), read->end());
  }
  auto device = open_device(options.device);
  if (!device) return report(device.error(), options.json);
  KernelRegistry registry;
  if (options.device.threads != 0) registry.set_compile_threads(options.device.threads);
  std::optional<model::Gemma3> network;
  if (!options.model.empty()) {
    report_lost_file(options.model, options.json);
    auto opened = open_model(options.model, registry, *device);
    if (!opened) return report(opened.error(), options.json);
    network.emplace(std::move(*opened));
    const auto shipped = model::gemma3_manifest(*device);
    keys.insert(keys.end(), shipped.begin(), shipped.end());
  }
  Shown progress;
  const auto result = warm_up(registry, *device, keys, &progress);
  // What the file asks for beyond the shipped manifest: another block format, another window.
  if (network && !interrupt_flag().load()) {
    if (auto done = network->prepare(); !done) return report(done.error(), options.json);
  }
  const auto statistics = registry.statistics();
  if (options.json) {
    print_json({{"ready", result.ready},
                {"failed", result.errors.size()},
                {"compiled", statistics.compiles},
                {"from_disk", statistics.disk_hits},
                {"statistics", to_json(statistics)}});
  } else {
    fmt::print("{} pipelines ready: {} compiled, {} from disk; {} failed\n", registry.cached_count(), statistics.compiles,
               statistics.disk_hits, result.errors.size());
  }
  return result.errors.empty() ? Exit::Done : Exit::InputAtFault;
}

}  // namespace

void add_warm_up(CLI::App& app, Action& action) {
  add_command<Options>(
      app, action, "warm-up", "Compile pipelines ahead of time, into the disk cache",
      [](CLI::App& command, Options& options) {
        command.add_option("keys", options.keys, "Keys of pipelines, such as rms_norm_f32 or 'flash|200:b1|300:i4'");
        command.add_option("--manifest", options.manifest,
                           "File with one key per line, as a run with ANYMETAL_MANIFEST=FILE leaves it");
        command.add_option("--model", options.model, "Gemma 3 model file: everything a run of it asks for")->type_name("FILE.gguf");
        add_device_option(command, options.device);
        add_threads_option(command, options.device);
        command.add_flag("--json", options.json, "Print one JSON object");
      },
      run);
}

}  // namespace anymetal::cli
