// Which devices there are, and how each is opened.

#include <anymetal/device.hpp>

#include "device/backend.hpp"
#include "device/cpu/cpu_backend.hpp"
#include "device/cuda/cuda_backend.hpp"
#include "observe/environment.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <memory>
#include <mutex>
#include <utility>

namespace anymetal {

namespace {

constexpr const char* kDeviceVariable = "ANYMETAL_DEVICE";

// All handles of the CPU share one thread pool for as long as any of them, or anything made by them, lives.
Result<std::shared_ptr<device::Backend>> open_cpu() {
  static std::mutex mutex;
  static std::weak_ptr<device::Backend> open;
  const std::lock_guard lock(mutex);
  if (auto backend = open.lock()) return backend;
  auto made = device::cpu::make_cpu_backend();
  if (made) open = *made;
  return made;
}

Result<std::shared_ptr<device::Backend>> open_backend(std::string_view id) {
  if (id == "cpu") return open_cpu();
  if (id == "cuda" || id.starts_with("cuda:")) return device::cuda::open_device(id);
  if (id == "metal") {
    return fail(ErrorCode::DeviceNotFound,
                "device 'metal' needs macOS; this build of anymetal runs kernels on 'cpu' and, with NVIDIA's driver, on 'cuda'");
  }
  return fail(ErrorCode::DeviceNotFound,
              fmt::format("there is no device '{}'; devices are 'cpu', 'cuda', 'cuda:N' and 'metal'", id.substr(0, 100)));
}

}  // namespace

Result<Device> Device::open(std::string_view id) {
  environment::check();
  auto backend = open_backend(id);
  if (!backend) return std::unexpected(backend.error().with_device(std::string(id.substr(0, 100))));
  return Device(std::move(*backend));
}

Result<Device> Device::system_default() {
  if (const char* wanted = std::getenv(kDeviceVariable); wanted != nullptr && *wanted != '\0') {
    auto device = open(wanted);
    if (!device) return std::unexpected(device.error().with_context(fmt::format("{}={}", kDeviceVariable, wanted)));
    return device;
  }
  for (const auto& info : device::cuda::list_devices()) {
    if (!info.usable) continue;
    if (auto device = open(info.id)) return device;
  }
  return open("cpu");
}

std::vector<DeviceInfo> Device::list() {
  std::vector<DeviceInfo> all;
  if (auto cpu = open_cpu()) {
    all.push_back((*cpu)->info());
  } else {
    DeviceInfo broken;
    broken.id = "cpu";
    broken.name = "CPU";
    broken.usable = false;
    broken.unusable_reason = cpu.error().message();
    all.push_back(std::move(broken));
  }
  for (auto& info : device::cuda::list_devices()) all.push_back(std::move(info));
  return all;
}

}  // namespace anymetal
