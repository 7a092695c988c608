#include "commands/device_option.hpp"

#include <cstdlib>

#include "parts/number_option.hpp"

namespace anymetal::cli {

void add_device_option(CLI::App& command, DeviceArguments& arguments) {
  command.add_option("--device", arguments.id, "cpu, cuda, cuda:1 ... (default: the best there is)")->type_name("D");
}

void add_threads_option(CLI::App& command, DeviceArguments& arguments) {
  add_number_option(command, "--threads", arguments.threads, "CPU threads (default: all this process may use)", 1U,
                    1024U)
      ->default_str("");
}

void add_model_options(CLI::App& command, model::Gemma3Options& options) {
  add_number_option<std::size_t>(command, "--batch", options.batch, "Prompt tokens that go through the layers together",
                                 1, 4096);
  command
      .add_option_function<std::string>(
          "--cache",
          [&options](const std::string& type) { options.cache = type == "f16" ? ops::DType::F16 : ops::DType::F32; },
          "Keys and values of the context as f32 (default) or f16, half as large")
      ->type_name("f32|f16")
      ->check(CLI::IsMember({"f32", "f16"}).description(""));
}

Result<Device> open_device(const DeviceArguments& arguments) {
  if (arguments.threads != 0) ::setenv("ANYMETAL_THREADS", std::to_string(arguments.threads).c_str(), 1);
  return arguments.id.empty() ? Device::system_default() : Device::open(arguments.id);
}

}  // namespace anymetal::cli
