// Fourier transforms of 256 points in threadgroup memory; twiddle factors in constant arrays, computed and written out.
#include <metal_stdlib>
#include <metal_math>
using namespace metal;

typedef float2 cfloat;
inline constexpr cfloat cmul(cfloat a, cfloat b) { return cfloat(a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x); }
inline constexpr cfloat cconj(cfloat a) { return {a.x, -a.y}; }
inline cfloat twist(cfloat a, bool inverse) { return inverse ? a.yx * cfloat(-1, 1) : a.yx * cfloat(1, -1); }

constant constexpr float kQuarter[17] = {cospi(0.0f / 32), cospi(1.0f / 32), cospi(2.0f / 32), cospi(3.0f / 32), cospi(4.0f / 32), cospi(5.0f / 32),
                                         cospi(6.0f / 32), cospi(7.0f / 32), cospi(8.0f / 32), cospi(9.0f / 32), cospi(10.0f / 32), cospi(11.0f / 32),
                                         cospi(12.0f / 32), cospi(13.0f / 32), cospi(14.0f / 32), cospi(15.0f / 32), cospi(16.0f / 32)};
constant float kRoots[4][2] = {{1, 0}, {sqrt(0.5f), -M_SQRT1_2_F}, {0, -1}, {-rsqrt(2.0f), -cos(M_PI_4_F)}};
constant constexpr int kPoints = 1 << 8, kThreads = kPoints / 4;
static_assert(abs(kQuarter[8] - M_SQRT1_2_F) < 1e-7f && floor(log2(float(kPoints))) == 8 && round(pow(2.0f, 8.0f)) == kPoints, "");

/// exp(-2 pi i k / 256) from the quarter of the table and a small rotation.
static cfloat root256(int k) {
  const int coarse = (k >> 2) & 63, fine = k & 3;
  const int q = coarse >> 4, r = coarse & 15;
  cfloat w = cfloat(kQuarter[r], -kQuarter[16 - r]);
  switch (q) {
    case 1: w = w.yx * cfloat(1, -1); break;
    case 2: w = -w; break;
    case 3: w = w.yx * cfloat(-1, 1);
  }
  float s, c;
  s = sincos(2 * M_PI_F / 256 * fine, c);
  return cmul(w, {c, -s});
}

template <bool inverse>
static void radix4(thread cfloat (&v)[4]) {
  const cfloat a = v[0] + v[2], b = v[0] - v[2], c = v[1] + v[3], d = twist(v[1] - v[3], inverse);
  v[0] = a + c; v[1] = b + d; v[2] = a - c; v[3] = b - d;
}

template <bool inverse>
kernel void fft256(device const cfloat* in [[buffer(0)]], device cfloat* out [[buffer(1)]], uint row [[threadgroup_position_in_grid]], uint t [[thread_index_in_threadgroup]]) {
  threadgroup cfloat shared[kPoints];
  cfloat v[4];
  for (int i = 0; i < 4; ++i) v[i] = in[row * kPoints + t + i * kThreads];
  int span = 1;
  for (int stage = 0; stage < 4; ++stage, span *= 4) {
    const int k = int(t) & (span - 1);
    for (int i = 1; i < 4; ++i) {
      const cfloat w = root256(i * k * (kThreads / span));
      v[i] = cmul(v[i], inverse ? cconj(w) : w);
    }
    radix4<inverse>(v);
    const int at = (int(t) - k) * 4 + k;
    threadgroup_barrier(mem_flags::mem_threadgroup);
    for (int i = 0; i < 4; ++i) shared[at + i * span] = v[i];
    threadgroup_barrier(mem_flags::mem_threadgroup);
    for (int i = 0; i < 4; ++i) v[i] = shared[t + i * kThreads];
  }
  const float scale = inverse ? 1.0f / kPoints : 1.0f;
  for (int i = 0; i < 4; ++i) out[row * kPoints + t + i * kThreads] = v[i] * scale;
}
template [[host_name("fft256_forward")]] kernel void fft256<false>(device const cfloat*, device cfloat*, uint, uint);
template [[host_name("fft256_backward")]] kernel void fft256<true>(device const cfloat*, device cfloat*, uint, uint);

/// Eight points a thread, by the definition and the table of eighths.
kernel void dft8(device const cfloat* in [[buffer(0)]], device cfloat* out [[buffer(1)]], uint i [[thread_position_in_grid]]) {
  for (int k = 0; k < 8; ++k) {
    cfloat sum = 0;
    for (int n = 0; n < 8; ++n) {
      const int e = n * k & 7;
      sum += cmul(in[8 * i + n], cfloat(kRoots[e & 3][0], kRoots[e & 3][1]) * (e & 4 ? -1.0f : 1.0f));
    }
    out[8 * i + k] = sum;
  }
}
