#pragma once
// Kernels written in C++, so that scheduling can be watched from inside and ThreadSanitizer sees what they touch.

#include <gtest/gtest.h>

#include <cstring>
#include <ctime>
#include <functional>
#include <thread>

#include "device/cpu/dispatcher.hpp"
#include "device/cpu/executable.hpp"
#include "device/cpu/host_memory.hpp"

namespace anymetal::test {

using device::cpu::Dispatcher;

/// A kernel of any number of buffers that calls a function for every threadgroup.
class NativeKernel {
 public:
  using Body = std::function<void(device::cpu::GroupContext&, std::uint64_t group)>;

  /// The first `read_only` arguments are only read.
  explicit NativeKernel(Body body, std::size_t read_only = 0) : body_(std::move(body)) {
    msl::EntryReflection reflection;
    reflection.name = "native";
    reflection.arguments.resize(read_only);
    executable_ = std::make_shared<device::cpu::CpuExecutable>(std::make_shared<Linked>(), reflection, nullptr);
  }
  /// One whose threads wait where others never come.
  static std::shared_ptr<const device::Executable> stuck() {
    return std::make_shared<device::cpu::CpuExecutable>(std::make_shared<Stuck>(), msl::EntryReflection{}, nullptr);
  }
  [[nodiscard]] const device::Executable* executable() const { return executable_.get(); }
  /// What the kernel is given as its last argument.
  [[nodiscard]] const Body& body() const { return body_; }

 private:
  struct Linked : device::cpu::LinkedKernel {
    Linked() {
      table_.run = [](device::cpu::GroupContext* context, std::uint64_t first, std::uint64_t last) {
        const Body& body = **static_cast<const Body* const*>(context->arguments[0]);
        for (auto group = first; group < last; ++group) body(*context, group);
      };
    }
  };
  struct Stuck : device::cpu::LinkedKernel {
    Stuck() {
      table_.start = [](device::cpu::GroupContext* context, std::uint32_t simdgroup, std::uint32_t) {
        context->sites[simdgroup] = device::cpu::kDivergentBarrier;
      };
      table_.advance = [](device::cpu::GroupContext*, std::uint32_t, std::uint32_t) { return device::cpu::kReturned; };
      table_.lanes_per_unit = device::cpu::kSimdWidth;
    }
  };

  Body body_;
  std::shared_ptr<const device::cpu::CpuExecutable> executable_;
};

/// Device memory as numbers.
class Numbers {
 public:
  explicit Numbers(std::size_t count) : memory_(*device::cpu::allocate_host_memory(count * sizeof(std::uint32_t))) {}
  [[nodiscard]] std::uint32_t* data() const { return reinterpret_cast<std::uint32_t*>(memory_->contents()); }
  std::uint32_t& operator[](std::size_t i) const { return data()[i]; }
  [[nodiscard]] device::BoundArgument bind(std::size_t first, std::size_t count) const {
    return {device::BoundArgument::Kind::Buffer, memory_.get(), first * sizeof(std::uint32_t),
            count * sizeof(std::uint32_t)};
  }
  [[nodiscard]] device::BoundArgument bind() const { return bind(0, memory_->size() / sizeof(std::uint32_t)); }

 private:
  std::shared_ptr<device::Memory> memory_;
};

/// A command list of native kernels.
class NativeList {
 public:
  /// Argument 0 of the kernel is its body; `buffers` follow.
  void add(const NativeKernel& kernel, std::uint32_t groups, const std::vector<device::BoundArgument>& buffers = {}) {
    const auto* body = &kernel.body();
    const auto first = list_.arguments.size();
    const auto at = list_.bytes.size();
    list_.bytes.resize(at + 64);
    std::memcpy(list_.bytes.data() + at, &body, sizeof body);
    list_.arguments.push_back({device::BoundArgument::Kind::Bytes, nullptr, at, sizeof body});
    list_.arguments.insert(list_.arguments.end(), buffers.begin(), buffers.end());
    list_.dispatches.push_back({kernel.executable(), "native", first, buffers.size() + 1, {1}, {groups}});
  }
  void add_stuck(const device::Executable& stuck, std::string_view label,
                 const std::vector<device::BoundArgument>& buffers = {}) {
    const auto first = list_.arguments.size();
    list_.arguments.insert(list_.arguments.end(), buffers.begin(), buffers.end());
    list_.dispatches.push_back({&stuck, label, first, buffers.size(), {32}, {32}});
  }
  void copy(const device::BoundArgument& to, const device::BoundArgument& from) {
    transfer(device::Dispatch::Kind::Copy, {to, from}, {});
  }
  void fill(const device::BoundArgument& to, std::byte value) { transfer(device::Dispatch::Kind::Fill, {to}, value); }
  [[nodiscard]] const device::CommandList& list() const { return list_; }

 private:
  void transfer(device::Dispatch::Kind kind, const std::vector<device::BoundArgument>& arguments, std::byte value) {
    list_.dispatches.push_back(
        {nullptr, "transfer", list_.arguments.size(), arguments.size(), {}, {}, kind, value});
    list_.arguments.insert(list_.arguments.end(), arguments.begin(), arguments.end());
  }

  device::CommandList list_;
};

/// Waits for what another thread does, at most 20 seconds of this thread's processor time: time in which the process is
/// stopped, or gets no processor, says nothing about the other thread.
template <class Done>
bool wait_for(Done done) {
  const auto used_seconds = [] {
    timespec used{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return used.tv_sec;
  };
  const auto end = used_seconds() + 20;
  while (!done()) {
    if (used_seconds() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

}  // namespace anymetal::test
