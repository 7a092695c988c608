#pragma once
/// \file
/// Length-prefixed fields in a flat string: how keys and payloads are written and read back.

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace anymetal::cache {

static_assert(std::endian::native == std::endian::little, "entries are written in the order of the machine");

template <class T>
concept Plain = std::is_arithmetic_v<T> || std::is_enum_v<T>;

/// Appends fields to a string. Thread contract: one thread.
class ByteWriter {
 public:
  template <Plain T>
  void number(T value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void text(std::string_view value) {
    number(static_cast<std::uint64_t>(value.size()));
    bytes_.append(value);
  }
  [[nodiscard]] std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

/// Reads fields back from bytes nobody vouches for: once a field does not fit, `ok()` is false and every field is empty.
/// Thread contract: one thread.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  template <Plain T>
  T number() {
    T value{};
    if (const auto field = take(sizeof value); ok_) {
      if constexpr (std::is_same_v<T, bool>) {
        value = field[0] != 0;
      } else {
        std::memcpy(&value, field.data(), sizeof value);
      }
    }
    return value;
  }
  std::string text() {
    const auto size = number<std::uint64_t>();
    return std::string(take(size));
  }
  /// A count of things that take at least `least` bytes each; more than can follow is a mistake.
  std::size_t count(std::size_t least) {
    const auto value = number<std::uint64_t>();
    ok_ = ok_ && value <= rest_.size() / least;
    return ok_ ? static_cast<std::size_t>(value) : 0;
  }
  /// An enumerator, which must be at most `last`.
  template <class E>
    requires std::is_enum_v<E>
  E enumerator(E last) {
    const auto value = number<E>();
    ok_ = ok_ && value <= last;
    return ok_ ? value : E{};
  }
  [[nodiscard]] bool ok() const { return ok_; }
  /// Everything was read and fitted.
  [[nodiscard]] bool done() const { return ok_ && rest_.empty(); }

 private:
  std::string_view take(std::uint64_t size) {
    ok_ = ok_ && size <= rest_.size();
    if (!ok_) return {};
    const auto field = rest_.substr(0, static_cast<std::size_t>(size));
    rest_.remove_prefix(field.size());
    return field;
  }
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace anymetal::cache
