#pragma once
// Products of a warpgroup, which is four simdgroups from a multiple of four on, on NVIDIA GPUs of compute capability 9.0 (PTX
// ISA, "Asynchronous Warpgroup Level Matrix Instructions"). They run beside what the threads do next. On any other device the
// functions do the same at once, from the same places.
#pragma clang system_header
#include "nvidia.h"

extern "C" __attribute__((nothrow, const)) bool __msl_has_nvidia_warpgroup_products();

namespace nvidia {

// Known when code is generated.
__MSL_INLINE bool has_warpgroup_products() {
#if defined(__MSL_NVPTX__)
  return __msl_has_nvidia_warpgroup_products();
#else
  return true;
#endif
}

#if defined(__MSL_NVPTX__)

// Rows of 32 elements of 16 bits in threadgroup memory, from a multiple of 512 bytes on, where the pieces of 16 bytes of row r
// have changed places: piece c is at c ^ (r / 2 % 4).
struct TileView {
  ulong descriptor;
  explicit __MSL_INLINE TileView(const void* tile)
      : descriptor(2ul << 62 | 32ul << 32 | 1ul << 16 | ulong(__msl_threadgroup_address(tile) >> 4)) {}
  // The same from a row on that is a multiple of 8, and from a multiple of 16 elements on.
  __MSL_INLINE TileView at(uint row, uint element) const { return TileView(descriptor + row * 4 + element / 8); }

 private:
  explicit __MSL_INLINE TileView(ulong d) : descriptor(d) {}
};

// What this thread has written to threadgroup memory can be a factor after the next barrier.
__MSL_INLINE void publish_tiles() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }
// Before the first product, and before the next one where sums or factors in registers have been touched.
__MSL_INLINE void begin_products() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
// Ends a group of products.
__MSL_INLINE void end_products() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }

#define __MSL_FOUR(d, i) "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3])
#define __MSL_SIXTEEN(d, i) __MSL_FOUR(d, i), __MSL_FOUR(d, i + 4), __MSL_FOUR(d, i + 8), __MSL_FOUR(d, i + 12)
#define __MSL_HALF_SUMS(d, i) __MSL_SIXTEEN(d, i), __MSL_SIXTEEN(d, i + 16), __MSL_SIXTEEN(d, i + 32), __MSL_SIXTEEN(d, i + 48)
#define __MSL_SUMS(d) __MSL_HALF_SUMS(d, 0)
#define __MSL_WIDE_SUMS(d) __MSL_HALF_SUMS(d, 0), __MSL_HALF_SUMS(d, 64)
#define __MSL_SUM_NAMES                                                                        \
  "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19," \
  " %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, %32, %33, %34, %35, %36, %37," \
  " %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, %48, %49, %50, %51, %52, %53, %54, %55," \
  " %56, %57, %58, %59, %60, %61, %62, %63}"

#define __MSL_WIDE_SUM_NAMES \
  "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20," \
  " %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, %32, %33, %34, %35, %36, %37, %38, %39," \
  " %40, %41, %42, %43, %44, %45, %46, %47, %48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58," \
  " %59, %60, %61, %62, %63, %64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77," \
  " %78, %79, %80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95, %96," \
  " %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111, %112," \
  " %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127}"

// Waits until all but the last `pending` groups are complete; `d` are all sums of groups that may be.
template <int pending>
__MSL_INLINE void await_products(float (&d)[2][64]) {
  asm volatile("wgmma.wait_group.sync.aligned %128;" : __MSL_SUMS(d[0]), __MSL_SUMS(d[1]) : "n"(pending) : "memory");
}

template <int pending>
__MSL_INLINE void await_products(float (&d)[1][128]) {
  asm volatile("wgmma.wait_group.sync.aligned %128;" : __MSL_WIDE_SUMS(d[0]) : "n"(pending) : "memory");
}

// Factors in registers are to stay until products that have them are complete: comes after await_products.
template <uint count>
__MSL_INLINE void release_factors(const uint (&a)[count]) {
  for (uint i = 0; i < count; ++i) asm volatile("" ::"r"(a[i]));
}

// d += a * b of 64 x 16 by 16 x 128 elements, b a view of its 128 columns; or 256 columns, with twice the sums. Element e of d is in row 16 s + l / 4 + e / 2 % 2 * 8
// and column e / 4 * 8 + l % 4 * 2 + e % 2, s the simdgroup of the warpgroup, l the lane. a is a view of its rows, or rows 16 s ..
// 16 s + 15 are in the registers of simdgroup s as for m16n8k16.
#define __MSL_NVIDIA_MULTIPLY(T, name)                                                                                    \
  __MSL_INLINE void multiply_accumulate(T, float (&d)[128], TileView a, TileView b) {                                     \
    asm volatile("{.reg .pred add; setp.ne.b32 add, 1, 0; wgmma.mma_async.sync.aligned.m64n256k16.f32." name "." name     \
                 " " __MSL_WIDE_SUM_NAMES ", %128, %129, add, 1, 1, 0, 0;}"                                               \
                 : __MSL_WIDE_SUMS(d)                                                                                     \
                 : "l"(a.descriptor), "l"(b.descriptor)                                                                   \
                 : "memory");                                                                                             \
  }                                                                                                                       \
  __MSL_INLINE void multiply_accumulate(T, float (&d)[128], const uint (&a)[4], TileView b) {                             \
    asm volatile("{.reg .pred add; setp.ne.b32 add, 1, 0; wgmma.mma_async.sync.aligned.m64n256k16.f32." name "." name     \
                 " " __MSL_WIDE_SUM_NAMES ", {%128, %129, %130, %131}, %132, add, 1, 1, 0;}"                              \
                 : __MSL_WIDE_SUMS(d)                                                                                     \
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b.descriptor)                                          \
                 : "memory");                                                                                             \
  }                                                                                                                       \
  __MSL_INLINE void multiply_accumulate(T, float (&d)[64], TileView a, TileView b) {                                      \
    asm volatile("{.reg .pred add; setp.ne.b32 add, 1, 0; wgmma.mma_async.sync.aligned.m64n128k16.f32." name "." name     \
                 " " __MSL_SUM_NAMES ", %64, %65, add, 1, 1, 0, 0;}"                                                      \
                 : __MSL_SUMS(d)                                                                                          \
                 : "l"(a.descriptor), "l"(b.descriptor)                                                                   \
                 : "memory");                                                                                             \
  }                                                                                                                       \
  __MSL_INLINE void multiply_accumulate(T, float (&d)[64], const uint (&a)[4], TileView b) {                              \
    asm volatile("{.reg .pred add; setp.ne.b32 add, 1, 0; wgmma.mma_async.sync.aligned.m64n128k16.f32." name "." name     \
                 " " __MSL_SUM_NAMES ", {%64, %65, %66, %67}, %68, add, 1, 1, 0;}"                                        \
                 : __MSL_SUMS(d)                                                                                          \
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b.descriptor)                                          \
                 : "memory");                                                                                             \
  }
__MSL_NVIDIA_MULTIPLY(half, "f16")
__MSL_NVIDIA_MULTIPLY(bfloat, "bf16")
#undef __MSL_NVIDIA_MULTIPLY
#undef __MSL_WIDE_SUM_NAMES
#undef __MSL_SUM_NAMES
#undef __MSL_WIDE_SUMS
#undef __MSL_SUMS
#undef __MSL_HALF_SUMS
#undef __MSL_SIXTEEN
#undef __MSL_FOUR

#else

struct TileView {
  const ushort* rows;
  uint first = 0;
  explicit __MSL_INLINE TileView(const void* tile) : rows(static_cast<const ushort*>(tile)) {}
  __MSL_INLINE TileView at(uint row, uint element) const {
    TileView view(rows + row * 32);
    view.first = first + element;
    return view;
  }
  template <class T>
  __MSL_INLINE float element(T, uint row, uint k) const {
    return __element(T(), rows[row * 32 + (((first + k) / 8) ^ (row / 2 % 4)) * 8 + k % 8], 0);
  }
};
__MSL_INLINE void publish_tiles() {}
__MSL_INLINE void begin_products() {}
__MSL_INLINE void end_products() {}
template <int pending, uint blocks, uint sums>
__MSL_INLINE void await_products(float (&)[blocks][sums]) {}

template <uint count>
__MSL_INLINE void release_factors(const uint (&)[count]) {}

template <class T, uint sums>
__MSL_INLINE void multiply_accumulate(T, float (&d)[sums], TileView a, TileView b) {
  const uint lane = __msl_thread_index_in_simdgroup(), top = __msl_simdgroup_index_in_threadgroup() % 4 * 16 + lane / 4;
  for (uint k = 0; k < 16; ++k) {
    const float upper = a.element(T(), top, k), lower = a.element(T(), top + 8, k);
    for (uint e = 0; e < sums; ++e) d[e] += (e / 2 % 2 == 0 ? upper : lower) * b.element(T(), e / 4 * 8 + lane % 4 * 2 + e % 2, k);
  }
}
template <class T, uint sums>
__MSL_INLINE void multiply_accumulate(T, float (&d)[sums], const uint (&a)[4], TileView b) {
  const uint lane = __msl_thread_index_in_simdgroup();
  for (uint k = 0; k < 16; ++k) {
    const ushort from = static_cast<ushort>(lane / 4 * 4 + k % 8 / 2);
    const float upper = __element(T(), metal::simd_shuffle(a[k / 8 * 2], from), k % 2);
    const float lower = __element(T(), metal::simd_shuffle(a[k / 8 * 2 + 1], from), k % 2);
    for (uint e = 0; e < sums; ++e) d[e] += (e / 2 % 2 == 0 ? upper : lower) * b.element(T(), e / 4 * 8 + lane % 4 * 2 + e % 2, k);
  }
}

#endif

}  // namespace nvidia
