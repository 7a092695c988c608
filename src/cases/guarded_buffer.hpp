#pragma once
/// \file
/// A buffer whose surroundings notice what a kernel does outside it.

#include <anymetal/device.hpp>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "cases/guarded_memory.hpp"

namespace anymetal::cases {

/// How a buffer lies in memory.
enum class Placement : std::uint8_t {
  Aligned,       ///< at multiples of 64
  Misaligned,    ///< at odd multiples of its own alignment
  EndsAtPage,    ///< the page after the last byte is inaccessible; CPU device only
  StartsAtPage,  ///< the page before the first byte is inaccessible; CPU device only
};
[[nodiscard]] inline bool has_guarded_pages(Placement p) {
  return p == Placement::EndsAtPage || p == Placement::StartsAtPage;
}

/// What a buffer is to be.
struct GuardedBufferOptions {
  std::size_t bytes = 0;
  std::size_t alignment = 1;  ///< of its address
  Placement placement = Placement::Aligned;
  std::span<const std::byte> content;              ///< all of it; empty: poison, which is NaN in every float type
  std::size_t reach = GuardedMemory::kUsualReach;  ///< how far outside an access still meets an inaccessible page
};

/// Stands between guard bytes. Thread contract: as a Buffer's.
class GuardedBuffer {
 public:
  static Result<GuardedBuffer> make(Device device, const GuardedBufferOptions& options);

  [[nodiscard]] const Buffer& buffer() const { return buffer_; }
  [[nodiscard]] std::size_t offset() const { return offset_; }  ///< where in the buffer its first byte is
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  /// Its bytes as they are now.
  [[nodiscard]] Result<std::vector<std::byte>> content() const;
  /// The guard byte nearest to its start that was written, counted from there: negative before it.
  [[nodiscard]] Result<std::optional<std::ptrdiff_t>> written_outside() const;
  /// Where the first access to an inaccessible page was, counted the same way.
  [[nodiscard]] std::optional<std::ptrdiff_t> accessed_outside() const;

 private:
  Result<void> fill(std::span<const std::byte> content);

  Buffer buffer_;
  std::size_t offset_ = 0;
  std::size_t bytes_ = 0;
  std::shared_ptr<GuardedMemory> guarded_;  ///< the buffer's memory where pages are inaccessible
};

}  // namespace anymetal::cases
