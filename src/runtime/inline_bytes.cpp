#include "runtime/inline_bytes.hpp"

#include <cstring>
#include <vector>

namespace anymetal::detail {

namespace {
constexpr auto kLine = static_cast<std::size_t>(device::CacheLineAllocator<std::byte>::kAlignment);
}  // namespace

std::size_t append_bytes(device::CommandList& list, std::span<const std::byte> bytes) {
  const std::size_t offset = (list.bytes.size() + kLine - 1) / kLine * kLine;
  list.bytes.resize(offset + bytes.size());
  std::memcpy(list.bytes.data() + offset, bytes.data(), bytes.size());
  return offset;
}

void separate_bytes(device::CommandList& list) {
  std::vector<bool> taken(list.bytes.size() / kLine + 1);  // by line: bytes begin at one
  for (auto& argument : list.arguments) {
    if (argument.kind != device::BoundArgument::Kind::Bytes) continue;
    if (auto begins = taken[argument.offset / kLine]; !begins) {
      begins = true;
      continue;
    }
    const auto* begin = list.bytes.data() + argument.offset;
    argument.offset = append_bytes(list, std::vector(begin, begin + argument.length));
  }
}

}  // namespace anymetal::detail
