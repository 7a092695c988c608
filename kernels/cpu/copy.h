// Copies by one core.
#pragma once
#include <metal_stdlib>

namespace anymetal {

// Copies n elements; a run that overlaps its source is either the same one or lies wholly apart.
template <class T>
void copy_run(device T* to, device const T* from, ulong n) {
  typedef uchar Part __attribute__((ext_vector_type(64), aligned(1)));
  constexpr ulong kPart = 64 / sizeof(T);
  ulong i = 0;
  for (; i + kPart <= n; i += kPart) *(device Part*)(to + i) = *(device const Part*)(from + i);
#pragma clang loop vectorize(disable) unroll(disable)
  for (; i < n; ++i) to[i] = from[i];
}

}  // namespace anymetal
