#pragma once
/// \file
/// The streams of one GPU, ordered against each other only where memory conflicts.

#include <anymetal/error.hpp>
#include <anymetal/pipeline.hpp>

#include "device/cuda/driver.hpp"
#include "device/cuda/hazards.hpp"

#include <array>
#include <span>

namespace anymetal::device::cuda {

/// Each stream counts its work. Before work is put on a stream, `order` makes the stream wait for what the memory's earlier
/// uses still run on the others; afterwards `mark` notes the new use. What one stream has waited for is remembered, so that
/// it waits for it once.
///
/// Thread contract: under the context's submit mutex, with the context current.
class Streams {
 public:
  Streams(const Driver& driver, CheckResult check) : driver_(driver), check_(std::move(check)) {}
  Result<void> open();
  /// Waits for all work, whatever its outcome.
  void drain() const;
  /// After `drain`.
  void close();

  [[nodiscard]] CUstream handle(unsigned stream) const { return streams_[stream].handle; }
  /// The latest work on `stream`.
  [[nodiscard]] Moment latest(unsigned stream) const { return {stream, streams_[stream].tail}; }

  /// The stream to go on with after the work that `hazards` hold: its own where that is the latest there, else an idle one.
  [[nodiscard]] unsigned choose(std::span<const Hazards* const> hazards) const;
  /// Whether `order` would make the stream wait.
  [[nodiscard]] bool must_wait(unsigned stream, const Hazards& hazards, Access access) const;
  /// Makes `stream` wait for all that a use of the memory must come after.
  Result<void> order(unsigned stream, const Hazards& hazards, Access access);
  /// Counts one more piece of work on `stream`.
  void advance(unsigned stream) { ++streams_[stream].tail; }
  /// Notes that the latest work on `stream` uses the memory.
  void mark(unsigned stream, Hazards& hazards, Access access) const;
  /// Lets other streams wait for what `stream` has been given so far, without waiting for what comes after.
  Result<void> checkpoint(unsigned stream);
  /// Everything up to `moment` has ended, as the host has seen.
  void note_finished(Moment moment);

 private:
  static constexpr std::size_t kCheckpoints = 8;
  struct Checkpoint {
    std::uint64_t ticket = 0;
    CUevent event = nullptr;
  };
  struct Stream {
    CUstream handle = nullptr;
    std::uint64_t tail = 0;
    std::uint64_t finished = 0;
    std::array<std::uint64_t, kStreamCount> known{};  ///< per other stream: the ticket this one comes after
    std::array<Checkpoint, kCheckpoints> checkpoints;
    std::size_t next_checkpoint = 0;
  };

  [[nodiscard]] bool is_behind(unsigned stream, Moment moment) const;
  Result<void> wait_for(unsigned stream, Moment moment);
  [[nodiscard]] const Checkpoint* earliest_checkpoint(Moment moment) const;

  const Driver& driver_;
  CheckResult check_;
  std::array<Stream, kStreamCount> streams_;
};

}  // namespace anymetal::device::cuda
