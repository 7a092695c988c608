#pragma once
/// \file
/// A device without a compiler: counts what it is asked for and keeps what it was told to execute.

#include <anymetal/device.hpp>

#include "device/backend.hpp"

#include <atomic>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace anymetal::testing {

class FakeMemory final : public device::Memory {
 public:
  explicit FakeMemory(std::size_t bytes) : bytes_(bytes) {}
  std::size_t size() const override { return bytes_.size(); }
  std::byte* contents() override { return bytes_.data(); }
  Result<void> write(std::span<const std::byte> bytes, std::size_t offset) override {
    if (!bytes.empty()) std::memcpy(bytes_.data() + offset, bytes.data(), bytes.size());
    return {};
  }
  Result<void> read(std::span<std::byte> bytes, std::size_t offset) const override {
    if (!bytes.empty()) std::memcpy(bytes.data(), bytes_.data() + offset, bytes.size());
    return {};
  }

 private:
  std::vector<std::byte> bytes_;
};

class FakeExecutable final : public device::Executable {
 public:
  explicit FakeExecutable(std::size_t limit) : limit_(limit) {}
  std::size_t max_total_threads_per_threadgroup() const override { return limit_; }

 private:
  std::size_t limit_;
};

/// Set the public members before the device is used.
class FakeBackend final : public device::Backend {
 public:
  explicit FakeBackend(std::string id = "fake") {
    info_.id = id;
    info_.name = "Fake device " + id;
  }

  const DeviceInfo& info() const override { return info_; }
  msl::Target front_end_target() const override { return target; }
  std::string artifact_identity() const override { return identity; }
  Result<device::Artifact> compile(msl::SpecialisedKernel, std::string_view) const override {
    return fail(ErrorCode::InternalError, "the fake device compiles nothing");
  }
  Result<std::shared_ptr<const device::Executable>> load(const device::Artifact& artifact, std::string_view) override {
    ++loads;
    if (on_load) {
      if (auto ok = on_load(artifact); !ok) return std::unexpected(ok.error());
    }
    return std::make_shared<const FakeExecutable>(thread_limit);
  }
  Result<std::shared_ptr<const device::Executable>> load_with_forms(const device::Artifact& artifact, std::string_view label,
                                                                    std::shared_ptr<device::FormStore> store) override {
    {
      const std::scoped_lock lock(forms_mutex);  // several threads load at once
      forms = std::move(store);
    }
    return load(artifact, label);
  }
  Result<std::shared_ptr<device::Memory>> allocate(std::size_t bytes) override {
    if (bytes > memory_limit) return fail(ErrorCode::OutOfMemory, "the fake device is full");
    return std::make_shared<FakeMemory>(bytes);
  }
  Result<std::shared_ptr<device::Memory>> wrap(std::span<const std::byte> bytes, std::shared_ptr<const void>) override {
    auto memory = std::make_shared<FakeMemory>(bytes.size());
    (void)memory->write(bytes, 0);
    return memory;
  }
  Result<void> execute(const device::CommandList& list) override {
    ++executions;
    if (on_execute) return on_execute(list);
    return {};
  }
  std::size_t threadgroup_memory_limit() const override { return threadgroup_limit; }

  DeviceInfo info_;
  msl::Target target = msl::Target::Host;
  std::string identity = "fake-1";
  std::size_t thread_limit = 1024;
  std::size_t threadgroup_limit = 32768;
  std::size_t memory_limit = std::size_t{1} << 30;
  std::function<Result<void>(const device::Artifact&)> on_load;
  std::function<Result<void>(const device::CommandList&)> on_execute;
  std::mutex forms_mutex;
  std::shared_ptr<device::FormStore> forms;  ///< of the last kernel that was loaded
  std::atomic<int> loads{0};
  std::atomic<int> executions{0};
};

}  // namespace anymetal::testing
