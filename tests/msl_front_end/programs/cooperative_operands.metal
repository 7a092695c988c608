// Cooperative operands filled by hand.
#include <metal_stdlib>
using namespace metal;
#include <MetalPerformancePrimitives/MetalPerformancePrimitives.h>
template <typename T> METAL_FUNC void x23_mma(thread vec<float, 8>& c0, thread vec<float, 8>& c1, const thread vec<T, 8>& a, const thread vec<T, 8>& b0, const thread vec<T, 8>& b1) {
  constexpr auto desc = mpp::tensor_ops::matmul2d_descriptor(16, 32, 16, false, true, true, mpp::tensor_ops::matmul2d_descriptor::mode::multiply_accumulate);
  mpp::tensor_ops::matmul2d<desc, metal::execution_simdgroup> op; auto l = op.template get_left_input_cooperative_tensor<T, T, float>();
  auto r = op.template get_right_input_cooperative_tensor<T, T, float>();
  auto d = op.template get_destination_cooperative_tensor<metal::remove_addrspace_t<decltype(l)>, metal::remove_addrspace_t<decltype(r)>, float>();
  for (short i = 0; i < 8; i++) { l[i] = a[i]; r[i] = b0[i]; r[8 + i] = b1[i]; d[i] = c0[i]; d[8 + i] = c1[i]; }
  op.run(l, r, d);
  for (short i = 0; i < 8; i++) { c0[i] = d[i]; c1[i] = d[8 + i]; }
}
kernel void x23(device float* o [[buffer(0)]], ushort lane [[thread_index_in_simdgroup]]) { vec<float, 8> c0 = 0, c1 = 0; vec<half, 8> a = 1, b = half(lane % 4); x23_mma<half>(c0, c1, a, b, b); o[lane] = c0[0] + c1[7]; }
