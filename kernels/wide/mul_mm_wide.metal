#include <metal_stdlib>
#include "common/blocks.h"
#include "common/matmul_params.h"
using namespace metal;
using namespace anymetal;

// kernels: mul_mm_wide_q4_0_f32 mul_mm_wide_q5_0_f32 mul_mm_wide_q5_1_f32 mul_mm_wide_q8_0_f32 mul_mm_wide_iq4_nl_f32
// kernels: mul_mm_wide_q4_K_f32 mul_mm_wide_q5_K_f32 mul_mm_wide_q6_K_f32
// kernels: mul_mm_wide_q4_1_f32 mul_mm_wide_mxfp4_f32 mul_mm_wide_q2_K_f32 mul_mm_wide_q3_K_f32 mul_mm_wide_iq4_xs_f32

constant uint kRows = 4;      // weight rows of a thread
constant uint kTokens = 3;    // activation rows whose sums stay in registers with them
constant uint kTile = 48;     // activation rows of a thread, a multiple of kTokens
constant uint kPanel = 256;   // elements decoded at a time

/// dst[m, n] = sum over k of W[n, k] * x[m, k] for many rows of x: one thread owns a tile of 4 x 48 outputs. It decodes
/// a panel of its weight rows once, in f32, and multiplies it with all its activation rows.
///
/// buffer 0: MatMatParams; 1: weight blocks [batch][N rows of nb01 bytes]; 2: x f32 [batch][M rows of nb11 bytes];
/// 3: dst f32 [batch, M, N]
/// grid: threads (ceil(N / 4), ceil(M / 48), batch), any threadgroup size
/// tolerance: 4 sqrt(K) 2^-24 of the sum of absolute products
template <class Block>
kernel void mul_mm_wide(constant MatMatParams& p [[buffer(0)]],
                        device const uchar* weight [[buffer(1)]],
                        device const uchar* x [[buffer(2)]],
                        device float* dst [[buffer(3)]],
                        uint3 gid [[thread_position_in_grid]]) {
  typedef Lanes<8> L;
  const uint kBlock = BlockTraits<Block>::kElements;
  const uint rows = uint(p.ne0), tokens = uint(p.ne1), length = uint(p.ne00);
  const uint n0 = gid.x * kRows, m0 = gid.y * kTile;
  if (n0 >= rows || m0 >= tokens) return;
  const uint m_end = min(tokens, m0 + kTile);

  const uint i12 = gid.z % uint(p.ne12), i13 = gid.z / uint(p.ne12);
  weight += ulong(i12 / uint(p.r2)) * p.nb02 + ulong(i13 / uint(p.r3)) * p.nb03;
  x += i12 * p.nb12 + i13 * p.nb13;
  device float* out = dst + ulong(gid.z) * rows * tokens;

  float sums[kTile][kRows] = {};
  L::F panel[kRows][kPanel / 8];
  for (uint k0 = 0; k0 < length; k0 += kPanel) {
    const uint steps = min(kPanel, length - k0) / 8;
    // Decode: rows past the last one repeat it and are not stored.
    for (uint r = 0; r < kRows; ++r) {
      device const Block* row = (device const Block*)(weight + min(n0 + r, rows - 1) * p.nb01);
      for (uint step = 0; step < steps; step += 4) {
        const uint k = k0 + step * 8;
        device const Block& block = row[k / kBlock];
#pragma unroll
        for (uint j = 0; j < 4; ++j) panel[r][step + j] = decode<8>(block, k % kBlock + j * 8);
      }
    }
    // Multiply.
    for (uint m = m0; m < m_end; m += kTokens) {
      device const float* xs[kTokens];
#pragma unroll
      for (uint t = 0; t < kTokens; ++t) xs[t] = (device const float*)(x + min(m + t, tokens - 1) * p.nb11) + k0;
      L::F acc[kTokens][kRows] = {};
      for (uint step = 0; step < steps; ++step) {
#pragma unroll
        for (uint t = 0; t < kTokens; ++t) {
          const L::F v = L::load(xs[t] + step * 8);
#pragma unroll
          for (uint r = 0; r < kRows; ++r) acc[t][r] += panel[r][step] * v;
        }
      }
#pragma unroll
      for (uint t = 0; t < kTokens; ++t) {
#pragma unroll
        for (uint r = 0; r < kRows; ++r) sums[m - m0 + t][r] += L::sum(acc[t][r]);
      }
    }
  }
  for (uint m = m0; m < m_end; ++m) {
    for (uint r = 0; r < kRows && n0 + r < rows; ++r) out[ulong(m) * rows + n0 + r] = sums[m - m0][r];
  }
}

#define INSTANTIATE(name, Block) \
  template [[host_name("mul_mm_wide_" name "_f32")]] kernel void mul_mm_wide<Block>( \
      constant MatMatParams&, device const uchar*, device const uchar*, device float*, uint3);
INSTANTIATE("q4_0", BlockQ4_0)
INSTANTIATE("q5_0", BlockQ5_0)
INSTANTIATE("q5_1", BlockQ5_1)
INSTANTIATE("q8_0", BlockQ8_0)
INSTANTIATE("iq4_nl", BlockIQ4_NL)
INSTANTIATE("q4_K", BlockQ4_K)
INSTANTIATE("q5_K", BlockQ5_K)
INSTANTIATE("q6_K", BlockQ6_K)
INSTANTIATE("q4_1", BlockQ4_1)
INSTANTIATE("mxfp4", BlockMXFP4)
INSTANTIATE("q2_K", BlockQ2_K)
INSTANTIATE("q3_K", BlockQ3_K)
INSTANTIATE("iq4_xs", BlockIQ4_XS)
