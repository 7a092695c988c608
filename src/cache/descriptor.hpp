#pragma once
/// \file
/// A file descriptor that closes itself.

#include <unistd.h>

#include <utility>

namespace anymetal::cache {

/// Thread contract: one thread.
class Descriptor {
 public:
  explicit Descriptor(int value = -1) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }

  [[nodiscard]] int get() const { return value_; }
  /// Whoever takes it closes it.
  [[nodiscard]] int release() { return std::exchange(value_, -1); }
  [[nodiscard]] explicit operator bool() const { return value_ >= 0; }

 private:
  int value_;
};

}  // namespace anymetal::cache
