#pragma once
/// \file
/// Element types and rows of scratch memory for plain loops.

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>
#include <vector>

#include "cases/plain/loop.hpp"

namespace anymetal::cases::plain {

/// binary16; the compiler converts.
using Half = _Float16;

/// bfloat16, rounded to nearest even.
struct Bfloat {
  std::uint16_t bits;
  Bfloat() = default;
  explicit Bfloat(float value) {
    const auto raw = std::bit_cast<std::uint32_t>(value);
    const std::uint32_t rounded = (raw + 0x7fff + (raw >> 16 & 1)) >> 16, nan = raw >> 16 | 0x40;
    bits = static_cast<std::uint16_t>(value != value ? nan : rounded);
  }
  operator float() const { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }
};

/// An allocator whose name keeps the code of the vectors that use it apart from the rest of the program's.
template <class T>
struct Allocator {
  using value_type = T;
  Allocator() = default;
  template <class U>
  Allocator(const Allocator<U>&) {}
  T* allocate(std::size_t n) { return static_cast<T*>(::operator new(n * sizeof(T))); }
  void deallocate(T* p, std::size_t) { ::operator delete(p); }
  friend bool operator==(Allocator, Allocator) { return true; }
};

/// Scratch memory of a loop.
template <class T>
using Row = std::vector<T, Allocator<T>>;

}  // namespace anymetal::cases::plain
