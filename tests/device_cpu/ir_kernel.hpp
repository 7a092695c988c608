#pragma once
// Builds and runs kernels written directly as entry IR (docs/entry-ir.md).

#include "device/cpu/cpu_backend.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace anymetal::test {

/// A CPU device with this many threads, shared by the tests.
std::shared_ptr<device::Backend> cpu_device(unsigned threads = 2);

/// Parses a module whose entry is `@kernel`; declarations of all `__msl_` functions are added.
msl::SpecialisedKernel parse_kernel(std::string_view ir);

/// Device memory seen as an array, between guard bytes that must survive.
template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(std::vector<T> values) : count_(values.size()) {
    memory_ = *cpu_device()->allocate(count_ * sizeof(T) + 2 * kGuard);
    std::memset(memory_->contents(), 0xA5, memory_->size());
    if (count_) std::memcpy(memory_->contents() + kGuard, values.data(), count_ * sizeof(T));
  }
  ~DeviceArray() {
    for (std::size_t i = 0; i < kGuard; ++i) {
      EXPECT_EQ(memory_->contents()[i], std::byte{0xA5}) << "written before the array";
      EXPECT_EQ(memory_->contents()[memory_->size() - 1 - i], std::byte{0xA5}) << "written past the array";
    }
  }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;
  [[nodiscard]] std::vector<T> values() const {
    std::vector<T> result(count_);
    if (count_) std::memcpy(result.data(), memory_->contents() + kGuard, count_ * sizeof(T));
    return result;
  }
  [[nodiscard]] device::BoundArgument bind() const {
    return {device::BoundArgument::Kind::Buffer, memory_.get(), kGuard, count_ * sizeof(T)};
  }

 private:
  static constexpr std::size_t kGuard = 256;
  std::size_t count_;
  std::shared_ptr<device::Memory> memory_;
};

/// A loaded kernel.
class IrKernel {
 public:
  explicit IrKernel(std::string_view ir, std::shared_ptr<device::Backend> backend = cpu_device());
  explicit IrKernel(msl::SpecialisedKernel kernel, std::shared_ptr<device::Backend> backend = cpu_device());
  [[nodiscard]] const device::Artifact& artifact() const { return artifact_; }
  Result<void> run(const std::vector<device::BoundArgument>& arguments, Size threads, Size group) const;

 private:
  std::shared_ptr<device::Backend> backend_;
  device::Artifact artifact_;
  std::shared_ptr<const device::Executable> executable_;
};

inline device::BoundArgument threadgroup_memory(std::size_t bytes) {
  return {device::BoundArgument::Kind::ThreadgroupLength, nullptr, 0, bytes};
}

}  // namespace anymetal::test
