#include "demo/demo.hpp"

#include "commands/command.hpp"
#include "commands/device_option.hpp"

namespace anymetal::cli {

namespace {

struct Options {
  DeviceArguments device;
  bool json = false;
};

Exit demo(const Options& options) {
  auto device = open_device(options.device);
  if (!device) return report(device.error(), options.json);
  return run_demo(*device, options.json);
}

}  // namespace

void add_demo(CLI::App& app, Action& action) {
  add_command<Options>(
      app, action, "demo", "Compile a handful of kernels from MSL, run them, check and time them; needs no file",
      [](CLI::App& command, Options& options) {
        add_device_option(command, options.device);
        command.add_flag("--json", options.json, "Print one JSON object");
      },
      demo);
}

}  // namespace anymetal::cli
