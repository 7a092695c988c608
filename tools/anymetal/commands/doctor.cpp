#include <fmt/format.h>
#include <llvm/Config/llvm-config.h>

#include <algorithm>
#include <anymetal/anymetal.hpp>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "commands/command.hpp"
#include "demo/demo.hpp"
#include "parts/model_path.hpp"

namespace anymetal::cli {

namespace {

struct Options {
  bool run = false;
  bool json = false;
};

/// One thing looked at: how it stands and, where it is not well, what to do.
struct Finding {
  std::string what;
  bool ok = true;
  std::string detail;
};

Finding device_finding(const DeviceInfo& device) {
  return {fmt::format("device {}", device.id), device.usable,
          device.usable ? fmt::format("{}, {}, {:.1f} GiB", device.name, device.architecture,
                                      static_cast<double>(device.memory_bytes) / (1024.0 * 1024.0 * 1024.0))
                        : device.unusable_reason};
}

/// Compiles and runs one small kernel: the whole way from text to a result.
Finding compile_finding() {
  const std::string what = "compile and run a kernel";
  KernelRegistry registry;
  registry.register_source("doctor_answer", R"(#include <metal_stdlib>
kernel void doctor_answer(device int* out [[buffer(0)]]) { out[0] = 42; })");
  auto device = Device::system_default();
  if (!device) return {what, false, device.error().message()};
  auto pipeline = registry.get_pipeline("doctor_answer", *device);
  if (!pipeline) return {what, false, pipeline.error().message()};
  auto buffer = device->make_buffer(sizeof(int));
  auto encoder = device->make_command_encoder();
  if (!buffer || !encoder) return {what, false, "no memory on the device"};
  encoder->set_pipeline(*pipeline);
  encoder->set_buffer(0, *buffer);
  encoder->dispatch_threads({1}, {1});
  if (auto done = encoder->commit_and_wait(); !done) return {what, false, done.error().message()};
  int answer = 0;
  if (auto done = buffer->read(std::as_writable_bytes(std::span(&answer, 1))); !done || answer != 42) {
    return {what, false, "the kernel's result is wrong; please report this"};
  }
  return {what, true, fmt::format("on {}", device->name())};
}

Finding model_finding() {
  const auto path = default_model_path();
  std::error_code ignored;
  if (std::filesystem::is_regular_file(path, ignored)) return {"model gemma3-270m", true, path.string()};
  return {"model gemma3-270m", true, "not fetched; `anymetal fetch gemma3-270m` downloads 253 MB"};
}

std::vector<Finding> examine() {
  std::vector<Finding> findings{{"compiler", true, "Clang and LLVM " LLVM_VERSION_STRING ", in process"}};
  for (const DeviceInfo& device : Device::list()) findings.push_back(device_finding(device));
  const char* override_id = std::getenv("ANYMETAL_DEVICE");
  findings.push_back({"ANYMETAL_DEVICE", true, override_id != nullptr ? override_id : "not set"});
  findings.push_back({"built-in kernels", true, fmt::format("{}", KernelRegistry().names().size())});
  findings.push_back(compile_finding());
  findings.push_back(model_finding());
  return findings;
}

Exit doctor(const Options& options) {
  const auto findings = examine();
  // A device that is absent is no fault of this machine: what counts is that the way through works.
  const bool works =
      std::ranges::all_of(findings, [](const Finding& f) { return f.ok || f.what.starts_with("device "); });
  if (options.json) {
    auto array = nlohmann::ordered_json::array();
    for (const Finding& f : findings) array.push_back({{"what", f.what}, {"ok", f.ok}, {"detail", f.detail}});
    print_json({{"ok", works}, {"findings", array}});
    return works ? Exit::Done : Exit::InputAtFault;
  }
  for (const Finding& f : findings) fmt::print("{:<4} {:<26} {}\n", f.ok ? "ok" : "--", f.what, f.detail);
  if (!works) return Exit::InputAtFault;
  if (!options.run) return Exit::Done;
  auto device = Device::system_default();
  if (!device) return report(device.error());
  fmt::print("\n");
  return run_demo(*device, false);
}

}  // namespace

void add_doctor(CLI::App& app, Action& action) {
  add_command<Options>(
      app, action, "doctor", "Say what works on this machine, what does not, and what to do about it",
      [](CLI::App& command, Options& options) {
        command.add_flag("--run", options.run, "Also run the demonstration")
            ->excludes(command.add_flag("--json", options.json, "Print one JSON object"));
      },
      doctor);
}

}  // namespace anymetal::cli
