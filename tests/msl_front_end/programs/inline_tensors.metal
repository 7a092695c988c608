// Inline tensors over threadgroup and device memory, 128 threads.
#include <metal_stdlib>
using namespace metal;
#include <metal_tensor>
#include <MetalPerformancePrimitives/MetalPerformancePrimitives.h>
using namespace mpp::tensor_ops;
kernel void x22(device half* a [[buffer(0)]], device half* b [[buffer(1)]], device float* c [[buffer(2)]], constant int& K [[buffer(3)]], threadgroup half* s [[threadgroup(0)]],
                uint2 tg [[threadgroup_position_in_grid]], ushort t [[thread_index_in_threadgroup]]) {
  auto tA = tensor<threadgroup half, dextents<int32_t, 2>, tensor_inline>(s, dextents<int32_t, 2>(32, 64));
  matmul2d<matmul2d_descriptor(32, 64, 32, false, true, false, matmul2d_descriptor::mode::multiply_accumulate), execution_simdgroups<4>> mm;
  auto tB = tensor(b, dextents<int32_t, 2>(K, 32), array<int, 2>({1, K}));
  auto acc = mm.get_destination_cooperative_tensor<decltype(tB), decltype(tA), float>();
  for (int k = 0; k < K; k += 32) {
    for (int e = t; e < 64 * 32; e += 128) s[e] = a[(e / 32) * K + k + e % 32];
    threadgroup_barrier(mem_flags::mem_threadgroup); auto sA = tA.slice(0, 0); auto sB = tB.slice(k, 0); mm.run(sB, sA, acc);
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
  auto tC = tensor<device float, dextents<int32_t, 2>, tensor_inline>(c, dextents<int32_t, 2>(64, 32)); acc.store(tC);
}
