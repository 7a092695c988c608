#include "emulated/emulated_backend.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <map>
#include <mutex>
#include <vector>

#include "cache/temporary_directory.hpp"
#include "device/cpu/executable.hpp"
#include "device/cpu/group_scheduler.hpp"
#include "device/cpu/kernel_compiler.hpp"
#include "device/cpu/transfer.hpp"
#include "emulated/protocol.hpp"
#include "support/forwarding_backend.hpp"

namespace anymetal::test {
namespace {

using emulated::Outcome;
using emulated::receive;
using emulated::receive_value;
using emulated::Request;
using emulated::send;
using emulated::send_value;

/// The emulator's process. Ends with it; its requests are made one at a time.
class Emulator {
 public:
  explicit Emulator(const std::string& command) {
    std::array<int, 2> to{};
    std::array<int, 2> from{};
    if (::pipe2(to.data(), O_CLOEXEC) != 0 || ::pipe2(from.data(), O_CLOEXEC) != 0) return;
    ::signal(SIGPIPE, SIG_IGN);  // a runner that has ended is an error of the dispatch
    process_ = ::fork();
    if (process_ == 0) {
      ::dup2(to[0], STDIN_FILENO);
      ::dup2(from[1], STDOUT_FILENO);
      ::execl("/bin/sh", "sh", "-c", ("exec " + command).c_str(), nullptr);
      ::_exit(127);
    }
    ::close(to[0]);
    ::close(from[1]);
    to_ = to[1];
    from_ = from[0];
    emulated::Greeting greeting;
    is_of_this_state_ = receive_value(from_, greeting) && greeting == emulated::Greeting{};
  }
  ~Emulator() {
    ::close(to_);
    ::close(from_);
    if (process_ > 0) ::waitpid(process_, nullptr, 0);
  }
  Emulator(const Emulator&) = delete;
  Emulator& operator=(const Emulator&) = delete;

  Result<emulated::Loaded> load(const std::string& library) {
    const std::scoped_lock lock(mutex_);
    if (!is_of_this_state_)
      return fail(ErrorCode::InternalError,
                  "the emulated program does not start, or was built in another state: build it again");
    emulated::Loaded loaded;
    const bool answered = send_value(to_, Request::Load) && send_value(to_, std::uint64_t{library.size()}) &&
                          send(to_, std::as_bytes(std::span(library))) && receive_value(from_, loaded);
    if (!answered) return gone();
    if (loaded.kernel == 0) return fail(ErrorCode::InternalError, "the emulated program cannot load the kernel");
    return loaded;
  }

  Result<Outcome> run(const device::CommandList& list, const device::Dispatch& dispatch, std::uint64_t whole,
                      std::uint64_t ends) {
    const std::scoped_lock lock(mutex_);
    const std::span bound(list.arguments.data() + dispatch.first_argument, dispatch.argument_count);
    std::vector<device::Memory*> memories;
    std::vector<emulated::Operand> arguments;
    for (const auto& argument : bound) {
      auto found = std::ranges::find(memories, argument.memory);
      if (argument.memory != nullptr && found == memories.end()) {
        memories.push_back(argument.memory);
        found = std::prev(memories.end());
      }
      arguments.push_back({static_cast<std::uint64_t>(argument.kind),
                           argument.memory == nullptr ? 0 : static_cast<std::uint64_t>(found - memories.begin()),
                           argument.offset, argument.length});
    }
    const auto& threads = dispatch.threads;
    const auto& group = dispatch.threads_per_threadgroup;
    const emulated::Launch launch{whole,
                                  ends,
                                  {threads.x, threads.y, threads.z},
                                  {group.x, group.y, group.z},
                                  memories.size(),
                                  list.bytes.size(),
                                  arguments.size()};
    bool sent = send_value(to_, Request::Run) && send_value(to_, launch);
    for (device::Memory* memory : memories)
      sent = sent && send_value(to_, std::uint64_t{memory->size()}) && send(to_, content(*memory));
    sent = sent && send(to_, std::as_bytes(std::span(list.bytes))) && send(to_, std::as_bytes(std::span(arguments)));
    auto outcome = Outcome::Done;
    sent = sent && receive_value(from_, outcome);
    for (device::Memory* memory : memories) sent = sent && receive(from_, content(*memory));
    if (!sent) return gone();
    return outcome;
  }

 private:
  static std::span<std::byte> content(device::Memory& memory) { return {memory.contents(), memory.size()}; }
  static std::unexpected<Error> gone() {
    return fail(ErrorCode::DeviceLost,
                "the emulated program has ended: its last kernel crashed, or it could not start");
  }

  pid_t process_ = -1;
  int to_ = -1;
  int from_ = -1;
  bool is_of_this_state_ = false;
  std::mutex mutex_;
};

/// A kernel that the emulator has loaded. Its table's functions are only known to be there or not.
struct EmulatedKernel final : device::cpu::LinkedKernel {
  explicit EmulatedKernel(const emulated::Loaded& loaded) : number(loaded.kernel) { table_ = loaded.table; }
  std::uint64_t number;
};

class EmulatedBackend final : public ForwardingBackend {
 public:
  EmulatedBackend(std::shared_ptr<device::Backend> cpu, const std::string& command, device::cpu::LanesOptions vectors)
      : ForwardingBackend(std::move(cpu)), emulator_(command), vectors_(vectors) {}

  [[nodiscard]] Result<std::shared_ptr<const device::Executable>> load(const device::Artifact& artifact,
                                                                       std::string_view label) override {
    auto kernel = link(artifact.code);
    if (!kernel) return std::unexpected(kernel.error());
    device::cpu::CpuExecutable::MakeForm make_form;
    if (!artifact.metadata.empty()) {
      make_form = [this, artifact, name = std::string(label)](device::cpu::Form form) -> Result<Linked> {
        const auto made = device::cpu::compile_form(artifact, name, form, vectors_);
        if (!made) return std::unexpected(made.error());
        return link(made->code);
      };
    }
    return std::make_shared<device::cpu::CpuExecutable>(*std::move(kernel), artifact.reflection, std::move(make_form));
  }
  Result<void> execute(const device::CommandList& list) override {
    for (const auto& dispatch : list.dispatches) {
      if (auto done = execute(list, dispatch); !done) return done;
    }
    return {};
  }

 private:
  using Linked = std::shared_ptr<const device::cpu::LinkedKernel>;

  Result<void> execute(const device::CommandList& list, const device::Dispatch& dispatch) {
    if (device::cpu::is_transfer(dispatch)) {
      device::cpu::run_transfer(list, dispatch, 0, device::cpu::transfer_pieces(list, dispatch));
      return {};
    }
    if (const auto grid = device::cpu::plan_grid(dispatch); !grid) return std::unexpected(grid.error());
    const auto code = static_cast<const device::cpu::CpuExecutable&>(*dispatch.executable).code(list, dispatch);
    if (!code) return std::unexpected(code.error());
    const auto outcome = emulator_.run(list, dispatch, number_of(code->whole), number_of(code->ends));
    if (!outcome) return std::unexpected(outcome.error());
    if (*outcome == Outcome::OutOfMemory)
      return fail(ErrorCode::OutOfMemory, "the emulated program has no memory left");
    if (*outcome == Outcome::Done) return {};
    return std::unexpected(
        device::cpu::stuck_at_barriers(dispatch.label).error().with_key(std::string(dispatch.label)));
  }

  Result<Linked> link(const std::string& object) {
    const std::scoped_lock lock(mutex_);
    const auto file = (folder_.path() / std::to_string(numbers_.size())).string();
    std::ofstream(file + ".o", std::ios::binary) << object;
    const auto command = fmt::format("mold -shared -o '{0}.so' '{0}.o'", file);
    if (std::system(command.c_str()) != 0) return fail(ErrorCode::InternalError, "'" + command + "' failed");
    const auto loaded = emulator_.load(file + ".so");
    if (!loaded) return std::unexpected(loaded.error());
    auto kernel = std::make_shared<EmulatedKernel>(*loaded);
    numbers_[&kernel->table()] = kernel->number;
    kernels_.push_back(kernel);
    return kernel;
  }
  std::uint64_t number_of(const device::cpu::KernelTable* table) {
    const std::scoped_lock lock(mutex_);
    return numbers_.at(table);
  }

  Emulator emulator_;
  device::cpu::LanesOptions vectors_;
  testing::TemporaryDirectory folder_;
  std::mutex mutex_;
  std::map<const device::cpu::KernelTable*, std::uint64_t> numbers_;
  std::vector<std::shared_ptr<const EmulatedKernel>> kernels_;  ///< tables keep their addresses
};

}  // namespace

Result<std::shared_ptr<device::Backend>> make_emulated_backend(const std::string& command,
                                                               const device::cpu::CpuOptions& options) {
  auto cpu = device::cpu::make_cpu_backend(options);
  if (!cpu) return cpu;
  return std::make_shared<EmulatedBackend>(*std::move(cpu), command,
                                           device::cpu::LanesOptions{.verify = options.verify.value_or(true)});
}

Result<std::shared_ptr<device::Backend>> cpu_or_emulated(const device::cpu::CpuOptions& options) {
  const char* const command = std::getenv("ANYMETAL_TEST_RUNNER");
  return command == nullptr ? device::cpu::make_cpu_backend(options) : make_emulated_backend(command, options);
}

}  // namespace anymetal::test
