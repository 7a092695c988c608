#include <metal_stdlib>
#include "common/matmul_params.h"
using namespace metal;
using namespace anymetal;

// kernels: kernel_mul_mm_id_map0_ne20_1 kernel_mul_mm_id_map0_ne20_8

constant constexpr uint kLine = 16;  // entries of a cache line

/// moe/expert_lists.metal for a core that makes all lists in one pass over the table. Entries go to a list by the line: lists
/// lie a power of two apart as a rule, so that the lines at their ends would push each other out of the caches.
template <int kTopK>
kernel void expert_lists(constant ExpertMapParams& p [[buffer(0)]],
                         device const uchar* ids [[buffer(1)]],
                         device uint* counts [[buffer(2)]],
                         device int* lists [[buffer(3)]],
                         threadgroup atomic_uint* refused [[threadgroup(0)]],
                         uint3 size [[threads_per_threadgroup]]) {
  constexpr uint kMost = 1024;  // threads of a threadgroup
  const uint experts = min(size.x * size.y * size.z, kMost);
  const int tokens = p.ne21;
  const ulong pitch = p.nb21;
  alignas(64) int lines[kMost][kLine];
  uint filled[kMost];
  for (uint e = 0; e < experts; ++e) filled[e] = 0;
  bool wrong = false;
  for (int token = 0; token < tokens; ++token) {
    device const uint* row = (device const uint*)(ids + uint(token) * pitch);
#pragma unroll
    for (int slot = 0; slot < kTopK; ++slot) {
      const uint id = row[slot];
      if (id >= experts) {
        wrong = true;
        continue;
      }
      const uint count = filled[id];
      if (kTopK > 1 && count > 0 && lines[id][(count - 1) % kLine] >= token * kTopK) {
        wrong = true;  // named twice
        continue;
      }
      lines[id][count % kLine] = token * kTopK + slot;
      filled[id] = count + 1;
      if (count % kLine != kLine - 1) continue;
      typedef int Line __attribute__((ext_vector_type(kLine), aligned(4)));
      *(device Line*)(lists + ulong(id) * uint(tokens) + (count + 1 - kLine)) = *(thread const Line*)lines[id];
    }
  }
  for (uint e = 0; e < experts; ++e) {
    counts[e] = filled[e] | (wrong ? 1u << 31 : 0u);
#pragma clang loop vectorize(disable) unroll(disable)
    for (uint i = filled[e] & ~(kLine - 1); i < filled[e]; ++i) lists[ulong(e) * uint(tokens) + i] = lines[e][i % kLine];
  }
}

template [[host_name("kernel_mul_mm_id_map0_ne20_1")]] kernel void expert_lists<1>(
    constant ExpertMapParams&, device const uchar*, device uint*, device int*, threadgroup atomic_uint*, uint3);
template [[host_name("kernel_mul_mm_id_map0_ne20_8")]] kernel void expert_lists<8>(
    constant ExpertMapParams&, device const uchar*, device uint*, device int*, threadgroup atomic_uint*, uint3);
