#pragma once
/// \file
/// The memory one worker lends to generated code.

#include <array>
#include <memory>

#include "device/backend.hpp"
#include "device/cpu/guarded_block.hpp"
#include "device/cpu/kernel_abi.hpp"

namespace anymetal::device::cpu {

/// Arguments, threadgroup memory and coroutine frames of one worker, kept from dispatch to dispatch.
///
/// Thread contract: one thread at a time.
class WorkerArena {
 public:
  /// Names one dispatch of all that this arena is prepared for.
  struct Purpose {
    const void* owner = nullptr;
    std::uint64_t number = 0;
    bool operator==(const Purpose&) const = default;
  };
  /// Makes the context of a dispatch: resolves its arguments and provides memory for groups of `threads` threads, of
  /// which the first 64 bytes of static threadgroup memory are zero. OutOfMemory on failure.
  Result<void> prepare(const CommandList& list, const Dispatch& dispatch, const DispatchCode& code,
                       const std::array<std::uint32_t, 3>& groups, Purpose purpose);
  [[nodiscard]] bool is_prepared_for(Purpose purpose) const { return purpose_ == purpose; }
  [[nodiscard]] GroupContext& context() { return context_; }

 private:
  struct Free {
    void operator()(std::byte* memory) const;
  };
  /// Memory that grows and keeps no content.
  struct Block {
    std::unique_ptr<std::byte, Free> data;
    std::size_t size = 0;
    [[nodiscard]] bool reserve(std::size_t bytes);
  };

  Purpose purpose_;
  GroupContext context_;
  std::vector<void*> arguments_;
  GuardedBlock threadgroup_memory_{GuardedBlock::Holds::ThreadgroupMemory};
  GuardedBlock frames_{GuardedBlock::Holds::Frames};  ///< private arrays that live across barriers lie there
  Block exchange_;
  Block sites_;
};

}  // namespace anymetal::device::cpu
