#pragma once
/// \file
/// Which memory a dispatch touches.

#include <cstdint>
#include <vector>

#include "device/backend.hpp"

namespace anymetal::device::cpu {

/// The ranges of memory one dispatch may read and write. Reused from dispatch to dispatch for its memory.
/// Thread contract: immutable while other threads read it.
class BufferUses {
 public:
  void set(const CommandList& list, const Dispatch& dispatch);
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

}  // namespace anymetal::device::cpu
