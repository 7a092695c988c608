#pragma once
// Lane arithmetic shared by the SIMD-group and quad-group functions.
#pragma clang system_header
#include "intrinsics.h"
#include "map.h"

namespace __msl {

// char..uint, half, bfloat, float.
template <class T>
concept lane_integer = __is_integral(T) && !__is_same(T, bool) && sizeof(T) <= 4;
template <class T>
concept lane_scalar = lane_integer<T> || __is_same(T, half) || __is_same(T, float) || __is_same(T, bfloat);

template <class T>
inline constexpr bool is_lane_value = lane_scalar<T>;
template <class T, int N>
inline constexpr bool is_lane_value<metal::vec<T, N>> = lane_scalar<T>;
template <class T>
concept lane_value = is_lane_value<T>;

// Shapes of T as words the lanes exchange: 8- and 16-bit values extended, wider ones split.
template <class T>
__MSL_INLINE T shuffle(T value, uint lane) {
  if constexpr (sizeof(T) == 1) {
    return __builtin_bit_cast(T, static_cast<uchar>(__msl_simd_shuffle(__builtin_bit_cast(uchar, value), lane)));
  } else if constexpr (sizeof(T) == 2) {
    return __builtin_bit_cast(T, static_cast<ushort>(__msl_simd_shuffle(__builtin_bit_cast(ushort, value), lane)));
  } else if constexpr (sizeof(T) == 4) {
    return __builtin_bit_cast(T, __msl_simd_shuffle(__builtin_bit_cast(uint, value), lane));
  } else {
    struct words {
      uint word[sizeof(T) / 4];
    };
    words w = __builtin_bit_cast(words, value);
    for (uint& word : w.word) word = __msl_simd_shuffle(word, lane);
    return __builtin_bit_cast(T, w);
  }
}

// The fourth element of three is undefined, and would take the word it shares with it.
template <class T>
__MSL_INLINE metal::vec<T, 3> shuffle(metal::vec<T, 3> value, uint lane) {
  return shuffle(metal::vec<T, 4>(value, T(0)), lane).xyz;
}

__MSL_INLINE uint lane() { return __msl_thread_index_in_simdgroup(); }
__MSL_INLINE ulong active_lanes() { return __msl_simd_ballot(true); }
// active_lanes is never empty: the caller is among them.
__MSL_INLINE uint first_active_lane() { return static_cast<uint>(__builtin_ctzl(active_lanes())); }

// Exchanges inside aligned vectors of `width` lanes, a power of two.
template <class T>
__MSL_INLINE T shuffle_up(T value, uint delta, uint width) {
  const uint l = lane();
  return shuffle(value, (l & (width - 1)) >= delta ? l - delta : l);
}
template <class T>
__MSL_INLINE T shuffle_down(T value, uint delta, uint width) {
  const uint l = lane();
  return shuffle(value, (l & (width - 1)) + delta < width ? l + delta : l);
}
template <class T>
__MSL_INLINE T shuffle_rotate(T value, uint delta, uint width) {
  const uint l = lane();
  return shuffle(value, (l & ~(width - 1)) | ((l + delta) & (width - 1)));
}
template <class T>
__MSL_INLINE T shuffle_and_fill_up(T value, T fill, uint delta, uint width) {
  const T from_fill = shuffle_rotate(fill, -delta, width);
  const T from_value = shuffle_rotate(value, -delta, width);
  return (lane() & (width - 1)) >= delta ? from_value : from_fill;
}
template <class T>
__MSL_INLINE T shuffle_and_fill_down(T value, T fill, uint delta, uint width) {
  const T from_fill = shuffle_rotate(fill, delta, width);
  const T from_value = shuffle_rotate(value, delta, width);
  return (lane() & (width - 1)) + delta < width ? from_value : from_fill;
}

}  // namespace __msl
