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
                                    uint2 size [[threads_per_threadgroup]]) {
  if (at.x >= p.dim) return;
  const ulong row_bytes = ulong(p.row_stride) * (kBits % 3 == 0 ? 1 : 4);
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
      constant AffineGatherParams&, uint2, uint2, uint2, uint2);
INSTANTIATE(2)
INSTANTIATE(3)
INSTANTIATE(4)
INSTANTIATE(6)
INSTANTIATE(8)
