// A backend that passes everything on to another: a test overrides what it looks at.

#pragma once

#include <memory>
#include <string>
#include <utility>

#include "device/backend.hpp"

namespace anymetal::test {

/// Lists are executed at once: nothing is recorded, nothing runs while the caller goes on.
class ForwardingBackend : public device::Backend {
 public:
  explicit ForwardingBackend(std::shared_ptr<device::Backend> to) : to_(std::move(to)) {}

  [[nodiscard]] const DeviceInfo& info() const override { return to_->info(); }
  [[nodiscard]] msl::Target front_end_target() const override { return to_->front_end_target(); }
  [[nodiscard]] std::string artifact_identity() const override { return to_->artifact_identity(); }
  [[nodiscard]] std::string_view kernel_variants() const override { return to_->kernel_variants(); }
  [[nodiscard]] Result<device::Artifact> compile(msl::SpecialisedKernel kernel, std::string_view label) const override {
    return to_->compile(std::move(kernel), label);
  }
  [[nodiscard]] Result<std::shared_ptr<const device::Executable>> load(const device::Artifact& artifact,
                                                                       std::string_view label) override {
    return to_->load(artifact, label);
  }
  [[nodiscard]] Result<std::shared_ptr<device::Memory>> allocate(std::size_t bytes) override { return to_->allocate(bytes); }
  [[nodiscard]] Result<std::shared_ptr<device::Memory>> wrap(std::span<const std::byte> bytes,
                                                             std::shared_ptr<const void> owner) override {
    return to_->wrap(bytes, std::move(owner));
  }
  Result<void> execute(const device::CommandList& list) override { return to_->execute(list); }
  [[nodiscard]] std::size_t threadgroup_memory_limit() const override { return to_->threadgroup_memory_limit(); }

 private:
  std::shared_ptr<device::Backend> to_;
};

}  // namespace anymetal::test
