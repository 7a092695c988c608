#include <metal_stdlib>
#include "common/matmul_params.h"
using namespace metal;
using namespace anymetal;

// kernels: kernel_mul_mm_id_map0_ne20_1 kernel_mul_mm_id_map0_ne20_8

/// The rows of every expert: counts[e] is the number of tokens that name e, and lists[e, j] = token * kTopK + slot of the
/// j-th of them, tokens ascending; the rest of a list is left as it is. Thread e makes the list of expert e. A table that
/// names an expert twice for a token, or one that does not exist, cannot be carried out: bit 31 of every count says so.
///
/// buffer 0: ExpertMapParams; 1: ids i32 [tokens of nb21 bytes][kTopK]; 2: counts u32 [experts]; 3: lists i32 [experts, tokens];
/// threadgroup 0: at least 4 bytes
/// grid: one threadgroup of as many threads as there are experts. exact
template <int kTopK>
kernel void expert_lists(constant ExpertMapParams& p [[buffer(0)]],
                         device const uchar* ids [[buffer(1)]],
                         device uint* counts [[buffer(2)]],
                         device int* lists [[buffer(3)]],
                         threadgroup atomic_uint* refused [[threadgroup(0)]],
                         uint expert [[thread_index_in_threadgroup]],
                         uint3 size [[threads_per_threadgroup]]) {
  if (expert == 0) atomic_store_explicit(refused, 0u, memory_order_relaxed);
  threadgroup_barrier(mem_flags::mem_threadgroup);

  const uint experts = size.x * size.y * size.z;
  device int* list = lists + ulong(expert) * uint(p.ne21);
  uint count = 0;
  bool wrong = false;
  for (int token = 0; token < p.ne21; ++token) {
    device const uint* row = (device const uint*)(ids + uint(token) * p.nb21);
    bool found = false;
    for (int slot = 0; slot < kTopK; ++slot) {
      const uint id = row[slot];
      wrong |= id >= experts || (found && id == expert);
      if (id == expert && !found) {
        found = true;
        list[count++] = token * kTopK + slot;
      }
    }
  }
  if (wrong) atomic_store_explicit(refused, 1u, memory_order_relaxed);
  threadgroup_barrier(mem_flags::mem_threadgroup);
  counts[expert] = count | atomic_load_explicit(refused, memory_order_relaxed) << 31;
}

template [[host_name("kernel_mul_mm_id_map0_ne20_1")]] kernel void expert_lists<1>(
    constant ExpertMapParams&, device const uchar*, device uint*, device int*, threadgroup atomic_uint*, uint, uint3);
template [[host_name("kernel_mul_mm_id_map0_ne20_8")]] kernel void expert_lists<8>(
    constant ExpertMapParams&, device const uchar*, device uint*, device int*, threadgroup atomic_uint*, uint, uint3);
