#include <fmt/format.h>

#include <anymetal/warm_up.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "commands/command.hpp"
#include "commands/device_option.hpp"

namespace anymetal::cli {

namespace {

struct Options {
  std::vector<std::string> keys;
  std::string manifest;
  DeviceArguments device;
  bool json = false;
};

class Shown final : public WarmUpProgress {
 public:
  bool on_pipeline(std::size_t done, std::size_t total, std::string_view key, const Error* error) override {
    fmt::print(stderr, "[{}/{}] {}{}\n", done, total, key, error != nullptr ? ": " + error->message() : "");
    return true;
  }
};

Exit run(const Options& options) {
  auto keys = options.keys;
  if (!options.manifest.empty()) {
    auto read = read_manifest(options.manifest);
    if (!read) {
      fmt::print(stderr, "anymetal: {}\n", read.error().message());
      return Exit::InputAtFault;
    }
    keys.insert(keys.end(), read->begin(), read->end());
  }
  auto device = open_device(options.device);
  if (!device) {
    fmt::print(stderr, "anymetal: {}\n", device.error().message());
    return Exit::NoSuchDevice;
  }
  KernelRegistry registry;
  Shown progress;
  const auto result = warm_up(registry, *device, keys, &progress, options.device.threads);
  const auto statistics = registry.statistics();
  if (options.json) {
    print_json({{"ready", result.ready},
                {"failed", result.errors.size()},
                {"compiled", statistics.compiles},
                {"from_disk", statistics.disk_hits}});
  } else {
    fmt::print("{} pipelines ready: {} compiled, {} from disk; {} failed\n", result.ready, statistics.compiles,
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
        add_device_option(command, options.device);
        add_threads_option(command, options.device);
        command.add_flag("--json", options.json, "Print one JSON object");
      },
      run);
}

}  // namespace anymetal::cli
