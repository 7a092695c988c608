#pragma once
/// \file
/// Records dispatches, copies and fills, and runs them in order.

#include <anymetal/device.hpp>
#include <anymetal/pipeline.hpp>
#include <anymetal/recorded_commands.hpp>
#include <anymetal/submission.hpp>

namespace anymetal {

namespace device {
struct CommandList;
}

/// Records commands; they behave as if run in order, each seeing all writes of the earlier ones.
///
/// Thread contract: one thread at a time. Setters never fail: the first mistake of the whole encoding (missing buffer,
/// wrong index, range past the end, too many threads ...) is the value of `commit`, `commit_and_wait` or `record`, and then
/// nothing has run.
/// \code
///   auto encoder = *device.make_command_encoder();
///   encoder.set_pipeline(pipeline);
///   encoder.set_buffer(0, out);
///   encoder.dispatch_threads({1000}, {256});
///   if (auto done = encoder.commit_and_wait(); !done) report(done.error());
/// \endcode
class CommandEncoder {
 public:
  explicit CommandEncoder(std::shared_ptr<device::Backend> backend);
  ~CommandEncoder();
  CommandEncoder(CommandEncoder&&) noexcept;
  CommandEncoder& operator=(CommandEncoder&&) noexcept;

  void set_pipeline(PipelinePtr pipeline);
  /// Binds `buffer` from `offset` bytes on to `[[buffer(index)]]`, index 0-30.
  void set_buffer(unsigned index, const Buffer& buffer, std::size_t offset = 0);
  /// Copies up to 4096 bytes for a `constant` argument.
  void set_bytes(unsigned index, std::span<const std::byte> bytes);
  /// The same for a trivially copyable value.
  template <class T>
  void set_value(unsigned index, const T& value) {
    set_bytes(index, std::as_bytes(std::span<const T, 1>(&value, 1)));
  }
  /// Length in bytes of `[[threadgroup(index)]]`; a multiple of 16.
  void set_threadgroup_memory_length(unsigned index, std::size_t bytes);
  /// `grid` counts threadgroups, all of them full. Bindings stay for the next dispatch, as in Metal.
  void dispatch_threadgroups(Size grid, Size threads_per_threadgroup);
  /// `threads` counts threads; edge threadgroups are clipped.
  void dispatch_threads(Size threads, Size threads_per_threadgroup);
  /// Copies `bytes` bytes of one buffer of the encoder's device to another, or to a range of the same one that does not
  /// overlap. Counts as a dispatch. InvalidArgument for a range past an end or an overlap; InvalidBinding for a buffer of another
  /// device, and for a wrapped one that would be written.
  void copy_buffer(const Buffer& source, std::size_t source_offset, const Buffer& destination, std::size_t destination_offset,
                   std::size_t bytes);
  /// Sets `bytes` bytes of a buffer, from `offset` on, to `value`. Counts as a dispatch; errors as for `copy_buffer`.
  void fill_buffer(const Buffer& buffer, std::size_t offset, std::size_t bytes, std::byte value);
  /// A hint: commands are ordered anyway.
  void memory_barrier();
  /// How many dispatches, copies and fills are recorded: the number the next one gets. One over an empty grid or of no bytes
  /// records nothing.
  [[nodiscard]] std::size_t dispatch_count() const;
  /// Starts everything recorded and returns. The encoder is empty afterwards and may be used again at once. Work committed
  /// later, from whatever encoder, waits for it only where both use a buffer and one of them may write it.
  Result<Submission> commit();
  /// Runs everything recorded and waits. The encoder is empty afterwards and may be used again.
  Result<void> commit_and_wait();
  /// Keeps everything recorded for repeated runs and runs nothing. The encoder is empty afterwards.
  Result<RecordedCommands> record();

 private:
  friend class RecordedCommands;
  Result<device::CommandList> take();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace anymetal
