#include <fmt/format.h>

#include <anymetal/device.hpp>
#include <nlohmann/json.hpp>

#include "commands/command.hpp"

namespace anymetal::cli {

namespace {

struct Options {
  bool json = false;
};

constexpr double kGibibyte = 1024.0 * 1024.0 * 1024.0;

Exit list_devices(const Options& options) {
  const auto devices = Device::list();
  if (options.json) {
    auto array = nlohmann::ordered_json::array();
    for (const DeviceInfo& d : devices) {
      nlohmann::ordered_json entry{{"id", d.id},
                                   {"name", d.name},
                                   {"architecture", d.architecture},
                                   {"memory_bytes", d.memory_bytes},
                                   {"compute_units", d.compute_units},
                                   {"has_tensor", d.has_tensor},
                                   {"usable", d.usable}};
      if (!d.usable) entry["reason"] = d.unusable_reason;
      array.push_back(std::move(entry));
    }
    print_json({{"devices", array}});
    return Exit::Done;
  }
  for (const DeviceInfo& d : devices) {
    if (!d.usable) {
      fmt::print("{:<8} not usable: {}\n", d.id, d.unusable_reason);
      continue;
    }
    fmt::print("{:<8} {}\n{:<8} {}, {} compute units, {:.1f} GiB{}\n", d.id, d.name, "", d.architecture,
               d.compute_units, static_cast<double>(d.memory_bytes) / kGibibyte,
               d.has_tensor ? ", tensor kernels" : "");
  }
  return Exit::Done;
}

}  // namespace

void add_devices(CLI::App& app, Action& action) {
  add_command<Options>(
      app, action, "devices", "List the devices kernels can run on, and why others cannot be used",
      [](CLI::App& command, Options& options) { command.add_flag("--json", options.json, "Print one JSON object"); },
      list_devices);
}

}  // namespace anymetal::cli
