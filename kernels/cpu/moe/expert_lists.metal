#include <metal_stdlib>
#include "common/matmul_params.h"
using namespace metal;
using namespace anymetal;

// kernels: kernel_mul_mm_id_map0_ne20_1 kernel_mul_mm_id_map0_ne20_8

/// moe/expert_lists.metal for a core that makes all lists in one pass over the table.
template <int kTopK>
kernel void expert_lists(constant ExpertMapParams& p [[buffer(0)]],
                         device const uchar* ids [[buffer(1)]],
                         device uint* counts [[buffer(2)]],
                         device int* lists [[buffer(3)]],
                         threadgroup atomic_uint* refused [[threadgroup(0)]],
                         uint3 size [[threads_per_threadgroup]]) {
  const uint experts = size.x * size.y * size.z;
  const int tokens = p.ne21;
  const ulong pitch = p.nb21;
  for (uint e = 0; e < experts; ++e) counts[e] = 0;
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
      device int* list = lists + ulong(id) * uint(tokens);
      const uint count = counts[id];
      if (kTopK > 1 && count > 0 && list[count - 1] >= token * kTopK) {
        wrong = true;  // named twice
        continue;
      }
      list[count] = token * kTopK + slot;
      counts[id] = count + 1;
    }
  }
  if (!wrong) return;
  for (uint e = 0; e < experts; ++e) counts[e] |= 1u << 31;
}

template [[host_name("kernel_mul_mm_id_map0_ne20_1")]] kernel void expert_lists<1>(
    constant ExpertMapParams&, device const uchar*, device uint*, device int*, threadgroup atomic_uint*, uint3);
template [[host_name("kernel_mul_mm_id_map0_ne20_8")]] kernel void expert_lists<8>(
    constant ExpertMapParams&, device const uchar*, device uint*, device int*, threadgroup atomic_uint*, uint3);
