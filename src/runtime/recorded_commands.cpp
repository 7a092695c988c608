#include <anymetal/command_encoder.hpp>
#include <anymetal/recorded_commands.hpp>

#include "device/backend.hpp"
#include "runtime/inline_bytes.hpp"
#include "runtime/out_of_memory.hpp"

#include <fmt/format.h>

#include <utility>

namespace anymetal {

RecordedCommands::RecordedCommands(std::shared_ptr<device::Backend> backend, std::unique_ptr<device::Replay> replay)
    : backend_(std::move(backend)), replay_(std::move(replay)) {}
RecordedCommands::~RecordedCommands() = default;
RecordedCommands::RecordedCommands(RecordedCommands&&) noexcept = default;
RecordedCommands& RecordedCommands::operator=(RecordedCommands&& other) noexcept {
  replay_ = std::move(other.replay_);  // the old one goes before its device
  backend_ = std::move(other.backend_);
  return *this;
}

std::size_t RecordedCommands::size() const { return replay_->list().dispatches.size(); }

Result<void> RecordedCommands::set_bytes(std::size_t dispatch, unsigned index, std::span<const std::byte> bytes) {
  const auto& list = replay_->list();
  if (dispatch >= list.dispatches.size()) {
    return fail(ErrorCode::InvalidBinding,
                fmt::format("set_bytes: there is no dispatch {}, {} are recorded", dispatch, list.dispatches.size()));
  }
  const auto& recorded = list.dispatches[dispatch];
  for (std::size_t i = 0; i < recorded.argument_count; ++i) {
    const auto& argument = list.arguments[recorded.first_argument + i];
    if (argument.kind != device::BoundArgument::Kind::Bytes || argument.index != index) continue;
    if (argument.length == bytes.size())
      return detail::or_out_of_memory("to keep the bytes", [&] { return replay_->set_bytes(dispatch, i, bytes); });
    return fail(ErrorCode::InvalidBinding, fmt::format("kernel '{}', set_bytes at index {}: {} bytes given, {} were recorded",
                                                       recorded.label, index, bytes.size(), argument.length));
  }
  return fail(ErrorCode::InvalidBinding,
              fmt::format("kernel '{}' was recorded without set_bytes at index {}", recorded.label, index));
}

Result<void> RecordedCommands::replace(CommandEncoder& encoder) {
  auto list = encoder.take();
  if (!list) return std::unexpected(list.error());
  return detail::or_out_of_memory("to record the commands", [&] {
    detail::separate_bytes(*list);
    return replay_->replace(*std::move(list));
  });
}

Result<Submission> RecordedCommands::commit() {
  auto work = detail::or_out_of_memory("to run the commands", [&] { return replay_->submit(); });
  if (!work) return std::unexpected(work.error());
  return Submission(backend_, *std::move(work));
}

Result<void> RecordedCommands::commit_and_wait() {
  auto running = commit();
  if (!running) return std::unexpected(running.error());
  return running->wait();
}

}  // namespace anymetal
