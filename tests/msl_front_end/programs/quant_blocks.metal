// Blocks of quantised numbers, unions, casts between device pointers
#include <metal_stdlib>
using namespace metal;
#define QK 32
#define MIN(x, y) ((x) < (y) ? (x) : (y))
#define SWAP(x, y) { auto tmp = (x); (x) = (y); (y) = tmp; }
typedef struct { half d; uint8_t qs[QK / 2]; } block_a;
typedef struct { union { struct { half d; half m; }; half2 dm; }; uint8_t qh[4]; uint8_t qs[QK / 2]; } block_b;
static_assert(sizeof(block_a) == 2 + QK / 2, "wrong size/padding");
static_assert(sizeof(block_b) == 4 + 4 + QK / 2, "wrong size/padding");
constexpr constant static float kvalues[16] = {-127.f, -104.f, -83.f, -65.f, -49.f, -35.f, -22.f, -10.f, 1.f, 13.f, 25.f, 38.f, 53.f, 69.f, 89.f, 113.f};
template <typename type4x4> void dequantize(device const block_a* xb, short il, thread type4x4& reg) {
  device const uint16_t* qs = ((device const uint16_t*)xb + 1);
  const float d1 = il ? (xb->d / 16.h) : xb->d; const float d2 = d1 / 256.f; const float md = -8.h * xb->d;
  const ushort mask0 = il ? 0x00F0 : 0x000F; const ushort mask1 = mask0 << 8;
  float4x4 reg_f;
  for (int i = 0; i < 8; i++) { reg_f[i / 2][2 * (i % 2) + 0] = d1 * (qs[i] & mask0) + md; reg_f[i / 2][2 * (i % 2) + 1] = d2 * (qs[i] & mask1) + md; }
  reg = (type4x4)reg_f;
}
template <typename type4> void dequantize_t4(device const block_b* xb, short il, thread type4& reg) {
  device const uint8_t* qs = xb->qs; const uint32_t qh = *((device const uint32_t*)xb->qh);
  for (short i = 0; i < 4; ++i) reg[i] = kvalues[qs[il * 4 + i] & 0xF] * xb->d + xb->m * ((qh >> (il * 4 + i)) & 1) + float(xb->dm[1]) - float(xb->dm.y);
}
template <typename block_q, void (*fn)(device const block_q*, short, thread float4x4&)>
kernel void get_rows(device const void* src0, device const int32_t* src1, device float* dst, constant int64_t& ne00, constant uint64_t& nb01,
                     uint3 tgpig [[threadgroup_position_in_grid]], uint tiitg [[thread_index_in_threadgroup]], uint3 tptg [[threads_per_threadgroup]]) {
  const int64_t i = tgpig.x; const int64_t r = ((const device int32_t*)((const device char*)src1))[i];
  for (int64_t ind = tiitg; ind < ne00 / 16; ind += tptg.x) {
    float4x4 temp; fn(((device const block_q*)((const device char*)src0 + r * nb01)) + ind / 2, ind % 2, temp);
    *(((device float4x4*)((device char*)dst + i * ne00 * 4)) + ind) = temp;
  }
}
typedef decltype(get_rows<block_a, dequantize>) get_rows_t;
template [[host_name("get_rows_a")]] kernel get_rows_t get_rows<block_a, dequantize>;
kernel void probe_b(device const block_b* x, device float4* o, uint i [[thread_position_in_grid]]) {
  float4 v; dequantize_t4(x + i / 4, i % 4, v);
  union { float4 f; uint4 u; } view; view.f = v; view.u.x ^= 0; SWAP(view.f.x, view.f.y) o[i] = view.f;
}
