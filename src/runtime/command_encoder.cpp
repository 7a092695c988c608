#include <anymetal/command_encoder.hpp>

#include "runtime/bindings.hpp"
#include "runtime/buffer_state.hpp"
#include "runtime/inline_bytes.hpp"
#include "runtime/out_of_memory.hpp"
#include "runtime/transfer.hpp"
#include "observe/trace.hpp"

#include <fmt/format.h>

#include <initializer_list>
#include <optional>
#include <utility>

namespace anymetal {

using detail::BufferSlot;
using detail::kArgumentTableSize;

struct CommandEncoder::Impl {
  std::shared_ptr<device::Backend> backend;
  device::CommandList list;
  detail::Bindings bindings;
  const detail::PipelineState* pipeline = nullptr;  // kept alive by the list
  std::optional<Error> first_error;

  // Runs `step` unless the encoding has failed already; running out of memory is an error like any other.
  template <class Step>
  void attempt_any(Step step) {
    if (first_error) return;
    if (Result<void> done = detail::or_out_of_memory("to record commands", std::move(step)); !done) first_error = std::move(done.error());
  }
  // The same for a step that has to do with the pipeline that is set: its errors name it.
  template <class Step>
  void attempt(Step step) {
    if (first_error) return;
    attempt_any(std::move(step));
    if (!first_error || pipeline == nullptr || !first_error->kernel().empty()) return;
    first_error = first_error->with_context(fmt::format("kernel '{}'", pipeline->label)).with_kernel(pipeline->reflection.name);
  }

  Result<void> dispatch(Size threads, Size group);
  void transfer(device::Dispatch::Kind kind, std::string_view label, std::initializer_list<detail::TransferRange> ranges,
                std::size_t bytes, std::byte value);
  void reset();
};

Result<void> CommandEncoder::Impl::dispatch(Size threads, Size group) {
  if (pipeline == nullptr) return fail(ErrorCode::InvalidDispatch, "dispatch without a pipeline: call set_pipeline first");
  if (auto ok = detail::check_geometry(*pipeline, threads, group); !ok) return ok;
  const std::size_t first = list.arguments.size();
  if (auto ok = detail::bind_arguments(*pipeline, bindings, list); !ok) return ok;
  if (threads.x == 0 || threads.y == 0 || threads.z == 0) {
    list.arguments.resize(first);
    return {};
  }
  list.dispatches.push_back({pipeline->executable.get(), pipeline->label, first, list.arguments.size() - first, group, threads});
  return {};
}

void CommandEncoder::Impl::transfer(device::Dispatch::Kind kind, std::string_view label,
                                    std::initializer_list<detail::TransferRange> ranges, std::size_t bytes, std::byte value) {
  attempt_any([&]() -> Result<void> {
    const std::size_t first = list.arguments.size();
    if (auto ok = detail::bind_transfer(*backend, label, std::span(ranges.begin(), ranges.size()), bytes, list); !ok || bytes == 0) return ok;
    list.dispatches.push_back({nullptr, label, first, ranges.size(), {}, {}, kind, value});
    return {};
  });
}

void CommandEncoder::Impl::reset() {
  list.dispatches.clear();
  list.arguments.clear();
  list.bytes.clear();
  list.keep_alive.clear();
  bindings = {};
  pipeline = nullptr;
  first_error.reset();
}

CommandEncoder::CommandEncoder(std::shared_ptr<device::Backend> backend) : impl_(std::make_unique<Impl>()) {
  impl_->backend = std::move(backend);
}
CommandEncoder::~CommandEncoder() = default;
CommandEncoder::CommandEncoder(CommandEncoder&&) noexcept = default;
CommandEncoder& CommandEncoder::operator=(CommandEncoder&&) noexcept = default;

void CommandEncoder::set_pipeline(PipelinePtr pipeline) {
  impl_->attempt([&]() -> Result<void> {
    if (pipeline == nullptr) return fail(ErrorCode::InvalidArgument, "set_pipeline was given a null pipeline");
    const detail::PipelineState& state = pipeline->state();
    if (&state == impl_->pipeline) return {};
    if (state.backend != impl_->backend) {
      return std::unexpected(Error(ErrorCode::InvalidBinding,
                                   fmt::format("kernel '{}' was compiled for {}, this encoder belongs to {}", state.label,
                                               state.backend->info().id, impl_->backend->info().id))
                                 .with_kernel(state.reflection.name));
    }
    impl_->list.keep_alive.push_back(std::move(pipeline));
    impl_->pipeline = &state;
    return {};
  });
}

void CommandEncoder::set_buffer(unsigned index, const Buffer& buffer, std::size_t offset) {
  impl_->attempt([&]() -> Result<void> {
    if (index >= kArgumentTableSize) {
      return fail(ErrorCode::InvalidBinding, fmt::format("set_buffer: index {} is above 30", index));
    }
    if (!buffer) return fail(ErrorCode::InvalidBinding, fmt::format("set_buffer({}): the Buffer is empty; no device made it", index));
    const detail::BufferState& state = *buffer.state();
    BufferSlot& slot = impl_->bindings.buffers[index];
    if (slot.kind != BufferSlot::Kind::Buffer || slot.memory != state.memory.get()) {
      impl_->list.keep_alive.push_back(buffer.state());
    }
    slot = {BufferSlot::Kind::Buffer, state.writable, state.backend.get(), state.memory.get(), offset, state.memory->size()};
    return {};
  });
}

void CommandEncoder::set_bytes(unsigned index, std::span<const std::byte> bytes) {
  impl_->attempt([&]() -> Result<void> {
    if (index >= kArgumentTableSize) {
      return fail(ErrorCode::InvalidBinding, fmt::format("set_bytes: index {} is above 30", index));
    }
    if (bytes.empty() || bytes.size() > detail::kMaxInlineBytes) {
      return fail(ErrorCode::InvalidBinding, fmt::format("set_bytes({}): {} bytes given, 1 to {} are possible; use a buffer", index,
                                                         bytes.size(), detail::kMaxInlineBytes));
    }
    const std::size_t offset = detail::append_bytes(impl_->list, bytes);
    impl_->bindings.buffers[index] = {BufferSlot::Kind::Bytes, false, nullptr, nullptr, offset, bytes.size()};
    return {};
  });
}

void CommandEncoder::set_threadgroup_memory_length(unsigned index, std::size_t bytes) {
  impl_->attempt([&]() -> Result<void> {
    if (index >= kArgumentTableSize) {
      return fail(ErrorCode::InvalidBinding, fmt::format("set_threadgroup_memory_length: index {} is above 30", index));
    }
    if (bytes % 16 != 0) {
      return fail(ErrorCode::InvalidBinding,
                  fmt::format("set_threadgroup_memory_length({}): {} bytes is not a multiple of 16", index, bytes));
    }
    impl_->bindings.threadgroup_lengths[index] = bytes;
    return {};
  });
}

void CommandEncoder::dispatch_threadgroups(Size grid, Size group) {
  impl_->attempt([&]() -> Result<void> {
    Size threads;
    if (__builtin_mul_overflow(grid.x, group.x, &threads.x) || __builtin_mul_overflow(grid.y, group.y, &threads.y) ||
        __builtin_mul_overflow(grid.z, group.z, &threads.z)) {
      return fail(ErrorCode::InvalidDispatch, fmt::format("a grid of {}x{}x{} threadgroups is too large", grid.x, grid.y, grid.z));
    }
    return impl_->dispatch(threads, group);
  });
}

void CommandEncoder::dispatch_threads(Size threads, Size group) {
  impl_->attempt([&] { return impl_->dispatch(threads, group); });
}

void CommandEncoder::copy_buffer(const Buffer& source, std::size_t source_offset, const Buffer& destination,
                                 std::size_t destination_offset, std::size_t bytes) {
  impl_->transfer(device::Dispatch::Kind::Copy, "copy", {{destination, destination_offset}, {source, source_offset}}, bytes, {});
}

void CommandEncoder::fill_buffer(const Buffer& buffer, std::size_t offset, std::size_t bytes, std::byte value) {
  impl_->transfer(device::Dispatch::Kind::Fill, "fill", {{buffer, offset}}, bytes, value);
}

void CommandEncoder::memory_barrier() {}

std::size_t CommandEncoder::dispatch_count() const { return impl_->list.dispatches.size(); }

Result<void> CommandEncoder::commit_and_wait() {
  Result<void> done;
  if (impl_->first_error) {
    done = std::unexpected(std::move(*impl_->first_error));
  } else if (!impl_->list.dispatches.empty()) {
    const trace::Span span("commit", impl_->list.dispatches.front().label);
    done = detail::or_out_of_memory("to run the commands", [&] { return impl_->backend->execute(impl_->list); });
  }
  impl_->reset();
  return done;
}

// What was recorded; the encoder is empty afterwards, whatever came of it.
Result<device::CommandList> CommandEncoder::take() {
  Result<device::CommandList> taken = std::move(impl_->list);
  if (impl_->first_error) taken = std::unexpected(std::move(*impl_->first_error));
  impl_->reset();
  return taken;
}

Result<Submission> CommandEncoder::commit() {
  auto list = take();
  if (!list) return std::unexpected(list.error());
  const trace::Span span("commit", list->dispatches.empty() ? std::string_view() : list->dispatches.front().label);
  auto work = detail::or_out_of_memory("to run the commands", [&] { return impl_->backend->submit(*std::move(list)); });
  if (!work) return std::unexpected(work.error());
  return Submission(impl_->backend, *std::move(work));
}

Result<RecordedCommands> CommandEncoder::record() {
  auto list = take();
  if (!list) return std::unexpected(list.error());
  auto replay = detail::or_out_of_memory("to record the commands", [&] {
    detail::separate_bytes(*list);
    return impl_->backend->record(*std::move(list));
  });
  if (!replay) return std::unexpected(replay.error());
  return RecordedCommands(impl_->backend, *std::move(replay));
}

}  // namespace anymetal
