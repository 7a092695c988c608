#pragma once
/// \file
/// A problem's buffers on a device.

#include <string>
#include <vector>

#include "cases/guarded_buffer.hpp"
#include "cases/problem.hpp"

namespace anymetal::cases {

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
    GuardedBuffer guarded;
  };
  static Result<Placed> place(const Operand& operand, const Device& device, Placement placement);
  const Problem* problem_ = nullptr;
  std::vector<Placed> placed_;     ///< the operands
  std::vector<Placed> constants_;  ///< the problem's bytes, where pages are inaccessible; else they go by value
};

}  // namespace anymetal::cases
