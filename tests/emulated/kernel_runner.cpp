// Runs kernels that a test on another processor has compiled and linked: the part of the CPU device that needs no
// compiler, built for the processor that is emulated. Reads requests from standard input, answers on standard output.
#include <dlfcn.h>

#include <array>
#include <bit>
#include <cstdio>
#include <string>
#include <vector>

#include "device/cpu/group_scheduler.hpp"
#include "device/cpu/host_memory.hpp"
#include "device/cpu/runtime_symbols.hpp"
#include "device/cpu/worker_arena.hpp"
#include "emulated/protocol.hpp"

namespace {

using namespace anymetal;
using namespace anymetal::emulated;
using device::cpu::KernelTable;

template <class Function>
Function* offered(std::string_view name) {
  for (const auto& symbol : device::cpu::runtime_symbols())
    if (symbol.name == name) return reinterpret_cast<Function*>(symbol.address);
  std::fprintf(stderr, "the CPU device offers no '%s'\n", std::string(name).c_str());
  std::_Exit(1);
}

bool load(std::vector<const KernelTable*>& kernels) {
  std::uint64_t length = 0;
  if (!receive_value(STDIN_FILENO, length)) return false;
  std::string path(length, '\0');
  if (!receive(STDIN_FILENO, std::as_writable_bytes(std::span(path)))) return false;
  Loaded loaded;
  void* const library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  const auto* const table =
      library == nullptr ? nullptr : static_cast<const KernelTable*>(::dlsym(library, device::cpu::kTableSymbol));
  if (table == nullptr) {
    std::fprintf(stderr, "%s\n", ::dlerror());
  } else {
    kernels.push_back(table);
    loaded = {kernels.size(), *table};
  }
  return send_value(STDOUT_FILENO, loaded);
}

struct Work {
  device::CommandList list;
  std::vector<std::shared_ptr<device::Memory>> memories;
};

/// What a launch works on; false where it does not come or there is no memory for it.
bool receive_work(const Launch& launch, Work& work) {
  for (std::uint64_t i = 0; i < launch.memories; ++i) {
    std::uint64_t size = 0;
    if (!receive_value(STDIN_FILENO, size)) return false;
    auto memory = device::cpu::allocate_host_memory(size);
    if (!memory || !receive(STDIN_FILENO, std::span((*memory)->contents(), size))) return false;
    work.memories.push_back(*std::move(memory));
  }
  work.list.bytes.resize(launch.bytes);
  if (!receive(STDIN_FILENO, std::span(work.list.bytes))) return false;
  for (std::uint64_t i = 0; i < launch.arguments; ++i) {
    Operand argument;
    if (!receive_value(STDIN_FILENO, argument)) return false;
    const auto kind = static_cast<device::BoundArgument::Kind>(argument.kind);
    auto* const memory = kind == device::BoundArgument::Kind::Buffer ? work.memories[argument.memory].get() : nullptr;
    work.list.arguments.push_back({kind, memory, argument.offset, argument.length, 0});
  }
  return true;
}

bool run(const std::vector<const KernelTable*>& kernels, device::cpu::WorkerArena& arena) {
  Launch launch;
  Work work;
  if (!receive_value(STDIN_FILENO, launch) || !receive_work(launch, work)) return false;
  device::Dispatch dispatch;
  dispatch.argument_count = launch.arguments;
  dispatch.threads = {launch.threads[0], launch.threads[1], launch.threads[2]};
  dispatch.threads_per_threadgroup = {launch.group[0], launch.group[1], launch.group[2]};
  std::array<std::uint32_t, 3> groups{};
  std::uint64_t count = 1;
  for (unsigned d = 0; d < 3; ++d) {
    groups[d] = static_cast<std::uint32_t>((launch.threads[d] + launch.group[d] - 1) / launch.group[d]);
    count *= groups[d];
  }
  const device::cpu::DispatchCode code{kernels[launch.whole - 1], kernels[launch.ends - 1]};
  auto outcome = Outcome::Done;
  if (!arena.prepare(work.list, dispatch, code, groups, {})) {
    outcome = Outcome::OutOfMemory;
  } else if (!device::cpu::run_threadgroups(code, arena.context(), 0, count)) {
    outcome = Outcome::StuckAtBarriers;
  }
  if (!send_value(STDOUT_FILENO, outcome)) return false;
  for (const auto& memory : work.memories)
    if (!send(STDOUT_FILENO, std::span<const std::byte>(memory->contents(), memory->size()))) return false;
  return true;
}

}  // namespace

// Conversions that generated code calls are the device's own; all else comes from the C library and the compiler's.
// NOLINTBEGIN(bugprone-reserved-identifier)
extern "C" {
[[gnu::visibility("default")]] float __extendhfsf2(float value) {
  return offered<float(float)>("__extendhfsf2")(value);
}
[[gnu::visibility("default")]] float __truncsfhf2(float value) { return offered<float(float)>("__truncsfhf2")(value); }
[[gnu::visibility("default")]] float __truncdfhf2(double value) {
  return offered<float(double)>("__truncdfhf2")(value);
}
[[gnu::visibility("default")]] float __truncsfbf2(float value) { return offered<float(float)>("__truncsfbf2")(value); }
[[gnu::visibility("default")]] float __truncdfbf2(double value) {
  return offered<float(double)>("__truncdfbf2")(value);
}
}
// NOLINTEND(bugprone-reserved-identifier)

int main() {
  std::vector<const KernelTable*> kernels;
  device::cpu::WorkerArena arena;
  if (!send_value(STDOUT_FILENO, Greeting{})) return 1;
  Request request{};
  while (receive_value(STDIN_FILENO, request)) {
    if (!(request == Request::Load ? load(kernels) : run(kernels, arena))) return 1;
  }
  return 0;
}
