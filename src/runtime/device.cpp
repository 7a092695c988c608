#include <anymetal/command_encoder.hpp>
#include <anymetal/device.hpp>

#include "runtime/buffer_state.hpp"

#include <utility>

namespace anymetal {

Device::Device(std::shared_ptr<device::Backend> backend) : backend_(std::move(backend)) {}

std::string_view Device::name() const { return backend_->info().name; }
const DeviceInfo& Device::info() const { return backend_->info(); }
bool Device::has_tensor() const { return backend_->info().has_tensor; }

Result<Buffer> Device::make_buffer(std::size_t bytes) {
  auto memory = backend_->allocate(bytes);
  if (!memory) return std::unexpected(memory.error().with_device(backend_->info().id));
  return Buffer(std::make_shared<const detail::BufferState>(detail::BufferState{backend_, std::move(*memory), true}));
}

Result<Buffer> Device::wrap_buffer(std::span<const std::byte> bytes, std::shared_ptr<const void> owner) {
  auto memory = backend_->wrap(bytes, std::move(owner));
  if (!memory) return std::unexpected(memory.error().with_device(backend_->info().id));
  return Buffer(std::make_shared<const detail::BufferState>(detail::BufferState{backend_, std::move(*memory), false}));
}

Result<CommandEncoder> Device::make_command_encoder() { return CommandEncoder(backend_); }

}  // namespace anymetal
