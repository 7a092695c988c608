#include "device/cuda/executor.hpp"

#include "device/cuda/nvtx.hpp"
#include "device/cuda/repeated_lists.hpp"
#include "observe/environment.hpp"
#include "observe/trace.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace anymetal::device::cuda {

bool runs_synchronously() {
  static const bool value = environment::is_on("ANYMETAL_CUDA_SYNC", false);
  return value;
}

std::string describe_command(const Dispatch& command) {
  return fmt::format("{} '{}'", command.kind == Dispatch::Kind::Kernel ? "kernel" : "command", command.label);
}

std::string describe_commands(const CommandList& list) {
  std::vector<std::string_view> seen;
  std::string text;
  bool more = false;
  const bool kernels = std::ranges::all_of(list.dispatches, [](const Dispatch& d) { return d.kind == Dispatch::Kind::Kernel; });
  for (const auto& dispatch : list.dispatches) {
    if (std::find(seen.begin(), seen.end(), dispatch.label) != seen.end()) continue;
    more = seen.size() == 8;
    if (more) break;
    text += fmt::format("{}'{}'", seen.empty() ? "" : ", ", dispatch.label);
    seen.push_back(dispatch.label);
  }
  const std::string_view what = kernels ? "kernel" : "command";
  if (seen.size() == 1) return fmt::format("{} {}", what, text);
  return fmt::format("one of the {}s {}{} (ANYMETAL_CUDA_SYNC=1 tells which)", what, text, more ? ", ..." : "");
}

Backlog::~Backlog() {
  for (const auto& work : work_) (void)work->wait();
}

void Backlog::add(std::shared_ptr<Submission> work) {
  const std::lock_guard lock(mutex_);
  work_.push_back(std::move(work));
}

void Backlog::reap() {
  const std::lock_guard lock(mutex_);
  while (!work_.empty() && work_.front()->finished()) {
    (void)work_.front()->wait();  // a fault in it has ended the device, which every later call says
    work_.pop_front();
  }
}

Executor::Executor(std::shared_ptr<Context> context)
    : context_(std::move(context)), repeated_(std::make_unique<RepeatedLists>(*this)), queue_(context_) {}

Executor::~Executor() = default;

Result<void> Executor::launch(const CommandList& list, const Dispatch& dispatch, unsigned stream, CUdeviceptr bytes) {
  const trace::Span span("dispatch", dispatch.label);  // on its way to the GPU, which runs it later
  const NvtxRange range(dispatch.label);
  auto done = queue_.add(list, dispatch, stream, bytes);
  if (!done || !runs_synchronously()) return done;
  if (done = queue_.flush(stream); !done) return done;
  const CUresult r = context_->driver().stream_synchronize(context_->streams().handle(stream));
  return r == kSuccess ? Result<void>() : context_->check(r, fmt::format("running {}", describe_command(dispatch)));
}

Result<void> Executor::launch_all(const CommandList& list, const DeviceMemory* bytes, Submission& work) {
  auto& streams = context_->streams();
  dependencies_.find(list);
  plan_streams(dependencies_, list.dispatches.size(), kCopyStream, plan_);
  std::vector<const Hazards*> first;
  for (std::size_t i = 0; i < list.dispatches.front().argument_count; ++i) {
    const auto& argument = list.arguments[i];
    if (argument.kind == BoundArgument::Kind::Buffer) first.push_back(&static_cast<const DeviceMemory*>(argument.memory)->hazards());
  }
  const unsigned base = streams.choose(first) % kCopyStream;
  queue_.clear();
  const auto stream_of = [&](std::size_t d) { return (base + plan_.stream[d]) % kCopyStream; };
  Result<void> outcome;
  for (std::size_t d = 0; d < list.dispatches.size() && outcome; ++d) {
    const auto& dispatch = list.dispatches[d];
    const auto stream = stream_of(d);
    const auto each_memory = [&](const auto& use) {
      if (bytes != nullptr) use(bytes->hazards(), Access::Read);
      for (std::size_t i = 0; i < dispatch.argument_count; ++i) {
        const auto& argument = list.arguments[dispatch.first_argument + i];
        if (argument.kind == BoundArgument::Kind::Buffer) use(static_cast<const DeviceMemory*>(argument.memory)->hazards(), dispatch.access(i));
      }
    };
    bool waits = false;
    each_memory([&](const Hazards& hazards, Access access) { waits = waits || streams.must_wait(stream, hazards, access); });
    if (waits) outcome = queue_.flush(stream);  // what came before it need not wait
    each_memory([&](Hazards& hazards, Access access) {
      if (outcome) outcome = streams.order(stream, hazards, access);
    });
    if (outcome) outcome = launch(list, dispatch, stream, bytes == nullptr ? 0 : bytes->address());
    if (!outcome) break;
    streams.advance(stream);
    each_memory([&](Hazards& hazards, Access access) { streams.mark(stream, hazards, access); });
    if (plan_.checkpoint[d] == 0) continue;
    outcome = queue_.flush(stream);
    if (outcome) outcome = streams.checkpoint(stream);
  }
  // Also where something failed: what came before it runs.
  auto flushed = queue_.flush_all();
  if (outcome) outcome = std::move(flushed);
  for (unsigned s = 0; s < plan_.streams; ++s) {
    auto closed = work.close((base + s) % kCopyStream);
    if (outcome) outcome = std::move(closed);
  }
  return outcome;
}

Result<void> Executor::start(const CommandList& list, Submission& work) {
  backlog_.reap();
  const Context::Scope scope(*context_);
  std::shared_ptr<DeviceMemory> bytes;
  if (needs_bytes_on_device(list)) {
    auto made = DeviceMemory::allocate_uncleared(context_, list.bytes.size());
    if (!made) return std::unexpected(made.error());
    bytes = *std::move(made);
    work.keep(bytes);
    if (auto done = bytes->write(list.bytes, 0); !done) return done;
  }
  const std::lock_guard lock(context_->submit_mutex());
  return launch_all(list, bytes.get(), work);
}

Result<void> Executor::run(const CommandList& list) {
  if (list.dispatches.empty()) return {};
  if (auto usable = context_->usable(); !usable) return usable;
  if (!runs_synchronously()) {
    auto repeated = repeated_->submit(list);
    if (!repeated) return std::unexpected(repeated.error());
    if (*repeated != nullptr) return (*repeated)->wait();
  }
  Submission work(context_, [&list] { return describe_commands(list); });
  auto started = start(list, work);
  auto ended = work.wait();
  return started ? ended : started;
}

Result<std::shared_ptr<Work>> Executor::submit(CommandList list) {
  if (list.dispatches.empty()) return std::make_shared<FinishedWork>();
  if (auto usable = context_->usable(); !usable) return std::unexpected(usable.error());
  if (!runs_synchronously()) {
    auto repeated = repeated_->submit(list);
    if (!repeated || *repeated != nullptr) return repeated;
  }
  auto owned = std::make_shared<const CommandList>(std::move(list));
  auto work = std::make_shared<Submission>(context_, [owned] { return describe_commands(*owned); });
  work->keep(owned);
  if (auto started = start(*owned, *work); !started) {
    (void)work->wait();
    return std::unexpected(started.error());
  }
  backlog_.add(work);
  return work;
}

}  // namespace anymetal::device::cuda
