#include "device/cpu/worker_arena.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "device/aligned.hpp"

namespace anymetal::device::cpu {
namespace {

constexpr std::size_t kThreadgroupAlignment = 16;
/// At the beginning of static threadgroup memory: kernels in a form for processors keep there what else they keep.
constexpr std::size_t kZeroedBytes = 64;

}  // namespace

void WorkerArena::Free::operator()(std::byte* memory) const { std::free(memory); }

bool WorkerArena::Block::reserve(std::size_t bytes) {
  if (bytes <= size) return true;
  const auto rounded = aligned(bytes, kArenaAlignment);
  data.reset(static_cast<std::byte*>(std::aligned_alloc(kArenaAlignment, rounded)));
  size = data ? rounded : 0;
  return data != nullptr;
}

Result<void> WorkerArena::prepare(const CommandList& list, const Dispatch& dispatch, const DispatchCode& code,
                                  const std::array<std::uint32_t, 3>& groups, Purpose purpose) {
  purpose_ = {};
  const std::span bound(list.arguments.data() + dispatch.first_argument, dispatch.argument_count);
  const auto static_bytes = aligned(code.whole->static_threadgroup_bytes, kThreadgroupAlignment);
  auto threadgroup_bytes = static_bytes;
  for (const auto& argument : bound)
    if (argument.kind == BoundArgument::Kind::ThreadgroupLength)
      threadgroup_bytes += aligned(argument.length, kThreadgroupAlignment);
  const auto& size = dispatch.threads_per_threadgroup;
  const auto threads = aligned(size.x * size.y * size.z, kSimdWidth);
  std::size_t frame_bytes = 0;
  const auto has_room = [&](const KernelTable& kernel) {
    if (kernel.start == nullptr) return true;
    const auto units = kernel.lanes_per_unit == 1
                           ? threads
                           : units_of(kernel, static_cast<std::uint32_t>(size.x), static_cast<std::uint32_t>(size.y),
                                      static_cast<std::uint32_t>(size.z));
    frame_bytes = std::max<std::size_t>(frame_bytes, units * kernel.frame_stride);
    return frames_.reserve(frame_bytes) && exchange_.reserve(kernel.exchange_bytes) &&
           sites_.reserve(threads * sizeof(Site));
  };
  if (!threadgroup_memory_.reserve(threadgroup_bytes) || !has_room(*code.whole) || !has_room(*code.ends))
    return fail(ErrorCode::OutOfMemory, "the system has no memory left for a threadgroup");
  std::byte* const threadgroup_memory = threadgroup_memory_.last(threadgroup_bytes);

  if (code.whole->static_threadgroup_bytes > 0) {
    const auto bytes = std::min<std::size_t>(code.whole->static_threadgroup_bytes, kZeroedBytes);
    std::memset(threadgroup_memory, 0, bytes);
  }

  arguments_.clear();
  auto offset = static_bytes;
  for (const auto& argument : bound) {
    switch (argument.kind) {
      case BoundArgument::Kind::Absent:
        arguments_.push_back(nullptr);
        break;
      case BoundArgument::Kind::Buffer:
        arguments_.push_back(argument.memory->contents() + argument.offset);
        break;
      case BoundArgument::Kind::Bytes:
        // Generated code reads constants only; the pointer type is shared with writable buffers.
        arguments_.push_back(const_cast<std::byte*>(list.bytes.data()) + argument.offset);  // NOLINT
        break;
      case BoundArgument::Kind::ThreadgroupLength:
        arguments_.push_back(threadgroup_memory + offset);
        offset += aligned(argument.length, kThreadgroupAlignment);
        break;
    }
  }
  context_.arguments = arguments_.data();
  context_.threadgroup_memory = threadgroup_memory;
  context_.frames = frames_.last(frame_bytes);
  context_.exchange = exchange_.data.get();
  context_.sites = reinterpret_cast<Site*>(sites_.data.get());
  const std::array extent{dispatch.threads.x, dispatch.threads.y, dispatch.threads.z};
  const std::array group{size.x, size.y, size.z};
  for (unsigned d = 0; d < 3; ++d) {
    context_.dispatch_threads_per_threadgroup[d] = static_cast<std::uint32_t>(group[d]);
    context_.groups_per_grid[d] = groups[d];
    context_.threads_per_grid[d] = static_cast<std::uint32_t>(extent[d]);
  }
  purpose_ = purpose;
  return {};
}

}  // namespace anymetal::device::cpu
