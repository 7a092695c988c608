#include <metal_stdlib>
#include "cpu/codebook.h"
#include "cpu/turboquant.h"
using namespace metal;
using namespace anymetal;

// kernels: hadamard_quantize_kv_fast_d256 hadamard_quantize_kv_fast_d512
// kernels: hadamard_quantize_kv_hb_d256 hadamard_quantize_kv_hb_d512
// kernels: hadamard_quantize_kv_hb_dual_d256 hadamard_quantize_kv_hb_dual_d512

struct QuantizeParams {
  uint head_dim;  // unused: fixed by the name
  uint num_kv_heads;
  uint write_pos;
  uint cache_capacity;
  uint is_sliding;
  float scale_factor_d512;
  uint option;  // 4 bits: whether the scaled values are wanted; else the width of the codes
};
static_assert(sizeof(QuantizeParams) == 28, "layout");

// Row of the cache that this call writes for a head; false where there is none: no such head, or past the capacity.
inline bool cache_row(constant QuantizeParams& p, uint head, thread ulong& row) {
  const bool wraps = p.is_sliding != 0 && p.cache_capacity > 0;
  const uint position = wraps ? p.write_pos % p.cache_capacity : p.write_pos;
  row = ulong(head) * p.cache_capacity + position;
  return head < p.num_kv_heads && position < p.cache_capacity;
}

// Rotates one head, stores the norms of its blocks and leaves the values scaled for the codebook in `scaled`.
template <int kDim>
void rotate_and_scale(device const float* src, device float* norms, float scale_factor, thread float* scaled) {
  constexpr bool kOneBlock = kDim == kTurboBlock;
  WideF x[kDim / 16];
  wide_rotate<kDim>(src, x);
#pragma unroll
  for (int block = 0; block < kDim / 256; ++block) {
    WideF squares = 0.0f;
#pragma unroll
    for (int i = 0; i < 16; ++i) squares += x[block * 16 + i] * x[block * 16 + i];
    const float sum = Wide::sum(squares), norm = precise::sqrt(kOneBlock ? sum : sum / kTurboBlock);
    norms[block] = norm;
    const float inverse = 1.0f / norm, scale = kOneBlock ? 16.0f : scale_factor;
    const bool is_nothing = norm <= 1e-10f;
#pragma unroll
    for (int i = 0; i < 16; ++i) {
      Wide::store(scaled + (block * 16 + i) * 16, is_nothing ? (WideF)0.0f : x[block * 16 + i] * inverse * scale);
    }
  }
}

/// turboquant/hadamard_quantize_kv.metal for a core that takes the head of a threadgroup.
template <int kDim>
kernel void hadamard_quantize_kv_fast(device const float* src [[buffer(0)]],
                                      device uchar* packed [[buffer(1)]],
                                      device float* norms [[buffer(2)]],
                                      constant QuantizeParams& p [[buffer(3)]],
                                      device float* scaled [[buffer(4)]],
                                      uint head [[threadgroup_position_in_grid]]) {
  ulong row;
  if (!cache_row(p, head, row)) return;
  float x[kDim];
  rotate_and_scale<kDim>(src + ulong(head) * kDim, norms + row * (kDim / kTurboBlock), p.scale_factor_d512, x);
  device uchar* codes = packed + row * (kDim / 2);
  const CodeSearch<4> search(kTurboBoundaries4);
  for (uint i = 0; i < kDim; i += 32) {
    const WideU a = search(Wide::load(x + i)), b = search(Wide::load(x + i + 16));
    const WideU even = __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    const WideU odd = __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
    *(device UnalignedBytes16*)(codes + i / 2) = __builtin_convertvector(even | odd << 4u, UnalignedBytes16);
  }
  if (p.option == 0) return;
  for (uint i = 0; i < kDim; ++i) scaled[ulong(head) * kDim + i] = x[i];
}

// Codes of kBits of all values.
template <uint kBits, int kDim>
void store_codes(thread const float* x, device uchar* codes, constant float* boundaries) {
  const CodeSearch<kBits> search(boundaries);
  for (uint i = 0; i < kDim; i += 16) *(device UnalignedBytes16*)(codes + i) = __builtin_convertvector(search(Wide::load(x + i)), UnalignedBytes16);
}

// One head's position with a byte for each code.
template <int kDim>
void quantize_bytes(device const float* src, device uchar* packed, device float* norms, constant QuantizeParams& p, uint head) {
  ulong row;
  if (!cache_row(p, head, row)) return;
  float x[kDim];
  rotate_and_scale<kDim>(src + ulong(head) * kDim, norms + row * (kDim / kTurboBlock), p.scale_factor_d512, x);
  device uchar* codes = packed + row * kDim;
  switch (p.option) {
    case 5: return store_codes<5, kDim>(x, codes, kTurboBoundaries5);
    case 6: return store_codes<6, kDim>(x, codes, kTurboBoundaries6);
    default: return store_codes<8, kDim>(x, codes, kTurboBoundaries8);
  }
}

/// turboquant/hadamard_quantize_kv.metal for a core that takes the head of a threadgroup.
template <int kDim>
kernel void hadamard_quantize_kv_hb(device const float* src [[buffer(0)]],
                                    device uchar* packed [[buffer(1)]],
                                    device float* norms [[buffer(2)]],
                                    constant QuantizeParams& p [[buffer(3)]],
                                    uint head [[threadgroup_position_in_grid]]) {
  quantize_bytes<kDim>(src, packed, norms, p, head);
}

/// The same for keys and values.
template <int kDim>
kernel void hadamard_quantize_kv_hb_dual(device const float* src_k [[buffer(0)]],
                                         device const float* src_v [[buffer(1)]],
                                         device uchar* packed_k [[buffer(2)]],
                                         device uchar* packed_v [[buffer(3)]],
                                         device float* norms_k [[buffer(4)]],
                                         device float* norms_v [[buffer(5)]],
                                         constant QuantizeParams& p [[buffer(6)]],
                                         uint3 group [[threadgroup_position_in_grid]]) {
  const bool is_k = group.z == 0;
  quantize_bytes<kDim>(is_k ? src_k : src_v, is_k ? packed_k : packed_v, is_k ? norms_k : norms_v, p, group.x);
}

#define INSTANTIATE(D) \
  template [[host_name("hadamard_quantize_kv_fast_d" #D)]] kernel void hadamard_quantize_kv_fast<D>( \
      device const float*, device uchar*, device float*, constant QuantizeParams&, device float*, uint); \
  template [[host_name("hadamard_quantize_kv_hb_d" #D)]] kernel void hadamard_quantize_kv_hb<D>( \
      device const float*, device uchar*, device float*, constant QuantizeParams&, uint); \
  template [[host_name("hadamard_quantize_kv_hb_dual_d" #D)]] kernel void hadamard_quantize_kv_hb_dual<D>( \
      device const float*, device const float*, device uchar*, device uchar*, device float*, device float*, \
      constant QuantizeParams&, uint3);
INSTANTIATE(256)
INSTANTIATE(512)
