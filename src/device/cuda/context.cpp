#include "device/cuda/context.hpp"

#include "device/cuda/submission.hpp"

#include <fmt/format.h>

namespace anymetal::device::cuda {

namespace {

int attribute(const Driver& driver, DeviceAttribute which, CUdevice device) {
  int value = 0;
  return driver.device_get_attribute(&value, which, device) == kSuccess ? value : 0;
}

}  // namespace

Context::Context(const Driver& driver)
    : driver_(driver),
      streams_(driver, checker()),
      events_(driver, checker()),
      pinned_(driver, checker()) {}

CheckResult Context::checker() {
  return [this](CUresult result, const char* doing) { return check(result, doing); };
}

Result<DeviceInfo> describe_device(const Driver& driver, int ordinal) {
  CUdevice device = 0;
  if (CUresult r = driver.device_get(&device, ordinal); r != kSuccess) return driver.failure(r, "opening the GPU");
  DeviceInfo info;
  info.id = fmt::format("cuda:{}", ordinal);
  char name[256] = {};
  if (driver.device_get_name(name, sizeof name - 1, device) == kSuccess) info.name = name;
  driver.device_total_mem(&info.memory_bytes, device);
  info.compute_units = static_cast<unsigned>(attribute(driver, DeviceAttribute::MultiprocessorCount, device));
  const auto major = static_cast<unsigned>(attribute(driver, DeviceAttribute::ComputeCapabilityMajor, device));
  const auto minor = static_cast<unsigned>(attribute(driver, DeviceAttribute::ComputeCapabilityMinor, device));
  info.architecture = fmt::format("sm_{0}{1} (compute capability {0}.{1}), driver CUDA {2}.{3}", major, minor,
                                  driver.version() / 1000, driver.version() % 1000 / 10);
  info.has_tensor = major >= 8;
  if (auto architecture = Architecture::for_capability(major, minor, driver.version()); !architecture) {
    info.usable = false;
    info.unusable_reason = architecture.error().message();
  }
  return info;
}

Result<std::shared_ptr<Context>> Context::open(const Driver& driver, int ordinal) {
  std::shared_ptr<Context> context(new Context(driver));
  if (auto done = context->initialise(ordinal); !done) return std::unexpected(done.error());
  return context;
}

Result<void> Context::initialise(int ordinal) {
  auto info = describe_device(driver_, ordinal);
  if (!info) return std::unexpected(info.error());
  info_ = *std::move(info);
  if (!info_.usable) return fail(ErrorCode::DeviceNotFound, fmt::format("{} ({}): {}", info_.id, info_.name, info_.unusable_reason));
  if (auto done = check(driver_.device_get(&device_, ordinal), "opening the GPU"); !done) return done;
  auto architecture = Architecture::for_capability(
      static_cast<unsigned>(attribute(driver_, DeviceAttribute::ComputeCapabilityMajor, device_)),
      static_cast<unsigned>(attribute(driver_, DeviceAttribute::ComputeCapabilityMinor, device_)), driver_.version());
  if (!architecture) return std::unexpected(architecture.error());
  architecture_ = *std::move(architecture);
  shared_memory_limit_ = static_cast<std::size_t>(attribute(driver_, DeviceAttribute::MaxSharedMemoryPerBlockOptin, device_));
  if (auto done = check(driver_.primary_ctx_retain(&context_, device_), "creating the context of the GPU"); !done) return done;
  memory_.emplace(driver_, info_.memory_bytes / 16);
  const Scope scope(*this);
  return streams_.open();
}

Context::~Context() {
  if (context_ == nullptr) return;
  {
    const Scope scope(*this);
    streams_.drain();
    memory_->trim();
    pinned_.close();
    events_.close();
    streams_.close();
  }
  driver_.primary_ctx_release(device_);
}

Result<void> Context::check(CUresult result, std::string_view doing) {
  if (result == kSuccess) return {};
  auto failure = driver_.failure(result, doing);
  if (is_sticky(result)) {
    const std::lock_guard lock(fault_mutex_);
    if (fault_.empty()) {
      fault_ = failure.error().message() + running_beside(doing);
      failure = fail(ErrorCode::DeviceLost, fault_);
    }
    lost_.store(true, std::memory_order_release);
  }
  return std::unexpected(failure.error().with_device(info_.id));
}

void Context::add_running(const Submission& work) {
  const std::lock_guard lock(running_mutex_);
  running_.push_back(&work);
}

void Context::remove_running(const Submission& work) {
  const std::lock_guard lock(running_mutex_);
  std::erase(running_, &work);
}

std::string Context::running_beside(std::string_view known) {
  const std::lock_guard lock(running_mutex_);
  std::string text;
  for (const Submission* work : running_) {
    const std::string each = work->describe();
    if (!known.contains(each)) text += fmt::format("{}{}", text.empty() ? "; running meanwhile: " : ", ", each);
  }
  return text;
}

Result<void> Context::usable() const {
  if (!lost_.load(std::memory_order_acquire)) return {};
  const std::lock_guard lock(fault_mutex_);
  return std::unexpected(Error(ErrorCode::DeviceLost,
                               fmt::format("{} was lost by an earlier fault and takes no more work; restart the process. "
                                           "The fault: {}", info_.id, fault_))
                             .with_device(info_.id));
}

}  // namespace anymetal::device::cuda
