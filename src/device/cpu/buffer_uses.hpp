#pragma once
/// \file
/// Which memory a dispatch touches.

#include <cstdint>
#include <vector>

#include "device/backend.hpp"

namespace anymetal::device::cpu {

/// The memory that a dispatch touches and of it what it writes, a bit for each allocation by hash: most pairs of dispatches
/// are told apart by these two words.
struct BufferMarks {
  std::uint64_t touched = 0;
  std::uint64_t written = 0;
  [[nodiscard]] bool may_conflict_with(const BufferMarks& other) const {
    return ((written & other.touched) | (touched & other.written)) != 0;
  }
};

/// The ranges of memory one dispatch may read and write. Reused from dispatch to dispatch for its memory.
/// Thread contract: immutable while other threads read it.
class BufferUses {
 public:
  BufferMarks set(const CommandList& list, const Dispatch& dispatch);
  /// Whether both touch a byte that one of them may write: then they must keep their order.
  [[nodiscard]] bool conflict_with(const BufferUses& other) const;

 private:
  struct Use {
    const Memory* memory;
    std::size_t begin, end;
    bool writes;
  };
  std::vector<Use> uses_;
};

}  // namespace anymetal::device::cpu
