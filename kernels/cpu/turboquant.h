// TurboQuant's rotation of a head and its codes, by one core.
#pragma once
#include "common/turboquant.h"
#include "cpu/wide.h"

namespace anymetal {

// The values of lanes kDistance apart changed over; a power of two.
template <int kDistance>
WideF exchanged(WideF x) {
  return __builtin_shufflevector(x, x, 0 ^ kDistance, 1 ^ kDistance, 2 ^ kDistance, 3 ^ kDistance, 4 ^ kDistance,
                                 5 ^ kDistance, 6 ^ kDistance, 7 ^ kDistance, 8 ^ kDistance, 9 ^ kDistance, 10 ^ kDistance,
                                 11 ^ kDistance, 12 ^ kDistance, 13 ^ kDistance, 14 ^ kDistance, 15 ^ kDistance);
}

// A step of the transform within a vector: sums in the lanes without the bit, differences in those with it.
template <int kDistance>
WideF within(WideF x) {
  const WideU lane = (WideU){0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  return ((lane & uint(kDistance)) != 0u ? -x : x) + exchanged<kDistance>(x);
}

// x = H x / sqrt(kDim) in natural order, element 16 i + l in lane l of x[i].
template <int kDim>
void wide_hadamard(thread WideF* x) {
#pragma unroll
  for (int i = 0; i < kDim / 16; ++i) x[i] = within<8>(within<4>(within<2>(within<1>(x[i]))));
#pragma unroll
  for (int distance = 1; distance < kDim / 16; distance *= 2) {
#pragma unroll
    for (int i = 0; i < kDim / 16; ++i) {
      if (i & distance) continue;
      const WideF low = x[i], high = x[i + distance];
      x[i] = low + high;
      x[i + distance] = low - high;
    }
  }
  constexpr float kScale = kDim == 256 ? 0.0625f : 0.044194173824159216f;
#pragma unroll
  for (int i = 0; i < kDim / 16; ++i) x[i] *= kScale;
}

// x with the signs of elements first .. first + 15.
inline WideF wide_signs(WideF x, uint first) {
  const ushort bits = ushort(kTurboSigns[first / 8] | kTurboSigns[first / 8 + 1] << 8);
  return __builtin_convertvector(__builtin_bit_cast(Bool16, bits), Int16) != 0 ? -x : x;
}

// turbo_rotate for one core: x = the rotation of the head at `from`.
template <int kDim, class From>
void wide_rotate(From from, thread WideF* x) {
#pragma unroll
  for (int i = 0; i < kDim / 16; ++i) x[i] = wide_signs(Wide::load(from + 16 * i), 16 * i);
  wide_hadamard<kDim>(x);
}

}  // namespace anymetal
