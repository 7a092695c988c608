#include "device/cuda/executor.hpp"

#include "device/cuda/kernel.hpp"
#include "device/cuda/launch_parameters.hpp"
#include "observe/trace.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

namespace anymetal::device::cuda {

namespace {

constexpr unsigned kMaxArguments = 62;  // 31 buffers and 31 threadgroup slots

/// Values of a kernel's own parameters, and the pointers to them that cuLaunchKernel takes.
struct Parameters {
  std::array<std::uint64_t, kMaxArguments> own;
  LaunchParameters launch;
  std::array<void*, kMaxArguments + kLaunchParameterCount> pointers;
};

/// `ANYMETAL_CUDA_SYNC=1` waits after every dispatch, so that a fault names its kernel.
bool synchronous() {
  static const bool value = [] {
    const char* text = std::getenv("ANYMETAL_CUDA_SYNC");
    return text != nullptr && *text != '\0' && std::strcmp(text, "0") != 0;
  }();
  return value;
}

void copy_size(std::uint32_t (&to)[3], Size size) {
  to[0] = static_cast<std::uint32_t>(size.x);
  to[1] = static_cast<std::uint32_t>(size.y);
  to[2] = static_cast<std::uint32_t>(size.z);
}

std::string running_labels(const CommandList& list) {
  if (list.dispatches.size() == 1) return fmt::format("kernel '{}'", list.dispatches.front().label);
  std::string text = fmt::format("one of {} dispatches (", list.dispatches.size());
  std::vector<std::string_view> seen;
  for (const auto& dispatch : list.dispatches) {
    if (std::find(seen.begin(), seen.end(), dispatch.label) != seen.end()) continue;
    if (seen.size() == 8) return text + ", ...; set ANYMETAL_CUDA_SYNC=1 to learn which)";
    text += fmt::format("{}'{}'", seen.empty() ? "" : ", ", dispatch.label);
    seen.push_back(dispatch.label);
  }
  return text + (seen.size() == 1 ? ")" : "; set ANYMETAL_CUDA_SYNC=1 to learn which)");
}

}  // namespace

Executor::Executor(std::shared_ptr<Context> context) : context_(context), staging_(std::move(context)) {}

Result<void> Executor::upload_bytes(const CommandList& list) {
  if (list.bytes.empty()) return {};
  if (bytes_ == nullptr || bytes_->size() < list.bytes.size()) {
    auto grown = DeviceMemory::allocate_uncleared(context_, std::max<std::size_t>(2 * list.bytes.size(), 64 * 1024));
    if (!grown) return std::unexpected(grown.error());
    bytes_ = *std::move(grown);
  }
  auto pinned = staging_.reserve(list.bytes.size());
  if (!pinned) return std::unexpected(pinned.error());
  std::memcpy(*pinned, list.bytes.data(), list.bytes.size());
  return context_->check(context_->driver().memcpy_htod_async(bytes_->address(), *pinned, list.bytes.size(), context_->stream()),
                         "uploading arguments");
}

Result<void> Executor::launch(const CommandList& list, const Dispatch& dispatch) {
  const auto& kernel = static_cast<const Kernel&>(*dispatch.executable);
  const Size& group = dispatch.threads_per_threadgroup;
  Parameters parameters;
  std::size_t dynamic = 0;
  for (std::size_t i = 0; i < dispatch.argument_count; ++i) {
    const auto& argument = list.arguments[dispatch.first_argument + i];
    std::uint64_t value = 0;
    switch (argument.kind) {
      case BoundArgument::Kind::Absent: break;
      case BoundArgument::Kind::Buffer:
        value = static_cast<const DeviceMemory*>(argument.memory)->address() + argument.offset;
        break;
      case BoundArgument::Kind::Bytes: value = bytes_->address() + argument.offset; break;
      case BoundArgument::Kind::ThreadgroupLength:
        value = dynamic;
        dynamic += (argument.length + 15) / 16 * 16;
        break;
    }
    parameters.own[i] = value;
    parameters.pointers[i] = &parameters.own[i];
  }
  auto* words = reinterpret_cast<std::uint32_t*>(&parameters.launch);
  for (unsigned i = 0; i < kLaunchParameterCount; ++i) parameters.pointers[dispatch.argument_count + i] = words + i;
  copy_size(parameters.launch.threads, dispatch.threads);
  copy_size(parameters.launch.group_size, group);
  copy_size(parameters.launch.groups, {(dispatch.threads.x + group.x - 1) / group.x, (dispatch.threads.y + group.y - 1) / group.y,
                                       (dispatch.threads.z + group.z - 1) / group.z});
  pieces_.clear();
  split_launch(dispatch.threads, group, pieces_);
  for (const auto& piece : pieces_) {
    copy_size(parameters.launch.group_offset, piece.offset);
    const CUresult r = context_->driver().launch_kernel(
        kernel.function(), static_cast<unsigned>(piece.grid.x), static_cast<unsigned>(piece.grid.y),
        static_cast<unsigned>(piece.grid.z), static_cast<unsigned>(piece.block.x), static_cast<unsigned>(piece.block.y),
        static_cast<unsigned>(piece.block.z), static_cast<unsigned>(dynamic), context_->stream(), parameters.pointers.data(), nullptr);
    if (r != kSuccess) return context_->check(r, fmt::format("launching kernel '{}'", dispatch.label));
  }
  if (!synchronous()) return {};
  const CUresult r = context_->driver().stream_synchronize(context_->stream());
  return r == kSuccess ? Result<void>() : context_->check(r, fmt::format("running kernel '{}'", dispatch.label));
}

Result<void> Executor::run(const CommandList& list) {
  if (list.dispatches.empty()) return {};
  if (auto usable = context_->usable(); !usable) return usable;
  const Context::Scope scope(*context_);
  const std::lock_guard lock(context_->submit_mutex());
  if (auto done = upload_bytes(list); !done) return done;
  Result<void> outcome;
  for (const auto& dispatch : list.dispatches) {
    const trace::Span span("dispatch", dispatch.label);  // the launch; the GPU runs it later, until the commit ends
    outcome = launch(list, dispatch);
    if (!outcome) break;
  }
  const CUresult r = context_->driver().stream_synchronize(context_->stream());
  if (!outcome) return outcome;
  return r == kSuccess ? outcome : context_->check(r, fmt::format("running {}", running_labels(list)));
}

}  // namespace anymetal::device::cuda
