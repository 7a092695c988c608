#pragma once
/// \file
/// The stand-in driver's controls, and the NVIDIA runtime's parts over it.

#include "standin_driver.hpp"

#include "device/cuda/graph_replay.hpp"

#include <gtest/gtest.h>

#include <dlfcn.h>

#include <cstdlib>
#include <cstring>
#include <vector>

namespace anymetal::test {

/// The stand-in library, loaded as this process's driver.
class Standin {
 public:
  static Standin& get() {
    static Standin standin;
    return standin;
  }
  /// Lets `after` more calls of `function` through, then gives `result`; 0 stops that.
  void fail_call(const char* function, int result, int after = 0) const { fail_(function, after, result); }
  StandinState state() const { return state_(); }
  void hold(bool held) const { hold_(held); }
  std::vector<StandinEvent> take_log() const {
    std::vector<StandinEvent> events(100'000);
    events.resize(take_log_(events.data(), events.size()));
    return events;
  }

 private:
  Standin() {
    setenv("ANYMETAL_CUDA_DRIVER", ANYMETAL_STANDIN_DRIVER, 1);
    void* library = dlopen(ANYMETAL_STANDIN_DRIVER, RTLD_NOW);
    if (library == nullptr) {
      ADD_FAILURE() << dlerror();
      std::abort();
    }
    fail_ = reinterpret_cast<decltype(fail_)>(dlsym(library, "standin_fail"));
    state_ = reinterpret_cast<decltype(state_)>(dlsym(library, "standin_state"));
    hold_ = reinterpret_cast<decltype(hold_)>(dlsym(library, "standin_hold"));
    take_log_ = reinterpret_cast<decltype(take_log_)>(dlsym(library, "standin_take_log"));
  }
  void (*fail_)(const char*, int, int) = nullptr;
  StandinState (*state_)() = nullptr;
  void (*hold_)(bool) = nullptr;
  std::size_t (*take_log_)(StandinEvent*, std::size_t) = nullptr;
};

inline Result<std::shared_ptr<device::cuda::Context>> open_context() {
  (void)Standin::get();
  auto driver = device::cuda::Driver::load();
  if (!driver) return std::unexpected(driver.error());
  return device::cuda::Context::open(**driver, 0);
}

/// `device T*`, or `const device T*`.
inline Argument buffer_argument(Access access) {
  Argument argument;
  argument.access = access;
  return argument;
}

/// `constant T&` of eight bytes.
inline Argument value_argument() {
  Argument argument;
  argument.is_constant = true;
  argument.is_reference = true;
  argument.element_size = 8;
  argument.element_alignment = 4;
  return argument;
}

/// A kernel of which only the parameters matter.
inline Result<std::shared_ptr<const device::cuda::Kernel>> load_kernel(std::shared_ptr<device::cuda::Context> context,
                                                                       std::vector<Argument> arguments) {
  device::Artifact artifact;
  artifact.code = "cubin";
  artifact.symbol = "k";
  artifact.reflection.name = "k";
  artifact.reflection.arguments = std::move(arguments);
  return device::cuda::Kernel::load(std::move(context), artifact, "k");
}

/// Builds a command list as an encoder does.
struct ListBuilder {
  device::CommandList list;

  void dispatch(const std::shared_ptr<const device::cuda::Kernel>& kernel, std::vector<device::BoundArgument> arguments,
                Size threads = {64, 1, 1}, Size group = {32, 1, 1}) {
    list.dispatches.push_back({kernel.get(), "k", list.arguments.size(), arguments.size(), group, threads});
    list.arguments.insert(list.arguments.end(), arguments.begin(), arguments.end());
    list.keep_alive.push_back(kernel);
  }
  void copy(const std::shared_ptr<device::cuda::DeviceMemory>& to, const std::shared_ptr<device::cuda::DeviceMemory>& from,
            std::size_t bytes) {
    transfer(device::Dispatch::Kind::Copy, "copy", {memory(to), memory(from)}, bytes, {});
  }
  void fill(const std::shared_ptr<device::cuda::DeviceMemory>& to, std::size_t bytes, std::byte value) {
    transfer(device::Dispatch::Kind::Fill, "fill", {memory(to)}, bytes, value);
  }
  void transfer(device::Dispatch::Kind kind, std::string_view label, std::vector<device::BoundArgument> arguments, std::size_t bytes,
                std::byte value) {
    for (auto& argument : arguments) argument.length = bytes;
    list.dispatches.push_back({nullptr, label, list.arguments.size(), arguments.size(), {}, {}, kind, value});
    list.arguments.insert(list.arguments.end(), arguments.begin(), arguments.end());
  }
  device::BoundArgument memory(const std::shared_ptr<device::cuda::DeviceMemory>& memory, std::size_t offset = 0) {
    list.keep_alive.push_back(memory);
    return {device::BoundArgument::Kind::Buffer, memory.get(), offset, memory->size() - offset};
  }
  template <class T>
  device::BoundArgument bytes(const T& value, unsigned index = 0) {
    const std::size_t offset = (list.bytes.size() + 63) / 64 * 64;
    list.bytes.resize(offset + sizeof value);
    std::memcpy(list.bytes.data() + offset, &value, sizeof value);
    return {device::BoundArgument::Kind::Bytes, nullptr, offset, sizeof value, index};
  }
};

}  // namespace anymetal::test
