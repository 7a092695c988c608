// What code needs that does a row of f32 16 elements at a time and its last ones alone, in one generic lambda.
#pragma once
#include "cpu/wide.h"

namespace anymetal {

// The elements at p, as many as the first argument has.
inline WideF load_as(WideF, device const float* p) { return Wide::load(p); }
inline float load_as(float, device const float* p) { return *p; }
inline WideF load_as(WideF, thread const float* p) { return Wide::load(p); }
inline float load_as(float, thread const float* p) { return *p; }

inline void store(device float* p, WideF v) { Wide::store(p, v); }
inline void store(device float* p, float v) { *p = v; }
inline void store(thread float* p, WideF v) { Wide::store(p, v); }
inline void store(thread float* p, float v) { *p = v; }

// Vectors past the caches where `is_streamed`.
inline void stream(device float* p, WideF v, bool is_streamed) { wide_stream(p, v, is_streamed); }
inline void stream(device float* p, float v, bool) { *p = v; }

// Calls note(i, v) for a row of n: v has the type of what is to be done at i.
template <class Note>
void over_row(uint n, Note note) {
  uint i = 0;
#pragma unroll 4
  for (; i + 16 <= n; i += 16) note(i, WideF());
#pragma clang loop vectorize(disable) unroll(disable)
  for (; i < n; ++i) note(i, float());
}

struct Squares {
  WideF wide = 0.0f;
  float one = 0.0f;
  void add(WideF v) { wide += v * v; }
  void add(float v) { one += v * v; }
  float inverse_rms(uint n, float eps) const { return metal::rsqrt((Wide::sum(wide) + one) / float(n) + eps); }
};

// 1 / sqrt(mean(x^2) + eps) over a row.
inline float inverse_rms(device const float* x, uint n, float eps) {
  Squares squares[4];
  uint i = 0;
  for (; i + 64 <= n; i += 64) {
#pragma unroll
    for (uint j = 0; j < 4; ++j) squares[j].add(Wide::load(x + i + 16 * j));
  }
  squares[0].wide += squares[1].wide + (squares[2].wide + squares[3].wide);
  for (; i < n; ++i) squares[0].add(x[i]);
  return squares[0].inverse_rms(n, eps);
}

}  // namespace anymetal
