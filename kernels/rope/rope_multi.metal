#include <metal_stdlib>
#include "common/rope.h"
#include "common/rope_sections.h"
using namespace metal;
using namespace anymetal;

// kernels: rope_multi_f32 rope_multi_bf16

/// Rotary embedding with a position per axis (time, height, width, another). Of the pairs (p, p + D/2) of each head the
/// first R/2 turn by position[axis] / theta^(2p/R), the others are copied. With a = p mod (s0 + s1 + s2 + s3) the axis is
///   mode 8: that of the section, of length s0, s1, s2 or s3, in which a lies;
///   mode 40: a mod 3 where a < 3 s[a mod 3], else 3;
///   mode 24 (vision): with a = p mod (s0 + s1), 0 where a < s0, else 1, and the angle is position / theta^(2e/(R/2)) with
///   e = a or a - s0.
///
/// buffer 0: x [S, H, D]; 1: y [S, H, D]; 2: params f32 {theta, D, R, unused}; 3: positions i32 [4, S];
/// 4: u32 {H, mode, S, unused}; 5: s0 to s3 as u32
/// grid: threads (D/2, S * H). y may be x. Source: arXiv 2409.12191. tolerance: f32 1e-5 + |position| * 2^-23, bf16 1e-2
template <class T>
kernel void rope_multi(device const T* x [[buffer(0)]],
                       device T* y [[buffer(1)]],
                       constant float* params [[buffer(2)]],
                       device const int* positions [[buffer(3)]],
                       constant MultiRopeParams& p [[buffer(4)]],
                       constant uint* sections [[buffer(5)]],
                       uint2 at [[thread_position_in_grid]],
                       uint2 grid [[threads_per_grid]],
                       uint2 in_group [[thread_position_in_threadgroup]],
                       uint2 group [[threadgroup_position_in_grid]],
                       uint2 size [[threads_per_threadgroup]]) {
  const uint heads = p.heads, tokens = p.tokens;
  const uint dim = uint(params[1]), rope_dim = min(uint(params[2]), dim);
  const uint4 lengths = uint4(sections[0], sections[1], sections[2], sections[3]);
  const uint period = p.mode == kVision ? rope_dim / 2 : rope_dim;
  struct Angles {
    device const int* positions;  // of the axis
    float divisor;
    float position(uint token) const { return float(positions[token]); }
    float angle(float at) const { return at / divisor; }
  };
  const auto angles_of = [&](uint i) {
    const Section s = section_of(i, p.mode, lengths);
    return Angles{positions + ulong(s.axis) * tokens, rope_divisor(s.place, period, params[0])};
  };
  rotate_heads<sizeof(T) == 2 ? 2 : 4>(x, y, {at.y, group.y, size.y, in_group.y}, uint(min(ulong(heads) * tokens, ulong(grid.y))), heads, dim, dim / 2, rope_dim / 2,
               {at.x, group.x, size.x, in_group.x}, grid.x, angles_of);
}

#define INSTANTIATE(name, T) \
  template [[host_name("rope_multi_" name)]] kernel void rope_multi<T>( \
      device const T*, device T*, constant float*, device const int*, constant MultiRopeParams&, constant uint*, uint2, uint2, uint2, uint2, uint2);
INSTANTIATE("f32", float)
INSTANTIATE("bf16", bfloat)
