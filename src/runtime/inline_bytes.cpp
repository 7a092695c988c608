#include "runtime/inline_bytes.hpp"

#include <cstring>
#include <unordered_set>
#include <vector>

namespace anymetal::detail {

std::size_t append_bytes(device::CommandList& list, std::span<const std::byte> bytes) {
  constexpr auto kLine = static_cast<std::size_t>(device::CacheLineAllocator<std::byte>::kAlignment);
  const std::size_t offset = (list.bytes.size() + kLine - 1) / kLine * kLine;
  list.bytes.resize(offset + bytes.size());
  std::memcpy(list.bytes.data() + offset, bytes.data(), bytes.size());
  return offset;
}

void separate_bytes(device::CommandList& list) {
  std::unordered_set<std::size_t> taken;
  for (auto& argument : list.arguments) {
    if (argument.kind != device::BoundArgument::Kind::Bytes || taken.insert(argument.offset).second) continue;
    const auto* begin = list.bytes.data() + argument.offset;
    argument.offset = append_bytes(list, std::vector(begin, begin + argument.length));
    taken.insert(argument.offset);
  }
}

}  // namespace anymetal::detail
