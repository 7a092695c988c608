// Section 5.16: tensors, cooperative tensors, matmul2d. Every shape is compared in tests/msl_library.
#include "msl_conformance/features.hpp"

namespace msl_conformance {
namespace {

#define TENSOR_INCLUDES                                                                                           \
  "#include <metal_tensor>\n#include <MetalPerformancePrimitives/MetalPerformancePrimitives.h>\nusing namespace " \
  "mpp::tensor_ops;\n"

const Feature kFeatures[] = {
    {"extents, inline tensors, deduction, slices, get and set outside",
     TENSOR_INCLUDES,
     "auto a = tensor<device const int, dextents<int32_t, 2>, tensor_inline>(n, dextents<int32_t, 2>(8, 4)); auto b = "
     "tensor(n, dextents<int, 2>(3, 4), array<int, 2>({1, 10})); o[0] = a[3, 2]; o[1] = b[2, 3]; auto s = a.slice(2, "
     "1); o[2] = s[1, 1] * 10 + s.get_extent(0); auto f = a.slice<4, 2>(1, 1); o[3] = f.get_extent(1) * 10 + "
     "f.has_static_extent(0); o[4] = a.get(9, 0) + a.get(7, 3); o[5] = dextents<int, 2>::rank() * 10 + extents<int, 4, "
     "dynamic_extent>::rank_dynamic(); threadgroup float w[8]; auto x = tensor<threadgroup float, extents<int, 4, 2>, "
     "tensor_inline>(w, extents<int, 4, 2>()); x[1, 1] = 5; x.set(7.0f, 2, 1); x.set(9.0f, 4, 0); o[6] = w[5] * 10 + "
     "w[6]; o[7] = a.get_rank() + a.get_stride(1) + x.get_static_extent(0);",
     {19, 32, 196, 21, 31, 21, 57, 14}},
    {"matmul2d by one SIMD-group into threadgroup memory, accumulating",
     TENSOR_INCLUDES,
     "threadgroup half a[16 * 16], b[16 * 32]; threadgroup float c[16 * 32]; for (int i = t; i < 256; i += 32) a[i] = "
     "i % 16 == i / 16 ? 2 : 0; for (int i = t; i < 512; i += 32) { b[i] = i % 32; c[i] = 1; } "
     "threadgroup_barrier(mem_flags::mem_threadgroup); auto A = tensor<threadgroup half, dextents<int, 2>, "
     "tensor_inline>(a, dextents<int, 2>(16, 16)); auto B = tensor<threadgroup half, dextents<int, 2>, "
     "tensor_inline>(b, dextents<int, 2>(32, 16)); auto C = tensor<threadgroup float, dextents<int, 2>, "
     "tensor_inline>(c, dextents<int, 2>(32, 16)); constexpr auto d = matmul2d_descriptor(16, 32, 16, false, false, "
     "false, matmul2d_descriptor::mode::multiply_accumulate); matmul2d<d, execution_simdgroup> op; op.run(A, B, C); "
     "threadgroup_barrier(mem_flags::mem_threadgroup); if (t < 4) o[t] = c[32 * 3 + t * 7];",
     {1, 15, 29, 43},
     32},
    {"matmul2d by four SIMD-groups, dynamic K, transposed right, cooperative destination, clipped store",
     TENSOR_INCLUDES,
     "threadgroup float a[20 * 12], b[24 * 12], c[20 * 24]; for (int i = t; i < 240; i += 128) a[i] = i % 12; for (int "
     "i = t; i < 288; i += 128) b[i] = i / 12; for (int i = t; i < 480; i += 128) c[i] = -1; "
     "threadgroup_barrier(mem_flags::mem_threadgroup); auto A = tensor(a, dextents<int, 2>(12, 20)); auto B = "
     "tensor(b, dextents<int, 2>(12, 24)); auto C = tensor(c, dextents<int, 2>(24, 20)); "
     "matmul2d<matmul2d_descriptor(32, 32, static_cast<int>(dynamic_extent), false, true), execution_simdgroups<4>> "
     "op; auto acc = op.get_destination_cooperative_tensor<decltype(A), decltype(B), float>(); op.run(A, B, acc); for "
     "(int i = 0; i < acc.get_capacity(); ++i) if (acc.is_valid_element(i)) acc[i] += 1; acc.store(C); "
     "threadgroup_barrier(mem_flags::mem_threadgroup); if (t < 3) o[t] = c[24 * 19 + t * 10];",
     {1, 661, 1321},
     128},
    {"cooperative operands filled by hand, `.template`, remove_addrspace_t",
     TENSOR_INCLUDES
     "template <typename T> METAL_FUNC void mma(thread vec<float, 8>& c0, thread vec<float, 8>& c1, const thread "
     "vec<T, 8>& a, const thread vec<T, 8>& b0, const thread vec<T, 8>& b1) { constexpr auto desc = "
     "matmul2d_descriptor(16, 32, 16, false, true, true, matmul2d_descriptor::mode::multiply_accumulate); "
     "matmul2d<desc, metal::execution_simdgroup> op; auto l = op.template get_left_input_cooperative_tensor<T, T, "
     "float>(); auto r = op.template get_right_input_cooperative_tensor<T, T, float>(); auto d = op.template "
     "get_destination_cooperative_tensor<metal::remove_addrspace_t<decltype(l)>, "
     "metal::remove_addrspace_t<decltype(r)>, float>(); for (short i = 0; i < 8; i++) { l[i] = a[i]; r[i] = b0[i]; r[8 "
     "+ i] = b1[i]; d[i] = c0[i]; d[8 + i] = c1[i]; } op.run(l, r, d); for (short i = 0; i < 8; i++) { c0[i] = d[i]; "
     "c1[i] = d[8 + i]; } }",
     "vec<float, 8> c0 = 1, c1 = 0; vec<half, 8> a = 1, b = 2; mma<half>(c0, c1, a, b, b); if (t == 5) { o[0] = c0[0]; "
     "o[1] = c1[7]; }",
     {33, 32},
     32},
    {"dynamic extents and lengths by the names of both namespaces",
     TENSOR_INCLUDES,
     "int v[6] = {1, 2, 3, 4, 5, 6}; auto A = tensor<thread int, metal::extents<int, mpp::tensor_ops::dynamic_extent, 3>, tensor_inline>(v, "
     "metal::extents<int, mpp::tensor_ops::dynamic_extent, 3>(2, 3)); constexpr auto d = mpp::tensor_ops::matmul2d_descriptor(16, 16, "
     "mpp::tensor_ops::dynamic_length_v<int>); o[0] = A[1, 2]; o[1] = d.k == metal::dynamic_length_v<int>;",
     {6, 1}},
    {"matmul2d by one thread; half and bfloat operands",
     TENSOR_INCLUDES,
     "half a[6] = {1, 2, 3, 4, 5, 6}; bfloat b[6] = {1.0bf, 0.0bf, 0.0bf, 1.0bf, 1.0bf, 1.0bf}; float c[4]; auto A = "
     "tensor<thread half, extents<int, 3, 2>, tensor_inline>(a, extents<int, 3, 2>()); auto B = tensor<thread bfloat, "
     "extents<int, 2, 3>, tensor_inline>(b, extents<int, 2, 3>()); auto C = tensor<thread float, extents<int, 2, 2>, "
     "tensor_inline>(c, extents<int, 2, 2>()); matmul2d<matmul2d_descriptor(2, 2, 3), execution_thread> op; op.run(A, "
     "B, C); o[0] = c[0] * 10 + c[1]; o[1] = c[2] * 10 + c[3];",
     {45, 111}},
};

}  // namespace

std::span<const Feature> tensors() { return kFeatures; }

}  // namespace msl_conformance
