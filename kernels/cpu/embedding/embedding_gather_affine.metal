#include <metal_stdlib>
#include "cpu/affine.h"
#include "cpu/runtime_constant.h"
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

/// embedding/embedding_gather_affine.metal for a core that takes all columns of a threadgroup.
template <uint kBits>
kernel void embedding_gather_affine(device const uchar* table [[buffer(0)]],
                                    device const bfloat* scales [[buffer(1)]],
                                    device const bfloat* biases [[buffer(2)]],
                                    device const uint* ids [[buffer(3)]],
                                    device float* out [[buffer(4)]],
                                    constant AffineGatherParams& p [[buffer(5)]],
                                    uint2 group [[threadgroup_position_in_grid]],
                                    uint2 threads [[dispatch_threads_per_threadgroup]],
                                    uint2 grid [[threads_per_grid]]) {
  const ulong begin = ulong(group.x) * threads.x, last = min((ulong(group.y) + 1) * threads.y, ulong(grid.y));
  if (begin >= p.dim) return;
  const uint count = uint(min(ulong(threads.x), p.dim - begin));
  for (ulong t = ulong(group.y) * threads.y; t < last; ++t) {
    const ulong id = ids[t];
    device float* to = out + t * p.dim + begin;
    if (id >= __msl_runtime_constant(known_rows)) {
      for (uint i = 0; i < count; ++i) to[i] = 0.0f;
      continue;
    }
    decode_affine<kBits>(table + id * p.row_stride * (kBits % 3 == 0 ? 1 : 4), scales + id * p.groups, biases + id * p.groups,
                         p.group_size, uint(begin), count, to);
  }
}

#define INSTANTIATE(kBits)                                                                                        \
  template [[host_name("embedding_gather_" #kBits "bit")]] kernel void embedding_gather_affine<kBits>(            \
      device const uchar*, device const bfloat*, device const bfloat*, device const uint*, device float*,         \
      constant AffineGatherParams&, uint2, uint2, uint2);
INSTANTIATE(2)
INSTANTIATE(3)
INSTANTIATE(4)
INSTANTIATE(6)
INSTANTIATE(8)
