// In the manner of a tensor library: atomics of any type by traits, and an operation that a helper takes as a function.
#include <metal_atomic>
#include <metal_stdlib>

namespace pool {

template <typename T>
struct cell_of {};

// A type that atomics have.
template <>
struct cell_of<float> {
  using type = ::metal::atomic<float>;
  static inline void fold(device type* cells, long at, float value, float (*op)(float, float)) {
    auto cell = cells + at;
    auto old = ::metal::atomic_load_explicit(cell, ::metal::memory_order_relaxed);
    float wanted;
    do {
      wanted = op(old, value);
    } while (!::metal::atomic_compare_exchange_weak_explicit(cell, &old, wanted, ::metal::memory_order_relaxed,
                                                             ::metal::memory_order_relaxed));
  }
};

// Two 16-bit values share a word that atomics have.
template <typename T>
struct halves_of_a_word {
  using type = ::metal::atomic<uint>;
  static inline void fold(device type* cells, long at, T value, T (*op)(T, T)) {
    auto cell = cells + (at >> 1);
    const uint shift = (at & 1) * 16;
    auto old = ::metal::atomic_load_explicit(cell, ::metal::memory_order_relaxed);
    uint wanted;
    do {
      const T mine = as_type<T>(static_cast<ushort>(old >> shift));
      const uint mask = 0xffffu << shift;
      wanted = (old & ~mask) | (static_cast<uint>(as_type<ushort>(op(mine, value))) << shift);
    } while (!::metal::atomic_compare_exchange_weak_explicit(cell, &old, wanted, ::metal::memory_order_relaxed,
                                                             ::metal::memory_order_relaxed));
  }
};
template <>
struct cell_of<half> : halves_of_a_word<half> {};
template <>
struct cell_of<short> : halves_of_a_word<short> {};

template <typename T>
inline T sum(T a, T b) {
  return a + b;
}
template <typename T>
inline T product(T a, T b) {
  return a * b;
}
template <typename T>
inline T largest(T a, T b) {
  return a > b ? a : b;
}

}  // namespace pool

template <typename T>
kernel void scatter(device typename pool::cell_of<T>::type* out [[buffer(0)]], constant T* values [[buffer(1)]],
                    constant int* places [[buffer(2)]], constant uint& mode [[buffer(3)]],
                    uint i [[thread_position_in_grid]]) {
  using cell = pool::cell_of<T>;
  switch (mode) {
    case 0: cell::fold(out, places[i], values[i], pool::sum<T>); break;
    case 1: cell::fold(out, places[i], values[i], &pool::product<T>); break;
    default: cell::fold(out, places[i], values[i], pool::largest); break;
  }
}

#define INSTANTIATE(T)                                                                     \
  template [[host_name("scatter_" #T)]] kernel void scatter<T>(                            \
      device pool::cell_of<T>::type * out [[buffer(0)]], constant T * values [[buffer(1)]], \
      constant int* places [[buffer(2)]], constant uint& mode [[buffer(3)]], uint i [[thread_position_in_grid]]);
INSTANTIATE(float)
INSTANTIATE(half)
INSTANTIATE(short)
