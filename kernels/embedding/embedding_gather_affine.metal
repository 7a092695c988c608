#include <metal_stdlib>
#include "common/affine.h"
#include "common/elements.h"
using namespace metal;
using namespace anymetal;

// kernels: embedding_gather_2bit embedding_gather_3bit embedding_gather_4bit embedding_gather_6bit embedding_gather_8bit

struct AffineGatherParams {
  uint dim;
  uint group_size;
  uint row_stride;  // of the table, in u32 words for 2, 4 and 8 bits, in bytes for 3 and 6
  uint groups;      // per row
};
static_assert(sizeof(AffineGatherParams) == 16, "layout");

// Rows of the table; unset: ids are trusted, as the parameters do not say how many there are.
constant int table_rows [[function_constant(331)]];
constant uint known_rows = is_function_constant_defined(table_rows) ? uint(table_rows) : ~0u;

#if ANYMETAL_NVIDIA
// Four codes from column c on, a multiple of 4. Rows of 2, 4 and 8 bits are words.
template <uint kBits>
uint4 four_affine_codes(device const uchar* row, uint c) {
  if (kBits == 8) {
    const uint word = ((device const uint*)row)[c / 4];
    return uint4(word, word >> 8, word >> 16, word >> 24) & 255u;
  }
  if (kBits == 4) {
    const uint word = ((device const ushort*)row)[c / 4];
    return uint4(word, word >> 4, word >> 8, word >> 12) & 15u;
  }
  if (kBits == 2) {
    const uint word = row[c / 4];
    return uint4(word, word >> 2, word >> 4, word >> 6) & 3u;
  }
  uint4 codes;
  for (uint j = 0; j < 4; ++j) codes[j] = affine_code(row, c + j, kBits);
  return codes;
}
#endif

/// out[t, c] = code[ids[t], c] * scale + bias in f32, one scale and bias per group of columns; 0 for an id past the rows
/// that constant 331 tells of. Any dim.
///
/// buffer 0: table [vocabulary][row_stride]; 1: scales bf16 [vocabulary, groups]; 2: biases bf16 [vocabulary, groups];
/// 3: ids u32 [T]; 4: out f32 [T, dim]; 5: AffineGatherParams
/// constants: optional int 331, rows of the table
/// grid: threads (dim, T). tolerance: 1e-6 of |code * scale| + |bias|
template <uint kBits>
kernel void embedding_gather_affine(device const uchar* table [[buffer(0)]],
                                    device const bfloat* scales [[buffer(1)]],
                                    device const bfloat* biases [[buffer(2)]],
                                    device const uint* ids [[buffer(3)]],
                                    device float* out [[buffer(4)]],
                                    constant AffineGatherParams& p [[buffer(5)]],
                                    uint2 at [[thread_position_in_grid]],
                                    uint2 grid [[threads_per_grid]],
                                    uint2 threadgroup_at [[threadgroup_position_in_grid]],
                                    uint2 in_group [[thread_position_in_threadgroup]],
                                    uint2 size [[threads_per_threadgroup]]) {
  const ulong row_bytes = ulong(p.row_stride) * (kBits % 3 == 0 ? 1 : 4);
#if ANYMETAL_NVIDIA
  // Every fourth threadgroup along a row, of every fourth row: four neighbours of four rows a thread.
  constexpr uint kColumns = 4, kRows = 4;
  nvidia::take_every_threadgroup<kColumns, kRows>();
  if (threadgroup_at.x % kColumns != 0 || threadgroup_at.y % kRows != 0) return;
  const uint run = (at.x - in_group.x) + kColumns * in_group.x;  // its first column
  if (p.dim % 4 == 0 && p.group_size % 4 == 0) {
    if (run >= p.dim) return;
    const uint group_of_run = run / p.group_size;
    float4 values[kRows];
#pragma unroll
    for (uint j = 0; j < kRows; ++j) {
      const ulong id = ids[min(at.y + j * size.y, grid.y - 1)];
      const bool there = id < known_rows;
      const ulong place = there ? id : 0, group = place * p.groups + group_of_run;
      const float scale = there ? float(scales[group]) : 0.0f, bias = there ? float(biases[group]) : 0.0f;
      const uint4 codes = four_affine_codes<kBits>(table + place * row_bytes, run);
      for (uint c = 0; c < 4; ++c) values[j][c] = there ? float(codes[c]) * scale + bias : 0.0f;
    }
    const auto store_all = [&](auto store) {
#pragma unroll
      for (uint j = 0; j < kRows; ++j) {
        const uint t = at.y + j * size.y;
        if (t < grid.y) store(out + ulong(t) * p.dim + run, values[j]);
      }
    };
    if (ulong(out) % 16 == 0) {
      store_all([](device float* to, float4 v) { *(device float4*)to = v; });
    } else {
      store_all([](device float* to, float4 v) { *(device packed_float4*)to = packed_float4(v); });
    }
    return;
  }
  for (uint c = run; c < min(run + kColumns, p.dim); ++c) {
    for (uint j = 0; j < kRows && at.y + j * size.y < grid.y; ++j) {
      const uint t = at.y + j * size.y;
      const ulong id = ids[t], group = id * p.groups + c / p.group_size;
      out[ulong(t) * p.dim + c] = id < known_rows ? float(affine_code(table + id * row_bytes, c, kBits)) * float(scales[group]) + float(biases[group]) : 0.0f;
    }
  }
  return;
#endif
  if (at.x >= p.dim) return;
  const uint group_in_row = at.x / p.group_size;
  const auto element = [&](uint t) {
    const ulong id = ids[t], group = id * p.groups + group_in_row;
    if (id >= known_rows) return 0.0f;
    const float code = float(affine_code(table + id * row_bytes, at.x, kBits));
    return code * float(scales[group]) + float(biases[group]);
  };
  for_row<4>({at.y, threadgroup_at.y, size.y}, grid.y, element, [&](uint t, float v) { out[ulong(t) * p.dim + at.x] = v; });
}

#define INSTANTIATE(kBits)                                                                                        \
  template [[host_name("embedding_gather_" #kBits "bit")]] kernel void embedding_gather_affine<kBits>(            \
      device const uchar*, device const bfloat*, device const bfloat*, device const uint*, device float*,         \
      constant AffineGatherParams&, uint2, uint2, uint2, uint2, uint2);
INSTANTIATE(2)
INSTANTIATE(3)
INSTANTIATE(4)
INSTANTIATE(6)
INSTANTIATE(8)
