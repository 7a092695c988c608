#include <metal_stdlib>
#include "common/matmul_tile.h"
#include "cpu/blocks.h"
#include "cpu/tile.h"
using namespace metal;
using namespace anymetal;

// kernels: kernel_mul_mm_q4_0_tensor_bf16_perm021 kernel_mul_mm_q8_0_tensor_bf16_perm021
// kernels: kernel_mul_mm_q6_K_tensor_bf16_perm021

struct PermutedMatMatParams {
  int ne00, ne02;
  ulong nb01, nb02, nb03;
  int ne12, pad0;
  ulong nb10, nb11, nb12, nb13;
  int ne0, ne1;
  short r2, r3;
  int head_dim;
  int seq_len;  // M
  int pad1;
};

// An activation row of x [K / head_dim, M, head_dim] from element k on; sixteen elements are together, a head being a multiple of that.
struct HeadElements {
  device const bfloat* row;
  ulong plane;
  uint head_dim, k;
  HeadElements operator+(uint n) const { return {row, plane, head_dim, k + n}; }
  operator device const bfloat*() const { return row + k / head_dim * plane + k % head_dim; }
  bfloat operator[](uint n) const { return *(device const bfloat*)(*this + n); }
};

/// matmul/mul_mm_tensor.metal for a core, as cpu/matmul/mul_mm.metal.
template <class Block>
kernel void mul_mm_perm021(constant PermutedMatMatParams& p [[buffer(0)]],
                           device const uchar* weight [[buffer(1)]],
                           device const bfloat* x [[buffer(2)]],
                           device float* dst [[buffer(3)]],
                           threadgroup uchar* tiles [[threadgroup(0)]],
                           uint3 group [[threadgroup_position_in_grid]],
                           uint3 groups [[threadgroups_per_grid]]) {
  const TileShape shape(ulong(groups.x) * groups.y);
  const uint rows = uint(p.ne0), tokens = uint(p.ne1), length = uint(p.ne00), head_dim = uint(p.head_dim);
  const Share m(group.x, kTileM, tokens, shape.columns), n(group.y, kTileN, rows, shape.rows);
  if (m.count == 0 || n.count == 0) return;
  const ulong plane = ulong(tokens) * head_dim, pitch = p.nb01;
  device const uchar* first_weight = weight + n.first * pitch;
  device const bfloat* first_row = x + ulong(m.first) * head_dim;
  device float* out = dst + ulong(m.first) * rows + n.first;
  if (head_dim % 16 == 0) {
    return multiply_tile(
        n.count, m.count, length,
        [=](uint i, uint k, uint depth, thread float* to) { decode_row((device const Block*)(first_weight + i * pitch), k, depth, to); },
        [=](uint i) { return HeadElements{first_row + ulong(i) * head_dim, plane, head_dim, 0}; },
        [=](uint i) { return out + ulong(i) * rows; });
  }
  for (uint i = 0; i < n.count; ++i) {
    for (uint j = 0; j < m.count; ++j) out[ulong(j) * rows + i] = 0.0f;
    for (uint k = 0; k < length; k += kDepth) {
      const uint depth = min(kDepth, length - k);
      float weights[kDepth];
      decode_row((device const Block*)(first_weight + i * pitch), k, depth, weights);
      for (uint j = 0; j < m.count; ++j) {
        const HeadElements row = {first_row + ulong(j) * head_dim, plane, head_dim, k};
        float sum = 0.0f;
#pragma clang loop vectorize(disable) unroll(disable)
        for (uint d = 0; d < depth; ++d) sum += weights[d] * float(row[d]);
        out[ulong(j) * rows + i] += sum;
      }
    }
  }
}

#define INSTANTIATE(name, Block) \
  template [[host_name("kernel_mul_mm_" name "_tensor_bf16_perm021")]] kernel void mul_mm_perm021<Block>( \
      constant PermutedMatMatParams&, device const uchar*, device const bfloat*, device float*, threadgroup uchar*, uint3, uint3);
INSTANTIATE("q4_0", BlockQ4_0)
INSTANTIATE("q8_0", BlockQ8_0)
INSTANTIATE("q6_K", BlockQ6_K)
