#include "device/cpu/transfer.hpp"

#include <algorithm>
#include <cstring>

namespace anymetal::device::cpu {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{64} * 1024;
constexpr double kBytesPerNanosecond = 10;

const BoundArgument& argument_of(const CommandList& list, const Dispatch& command, std::size_t index) {
  return list.arguments[command.first_argument + index];
}

std::byte* start_of(const BoundArgument& argument) { return argument.memory->contents() + argument.offset; }

}  // namespace

std::uint64_t transfer_pieces(const CommandList& list, const Dispatch& command) {
  return (argument_of(list, command, 0).length + kPieceBytes - 1) / kPieceBytes;
}

double expected_transfer_nanoseconds(const CommandList& list, const Dispatch& command) {
  return static_cast<double>(argument_of(list, command, 0).length) / kBytesPerNanosecond;
}

void run_transfer(const CommandList& list, const Dispatch& command, std::uint64_t first, std::uint64_t last) {
  const auto& to = argument_of(list, command, 0);
  const std::size_t begin = first * kPieceBytes;
  const std::size_t count = std::min(last * kPieceBytes, to.length) - begin;
  if (command.kind == Dispatch::Kind::Fill) {
    std::memset(start_of(to) + begin, std::to_integer<int>(command.fill_value), count);
  } else {
    std::memcpy(start_of(to) + begin, start_of(argument_of(list, command, 1)) + begin, count);
  }
}

}  // namespace anymetal::device::cpu
