#pragma once
/// \file
/// Which memory a dispatch touches.

#include <cstdint>
#include <span>
#include <vector>

#include "device/backend.hpp"

namespace anymetal::device::cpu {

/// The ranges of memory one dispatch may read and write. Reused from dispatch to dispatch for its memory.
/// Thread contract: immutable while other threads read it.
class BufferUses {
 public:
  /// `arguments` are the kernel's, as reflected; one that is not among them counts as written.
  void set(const CommandList& list, const Dispatch& dispatch, std::span<const Argument> arguments);
  /// Whether both touch a byte that one of them may write: then they must keep their order.
  [[nodiscard]] bool conflict_with(const BufferUses& other) const;

 private:
  struct Use {
    const Memory* memory;
    std::size_t begin, end;
    bool writes;
  };
  std::vector<Use> uses_;
  std::uint64_t touched_ = 0;  ///< a bit for each memory by hash: most pairs of dispatches are told apart by two words
  std::uint64_t written_ = 0;
};

/// Whether the kernel may write this argument of a dispatch.
[[nodiscard]] inline bool may_write(std::span<const Argument> arguments, std::size_t argument) {
  return argument >= arguments.size() || arguments[argument].access != Access::Read;
}

}  // namespace anymetal::device::cpu
