#pragma once
/// \file
/// A problem's buffers on a device.

#include <memory>
#include <string>
#include <vector>

#include "cases/guarded_memory.hpp"
#include "cases/problem.hpp"

namespace anymetal::cases {

/// How the buffers of one run lie in memory.
enum class Placement : std::uint8_t {
  Aligned,       ///< at multiples of 64
  Misaligned,    ///< at odd multiples of the operand's own alignment
  EndsAtPage,    ///< the page after the last byte is inaccessible; CPU device only
  StartsAtPage,  ///< the page before the first byte is inaccessible; CPU device only
};

/// Allocates every operand between guard bytes, fills and poisons, and records the dispatch as often as asked.
class BoundProblem {
 public:
  static Result<BoundProblem> make(const Problem& problem, const Device& device, Placement placement);

  /// Binds everything and records one dispatch.
  void encode(CommandEncoder& encoder, const PipelinePtr& pipeline) const;

  /// Current bytes of operand `position`.
  [[nodiscard]] Result<std::vector<std::byte>> content(std::size_t position) const;
  /// What was accessed outside the buffers: a line for each whose surroundings have changed, or met an inaccessible
  /// page.
  [[nodiscard]] Result<std::vector<std::string>> overruns() const;

 private:
  struct Placed {
    unsigned index = 0;
    Buffer buffer;
    std::size_t offset = 0;
    std::size_t bytes = 0;
    std::shared_ptr<GuardedMemory> guarded;  ///< the buffer's memory where pages are inaccessible
  };
  static Result<Placed> place(const Operand& operand, Device device, Placement placement);
  const Problem* problem_ = nullptr;
  std::vector<Placed> placed_;     ///< the operands
  std::vector<Placed> constants_;  ///< the problem's bytes, where pages are inaccessible; else they go by value
};

}  // namespace anymetal::cases
