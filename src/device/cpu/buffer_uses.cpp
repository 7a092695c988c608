#include "device/cpu/buffer_uses.hpp"

#include <algorithm>

namespace anymetal::device::cpu {
namespace {

std::uint64_t hash_bit(const Memory* memory) {
  constexpr std::uint64_t kMix = 0x9e37'79b9'7f4a'7c15;
  return std::uint64_t{1} << ((reinterpret_cast<std::uintptr_t>(memory) * kMix) >> 58);
}

}  // namespace

BufferMarks BufferUses::set(const CommandList& list, const Dispatch& dispatch) {
  uses_.clear();
  BufferMarks marks;
  for (std::size_t i = 0; i < dispatch.argument_count; ++i) {
    const auto& bound = list.arguments[dispatch.first_argument + i];
    if (bound.kind != BoundArgument::Kind::Buffer || bound.length == 0) continue;
    const bool writes = dispatch.access(i) != Access::Read;
    uses_.push_back({bound.memory, bound.offset, bound.offset + bound.length, writes});
    marks.touched |= hash_bit(bound.memory);
    if (writes) marks.written |= hash_bit(bound.memory);
  }
  return marks;
}

bool BufferUses::conflict_with(const BufferUses& other) const {
  return std::ranges::any_of(uses_, [&](const Use& a) {
    return std::ranges::any_of(other.uses_, [&](const Use& b) {
      return a.memory == b.memory && (a.writes || b.writes) && a.begin < b.end && b.begin < a.end;
    });
  });
}

}  // namespace anymetal::device::cpu
