#include <metal_stdlib>
#include "common/runs.h"
#include "cpu/wide.h"
using namespace metal;
using namespace anymetal;

// kernels: tri_solve_lower_unit_f32 tri_solve_lower_unit_bf16 chunk_tri_solve_invert_f32

struct SolveShape {
  uint n, m, batches;
};

// N columns of X from `column` on, for one batch.
template <uint N, class T>
void solve_columns(uint column, uint n, uint m, device const T* L, device const T* B, device T* X) {
  for (uint i = 0; i < n; ++i) {
    float x[N];
    for (uint c = 0; c < N; ++c) x[c] = float(B[ulong(i) * m + column + c]);
    for (uint j = 0; j < i; ++j) {
      const float factor = float(L[ulong(i) * n + j]);
      for (uint c = 0; c < N; ++c) x[c] -= factor * float(X[ulong(j) * m + column + c]);
    }
    for (uint c = 0; c < N; ++c) X[ulong(i) * m + column + c] = T(x[c]);
  }
}

constant constexpr uint kBlock = 64;       // columns at a time: rows of X that lie side by side, not a row of X apart
constant constexpr uint kBlockRows = 128;  // rows of X that such a block may have

// kBlock columns of X from `column` on, for one batch; n <= kBlockRows. Rows of X are kept as they are stored.
template <class T>
void solve_block(uint column, uint n, uint m, device const T* L, device const T* B, device T* X) {
  constexpr uint kVectors = kBlock / 16;
  alignas(64) float kept[kBlockRows][kBlock];
  for (uint i = 0; i < n; ++i) {
    device const T* l = L + ulong(i) * n;
    WideF x[kVectors];
#pragma unroll
    for (uint v = 0; v < kVectors; ++v) x[v] = Wide::load(B + ulong(i) * m + column + 16 * v);
#pragma unroll 2
    for (uint j = 0; j < i; ++j) {
      const float factor = float(l[j]);
#pragma unroll
      for (uint v = 0; v < kVectors; ++v) x[v] -= factor * Wide::load(kept[j] + 16 * v);
    }
    device T* to = X + ulong(i) * m + column;
#pragma unroll
    for (uint v = 0; v < kVectors; ++v) {
      Wide::store(to + 16 * v, x[v]);
      Wide::store(kept[i] + 16 * v, sizeof(T) == 4 ? x[v] : Wide::load((device const T*)to + 16 * v));
    }
  }
}

/// recurrent/tri_solve.metal for a core that takes all columns of a threadgroup, 16 at a time.
template <class T>
kernel void tri_solve_lower_unit(device const T* L [[buffer(0)]],
                                 device const T* B [[buffer(1)]],
                                 device T* X [[buffer(2)]],
                                 constant SolveShape& shape [[buffer(3)]],
                                 uint2 group [[threadgroup_position_in_grid]],
                                 uint2 size [[dispatch_threads_per_threadgroup]]) {
  const SolveShape s = shape;
  const uint begin = min(group.x * size.x, s.m), end = min(begin + size.x, s.m);
  const uint first = min(group.y * size.y, s.batches), last = min(first + size.y, s.batches);
  for (uint batch = first; batch < last; ++batch) {
    device const T* l = L + ulong(batch) * s.n * s.n;
    const ulong at = ulong(batch) * s.n * s.m;
    uint column = begin;
    if (s.n <= kBlockRows) {
      for (; column + kBlock <= end; column += kBlock) solve_block(column, s.n, s.m, l, B + at, X + at);
    }
    for (; column < end; column += kRun) {
      if (end - column >= kRun) {
        solve_columns<kRun>(column, s.n, s.m, l, B + at, X + at);
      } else {
        for (uint c = column; c < end; ++c) solve_columns<1>(c, s.n, s.m, l, B + at, X + at);
      }
    }
  }
}

#define INSTANTIATE(name, T) \
  template [[host_name("tri_solve_lower_unit_" name)]] kernel void tri_solve_lower_unit<T>( \
      device const T*, device const T*, device T*, constant SolveShape&, uint2, uint2);
INSTANTIATE("f32", float)
INSTANTIATE("bf16", bfloat)

struct InvertShape {
  uint batches, tokens, heads, chunk;
};

constant constexpr uint kUsualChunk = 64;   // the usual one, whose rows are four vectors
constant constexpr uint kRowsTogether = 4;  // of X, so that a row above them is read once for all

// Rows i .. i + kRowsTogether - 1 of X, of whose columns those from 16 kVectors on are zero. Those above them are `kept`; rows past the
// last one repeat it and are not stored.
template <uint kVectors>
void invert_rows(uint i, uint rows, ulong step, device const float* A, device float* X, thread float (&kept)[kUsualChunk][kUsualChunk], bool stream) {
  device const float* a[kRowsTogether];
  WideF x[kRowsTogether][kVectors];
  const Int16 lane = lane_numbers();
#pragma unroll
  for (uint r = 0; r < kRowsTogether; ++r) {
    a[r] = A + min(i + r, rows - 1) * step;
#pragma unroll
    for (uint v = 0; v < kVectors; ++v) x[r][v] = lane + int(16 * v) == int(i + r) ? (WideF)1.0f : (WideF)0.0f;
  }
#pragma unroll
  for (uint part = 0; part < kVectors; ++part) {
    for (uint k = 16 * part; k < min(16 * part + 16, i); ++k) {
#pragma unroll
      for (uint v = 0; v <= part; ++v) {
        const WideF above = Wide::load(kept[k] + 16 * v);
#pragma unroll
        for (uint r = 0; r < kRowsTogether; ++r) x[r][v] -= a[r][k] * above;
      }
    }
  }
#pragma unroll
  for (uint r = 0; r < kRowsTogether; ++r) {
    if (i + r >= rows) return;
#pragma unroll
    for (uint v = 0; v < kVectors; ++v) {
#pragma unroll
      for (uint q = 0; q < r; ++q) x[r][v] -= a[r][i + q] * x[q][v];
      Wide::store(kept[i + r] + 16 * v, x[r][v]);
    }
#pragma unroll
    for (uint v = 0; v < kUsualChunk / 16; ++v) wide_stream(X + (i + r) * step + 16 * v, v < kVectors ? x[r][v] : (WideF)0.0f, stream);
  }
}

/// recurrent/tri_solve.metal for a core that takes a block.
kernel void chunk_tri_solve_invert_f32(device const float* A [[buffer(0)]],
                                       device float* X [[buffer(1)]],
                                       constant InvertShape& shape [[buffer(2)]],
                                       threadgroup float* columns [[threadgroup(0)]],
                                       uint3 group [[threadgroup_position_in_grid]]) {
  const InvertShape s = shape;
  const ulong begin = ulong(group.x) * s.chunk;
  if (begin >= s.tokens || group.y >= s.heads || group.z >= s.batches) return;
  const uint rows = uint(min(ulong(s.tokens) - begin, ulong(s.chunk)));
  const ulong step = ulong(s.heads) * s.chunk;
  const ulong block = ((ulong(group.z) * s.tokens + begin) * s.heads + group.y) * s.chunk;
  A += block;
  X += block;
  if (s.chunk == kUsualChunk) {
    const bool stream = is_streamed(X, 2 * sizeof(float) * s.batches * s.tokens * step);
    alignas(64) float kept[kUsualChunk][kUsualChunk];
    for (uint i = 0; i < rows; i += kRowsTogether) {
      // The next block's rows lie far from each other.
      for (uint r = i; r < i + kRowsTogether; ++r) {
#pragma unroll
        for (uint c = 0; c < kUsualChunk; c += 16) __builtin_prefetch(A + (kUsualChunk + r) * step + c);
      }
      if (i < 16) {
        invert_rows<1>(i, rows, step, A, X, kept, stream);
      } else if (i < 32) {
        invert_rows<2>(i, rows, step, A, X, kept, stream);
      } else if (i < 48) {
        invert_rows<3>(i, rows, step, A, X, kept, stream);
      } else {
        invert_rows<4>(i, rows, step, A, X, kept, stream);
      }
    }
    return;
  }
  for (uint i = 0; i < rows; ++i) {
    threadgroup float* row = columns + i * s.chunk;
    for (uint j = 0; j < s.chunk; ++j) row[j] = i == j ? 1.0f : 0.0f;
    for (uint k = 0; k < i; ++k) {
      const float factor = A[i * step + k];
      for (uint j = 0; j <= k; ++j) row[j] -= factor * columns[k * s.chunk + j];
    }
  }
  for (uint i = 0; i < rows; ++i) {
    for (uint j = 0; j < s.chunk; ++j) X[i * step + j] = columns[i * s.chunk + j];
  }
}
