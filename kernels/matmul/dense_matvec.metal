#include <metal_stdlib>
#include "common/lanes.h"
#include "common/matmul_params.h"
#include "common/nvidia.h"
using namespace metal;
using namespace anymetal;

// kernels: dense_matvec_f32 dense_matvec_f16 dense_matvec_f16w_f32io dense_matvec_bf16w_f32io hf2q_dense_gemv_bf16_f32_4

struct DenseSizes {
  uint m, n, k;
};
static_assert(sizeof(DenseSizes) == 12, "layout");

template <int kRows, class W>
struct MatrixRows {
  device const W* at[kRows];
};

#if ANYMETAL_NVIDIA
// Eight elements at a multiple of 16 bytes.
template <class T>
Float8 eight_aligned(device const T* p) {
  constexpr uint kLoads = 8 * sizeof(T) / 16;
  uint4 words[kLoads];
  for (uint i = 0; i < kLoads; ++i) words[i] = ((device const uint4*)p)[i];
  Float8 v;
  for (uint i = 0; i < 8; ++i) v[i] = float(((thread const T*)words)[i]);
  return v;
}

// partial_products where rows and x lie at multiples of 16 bytes: two runs of each are on their way before the first is used.
template <int kRows, class W, class X>
void aligned_products(MatrixRows<kRows, W> rows, device const X* x, uint length, uint worker, uint workers, thread float* sums) {
  Float8 runs[kRows] = {};
#pragma clang loop unroll_count(2)
  for (uint k = worker * 8; k < length; k += workers * 8) {
    Float8 weights[kRows];
    for (int r = 0; r < kRows; ++r) weights[r] = eight_aligned(rows.at[r] + k);
    const Float8 v = eight_aligned(x + k);
    for (int r = 0; r < kRows; ++r) runs[r] += weights[r] * v;
  }
  for (int r = 0; r < kRows; ++r) sums[r] = Lanes<8>::sum(runs[r]);
}
#endif


// A thread's part of the products of kRows rows with x, where `workers` threads share every row in runs of 8 elements. Rows
// are anywhere; so is what is left over of a length that is no multiple of 8.
template <int kRows, class W, class X>
void partial_products(MatrixRows<kRows, W> rows, device const X* x, uint length, uint worker, uint workers, thread float* sums) {
  typedef Lanes<8> L;
#if ANYMETAL_NVIDIA
  if (length % 8 == 0 && (ulong(x) | ulong(rows.at[0]) | (ulong(rows.at[kRows - 1]) - ulong(rows.at[0]))) % 16 == 0) {
    return aligned_products(rows, x, length, worker, workers, sums);
  }
#endif
  const uint whole = length & ~7u;
  L::F runs[kRows] = {};
  for (uint k = worker * 8; k < whole; k += workers * 8) {
    const L::F v = L::load(x + k);
    for (int r = 0; r < kRows; ++r) runs[r] += L::load(rows.at[r] + k) * v;
  }
  for (int r = 0; r < kRows; ++r) sums[r] = L::sum(runs[r]);
  if (whole + worker < length) {
    for (int r = 0; r < kRows; ++r) sums[r] += float(rows.at[r][whole + worker]) * float(x[whole + worker]);
  }
}

/// c[n] = sum over k of a[k] * b[n, k], in f32; each of a threadgroup's two simdgroups takes four rows of b. Any K.
///
/// buffer 0: a [K]; 1: b [N, K]; 2: c [N]; 3: u32 {unused, N, K}
/// grid: threadgroups (ceil(N / 8)), (32, 2) threads
/// tolerance: 4 sqrt(K) 2^-24 of the sum of absolute products; for c in f16 also 2^-11 |ref|
template <class X, class W, class Y>
kernel void dense_matvec(device const X* a [[buffer(0)]],
                         device const W* b [[buffer(1)]],
                         device Y* c [[buffer(2)]],
                         constant DenseSizes& s [[buffer(3)]],
                         uint3 group [[threadgroup_position_in_grid]],
                         uint simdgroup [[simdgroup_index_in_threadgroup]],
                         uint lane [[thread_index_in_simdgroup]]) {
  const ulong first = ulong(group.x) * 8 + simdgroup * 4;
  MatrixRows<4, W> rows;
  for (uint r = 0; r < 4; ++r) rows.at[r] = b + min(first + r, ulong(s.n) - 1) * s.k;
  float sums[4];
  partial_products(rows, a, s.k, lane, 32, sums);
  for (uint r = 0; r < 4; ++r) {
    const float sum = simd_sum(sums[r]);
    if (lane == 0 && first + r < s.n) c[first + r] = Y(sum);
  }
}

#define INSTANTIATE(name, X, W, Y)                                             \
  template [[host_name(name)]] kernel void dense_matvec<X, W, Y>(              \
      device const X*, device const W*, device Y*, constant DenseSizes&, uint3, uint, uint);
INSTANTIATE("dense_matvec_f32", float, float, float)
INSTANTIATE("dense_matvec_f16", half, half, half)
INSTANTIATE("dense_matvec_f16w_f32io", float, half, float)
INSTANTIATE("dense_matvec_bf16w_f32io", float, bfloat, float)

/// dst[b, m, n] = sum over k of W[b / r2, n, k] * x[b, m, k], bf16 weights widened, in f32. A threadgroup takes two weight
/// rows; its simdgroups share them. Rows past the last are neither read nor written. Any K.
///
/// buffer 0: DenseMatVecParams; 1: weight bf16 [weight batches][N rows of nb01 bytes]; 2: x f32 [batch][M rows of nb11 bytes];
/// 3: dst f32 [batch, M, N]; threadgroup 0: 256 bytes
/// grid: threadgroups (ceil(N / 2), M, batch), (32, simdgroups) threads
/// tolerance: 4 sqrt(K) 2^-24 of the sum of absolute products
kernel void hf2q_dense_gemv_bf16_f32_4(constant DenseMatVecParams& p [[buffer(0)]],
                                       device const uchar* weight [[buffer(1)]],
                                       device const uchar* x [[buffer(2)]],
                                       device float* dst [[buffer(3)]],
                                       threadgroup float* scratch [[threadgroup(0)]],
                                       uint3 group [[threadgroup_position_in_grid]],
                                       uint simdgroup [[simdgroup_index_in_threadgroup]],
                                       uint simdgroups [[simdgroups_per_threadgroup]],
                                       uint lane [[thread_index_in_simdgroup]]) {
  const ulong first = ulong(group.x) * 2, n = ulong(p.ne01);
  const uint i12 = group.z % uint(p.ne12), i13 = group.z / uint(p.ne12);
  weight += ulong(i12 / uint(p.r2)) * p.nb02 + ulong(i13 / uint(p.r3)) * p.nb03;
  MatrixRows<2, bfloat> rows;
  for (uint r = 0; r < 2; ++r) rows.at[r] = (device const bfloat*)(weight + min(first + r, n - 1) * p.nb01);
  device const float* xs = (device const float*)(x + group.y * p.nb11 + i12 * p.nb12 + i13 * p.nb13);

  float sums[2];
  partial_products(rows, xs, uint(p.ne00), simdgroup * 32 + lane, simdgroups * 32, sums);
  for (uint r = 0; r < 2; ++r) {
    const float sum = simd_sum(sums[r]);
    if (lane == 0) scratch[r * 32 + simdgroup] = sum;
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);
  if (simdgroup != 0 || lane >= 2 || first + lane >= n) return;
  float total = 0.0f;
  for (uint i = 0; i < simdgroups; ++i) total += scratch[lane * 32 + i];
  dst[(group.z * ulong(p.ne1) + group.y) * ulong(p.ne0) + first + lane] = total;
}
