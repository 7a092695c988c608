// Positions of the smallest values by blocks, with pairs that braces initialise although they have constructors.
#include <metal_stdlib>
using namespace metal;

template <typename T> struct indexed {
  uint i;
  T val;
  constexpr indexed() thread = default;
  constexpr indexed() threadgroup = default;
};
template <typename T> constexpr METAL_FUNC bool operator<(indexed<T> a, indexed<T> b) { return a.val < b.val || (a.val == b.val && a.i < b.i); }

template <typename T> METAL_FUNC indexed<T> simd_shuffle_down(indexed<T> iv, ushort delta) {
  return indexed<T>{metal::simd_shuffle_down(iv.i, delta), metal::simd_shuffle_down(iv.val, delta)};
}
struct Smaller {
  template <typename V> METAL_FUNC V operator()(V a, V b) { return b < a ? b : a; }
};
struct Range { uint first, last; Range() = default; Range(const thread Range&) = default; };

template <typename T, uchar BLOCKSIZE>
METAL_FUNC void argmin_block(device const T* src, device uint* dst, uint n, threadgroup indexed<T> shared[BLOCKSIZE], long tid, uint row) {
  const Range range = {tid, n};
  indexed<T> value{0, numeric_limits<T>::max()};
  Smaller op;
  for (uint i = range.first; i < range.last; i += BLOCKSIZE) value = op(value, indexed<T>{i, src[row * n + i]});
  for (ushort offset = 16; offset > 0; offset >>= 1) value = op(value, simd_shuffle_down(value, offset));
  if (tid % 32 == 0) shared[tid / 32] = value;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  if (tid != 0) return;
  for (ushort s = 1; s < BLOCKSIZE / 32; ++s) value = op(value, indexed<T>(shared[s]));
  dst[row] = value.i;
}

#define ARGMIN_CASE(N)                                            \
  case N: {                                                       \
    threadgroup indexed<T> shared[N];                             \
    argmin_block<T, N>(src, dst, n, shared, tid, row);            \
    break;                                                        \
  }
template <typename T>
kernel void argmin(constant uint& n, device const T* src, device uint* dst, uint tid [[thread_index_in_threadgroup]],
                   uint row [[threadgroup_position_in_grid]], uint block [[threads_per_threadgroup]]) {
  switch (block) {
    ARGMIN_CASE(128)
    ARGMIN_CASE(64)
    ARGMIN_CASE(32)
  }
}
template [[host_name("argmin_float")]] kernel void argmin<float>(constant uint&, device const float*, device uint*, uint, uint, uint);
template [[host_name("argmin_short")]] kernel void argmin<short>(constant uint&, device const short*, device uint*, uint, uint, uint);
