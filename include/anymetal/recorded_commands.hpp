#pragma once
/// \file
/// Dispatches recorded once and run many times.

#include <anymetal/submission.hpp>

#include <cstddef>
#include <memory>
#include <span>

namespace anymetal {

namespace device {
class Replay;
}
class CommandEncoder;

/// What an encoder recorded, kept for repeated runs: nothing is checked or encoded again, and an NVIDIA GPU takes the whole
/// as one graph, in which only conflicting dispatches wait for each other. Buffers keep their place; `set_bytes` changes
/// small arguments and `replace` anything.
///
/// Thread contract: one thread at a time. Runs behave as if they followed each other in the order of `commit`; a run sees the
/// arguments as they were when it was committed.
/// \code
///   encoder.set_value(1, Position{0});
///   encoder.dispatch_threads({n}, {256});                   // dispatch 0
///   auto step = encoder.record();
///   for (unsigned i = 0; i < 100; ++i) {
///     if (auto done = step->set_value(0, 1, Position{i}); !done) return done;
///     if (auto done = step->commit_and_wait(); !done) return done;
///   }
/// \endcode
class RecordedCommands {
 public:
  ~RecordedCommands();
  RecordedCommands(RecordedCommands&&) noexcept;
  RecordedCommands& operator=(RecordedCommands&&) noexcept;

  /// How many dispatches there are.
  [[nodiscard]] std::size_t size() const;
  /// Other bytes for what dispatch number `dispatch` was given by `set_bytes` at `index`, as many as there were.
  /// InvalidBinding where there are no such bytes.
  Result<void> set_bytes(std::size_t dispatch, unsigned index, std::span<const std::byte> bytes);
  /// The same for a trivially copyable value.
  template <class T>
  Result<void> set_value(std::size_t dispatch, unsigned index, const T& value) {
    return set_bytes(dispatch, index, std::as_bytes(std::span<const T, 1>(&value, 1)));
  }
  /// Takes over what `encoder` has recorded since, and empties it. Costs little where the dispatches are the same but for
  /// arguments, grids and kernels; a mistake made while recording is the result, and the earlier commands stay.
  Result<void> replace(CommandEncoder& encoder);

  /// Starts a run.
  Result<Submission> commit();
  Result<void> commit_and_wait();

  RecordedCommands(std::shared_ptr<device::Backend> backend, std::unique_ptr<device::Replay> replay);  ///< library internals

 private:
  std::shared_ptr<device::Backend> backend_;
  std::unique_ptr<device::Replay> replay_;
};

}  // namespace anymetal
