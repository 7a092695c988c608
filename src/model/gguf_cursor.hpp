#pragma once
/// \file
/// A reading position in untrusted bytes.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

namespace anymetal::model {

/// Reads little-endian values and never past the end. The first short read sticks: every later read gives zero, so a
/// caller may check `failed()` once per structure. Thread contract: one thread.
class GgufCursor {
 public:
  explicit GgufCursor(std::span<const std::byte> bytes) : bytes_(bytes) {}

  template <class T>
    requires std::is_trivially_copyable_v<T>
  T read() {
    T value{};
    const auto source = take(sizeof(T));
    if (!failed_) std::memcpy(&value, source.data(), sizeof(T));
    return value;
  }

  /// A 64-bit length and that many bytes.
  std::string_view read_string() {
    const auto bytes = take(read<std::uint64_t>());
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  /// The next `count` bytes; empty after a failure.
  std::span<const std::byte> take(std::uint64_t count) {
    if (failed_ || count > remaining()) {
      failed_ = true;
      return {};
    }
    const auto result = bytes_.subspan(position_, static_cast<std::size_t>(count));
    position_ += result.size();
    return result;
  }

  /// Whether `count` items of at least `smallest` bytes each can still follow: asked before anything is allocated.
  [[nodiscard]] bool has_room_for(std::uint64_t count, std::size_t smallest) const {
    return !failed_ && count <= remaining() / smallest;
  }

  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] std::size_t position() const { return position_; }
  [[nodiscard]] std::size_t remaining() const { return bytes_.size() - position_; }

 private:
  std::span<const std::byte> bytes_;
  std::size_t position_ = 0;
  bool failed_ = false;
};

}  // namespace anymetal::model
