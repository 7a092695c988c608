#pragma once
// <anymetal_nvidia>: instructions of NVIDIA GPUs (PTX ISA) for sources that have a form of their own for these devices. On
// any other device the functions do the same by simdgroup functions and plain copies: slowly, to prove such a form there.
#pragma clang system_header
#include "as_type.h"
#include "math.h"
#include "simdgroup.h"

extern "C" __attribute__((nothrow, const)) bool __msl_is_nvidia_capability(unsigned at_least);
extern "C" __attribute__((nothrow, const)) unsigned __msl_threadgroup_address(const void* p);

extern "C" __attribute__((nothrow)) void __msl_take_every_threadgroup(unsigned x, unsigned y, unsigned z);
extern "C" __attribute__((nothrow)) void __msl_merge_threadgroups(unsigned across, unsigned down, unsigned wider, unsigned least);
extern "C" __attribute__((nothrow, const)) bool __msl_threadgroups_are_merged();

namespace nvidia {

// Says of the whole kernel that threadgroups whose position in the grid is in some axis no multiple of the number given for it do
// nothing: they need not be started.
template <uint x, uint y = 1, uint z = 1>
__MSL_INLINE void take_every_threadgroup() {
#if defined(__MSL_NVPTX__)
  __msl_take_every_threadgroup(x, y, z);
#endif
}

// Asks of the whole kernel that rectangles of `across` by `down` threadgroups be merged wherever a dispatch, of threadgroups of one
// dimension that are all complete, has at least `least` such rectangles. A merged threadgroup is where the first of its rectangle would be,
// also where the grid ends within the rectangle, and has `wider` times the threads of one: positions and indices of threads count
// within it, what is said of the dispatch and its grid stays.
template <uint across, uint down, uint wider, uint least>
__MSL_INLINE void merge_threadgroups() {
#if defined(__MSL_NVPTX__)
  __msl_merge_threadgroups(across, down, wider, least);
#endif
}
// Whether this threadgroup is a merged one.
__MSL_INLINE bool threadgroups_are_merged() {
#if defined(__MSL_NVPTX__)
  return __msl_threadgroups_are_merged();
#else
  return false;
#endif
}

// m16n8k16 products and asynchronous copies: compute capability 8.0 or newer. Known when code is generated.
__MSL_INLINE bool has_ampere() {
#if defined(__MSL_NVPTX__)
  return __msl_is_nvidia_capability(80);
#else
  return true;
#endif
}

#if defined(__MSL_NVPTX__)

// Bytes of {y, x} by the four selectors in the low half of `selectors` ("prmt"); a selector plus 8 gives the byte's sign, eight times.
__MSL_INLINE uint permute_bytes(uint x, uint y, uint selectors) {
  uint d;
  asm("prmt.b32 %0, %1, %2, %3;" : "=r"(d) : "r"(x), "r"(y), "r"(selectors));
  return d;
}

// 1 / x ("rcp.approx.ftz") and 2^x ("ex2.approx.ftz"): subnormal numbers are zeros.
__MSL_INLINE float reciprocal(float x) {
  float d;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(d) : "f"(x));
  return d;
}
__MSL_INLINE float exp2(float x) {
  float d;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(d) : "f"(x));
  return d;
}

// 16 bytes from device to threadgroup memory, both at multiples of 16; complete after copies_done and a barrier.
__MSL_INLINE void copy_16(void* to, const void* from) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(__msl_threadgroup_address(to)), "l"(from) : "memory");
}
// The same, or zeros where it is not `there`, whatever the address then is.
__MSL_INLINE void copy_16_or_zero(void* to, const void* from, bool there) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(__msl_threadgroup_address(to)), "l"(from), "r"(there ? 16 : 0) : "memory");
}
// Brings the line of device memory at an address, which must be there, nearer to later loads.
__MSL_INLINE void fetch_line(const void* at) { asm volatile("prefetch.global.L2 [%0];" ::"l"(at)); }
// Ends a group of this thread's copies.
__MSL_INLINE void end_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
// Waits until all but the last `pending` groups of this thread are complete.
template <int pending>
__MSL_INLINE void await_copies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
}

// Four 8x8 matrices of 16-bit elements: lane 8i + r gives the address of row r of matrix i, 16 bytes at a multiple of 16;
// lane l gets elements 2 (l % 4) and the next of row l / 4 of each.
__MSL_INLINE void load_matrices(uint (&m)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(m[0]), "=r"(m[1]), "=r"(m[2]), "=r"(m[3])
               : "r"(__msl_threadgroup_address(row))
               : "memory");
}
// The same of each matrix's transpose.
__MSL_INLINE void load_matrices_transposed(uint (&m)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(m[0]), "=r"(m[1]), "=r"(m[2]), "=r"(m[3])
               : "r"(__msl_threadgroup_address(row))
               : "memory");
}

#define __MSL_NVIDIA_MULTIPLY(T, name)                                                                                  \
  __MSL_INLINE void multiply_accumulate(T, float (&d)[4], const uint (&a)[4], uint b0, uint b1) {                       \
    asm("mma.sync.aligned.m16n8k16.row.col.f32." name "." name                                                          \
        ".f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"                                          \
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])                                                                \
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));                                                \
  }
__MSL_NVIDIA_MULTIPLY(half, "f16")
__MSL_NVIDIA_MULTIPLY(bfloat, "bf16")
#undef __MSL_NVIDIA_MULTIPLY

// m16n8k32 of whole numbers, exact: bytes of b are signed, those of a by the tag.
#define __MSL_NVIDIA_MULTIPLY_BYTES(T, name)                                                                            \
  __MSL_INLINE void multiply_accumulate_bytes(T, int (&d)[4], const uint (&a)[4], uint b0, uint b1) {                   \
    asm("mma.sync.aligned.m16n8k32.row.col.s32." name                                                                   \
        ".s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"                                       \
        : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])                                                                \
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));                                                \
  }
__MSL_NVIDIA_MULTIPLY_BYTES(char, "s8")
__MSL_NVIDIA_MULTIPLY_BYTES(uchar, "u8")
#undef __MSL_NVIDIA_MULTIPLY_BYTES

// m16n8k8 of floats, of which the products take the upper 19 bits (TF32).
__MSL_INLINE void multiply_accumulate_tf32(float (&d)[4], const float (&a)[4], float b0, float b1) {
  asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(__builtin_bit_cast(uint, a[0])), "r"(__builtin_bit_cast(uint, a[1])), "r"(__builtin_bit_cast(uint, a[2])),
        "r"(__builtin_bit_cast(uint, a[3])), "r"(__builtin_bit_cast(uint, b0)), "r"(__builtin_bit_cast(uint, b1)));
}

// (word & mask) | base. LLVM's two instructions stay two where both are constants.
template <uint mask>
__MSL_INLINE uint masked_onto(uint word, uint base) {
  uint d;
  asm("lop3.b32 %0, %1, %2, %3, 0xea;" : "=r"(d) : "r"(word), "n"(mask), "r"(base));
  return d;
}

// (word & mask) ^ flip, likewise.
template <uint mask>
__MSL_INLINE uint masked_and_flipped(uint word, uint flip) {
  uint d;
  asm("lop3.b32 %0, %1, %2, %3, 0x6a;" : "=r"(d) : "r"(word), "n"(mask), "r"(flip));
  return d;
}

// a * b + c of two halves each, rounded once; subnormal ones stay.
__MSL_INLINE uint multiply_add_halves(uint a, uint b, uint c) {
  uint d;
  asm("fma.rn.f16x2 %0, %1, %2, %3;" : "=r"(d) : "r"(a), "r"(b), "r"(c));
  return d;
}

// The larger magnitude of two pairs of halves each, of a number and a NaN the number's.
__MSL_INLINE uint max_magnitudes(uint a, uint b) {
  uint d;
  asm("{.reg .b32 x, y; abs.f16x2 x, %1; abs.f16x2 y, %2; max.f16x2 %0, x, y;}" : "=r"(d) : "r"(a), "r"(b));
  return d;
}

// What a lane of the simdgroup has; all of them call.
__MSL_INLINE uint from_lane(uint value, uint lane) {
  uint d;
  asm volatile("shfl.sync.idx.b32 %0, %1, %2, 0x1f, 0xffffffff;" : "=r"(d) : "r"(value), "r"(lane));
  return d;
}

// Two floats rounded to bfloats, the first in the low half.
__MSL_INLINE uint bfloats(float x, float y) {
  uint d;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(d) : "f"(y), "f"(x));
  return d;
}

// The nearest whole number, the even one of two; x is in the range of int.
__MSL_INLINE int nearest_int(float x) {
  int d;
  asm("cvt.rni.s32.f32 %0, %1;" : "=r"(d) : "f"(x));
  return d;
}

// Bits 0 .. 31 of {high, low} >> shift modulo 32.
__MSL_INLINE uint funnel_shift(uint low, uint high, uint shift) {
  uint d;
  asm("shf.r.wrap.b32 %0, %1, %2, %3;" : "=r"(d) : "r"(low), "r"(high), "r"(shift));
  return d;
}

#else

template <uint mask>
__MSL_INLINE uint masked_onto(uint word, uint base) {
  return (word & mask) | base;
}
template <uint mask>
__MSL_INLINE uint masked_and_flipped(uint word, uint flip) {
  return (word & mask) ^ flip;
}
__MSL_INLINE uint permute_bytes(uint x, uint y, uint selectors) {
  const ulong bytes = static_cast<ulong>(y) << 32 | x;
  uint d = 0;
  for (uint i = 0; i < 4; ++i) {
    const uint selector = selectors >> (4 * i), byte = static_cast<uint>(bytes >> (selector & 7) * 8) & 255;
    d |= (selector & 8 ? byte / 128 * 255 : byte) << (8 * i);
  }
  return d;
}
__MSL_INLINE uint funnel_shift(uint low, uint high, uint shift) {
  return static_cast<uint>((static_cast<ulong>(high) << 32 | low) >> (shift & 31));
}
__MSL_INLINE int nearest_int(float x) { return static_cast<int>(__builtin_rintf(x)); }
__MSL_INLINE void copy_16(void* to, const void* from) { __builtin_memcpy(to, from, 16); }
__MSL_INLINE void copy_16_or_zero(void* to, const void* from, bool there) {
  __builtin_memset(to, 0, 16);
  if (there) copy_16(to, from);
}
__MSL_INLINE void fetch_line(const void*) {}
__MSL_INLINE void end_copies() {}
template <int pending>
__MSL_INLINE void await_copies() {}

__MSL_INLINE const void* __row_of(const void* row, uint lane) {
  const ulong address = reinterpret_cast<ulong>(row);
  const uint low = metal::simd_shuffle(static_cast<uint>(address), static_cast<ushort>(lane));
  const uint high = metal::simd_shuffle(static_cast<uint>(address >> 32), static_cast<ushort>(lane));
  return reinterpret_cast<const void*>(static_cast<ulong>(high) << 32 | low);
}
__MSL_INLINE void load_matrices(uint (&m)[4], const void* row) {
  const uint lane = __msl_thread_index_in_simdgroup();
  for (uint i = 0; i < 4; ++i) m[i] = static_cast<const uint*>(__row_of(row, 8 * i + lane / 4))[lane % 4];
}
__MSL_INLINE void load_matrices_transposed(uint (&m)[4], const void* row) {
  const uint lane = __msl_thread_index_in_simdgroup();
  for (uint i = 0; i < 4; ++i) {
    const uint low = static_cast<const ushort*>(__row_of(row, 8 * i + lane % 4 * 2))[lane / 4];
    const uint high = static_cast<const ushort*>(__row_of(row, 8 * i + lane % 4 * 2 + 1))[lane / 4];
    m[i] = low | high << 16;
  }
}

__MSL_INLINE float __element(half, uint pair, uint i) {
  return static_cast<float>(__builtin_bit_cast(half, static_cast<ushort>(pair >> (16 * i))));
}
__MSL_INLINE float __element(bfloat, uint pair, uint i) { return __builtin_bit_cast(float, pair >> (16 * i) << 16); }

__MSL_INLINE uint bfloats(float x, float y) {
  return static_cast<uint>(__builtin_bit_cast(ushort, bfloat(x))) | static_cast<uint>(__builtin_bit_cast(ushort, bfloat(y))) << 16;
}

__MSL_INLINE uint multiply_add_halves(uint a, uint b, uint c) {
#pragma clang fp reassociate(off)
  uint d = 0;
  for (uint i = 0; i < 2; ++i) {
    const half sum = static_cast<half>(__element(half(), a, i) * __element(half(), b, i) + __element(half(), c, i));
    d |= static_cast<uint>(__builtin_bit_cast(ushort, sum)) << (16 * i);
  }
  return d;
}

__MSL_INLINE float reciprocal(float x) { return 1.0f / x; }
__MSL_INLINE float exp2(float x) { return metal::precise::exp2(x); }

__MSL_INLINE uint from_lane(uint value, uint lane) { return metal::simd_shuffle(value, static_cast<ushort>(lane)); }

__MSL_INLINE uint max_magnitudes(uint a, uint b) {
  uint d = 0;
  for (uint i = 0; i < 2; ++i) {
    const half larger = static_cast<half>(__builtin_fmaxf(__builtin_fabsf(__element(half(), a, i)), __builtin_fabsf(__element(half(), b, i))));
    d |= static_cast<uint>(__builtin_bit_cast(ushort, larger)) << (16 * i);
  }
  return d;
}

// Fragments as the PTX ISA has them, section "Matrix Fragments for mma.m16n8k16".
template <class T>
__MSL_INLINE void multiply_accumulate(T, float (&d)[4], const uint (&a)[4], uint b0, uint b1) {
  const uint lane = __msl_thread_index_in_simdgroup();
  for (uint k = 0; k < 16; ++k) {
    const ushort pair = static_cast<ushort>(k % 8 / 2);
    for (uint e = 0; e < 4; ++e) {
      const ushort row = static_cast<ushort>(lane / 4 * 4), column = static_cast<ushort>((lane % 4 * 2 + e % 2) * 4);
      const uint x = metal::simd_shuffle(a[k / 8 * 2 + e / 2], static_cast<ushort>(row + pair));
      const uint y = metal::simd_shuffle(k < 8 ? b0 : b1, static_cast<ushort>(column + pair));
      d[e] += __element(T(), x, k % 2) * __element(T(), y, k % 2);
    }
  }
}

// Fragments as in section "Matrix Fragments for mma.m16n8k32".
template <class T>
__MSL_INLINE void multiply_accumulate_bytes(T, int (&d)[4], const uint (&a)[4], uint b0, uint b1) {
  const uint lane = __msl_thread_index_in_simdgroup();
  for (uint word = 0; word < 8; ++word) {
    const ushort from = static_cast<ushort>(word % 4);
    for (uint e = 0; e < 4; ++e) {
      const ushort row = static_cast<ushort>(lane / 4 * 4), column = static_cast<ushort>((lane % 4 * 2 + e % 2) * 4);
      const uint x = metal::simd_shuffle(a[word / 4 * 2 + e / 2], static_cast<ushort>(row + from));
      const uint y = metal::simd_shuffle(word < 4 ? b0 : b1, static_cast<ushort>(column + from));
      for (uint i = 0; i < 4; ++i) d[e] += static_cast<T>(x >> (8 * i)) * static_cast<char>(y >> (8 * i));
    }
  }
}

__MSL_INLINE float __tf32(float x) { return __builtin_bit_cast(float, __builtin_bit_cast(uint, x) & ~0x1fffu); }
__MSL_INLINE void multiply_accumulate_tf32(float (&d)[4], const float (&a)[4], float b0, float b1) {
  const uint lane = __msl_thread_index_in_simdgroup();
  for (uint k = 0; k < 8; ++k) {
    for (uint e = 0; e < 4; ++e) {
      const ushort row = static_cast<ushort>(lane / 4 * 4), column = static_cast<ushort>((lane % 4 * 2 + e % 2) * 4);
      const float x = metal::simd_shuffle(a[k / 4 * 2 + e / 2], static_cast<ushort>(row + k % 4));
      const float y = metal::simd_shuffle(k < 4 ? b0 : b1, static_cast<ushort>(column + k % 4));
      d[e] += __tf32(x) * __tf32(y);
    }
  }
}

#endif

}  // namespace nvidia
