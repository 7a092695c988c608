#include "runtime/bindings.hpp"

#include <fmt/format.h>

#include <limits>

namespace anymetal::detail {

namespace {

using device::BoundArgument;

std::unexpected<Error> misuse(ErrorCode code, const PipelineState& pipeline, const std::string& what) {
  return std::unexpected(Error(code, fmt::format("kernel '{}'{}", pipeline.label, what)).with_kernel(pipeline.reflection.name)
                             .with_device(pipeline.backend->info().id)
                             .with_key(pipeline.label));
}

std::unexpected<Error> bad_argument(const PipelineState& pipeline, const Argument& argument, const std::string& what) {
  const char* table = argument.kind == ArgumentKind::Buffer ? "buffer" : "threadgroup";
  return misuse(ErrorCode::InvalidBinding, pipeline,
                fmt::format(", argument '{}' [[{}({})]]: {}", argument.name, table, argument.index, what));
}

// Indices that are bound but that the kernel does not have: most often what a missing binding was meant to be.
std::string unused_indices(const PipelineState& pipeline, const Bindings& bindings) {
  std::string text;
  for (unsigned index = 0; index < kArgumentTableSize; ++index) {
    if (bindings.buffers[index].kind == BufferSlot::Kind::Empty) continue;
    bool used = false;
    for (const auto& a : pipeline.reflection.arguments) used |= a.kind == ArgumentKind::Buffer && a.index == index;
    if (!used) text += fmt::format("{}{}", text.empty() ? "" : ", ", index);
  }
  return text.empty() ? text : fmt::format(" (bound but not an argument of this kernel: index {})", text);
}

Result<BoundArgument> bind_buffer(const PipelineState& pipeline, const Bindings& bindings, const Argument& argument) {
  const BufferSlot& slot = bindings.buffers[argument.index];
  if (slot.kind == BufferSlot::Kind::Empty) {
    return bad_argument(pipeline, argument, "nothing is bound" + unused_indices(pipeline, bindings));
  }
  if (slot.kind == BufferSlot::Kind::Bytes) {
    if (argument.access != Access::Read) {
      return bad_argument(pipeline, argument, "set_bytes gives a copy the kernel may only read, but it may write here");
    }
    if (argument.is_reference && slot.size < argument.element_size) {
      return bad_argument(pipeline, argument,
                          fmt::format("set_bytes gave {} bytes, '{}' has {}", slot.size, argument.type, argument.element_size));
    }
    return BoundArgument{BoundArgument::Kind::Bytes, nullptr, slot.offset, slot.size, argument.index};
  }
  if (slot.backend != pipeline.backend.get()) {
    return bad_argument(pipeline, argument,
                        fmt::format("the buffer belongs to another device ({})", slot.backend->info().id));
  }
  if (argument.access != Access::Read && !slot.writable) {
    return bad_argument(pipeline, argument, "a wrapped, read-only buffer is bound where the kernel may write");
  }
  if (slot.offset > slot.size) {
    return bad_argument(pipeline, argument,
                        fmt::format("offset {} is past the end of the buffer's {} bytes", slot.offset, slot.size));
  }
  if (argument.element_alignment > 1 && slot.offset % argument.element_alignment != 0) {
    return bad_argument(pipeline, argument, fmt::format("offset {} is not a multiple of {}, the alignment of '{}'", slot.offset,
                                                        argument.element_alignment, argument.type));
  }
  const std::size_t available = slot.size - slot.offset;
  if (argument.is_reference && available < argument.element_size) {
    return bad_argument(pipeline, argument, fmt::format("{} bytes are left behind offset {}, '{}' needs {}", available,
                                                        slot.offset, argument.type, argument.element_size));
  }
  return BoundArgument{BoundArgument::Kind::Buffer, slot.memory, slot.offset, available, argument.index};
}

Result<BoundArgument> bind_threadgroup(const PipelineState& pipeline, const Bindings& bindings, const Argument& argument) {
  const std::size_t length = bindings.threadgroup_lengths[argument.index];
  if (length == 0) return bad_argument(pipeline, argument, "no threadgroup memory length is set");
  if (length < argument.element_size) {
    return bad_argument(pipeline, argument, fmt::format("{} bytes of threadgroup memory are set, one '{}' has {}", length,
                                                        argument.type, argument.element_size));
  }
  return BoundArgument{BoundArgument::Kind::ThreadgroupLength, nullptr, 0, length, argument.index};
}

}  // namespace

Result<void> bind_arguments(const PipelineState& pipeline, const Bindings& bindings, device::CommandList& list) {
  const std::size_t limit = pipeline.backend->threadgroup_memory_limit();
  std::size_t threadgroup_bytes = pipeline.reflection.static_threadgroup_memory;
  bool fits = threadgroup_bytes <= limit;
  for (const Argument& argument : pipeline.reflection.arguments) {
    if (!argument.active) {
      list.arguments.emplace_back();
      continue;
    }
    if (argument.index >= kArgumentTableSize) return bad_argument(pipeline, argument, "the index is above 30");
    auto bound = argument.kind == ArgumentKind::Buffer ? bind_buffer(pipeline, bindings, argument)
                                                       : bind_threadgroup(pipeline, bindings, argument);
    if (!bound) return std::unexpected(std::move(bound.error()));
    if (bound->kind == BoundArgument::Kind::ThreadgroupLength) {
      fits = fits && bound->length <= limit - threadgroup_bytes;
      if (fits) threadgroup_bytes += bound->length;
    }
    list.arguments.push_back(*bound);
  }
  if (fits) return {};
  std::size_t dynamic = 0;
  for (const Argument& a : pipeline.reflection.arguments) {
    if (a.active && a.kind == ArgumentKind::Threadgroup) dynamic += bindings.threadgroup_lengths[a.index];
  }
  return misuse(ErrorCode::InvalidDispatch, pipeline,
                fmt::format(" needs more threadgroup memory than the device has: {} bytes of its own and {} set by the caller, "
                            "the limit is {}", pipeline.reflection.static_threadgroup_memory, dynamic, limit));
}

Result<void> check_geometry(const PipelineState& pipeline, Size threads, Size group) {
  constexpr std::size_t kMaxPosition = std::numeric_limits<std::uint32_t>::max();
  if (group.x == 0 || group.y == 0 || group.z == 0) {
    return misuse(ErrorCode::InvalidDispatch, pipeline,
                  fmt::format(": a threadgroup of {}x{}x{} threads is empty", group.x, group.y, group.z));
  }
  if (const auto& required = pipeline.reflection.required_threads;
      required[0] != 0 && (group.x != required[0] || group.y != required[1] || group.z != required[2])) {
    return misuse(ErrorCode::InvalidDispatch, pipeline,
                  fmt::format(": a threadgroup of {}x{}x{} threads, where the kernel requires {}x{}x{}", group.x, group.y, group.z, required[0],
                              required[1], required[2]));
  }
  const std::size_t limit = pipeline.max_threads;
  if (group.x > limit || group.y > limit || group.z > limit || group.x * group.y * group.z > limit) {
    return misuse(ErrorCode::InvalidDispatch, pipeline, fmt::format(": a threadgroup of {}x{}x{} threads is above the limit of {}",
                                                                    group.x, group.y, group.z, limit));
  }
  if (threads.x > kMaxPosition || threads.y > kMaxPosition || threads.z > kMaxPosition) {
    return misuse(ErrorCode::InvalidDispatch, pipeline,
                  fmt::format(": a grid of {}x{}x{} threads does not fit 32-bit thread positions", threads.x, threads.y, threads.z));
  }
  return {};
}

}  // namespace anymetal::detail
