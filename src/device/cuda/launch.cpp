#include "device/cuda/launch.hpp"

#include <algorithm>
#include <cstring>

namespace anymetal::device::cuda {

namespace {

void copy_size(std::uint32_t (&to)[3], Size size) {
  to[0] = static_cast<std::uint32_t>(size.x);
  to[1] = static_cast<std::uint32_t>(size.y);
  to[2] = static_cast<std::uint32_t>(size.z);
}

template <class T>
void store(std::vector<std::byte>& block, std::size_t offset, const T& value) {
  std::memcpy(block.data() + offset, &value, sizeof value);
}

std::span<const BoundArgument> arguments_of(const CommandList& list, const Dispatch& dispatch) {
  return std::span(list.arguments).subspan(dispatch.first_argument, dispatch.argument_count);
}

/// The form that takes the arguments as they are bound: a buffer cannot stand where a value is taken.
Result<const Kernel*> form_for(const Kernel& kernel, std::span<const BoundArgument> arguments) {
  const auto& slots = kernel.layout().slots();
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (slots[i].kind == ParameterSlot::Kind::Value && arguments[i].kind == BoundArgument::Kind::Buffer) return kernel.by_address();
  }
  return &kernel;
}

}  // namespace

Result<void> prepare_launch(const CommandList& list, const Dispatch& dispatch, CUdeviceptr bytes, Launch& launch) {
  launch.pieces.clear();
  if (dispatch.kind != Dispatch::Kind::Kernel) {
    launch.kernel = nullptr;
    launch.shared_bytes = 0;
    launch.block.clear();
    launch.transfer = Transfer::of(list, dispatch);
    return {};
  }
  launch.transfer = {};
  const auto arguments = arguments_of(list, dispatch);
  auto kernel = form_for(static_cast<const Kernel&>(*dispatch.executable), arguments);
  if (!kernel) return std::unexpected(kernel.error());
  launch.kernel = *kernel;
  const auto& layout = launch.kernel->layout();
  launch.block.assign(layout.size(), std::byte{0});
  auto shared = static_cast<std::uint32_t>(layout.own_shared_bytes());
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const auto& argument = arguments[i];
    const auto& slot = layout.slots()[i];
    switch (argument.kind) {
      case BoundArgument::Kind::Absent: break;
      case BoundArgument::Kind::Buffer:
        store(launch.block, slot.offset, static_cast<const DeviceMemory*>(argument.memory)->address() + argument.offset);
        break;
      case BoundArgument::Kind::Bytes:
        if (slot.kind == ParameterSlot::Kind::Value) {
          std::memcpy(launch.block.data() + slot.offset, list.bytes.data() + argument.offset, slot.size);
        } else {
          store(launch.block, slot.offset, bytes + argument.offset);
        }
        break;
      case BoundArgument::Kind::ThreadgroupLength:
        store(launch.block, slot.offset, shared);
        shared += static_cast<std::uint32_t>((argument.length + 15) / 16 * 16);
        break;
    }
  }
  launch.shared_bytes = shared;
  const Size& group = dispatch.threads_per_threadgroup;
  LaunchParameters parameters{};
  copy_size(parameters.threads, dispatch.threads);
  copy_size(parameters.group_size, group);
  copy_size(parameters.groups, {(dispatch.threads.x + group.x - 1) / group.x, (dispatch.threads.y + group.y - 1) / group.y,
                                (dispatch.threads.z + group.z - 1) / group.z});
  store(launch.block, layout.launch_offset(), parameters);
  const auto& asked = launch.kernel->threadgroups();
  if (!merge_launch(dispatch.threads, group, launch.pieces, asked, launch.kernel->block_limit())) {
    split_launch(dispatch.threads, group, launch.pieces, asked.step);
  }
  return {};
}

bool needs_bytes_on_device(const CommandList& list) {
  if (list.bytes.empty()) return false;
  return std::ranges::any_of(list.dispatches, [&](const Dispatch& dispatch) {
    if (dispatch.kind != Dispatch::Kind::Kernel) return false;
    const auto arguments = arguments_of(list, dispatch);
    const auto& kernel = static_cast<const Kernel&>(*dispatch.executable);
    const auto& slots = kernel.layout().slots();
    bool by_address = false;  // then every constant of this dispatch is
    bool has_bytes = false;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
      const bool value = slots[i].kind == ParameterSlot::Kind::Value;
      by_address = by_address || (value && arguments[i].kind == BoundArgument::Kind::Buffer);
      if (arguments[i].kind != BoundArgument::Kind::Bytes) continue;
      if (!value) return true;
      has_bytes = true;
    }
    return by_address && has_bytes;
  });
}

KernelNodeParams LaunchArguments::at(const Launch& launch, std::size_t piece) {
  const auto& layout = launch.kernel->layout();
  const auto& geometry = launch.pieces[piece];
  std::memcpy(&parameters_, launch.block.data() + layout.launch_offset(), sizeof parameters_);
  copy_size(parameters_.group_offset, geometry.offset);
  std::size_t count = 0;
  // The driver reads through these pointers and no more.
  auto* block = const_cast<std::byte*>(launch.block.data());
  for (const auto& slot : layout.slots()) pointers_[count++] = block + slot.offset;
  auto* words = reinterpret_cast<std::uint32_t*>(&parameters_);
  for (std::size_t i = 0; i < kLaunchParameterCount; ++i) pointers_[count++] = words + i;
  KernelNodeParams node;
  node.function = launch.kernel->function();
  copy_size(node.grid, geometry.grid);
  copy_size(node.block, geometry.block);
  node.shared_bytes = launch.shared_bytes;
  node.parameters = pointers_.data();
  return node;
}

}  // namespace anymetal::device::cuda
