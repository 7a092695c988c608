#pragma once
/// \file
/// What a test says to the program that runs its kernels under an emulator, over two pipes: both are little-endian and
/// have pointers of 8 bytes.

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "device/cpu/kernel_abi.hpp"

namespace anymetal::emulated {

/// The runner's first words: the structures that it shares with generated code are those of the test.
struct Greeting {
  std::uint64_t table_bytes = sizeof(device::cpu::KernelTable);
  std::uint64_t context_bytes = sizeof(device::cpu::GroupContext);
  friend bool operator==(const Greeting&, const Greeting&) = default;
};

enum class Request : std::uint64_t {
  Load,  ///< a path's length and the path of a shared library; answered by Loaded
  Run,   ///< a Launch, its memories (each a size and the bytes), the bytes, the arguments; answered by an Outcome and
         ///< the bytes of all memories
};

/// The kernel of a shared library; its functions' addresses mean nothing to the test.
struct Loaded {
  std::uint64_t kernel = 0;  ///< how Launch names it; 0 where it cannot be loaded
  device::cpu::KernelTable table;
};

struct Launch {
  std::uint64_t whole = 0;  ///< for threadgroups whose rows are as long as dispatched
  std::uint64_t ends = 0;   ///< for those whose rows the grid cuts off
  std::uint64_t threads[3] = {};
  std::uint64_t group[3] = {};
  std::uint64_t memories = 0;
  std::uint64_t bytes = 0;
  std::uint64_t arguments = 0;
};

struct Operand {
  std::uint64_t kind = 0;    ///< device::BoundArgument::Kind
  std::uint64_t memory = 0;  ///< which of the launch
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

enum class Outcome : std::uint64_t { Done, StuckAtBarriers, OutOfMemory };

/// Whether all of it went through; false where the other side has ended.
inline bool send(int file, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto count = ::write(file, bytes.data(), bytes.size());
    if (count <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return true;
}
inline bool receive(int file, std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const auto count = ::read(file, bytes.data(), bytes.size());
    if (count <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return true;
}
template <class T>
bool send_value(int file, const T& value) {
  return send(file, std::as_bytes(std::span(&value, 1)));
}
template <class T>
bool receive_value(int file, T& value) {
  return receive(file, std::as_writable_bytes(std::span(&value, 1)));
}

}  // namespace anymetal::emulated
