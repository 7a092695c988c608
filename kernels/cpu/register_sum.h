// Sums of products that stay in registers.
#pragma once
#include "cpu/wide.h"

namespace anymetal {

// A sum of products of vectors, in one register whatever its width: eight rows' sums shall stay in registers.
class RegisterSum {
 public:
  void add(WideF a, WideF b) {
    if (__msl_vector_bits() >= 512) {
      wide_ += a * b;
    } else if (__msl_vector_bits() >= 256) {
      half_ += a.lo * b.lo + a.hi * b.hi;
    } else {
      quarter_ += (a.lo.lo * b.lo.lo + a.lo.hi * b.lo.hi) + (a.hi.lo * b.hi.lo + a.hi.hi * b.hi.hi);
    }
  }
  // A vector with this sum.
  WideF vector() const {
    WideF v = wide_;
    v.lo += half_;
    v.lo.lo += quarter_;
    return v;
  }

 private:
  typedef float Float4 __attribute__((ext_vector_type(4)));
  // But for one zero from the first to the last, and gone when the kernel is compiled.
  WideF wide_ = 0.0f;
  Float8 half_ = 0.0f;
  Float4 quarter_ = 0.0f;
};

// The same in all lanes of a vector, for few sums: where it is two registers, an addition need not wait for the one before.
class WideSum {
 public:
  void add(WideF a, WideF b) { sum_ += a * b; }
  WideF vector() const { return sum_; }

 private:
  WideF sum_ = 0.0f;
};

// Eight of them, each added up.
template <class Sum>
Float8 added_up(thread const Sum* sums) {
  WideF v[8];
#pragma unroll
  for (int r = 0; r < 8; ++r) v[r] = sums[r].vector();
  return eight_sums(v);
}

// Stores the first `count` of eight numbers. Eight at once: a copy of any length would be a call.
inline void store_up_to(device float* to, Float8 values, uint count) {
  if (count == 8) return Lanes<8>::store(to, values);
  for (uint i = 0; i < count; ++i) to[i] = values[i];
}

}  // namespace anymetal
